"""Charts of rows: their distances on one axis, against the cost, and precision against recall."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.records.metric_names import MetricName
from bench.report.board.table import BASELINE, Leaderboard, Row
from bench.report.charts import style
from bench.report.charts.labels import Label, along, around, draw_labels
from bench.report.charts.style import INK, LINE_PX, TEXT, WIDTH, Box, Entry, Options
from bench.report.charts.svg import svg_text
from bench.report.leaderboard.notes import HELD_OUT
from bench.report.words import Language, Words
from bench.report.words.rows import plain_name
from bench.report.words.spelling import estimate_text, number_text, page_label, seconds_text
from bench.stats.intervals import Estimate
from catalog.schema import Registry

REFERENCES = (HELD_OUT, "class-pca-gaussian", BASELINE)
"""Calibration rows that give a chart its scale."""

PRECISION_AND_RECALL: tuple[MetricName, ...] = ("precision", "recall")

ROW_PX = 16.0
BELOW_PX = 44.0
"""Room for the ticks and the name of the horizontal axis."""
MANY_ROWS = 40
"""With more rows the ticks of distances stand above as well as below."""
MARGIN = 1.15
COST_MARGIN = 1.25
"""Factors by which log axes go beyond the outermost means."""
LARGEST_PX = 20.0
SMALLEST_PX = 4.5
"""Diameters of the marks of the most and of the fewest parameters."""
DOT: Options = {"linestyle": "none", "marker": "o", "markersize": 3.2, "markeredgewidth": 0}
"""One training seed of a row."""
DOT_ALPHA = 0.55
EXTENT = style.DASHES[2]
"""Line from the smallest to the largest seed, where that is no interval."""
_INKED: Options = {"linestyle": "none", "markeredgecolor": INK}
RING = _INKED | {"marker": "o", "markerfacecolor": "none"}
CROSS = _INKED | {"marker": "x", "markersize": 8, "markeredgewidth": 1.8}


@dataclass(frozen=True)
class Chart:
    """One picture of a report.

    Attributes:
        svg: its content.
        alt: what it shows, for readers who do not see it.
        caption: how to read it.
    """

    svg: str
    alt: str
    caption: str


class BoardInWords:
    """A leaderboard and the language to say it in.

    Attributes:
        say: the words of charts.
    """

    def __init__(self, board: Leaderboard, registry: Registry, language: Language) -> None:
        self.board = board
        self.registry = registry
        self.say = Words(language, "charts")
        self._words = Words(language)

    @property
    def label(self) -> str:
        """What the ranking distance is called, e.g. ``FD[digits-cnn]``."""
        return page_label("fid", self.board.protocol.extractor)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows that are drawn, best first: those with a distance, no failure and no missed gate."""
        return tuple(row for row in self.board.rows if _is_drawn(row))

    @property
    def references(self) -> tuple[Row, ...]:
        """The calibration rows that give the scale, in a fixed order; all at the rows' own n."""
        found = map(self.board.calibration_row, REFERENCES)
        known = (row for row in found if row is not None and row.values("fid"))
        return tuple(row for row in known if self.board.has_all_images(row))

    def family(self, row: Row) -> str:
        """The family of the model behind a row."""
        return self.registry.variant(row.key.name).family

    def name(self, row: Row) -> str:
        """A row as plain text: ``vae (gmm-10)``."""
        return plain_name(row, self._words)

    def left_out(self) -> list[str]:
        """A sentence on the rows that are not drawn, if there are any."""
        rows = [self.name(row) for row in self.board.rows if not _is_drawn(row)]
        return [self.say("left_out", rows=self.say.join(rows))] if rows else []

    def listed(self, texts: Sequence[str]) -> str:
        """Texts that have commas of their own, in a row."""
        return ("；" if self.say.language == "zh" else "; ").join(texts)

    def look(self, row: Row) -> Options:
        """The mark of a row: hollow where one training seed is all there is."""
        return style.mark(self.family(row), hollow=row.provisional)

    def entries(self, rows: Sequence[Row]) -> list[Entry]:
        """Of a legend: the families there are, and what hollow means if anything is."""
        there = {self.family(row) for row in rows}
        found = [
            (style.mark(family, hollow=False), self.say(f"family_{family}"))
            for family in style.FAMILIES
            if family in there
        ]
        if any(row.provisional for row in rows):
            hollow = RING | {"markerfacecolor": style.PAPER, "markersize": style.MARK}
            found.append((hollow, self.say("hollow")))
        return found


