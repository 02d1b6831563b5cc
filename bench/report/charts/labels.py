"""Labels beside points, placed so that they hide neither each other nor the points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.charts.style import INK, SMALL, Box, text_width

RADII = (9.0, 17.0, 27.0, 40.0, 56.0, 74.0)
ANGLES = tuple(math.radians(a) for a in (25, -25, 155, -155, 60, -60, 120, -120, 90, -90, 0, 180))
HALF_HEIGHT = SMALL * 0.62
POINT = 4.0
"""Half the side of the square that a point is taken for, in px."""
OUTSIDE = 10_000.0


@dataclass(frozen=True)
class Label:
    """A text that belongs to a point; places are in px from the upper left corner."""

    text: str
    x: float
    y: float


@dataclass(frozen=True)
class Placed:
    """Where a label stands: its left end and its middle, and how far it is from its point."""

    label: Label
    left: float
    middle: float

    @property
    def box(self) -> Box:
        """What the text covers."""
        right = self.left + text_width(self.label.text, SMALL)
        return Box(self.left, self.middle - HALF_HEIGHT, right, self.middle + HALF_HEIGHT)

    @property
    def nearest(self) -> tuple[float, float]:
        """The place on the text's edge that a line from the point leads to."""
        box = self.box
        x = min(max(self.label.x, box.left), box.right)
        return x, min(max(self.label.y, box.top), box.bottom)

    @property
    def is_far(self) -> bool:
        """Whether a line should say which point is meant."""
        x, y = self.nearest
        return math.hypot(x - self.label.x, y - self.label.y) > RADII[1]


def placed(
    labels: Sequence[Label], points: Sequence[tuple[float, float]], frame: Box
) -> list[Placed]:
    """Places for labels, in their order: each takes the nearest place that hides least.

    Args:
        labels: the first ones choose first.
        points: everything that should stay visible, the labels' own points included.
        frame: no label leaves it while there is a place inside.
    """
    obstacles = [Box(x - POINT, y - POINT, x + POINT, y + POINT) for x, y in points]
    found: list[Placed] = []
    for label in labels:
        candidates = [_candidate(label, *at) for at in product(RADII, ANGLES)]
        best = min(candidates, key=lambda one: _cost(one, obstacles, frame))
        obstacles.append(best.box)
        found.append(best)
    return found


def _candidate(label: Label, radius: float, angle: float) -> Placed:
    x, y = label.x + radius * math.cos(angle), label.y - radius * math.sin(angle)
    width = text_width(label.text, SMALL)
    side = math.cos(angle)
    left = x if side > 0.3 else x - width if side < -0.3 else x - width / 2
    return Placed(label, left, y)


def _cost(one: Placed, obstacles: Sequence[Box], frame: Box) -> float:
    box = one.box
    hidden = sum(_overlap(box, other) for other in obstacles)
    inside = _overlap(box, frame)
    area = (box.right - box.left) * (box.bottom - box.top)
    distance = math.hypot(one.middle - one.label.y, one.nearest[0] - one.label.x)
    return OUTSIDE * (area - inside > 1) + 20 * hidden + distance


def _overlap(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0.0, width) * max(0.0, height)


def draw_labels(
    canvas: Axes, labels: Sequence[Label], points: Sequence[tuple[float, float]], frame: Box
) -> None:
    """Write labels where ``placed`` puts them, with a thin line to a point that is far off."""
    for one in placed(labels, points, frame):
        x, y = one.nearest
        if one.is_far:
            line = Line2D([one.label.x, x], [one.label.y, y], color=INK, linewidth=0.6)
            canvas.add_line(line)
        canvas.text(one.left, one.middle, one.label.text, va="center_baseline", fontsize=SMALL)
