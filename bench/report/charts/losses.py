"""Curves of trainings in small panels: all variants of a leaderboard, or all losses of one.

Each panel has a vertical range of its own; places are in px of the whole image.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon

from bench.records.curve import load_curve
from bench.records.files import CURVE
from bench.report.board.records import Run
from bench.report.charts.rows import BoardInWords, Chart
from bench.report.charts.style import (
    DASHES,
    LEFT_PX,
    LINE,
    LINE_PX,
    SERIES,
    SMALL,
    WIDTH,
    Box,
    Dashes,
    Entry,
    drawing,
    legend,
    legend_lines,
    new_figure,
    write,
)
from bench.report.charts.svg import svg_text
from bench.report.words import Language, Words
from catalog.errors import InvalidInput
from catalog.escaping import visible

N_COLUMNS = 4
PANEL_PX = 112.0
BELOW_PX = 22.0
TITLE_PX = 20.0
TICKS_PX = 14.0
LABEL_PX = 44.0
"""Room in a panel for the title above, the updates below and the values at the left."""
WIDE = 10.0
"""From this ratio of the highest to the lowest value on, an axis is no longer linear."""
MAX_POINTS = 30
LONG = 100
"""Points that a line has at most, and where a variant has a page of its own; neighbours are
averaged down to so many."""

Look = tuple[str, Dashes]
"""Colour and dashes."""


@dataclass(frozen=True)
class Scale:
    """How values are spread over a vertical axis.

    Attributes:
        name: ``log``, ``asinh``, or empty for linear.
        of: from a value to a number that grows with it.
    """

    name: str
    of: Callable[[float], float]


@dataclass(frozen=True)
class Band:
    """One recorded number over the updates, over training seeds.

    Attributes:
        steps: updates done, rising; the middle of the points that were averaged.
        mean: over seeds, as long as ``steps``.
        low: the lowest seed's value, likewise.
        high: the highest seed's.
        last_step: the last update that was recorded.
        n: seeds.
    """

    name: str
    steps: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    last_step: int
    n: int


Panels = Mapping[str, tuple[Band, ...]]
"""Curves that share one vertical axis, by the title above them."""


def bands(runs: Iterable[Run], at_most: int = MAX_POINTS) -> tuple[Band, ...]:
    """What runs of one variant recorded, by name; updates that a run lacks are left out.

    Args:
        runs: finished trainings; one without a curve is passed over.
        at_most: points of each band.

    Raises:
        InvalidInput: a curve is broken, or holds something else than finite numbers.
    """
    found: dict[str, list[dict[int, float]]] = defaultdict(list)
    for file in (run.directory / CURVE for run in runs):
        curves: dict[str, dict[int, float]] = defaultdict(dict)
        for step, losses in load_curve(file) if file.is_file() else ():
            for name, value in losses.items():
                if not math.isfinite(value):
                    raise InvalidInput("a curve is broken", where=f"{file}: {name} is {value}")
                curves[visible(name)][step] = value
        for name, curve in curves.items():
            found[name].append(curve)
    made = (_band(name, found[name], at_most) for name in sorted(found))
    return tuple(band for band in made if band is not None)


def _band(name: str, curves: Sequence[dict[int, float]], at_most: int) -> Band | None:
    common = sorted(set.intersection(*(set(curve) for curve in curves)))
    if not common:
        return None
    size = math.ceil(len(common) / at_most)
    groups = [common[first : first + size] for first in range(0, len(common), size)]
    seeds = [[fmean(curve[step] for step in group) for group in groups] for curve in curves]
    points = list(zip(*seeds, strict=True))
    steps, mean = (tuple(map(fmean, values)) for values in (groups, points))
    low, high = (tuple(map(end, points)) for end in (min, max))
    return Band(name, steps, mean, low, high, common[-1], len(curves))


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


def _draw_panel(
    canvas: Axes, title: str, curves: Sequence[Band], box: Box, looks: Mapping[str, Look]
) -> None:
    """Draw curves into a box of px, which holds title and ticks as well."""
    inner = Box(box.left + LABEL_PX, box.top + TITLE_PX, box.right, box.bottom - TICKS_PX)
    shown = [value for band in curves for value in (*band.low, *band.high)]
    low, high = min(shown), max(shown)
    last = max(band.last_step for band in curves)
    scale = scale_of(shown)
    bottom, top = scale.of(low), scale.of(high)

    def place(step: float, value: float) -> tuple[float, float]:
        share = (scale.of(value) - bottom) / (top - bottom) if top > bottom else 0.5
        x = inner.left + (inner.right - inner.left) * step / last
        y = inner.bottom - (inner.bottom - inner.top) * share
        return round(x, 1), round(y, 1)  # a large file would not show more

    write(canvas, (inner.left, box.top + 9), title)
    write(canvas, (inner.right, box.top + 9), scale.name, "right", SMALL)
    x, y = [inner.left, inner.left, inner.right], [inner.top, inner.bottom, inner.bottom]
    canvas.add_line(Line2D(x, y, color=LINE, linewidth=0.8))
    texts = {inner.bottom: low, inner.top: high} if high > low else {place(0, low)[1]: low}
    for height, value in texts.items():
        write(canvas, (inner.left - 4, height), _value(value), "right", SMALL)
    write(canvas, (inner.right, inner.bottom + 8), str(last), "right", SMALL)
    for band in curves:
        colour, dashes = looks[band.name]
        middle, lower, upper = (
            [place(*point) for point in zip(band.steps, values, strict=True)]
            for values in (band.mean, band.low, band.high)
        )
        if band.n > 1:
            area = Polygon([*lower, *reversed(upper)], facecolor=colour, alpha=0.25, linewidth=0)
            area.set_clip_on(False)
            canvas.add_patch(area)
        line = Line2D(*zip(*middle, strict=True), color=colour, linestyle=dashes, linewidth=1.2)
        line.set(marker="o" if len(middle) == 1 else "", clip_on=False, gid=_gid(title, band))
        canvas.add_line(line)


def _gid(title: str, band: Band) -> str:
    """Identifies a curve inside a chart."""
    return f"curve-{title}-{band.name}"


def _value(value: float) -> str:
    """Three digits; very small and very large numbers by their power of ten."""
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def losses_chart(source: BoardInWords) -> Chart | None:
    """One panel per variant in alphabetical order; None where no run has a curve."""
    finished: dict[str, list[Run]] = defaultdict(list)
    for run in source.board.runs:
        if run.train.status == "success":
            finished[run.train.spec.variant].append(run)
    found = ((variant, bands(runs)) for variant, runs in sorted(finished.items()))
    panels: Panels = {variant: curves for variant, curves in found if curves}
    if not panels:
        return None
    say, looks = source.say, _looks(panels)
    alt = say("losses_alt", n=len(panels), names=say.join(sorted(looks)))
    entries: list[Entry] = [
        ({"linestyle": dashes, "color": colour, "linewidth": 1.6}, name)
        for name, (colour, dashes) in looks.items()
    ]
    svg = _small_multiples(panels, looks, entries, say, alt)
    return Chart(svg, alt, say("losses_caption"))


def losses_svg(runs: Sequence[Run], language: Language) -> str | None:
    """The curves of one variant, one panel for each number it records; None without a curve.

    Args:
        runs: finished trainings of one variant.
        language: of the words.

    Raises:
        InvalidInput: a curve is broken.
    """
    say = Words(language, "charts")
    curves = bands(runs, LONG)
    if not curves:
        return None
    alt = say(
        "one_losses_alt",
        variant=runs[0].train.spec.variant,
        steps=curves[0].last_step,
        n=curves[0].n,
        names=say.join([curve.name for curve in curves]),
    )
    panels = {curve.name: (curve,) for curve in curves}
    with drawing():
        return _small_multiples(panels, dict.fromkeys(panels, (SERIES[0], DASHES[0])), [], say, alt)


def _looks(panels: Panels) -> dict[str, Look]:
    """A colour and dashes for each name, the plainest for those that most variants record."""
    counts = Counter(band.name for curves in panels.values() for band in curves)
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return {
        name: (SERIES[place % len(SERIES)], DASHES[place // len(SERIES) % len(DASHES)])
        for place, name in enumerate(ordered)
    }


def _small_multiples(
    panels: Panels, looks: Mapping[str, Look], entries: Sequence[Entry], say: Words, alt: str
) -> str:
    """SVG of panels in rows; made within ``style.drawing``."""
    n_columns = min(N_COLUMNS, len(panels))
    header = round(LINE_PX * legend_lines(entries)) + 8
    bottom = header + PANEL_PX * math.ceil(len(panels) / n_columns)
    figure, canvas = new_figure(bottom + BELOW_PX)
    legend(canvas, entries, LINE_PX * 0.7)
    width = (WIDTH - 2 * LEFT_PX) / n_columns
    hover: dict[str, str] = {}
    for place, (title, curves) in enumerate(panels.items()):
        row, column = divmod(place, n_columns)
        left, top = LEFT_PX + width * column, header + PANEL_PX * row
        box = Box(left, top, left + width - 14, top + PANEL_PX - 6)
        _draw_panel(canvas, title, curves, box, looks)
        hover |= {_gid(title, x): ": ".join(dict.fromkeys((title, x.name))) for x in curves}
    write(canvas, (WIDTH / 2, bottom + 8), say("axis_steps"), "center")
    return svg_text(figure, say("losses_title"), alt, hover)