@dataclass(frozen=True)
class Point:
    """A row at its place in a plane of two numbers, and the diameter of its mark in px."""

    row: Row
    x: float
    y: float
    size: float = style.MARK


class Plane:
    """Axes of two numbers below a legend, and a canvas of px around them."""

    def __init__(self, height: float, top: float) -> None:
        self._height = height
        self.box = Box(64, top, WIDTH - 18, height - BELOW_PX - 2)
        self.figure, self.canvas = style.new_figure(height)
        self.axes = style.add_axes(self.figure, self.box)

    def px(self, x: float, y: float) -> tuple[float, float]:
        """Where a pair of numbers stands, from the upper left corner."""
        across, up = self.axes.transData.transform((x, y))
        return float(across), self._height - float(up)


def distance_chart(source: BoardInWords) -> Chart | None:
    """Distances on a log axis, best on top: geometric means, 95 % intervals and every seed.

    None where no row has a distance.
    """
    rows = source.rows
    if not rows:
        return None
    many = len(rows) > MANY_ROWS
    top = LINE_PX * (2.2 + len(source.references) + many)
    bottom = top + ROW_PX * len(rows)
    figure, canvas = style.new_figure(bottom + BELOW_PX)
    canvas.set_zorder(-1)  # marks stand over the lines of known sets
    left = 20 + max(style.text_width(source.name(row)) for row in rows)
    axes = style.add_axes(figure, Box(left, top, WIDTH - 18, bottom))
    shown = [x for row in (*rows, *source.references) for x in row.values("fid") if x > 0]
    style.log_axis(axes, "x", shown or [0.1, 1.0], MARGIN)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    style.set_ticks(axes.yaxis, [(place, source.name(row)) for place, row in enumerate(rows)])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(source.say("axis_distance", label=source.label), fontsize=TEXT)
    axes.tick_params(axis="x", labeltop=many)
    for place, row in enumerate(rows):
        look, estimate = source.look(row), row.estimate("fid")
        ends = _interval(estimate, axes.get_xlim()[0])
        if ends is not None:
            flat = _line_of(estimate, look) | {"linewidth": 1.6, "gid": gid(row, "interval")}
            axes.add_line(Line2D(ends, [place] * 2, **flat))
            seeds = [value for value in row.values("fid") if value > 0]
            dots = DOT | {"color": INK, "alpha": DOT_ALPHA, "gid": gid(row, "seeds")}
            axes.add_line(Line2D(seeds, [place] * len(seeds), **dots, zorder=2.5))
        axes.add_line(Line2D([row.mean("fid") or 0.0], [place], **look, gid=gid(row)))
    _draw_references(canvas, axes, source, (top - LINE_PX * many, bottom))
    style.legend(canvas, [*source.entries(rows), *_spreads(source, rows)], LINE_PX * 0.7)

    def hover(row: Row) -> str:
        value = estimate_text(row.estimate("fid"), interval=True)
        return source.say("hover", row=source.name(row), label=source.label, value=value)

    texts = [_reference_text(source, row) for row in source.references]
    alt = source.say(
        "distance_alt",
        n=len(rows),
        label=source.label,
        best=source.name(rows[0]),
        low=estimate_text(rows[0].estimate("fid")),
        worst=source.name(rows[-1]),
        high=estimate_text(rows[-1].estimate("fid")),
        references=source.say("scale", text=source.say.join(texts)) if texts else "",
    )
    return _chart("distance", source, figure, alt, rows, hover)


