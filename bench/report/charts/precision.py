"""Precision against recall: how good single images are, and how much of the data they cover."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.board.table import Row
from bench.report.charts.distance import family_entries
from bench.report.charts.labels import Label, around, draw_labels
from bench.report.charts.rows import Chart, Frame, front, gid, mean_of
from bench.report.charts.style import (
    INK,
    LINE_PX,
    TEXT,
    WIDTH,
    Box,
    Options,
    add_axes,
    drawing,
    legend,
    mark,
    new_figure,
)
from bench.report.charts.svg import svg_text
from bench.report.charts.ticks import set_ticks
from bench.report.words.spelling import estimate_text

HEIGHT = 560.0
FRAME = Box(64, 40, WIDTH - 18, HEIGHT - 46)
TICKS = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
CROSS: Options = {
    "linestyle": "none",
    "marker": "x",
    "markersize": 8,
    "markeredgewidth": 1.8,
    "markeredgecolor": INK,
}
Point = tuple[Row, float, float]
"""A row, its recall and its precision."""


def precision_chart(frame: Frame, name: str) -> Chart | None:
    """Means of both on linear axes from 0 to 1; None where no row has both.

    Args:
        frame: what is drawn.
        name: of the file.
    """
    points = _points(frame.rows)
    if not points:
        return None
    best = front([(-recall, -precision) for _, recall, precision in points])
    known = _points(frame.board.calibration)
    with drawing():
        figure, canvas = new_figure(HEIGHT)
        axes = add_axes(figure, FRAME)
        _set_axes(axes, frame)
        for row, recall, precision in points:
            look = mark(frame.family(row), hollow=row.provisional)
            axes.add_line(Line2D([recall], [precision], **look, gid=gid(row)))
        for row, recall, precision in known:
            axes.add_line(Line2D([recall], [precision], **CROSS, gid=gid(row)))
        legend(canvas, family_entries(frame, [row for row, _, _ in points]), LINE_PX * 0.7)
        named = [*known, *(points[index] for index in best)]
        labels = [Label(frame.name(row), *_place(axes, x, y)) for row, x, y in named]
        marks = [around(*_place(axes, x, y)) for _, x, y in (*points, *known)]
        draw_labels(canvas, labels, marks, FRAME)
        alt = _alt(frame, points, best, known)
        hover = {gid(point[0]): _hover(frame, point[0]) for point in (*points, *known)}
        svg = svg_text(figure, frame.say("precision_title"), alt, hover)
    caption = [frame.say("precision_caption"), *frame.left_out()]
    return Chart(name, svg, alt, frame.say.sentences(caption))


def _points(rows: Sequence[Row]) -> list[Point]:
    both = [(row, mean_of(row, "recall"), mean_of(row, "precision")) for row in rows]
    return [(row, x, y) for row, x, y in both if x is not None and y is not None]


def _set_axes(axes: Axes, frame: Frame) -> None:
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    set_ticks(axes.xaxis, TICKS)
    set_ticks(axes.yaxis, TICKS)
    axes.set_xlabel(frame.say("axis_recall"), fontsize=TEXT)
    axes.set_ylabel(frame.say("axis_precision"), fontsize=TEXT)


def _place(axes: Axes, recall: float, precision: float) -> tuple[float, float]:
    x, y = axes.transData.transform((recall, precision))
    return float(x), HEIGHT - float(y)


def _hover(frame: Frame, row: Row) -> str:
    return frame.say(
        "hover_precision",
        row=frame.name(row),
        precision=estimate_text(row.estimate("precision"), interval=True),
        recall=estimate_text(row.estimate("recall"), interval=True),
    )


def _alt(frame: Frame, points: Sequence[Point], best: Sequence[int], known: Sequence[Point]) -> str:
    said = [
        frame.say(
            "point",
            name=frame.name(row),
            recall=estimate_text(row.estimate("recall")),
            precision=estimate_text(row.estimate("precision")),
        )
        for row, _, _ in (*(points[index] for index in best), *known)
    ]
    separator = "；" if frame.say.language == "zh" else "; "
    sets = separator.join(said[len(best) :])
    return frame.say(
        "precision_alt",
        n=len(points),
        front=separator.join(said[: len(best)]),
        references=frame.say("scale", text=sets) if sets else "",
    ).strip()
