"""How every chart looks: three sentinel colours, a palette for colour-blind readers, one font.

Lengths are in px of an 800 px wide image; at 72 dots per inch one typographic point is one of them.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator
from rich.cells import cell_len

from catalog.escaping import visible

INK = "#1b1e23"
LINE = "#c8ccd2"
PAPER = "#ffffff"
"""Text and marks, grid, background: a page may replace the three, so nothing else has them."""

FAMILIES: dict[str, tuple[str, str]] = {
    "gan": ("#0072b2", "o"),
    "vae": ("#d55e00", "s"),
    "diffusion": ("#009e73", "^"),
    "autoregressive": ("#b8629b", "D"),
}
"""Colour and marker of each family of models: either tells them apart without the other."""

SERIES = ("#0072b2", "#d55e00", "#009e73", "#b8629b", "#56b4e9", "#a6761d", "#7570b3", "#e69f00")
Dashes = Literal["solid"] | tuple[float, tuple[float, ...]]
DASHES: tuple[Dashes, ...] = ("solid", (0, (4, 1.5)), (0, (1, 1.2)))
"""Curves differ by colour first and by dashes where colours run out."""

WIDTH = 800
TEXT = 11.0
SMALL = 10.0
"""Sizes of text; nothing is smaller than the second."""
MARK = 6.5
"""Usual size of a mark."""
LINE_PX = 18.0
"""Height of a line of text."""
LEFT_PX = 12.0
FLAT_PX = 20.0
"""Where legends begin, and how long a line in them is."""

Options = dict[str, Any]
"""Of a line or a mark, as matplotlib names them."""
Entry = tuple[Options, str]
Tick = tuple[float, str]
Side = Literal["left", "center", "right"]
"""The end of a text that stays where it is put."""

_SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "aigc-bench",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "text.color": INK,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that lengths are the same anywhere
    "font.size": TEXT,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.labelcolor": INK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "figure.facecolor": PAPER,
    "xtick.color": LINE,
    "xtick.labelcolor": INK,
    "ytick.color": LINE,
    "ytick.labelcolor": INK,
}


STEPS = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
UNITS = ((0.001, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"))
FINE = (1, 2, 3, 5, 7, 10, 15, 20, 30, 45)
COARSE = (1, 2, 5, 10, 20, 30)
LONG = (100, 200, 500)
"""How many of a unit make a tick; the last ones are for units that no larger one replaces."""


@contextmanager
def drawing() -> Iterator[None]:
    """The settings under which a chart is made and written, whatever the user's own are."""
    with warnings.catch_warnings(), mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        # Text stays text, so whoever shows the chart brings the font for Chinese.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        yield


def text_width(text: str, size: float = TEXT) -> float:
    """Roughly how wide a browser draws a text, in px; a Chinese character counts as two."""
    return cell_len(text) * size * 0.58


@dataclass(frozen=True)
class Box:
    """Where axes stand, in px from the upper left corner of the figure."""

    left: float
    top: float
    right: float
    bottom: float


def new_figure(height: float) -> tuple[Figure, Axes]:
    """A figure and, over all of it, axes in px from the upper left corner for text and legends."""
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    canvas = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
    canvas.set_axis_off()
    canvas.set_zorder(2)
    return figure, canvas


def add_axes(figure: Figure, box: Box) -> Axes:
    """Axes inside a box of px."""
    height = figure.get_figheight() * 72
    size = ((box.right - box.left) / WIDTH, (box.bottom - box.top) / height)
    axes = figure.add_axes((box.left / WIDTH, 1 - box.bottom / height, *size))
    axes.tick_params(length=0, labelsize=TEXT)
    axes.minorticks_off()
    return axes


def log_axis(
    axes: Axes,
    which: Literal["x", "y"],
    values: Sequence[float],
    margin: float,
    *,
    durations: bool = False,
) -> None:
    """Makes an axis logarithmic, with few and round ticks.

    Args:
        axes: whose axis it is.
        which: of the two.
        values: positive ones that it has to show, at least one.
        margin: factor by which it goes beyond the outermost of them.
        durations: whether they are seconds.
    """
    low, high = min(values) / margin, max(values) * margin
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    set_ticks(axis, duration_ticks(low, high) if durations else plain_ticks(log_ticks(low, high)))


def log_ticks(low: float, high: float, at_most: int = 9) -> list[float]:
    """Round numbers between two positive ones, as many as fit below a limit, two at least."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in STEPS:
        found = [s * 10.0**d for d in decades for s in steps if low <= s * 10.0**d <= high]
        if len(found) <= at_most:
            break
    return found if len(found) > 1 else [low, high]


def duration_ticks(low: float, high: float, at_most: int = 9) -> list[Tick]:
    """Round durations between two numbers of seconds, with their texts."""
    found: list[Tick] = []
    for numbers in (FINE, COARSE):
        every = [
            (number * seconds, f"{number} {unit}")
            for seconds, unit in UNITS
            for number in ((*numbers, *LONG) if unit in ("ms", "h") else numbers)
        ]
        found = [(value, text) for value, text in every if low <= value <= high]
        if len(found) <= at_most:
            break
    return found[:: -(-len(found) // at_most) or 1]


def plain_ticks(values: Sequence[float]) -> list[Tick]:
    """Numbers with three digits as their texts."""
    return [(value, f"{value:.3g}") for value in values]


def set_ticks(axis: Axis, ticks: Sequence[Tick]) -> None:
    """These ticks and no others."""
    axis.set_ticks([value for value, _ in ticks], [text for _, text in ticks])
    axis.set_minor_locator(NullLocator())


def write(
    canvas: Axes, at: tuple[float, float], text: str, side: Side = "left", size: float = TEXT
) -> None:
    """Put a text into axes of px, its middle at the second coordinate."""
    canvas.text(*at, visible(text), ha=side, va="center_baseline", fontsize=size)


def mark(family: str, *, hollow: bool) -> Options:
    """Marker options of a row: hollow where one training seed is all there is."""
    colour, marker = FAMILIES[family]
    face = PAPER if hollow else colour
    look = {"linestyle": "none", "marker": marker, "markersize": MARK, "markeredgewidth": 1.4}
    return look | {"markeredgecolor": colour, "markerfacecolor": face, "clip_on": False}


def legend(canvas: Axes, entries: Sequence[Entry], y: float) -> None:
    """Marks and what they mean, side by side from the left, in as many lines as they take.

    Args:
        canvas: axes of px.
        entries: options of a line in px, and the text that follows it.
        y: middle of the first line, in px from the top.
    """
    for (options, text), (x, line) in zip(entries, _flow(entries), strict=True):
        middle, flat = y + LINE_PX * line, "marker" not in options
        ends = ([x, x + FLAT_PX], [middle] * 2) if flat else ([x + MARK], [middle])
        canvas.add_line(Line2D(*ends, **options))
        start = x + (FLAT_PX if flat else 2 * MARK) + 4
        write(canvas, (start, middle), text)


def legend_lines(entries: Sequence[Entry]) -> int:
    """How many lines a legend takes."""
    return max((line for _, line in _flow(entries)), default=-1) + 1


def _flow(entries: Sequence[Entry]) -> list[tuple[float, int]]:
    """Left end and line of each entry."""
    found: list[tuple[float, int]] = []
    x, line = LEFT_PX, 0
    for options, text in entries:
        width = (2 * MARK if "marker" in options else FLAT_PX) + 4 + text_width(text)
        if x + width > WIDTH - LEFT_PX and x > LEFT_PX:
            x, line = LEFT_PX, line + 1
        found.append((x, line))
        x += width + 14
    return found