def cost_chart(source: BoardInWords) -> Chart | None:
    """Distance against time of training on log axes; None where no row has both."""
    most = max((row.cost.parameters or 0 for row in source.rows), default=0)
    points = [
        Point(row, row.cost.wall_s, mean, diameter(row.cost.parameters, most))
        for row in source.rows
        if (mean := row.mean("fid")) is not None and mean > 0 and row.cost.wall_s
    ]
    if not points:
        return None
    best = [points[index] for index in front([(point.x, point.y) for point in points])]
    plane = Plane(500.0, 56)
    axes, canvas = plane.axes, plane.canvas
    style.log_axis(axes, "x", [point.x for point in points], COST_MARGIN, durations=True)
    style.log_axis(axes, "y", [point.y for point in points], COST_MARGIN)
    axes.set_xlabel(source.say("axis_wall"), fontsize=TEXT)
    axes.set_ylabel(source.say("axis_distance", label=source.label), fontsize=TEXT)
    corners = _steps(best, axes.get_xlim()[1])
    flat: Options = {"color": INK, "linewidth": 1.0}
    axes.add_line(Line2D(*zip(*corners, strict=True), **flat, zorder=1.5, gid="front-line"))
    for point in points:
        _draw_cost(axes, source, point)
    entries = source.entries([point.row for point in points])
    style.legend(
        canvas, [*entries, (flat | {"linestyle": "-"}, source.say("front"))], LINE_PX * 0.7
    )
    _size_legend(canvas, source.say, max(point.row.cost.parameters or 0 for point in points))
    marks = [around(*plane.px(point.x, point.y), point.size / 2) for point in points]
    labels = [Label(source.name(point.row), *plane.px(point.x, point.y)) for point in best]
    line = along([plane.px(*corner) for corner in corners])
    draw_labels(canvas, labels, [*marks, *line], plane.box)

    def hover(row: Row) -> str:
        return source.say(
            "hover_cost",
            row=source.name(row),
            label=source.label,
            value=estimate_text(row.estimate("fid"), interval=True),
            parameters=number_text(row.cost.parameters),
            wall=seconds_text(row.cost.wall_s),
        )

    unbeaten = source.listed([hover(point.row) for point in best])
    alt = source.say("cost_alt", n=len(points), label=source.label, front=unbeaten)
    return _chart("cost", source, plane.figure, alt, [point.row for point in points], hover)


def precision_chart(source: BoardInWords) -> Chart | None:
    """Means of precision and recall on axes from 0 to 1; None where no row has both.

    Precision says how good single images are, recall how much of the data they cover.
    """
    board = source.board
    points = _precision_points(source.rows)
    known = _precision_points([row for row in board.calibration if board.has_all_images(row)])
    if not points:
        return None
    best = [points[index] for index in front([(-point.x, -point.y) for point in points])]
    plane = Plane(560.0, 40)
    axes = plane.axes
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    for axis in (axes.xaxis, axes.yaxis):
        style.set_ticks(axis, style.plain_ticks([0.0, 0.2, 0.4, 0.6, 0.8, 1.0]))
    axes.set_xlabel(source.say("axis_recall"), fontsize=TEXT)
    axes.set_ylabel(source.say("axis_precision"), fontsize=TEXT)
    for point in (*points, *known):
        look = CROSS if point.row.kind == "calibration" else source.look(point.row)
        axes.add_line(Line2D([point.x], [point.y], **look, gid=gid(point.row)))
    style.legend(plane.canvas, source.entries([point.row for point in points]), LINE_PX * 0.7)
    labels = [Label(source.name(one.row), *plane.px(one.x, one.y)) for one in (*known, *best)]
    marks = [around(*plane.px(point.x, point.y)) for point in (*points, *known)]
    draw_labels(plane.canvas, labels, marks, plane.box)

    def said(key: str, row: Row, *, interval: bool) -> str:
        precision, recall = (
            estimate_text(row.estimate(name), interval=interval) for name in PRECISION_AND_RECALL
        )
        name = source.name(row)
        return source.say(key, name=name, row=name, precision=precision, recall=recall)

    sets = source.listed([said("point", one.row, interval=False) for one in known])
    alt = source.say(
        "precision_alt",
        n=len(points),
        front=source.listed([said("point", one.row, interval=False) for one in best]),
        references=source.say("scale", text=sets) if sets else "",
    )
    rows = [point.row for point in (*points, *known)]
    hover = partial(said, "hover_precision", interval=True)
    return _chart("precision", source, plane.figure, alt, rows, hover)


def diameter(parameters: int | None, most: int) -> float:
    """Diameter of a mark in px whose area is as the parameters, and never too small to see."""
    share = (parameters or 0) / most if most else 0.0
    return max(SMALLEST_PX, LARGEST_PX * math.sqrt(share))


def gid(row: Row, what: str = "row") -> str:
    """Identifies the mark of a row inside a chart, its ``interval`` or its ``seeds``."""
    return "-".join(filter(None, (what, row.key.name, row.key.sampler, row.key.weights)))


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points that no other one beats: none is as low in both and lower in one.

    In order of the first coordinate.
    """
    best = float("inf")
    kept: list[int] = []
    for index in sorted(range(len(points)), key=points.__getitem__):
        y = points[index][1]
        if y < best or (kept and points[kept[-1]] == points[index]):
            kept.append(index)
            best = y
    return kept


def _chart(
    kind: str,
    source: BoardInWords,
    figure: Figure,
    alt: str,
    rows: Sequence[Row],
    hover: Callable[[Row], str],
) -> Chart:
    alt, told = alt.strip(), {gid(row): hover(row) for row in rows}
    svg = svg_text(figure, source.say(f"{kind}_title", label=source.label), alt, told)
    caption = [source.say(f"{kind}_caption", label=source.label), *source.left_out()]
    return Chart(svg, alt, source.say.sentences(caption))


def _is_drawn(row: Row) -> bool:
    return not (row.failed or row.short) and bool(row.values("fid"))


def _interval(estimate: Estimate | None, least: float) -> list[float] | None:
    """Both ends on an axis that begins at ``least``; what lies far beyond it is cut off."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return None
    low = max(estimate.low, least / 2)
    return [low, max(estimate.high, low)]


