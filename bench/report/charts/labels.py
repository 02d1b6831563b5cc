"""Labels beside points, placed so that they hide neither each other nor the points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, product

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.charts.style import INK, SMALL, Box, Side, text_width, write

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
    """Where a label stands: the end of its text that is next to the point, and its middle."""

    label: Label
    x: float
    y: float
    side: Side

    @property
    def box(self) -> Box:
        """What the text covers."""
        width = text_width(self.label.text, SMALL)
        left = self.x - {"left": 0.0, "center": width / 2, "right": width}[self.side]
        return Box(left, self.y - HALF_HEIGHT, left + width, self.y + HALF_HEIGHT)

    @property
    def nearest(self) -> tuple[float, float]:
        """The place on the text's edge that is nearest to the point."""
        box = self.box
        x = min(max(self.label.x, box.left), box.right)
        return x, min(max(self.label.y, box.top), box.bottom)

    @property
    def distance(self) -> float:
        """Of the text from the point."""
        x, y = self.nearest
        return math.hypot(x - self.label.x, y - self.label.y)


def placed(labels: Sequence[Label], obstacles: Sequence[Box], frame: Box) -> list[Placed]:
    """Places for labels, in their order: each takes the nearest place that hides least.

    Args:
        labels: the first ones choose first.
        obstacles: what should stay visible, the marks of the labels' own points included.
        frame: no label leaves it while there is a place inside.
    """
    taken = list(obstacles)
    found: list[Placed] = []
    for label in labels:
        candidates = [_candidate(label, *at) for at in product(RADII, ANGLES)]
        best = min(candidates, key=lambda one: _cost(one, taken, frame))
        taken.append(best.box)
        found.append(best)
    return found


def around(x: float, y: float, radius: float = POINT) -> Box:
    """The square that a mark covers."""
    return Box(x - radius, y - radius, x + radius, y + radius)


def along(corners: Sequence[tuple[float, float]]) -> list[Box]:
    """Boxes along a line of horizontal and vertical pieces, given by its corners in px."""
    return [
        Box(min(a, c) - 2, min(b, d) - 2, max(a, c) + 2, max(b, d) + 2)
        for (a, b), (c, d) in pairwise(corners)
    ]


def draw_labels(
    canvas: Axes, labels: Sequence[Label], obstacles: Sequence[Box], frame: Box
) -> None:
    """Write labels where ``placed`` puts them, with a thin line to a point that is far off."""
    for one in placed(labels, obstacles, frame):
        if one.distance > RADII[1]:
            x, y = one.nearest
            line = Line2D([one.label.x, x], [one.label.y, y], color=INK, linewidth=0.6)
            canvas.add_line(line)
        write(canvas, (one.x, one.y), one.label.text, one.side, SMALL)


def _candidate(label: Label, radius: float, angle: float) -> Placed:
    across, up = math.cos(angle), math.sin(angle)
    side: Side = "center" if abs(across) < 0.3 else "left" if across > 0 else "right"
    return Placed(label, label.x + radius * across, label.y - radius * up, side)


def _cost(one: Placed, obstacles: Sequence[Box], frame: Box) -> float:
    box = one.box
    hidden = sum(_overlap(box, other) for other in obstacles)
    area = (box.right - box.left) * (box.bottom - box.top)
    outside = area - _overlap(box, frame) > 1
    return OUTSIDE * outside + 20 * hidden + one.distance


def _overlap(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(0.0, width) * max(0.0, height)
