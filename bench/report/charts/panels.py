"""One small panel of curves, each over its own range; places are in px of the whole image."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from bench.report.charts.curves import Band
from bench.report.charts.style import LINE, SMALL, Box, Dashes, write

TITLE_PX = 20.0
TICKS_PX = 14.0
LABEL_PX = 44.0
"""Room for the title above, the updates below and the values at the left."""
WIDE = 10.0
"""From this ratio of the highest to the lowest value on, an axis is no longer linear."""

Look = tuple[str, Dashes]
"""Colour and dashes."""


@dataclass(frozen=True)
class Panel:
    """Curves that share one vertical axis."""

    title: str
    bands: tuple[Band, ...]


@dataclass(frozen=True)
class Scale:
    """How values are spread over a vertical axis.

    Attributes:
        name: ``log``, ``asinh``, or empty for linear.
        of: from a value to a number that grows with it.
    """

    name: str
    of: Callable[[float], float]


def scale_of(values: Sequence[float]) -> Scale:
    """Logarithmic where values are positive and far apart; asinh where some are not positive.

    Args:
        values: at least one.
    """
    low, high = min(values), max(values)
    if low > 0:
        return Scale("log", math.log) if high / low > WIDE else Scale("", float)
    sizes = [abs(value) for value in values if value]
    if not sizes or max(sizes) / (unit := median(sizes)) <= WIDE:
        return Scale("", float)
    return Scale("asinh", lambda value: math.asinh(value / unit))


def curve_gid(panel: Panel, band: Band) -> str:
    """Identifies a curve inside a chart."""
    return f"curve-{panel.title}-{band.name}"


def draw_panel(canvas: Axes, panel: Panel, box: Box, looks: Mapping[str, Look]) -> None:
    """Draw curves into a box.

    Args:
        canvas: axes in px from the upper left corner.
        panel: at least one curve.
        box: everything of the panel, title and ticks included.
        looks: by the name of a curve.
    """
    inner = Box(box.left + LABEL_PX, box.top + TITLE_PX, box.right, box.bottom - TICKS_PX)
    shown = [value for band in panel.bands for value in (*band.low, *band.high)]
    low, high = min(shown), max(shown)
    last = max(band.last_step for band in panel.bands)
    scale = scale_of(shown)
    bottom, top = scale.of(low), scale.of(high)

    def place(step: float, value: float) -> tuple[float, float]:
        share = (scale.of(value) - bottom) / (top - bottom) if top > bottom else 0.5
        x = inner.left + (inner.right - inner.left) * step / last
        y = inner.bottom - (inner.bottom - inner.top) * share
        return round(x, 1), round(y, 1)  # a large file would not show more

    _frame(canvas, panel.title, scale.name, box, inner)
    texts = {inner.bottom: low, inner.top: high} if high > low else {place(0, low)[1]: low}
    for y, value in texts.items():
        write(canvas, (inner.left - 4, y), _value(value), "right", SMALL)
    write(canvas, (inner.right, inner.bottom + 8), str(last), "right", SMALL)
    for band in panel.bands:
        _draw_band(canvas, band, place, looks[band.name], curve_gid(panel, band))


def _draw_band(
    canvas: Axes,
    band: Band,
    place: Callable[[float, float], tuple[float, float]],
    look: Look,
    gid: str,
) -> None:
    colour, dashes = look
    middle, low, high = (
        [place(*point) for point in zip(band.steps, values, strict=True)]
        for values in (band.mean, band.low, band.high)
    )
    if band.n > 1:
        area = Polygon([*low, *reversed(high)], facecolor=colour, alpha=0.25, linewidth=0)
        area.set_clip_on(False)
        canvas.add_patch(area)
    x, y = zip(*middle, strict=True)
    marker = "o" if len(middle) == 1 else ""
    line = Line2D(x, y, color=colour, linestyle=dashes, linewidth=1.2, marker=marker, gid=gid)
    line.set_clip_on(False)
    canvas.add_line(line)


def _frame(canvas: Axes, title: str, scale: str, box: Box, inner: Box) -> None:
    write(canvas, (inner.left, box.top + 9), title)
    write(canvas, (inner.right, box.top + 9), scale, "right", SMALL)
    corners = [(inner.left, inner.top), (inner.left, inner.bottom), (inner.right, inner.bottom)]
    x, y = zip(*corners, strict=True)
    canvas.add_line(Line2D(x, y, color=LINE, linewidth=0.8))


def _value(value: float) -> str:
    """Three digits; very small and very large numbers by their power of ten."""
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