def _line_of(estimate: Estimate | None, look: Options) -> Options:
    """The line between the ends of an estimate: dotted where they are no interval."""
    dashes = EXTENT if estimate is not None and estimate.kind == "extent" else "solid"
    return {"color": look["markeredgecolor"], "linestyle": dashes}


def _spreads(source: BoardInWords, rows: Sequence[Row]) -> list[Entry]:
    """Of a legend: what dots and dotted lines mean, where there are any."""
    kinds = {one.kind for row in rows if (one := row.estimate("fid")) and one.low is not None}
    found: list[Entry] = []
    if kinds:
        found.append((DOT | {"color": INK, "alpha": DOT_ALPHA}, source.say("one_seed")))
    if "extent" in kinds:
        line = {"color": INK, "linestyle": EXTENT, "linewidth": 1.6}
        found.append((line, source.say("extent")))
    return found


def _draw_references(
    canvas: Axes, axes: Axes, source: BoardInWords, ends: tuple[float, float]
) -> None:
    """Lines of known sets; the leftmost has the highest label, so no line crosses a label."""
    top, bottom = ends
    values = [(row.mean("fid"), row.key, row) for row in source.references]
    known = sorted(
        ((mean, key, row) for mean, key, row in values if mean and mean > 0), reverse=True
    )
    for index, (value, _, row) in enumerate(known):
        across = float(axes.transData.transform((value, 0))[0])
        y = top - LINE_PX * (index + 0.6)
        line = Line2D([across, across], [y + 7, bottom], color=INK, linewidth=1.0)
        line.set(linestyle=style.DASHES[1], gid=f"reference-{row.key.name}")
        canvas.add_line(line)
        text = _reference_text(source, row)
        left = min(across - 4, WIDTH - 10 - style.text_width(text))
        style.write(canvas, (left, y), text)


def _reference_text(source: BoardInWords, row: Row) -> str:
    value = estimate_text(row.estimate("fid"))
    return source.say(f"reference_{row.key.name}", n=row.n_images, value=value)


def _steps(points: Sequence[Point], end: float) -> list[tuple[float, float]]:
    """Corners of a line along which the best distance stays what it is up to the next point."""
    corners: list[tuple[float, float]] = []
    for point in points:
        if corners:
            corners.append((point.x, corners[-1][1]))
        corners.append((point.x, point.y))
    return [*corners, (end, corners[-1][1])]


def _draw_cost(axes: Axes, source: BoardInWords, point: Point) -> None:
    look = source.look(point.row)
    ends = _interval(point.row.estimate("fid"), axes.get_ylim()[0])
    if ends is not None:
        flat = _line_of(point.row.estimate("fid"), look) | {"linewidth": 0.8, "alpha": 0.6}
        axes.add_line(Line2D([point.x] * 2, ends, **flat, gid=gid(point.row, "interval")))
    look |= {"markersize": point.size, "markeredgewidth": 1.2, "gid": gid(point.row)}
    if not point.row.provisional:
        look["alpha"] = 0.85
    axes.add_line(Line2D([point.x], [point.y], **look))


def _size_legend(canvas: Axes, say: Words, most: int) -> None:
    """Marks of the most parameters and of round parts of them, from the right."""
    if not most:
        return
    x, y = WIDTH - 16.0, LINE_PX * 2
    round_most = 10 ** math.floor(math.log10(most))
    for parameters in (most, round_most if 2 * round_most <= most else round_most // 10):
        text, size = say("parameters", n=number_text(parameters)), diameter(parameters, most)
        x -= style.text_width(text)
        style.write(canvas, (x, y), text)
        x -= size / 2 + 6
        canvas.add_line(Line2D([x], [y], markersize=size, **RING))
        x -= size / 2 + 16


def _precision_points(rows: Sequence[Row]) -> list[Point]:
    both = [(row, row.mean("recall"), row.mean("precision")) for row in rows]
    return [Point(row, x, y) for row, x, y in both if x is not None and y is not None]
