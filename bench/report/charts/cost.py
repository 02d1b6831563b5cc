"""What quality costs: distance against time of training, and the rows that nothing beats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.board.table import Row
from bench.report.charts.distance import family_entries
from bench.report.charts.labels import Label, along, around, draw_labels
from bench.report.charts.rows import Chart, Frame, front, gid
from bench.report.charts.style import (
    INK,
    LINE_PX,
    TEXT,
    WIDTH,
    Box,
    Entry,
    Options,
    add_axes,
    drawing,
    legend,
    mark,
    new_figure,
    text_width,
    write,
)
from bench.report.charts.svg import svg_text
from bench.report.charts.ticks import duration_ticks, log_ticks, set_ticks
from bench.report.words.spelling import estimate_text, number_text, seconds_text

HEIGHT = 500.0
FRAME = Box(64, 56, WIDTH - 18, HEIGHT - 46)
LARGEST_PX = 20.0
SMALLEST_PX = 4.5
"""Diameters of the marks of the most and of the fewest parameters."""
MARGIN = 1.25


@dataclass(frozen=True)
class Point:
    """A row with a time of training and a distance."""

    row: Row
    wall_s: float
    distance: float
    size: float


def cost_chart(frame: Frame, name: str) -> Chart | None:
    """Distance against time of training on log axes; None where no row has both.

    Args:
        frame: what is drawn.
        name: of the file.
    """
    points = _points(frame)
    if not points:
        return None
    best = front([(point.wall_s, point.distance) for point in points])
    with drawing():
        figure, canvas = new_figure(HEIGHT)
        axes = add_axes(figure, FRAME)
        _set_axes(axes, frame, points)
        corners = _draw_front(axes, [points[index] for index in best])
        for point in points:
            _draw_point(axes, frame, point)
        rows = [point.row for point in points]
        legend(canvas, [*family_entries(frame, rows), _front_entry(frame)], LINE_PX * 0.7)
        _size_legend(canvas, frame, points)
        at = [_place(axes, point.wall_s, point.distance) for point in points]
        marks = [around(x, y, p.size / 2) for (x, y), p in zip(at, points, strict=True)]
        line = along([_place(axes, *corner) for corner in corners])
        labels = [Label(frame.name(points[i].row), *at[i]) for i in best]
        draw_labels(canvas, labels, [*marks, *line], FRAME)
        alt = _alt(frame, points, best)
        hover = {gid(point.row): _hover(frame, point.row) for point in points}
        svg = svg_text(figure, frame.say("cost_title"), alt, hover)
    caption = [frame.say("cost_caption", label=frame.label), *frame.left_out()]
    return Chart(name, svg, alt, frame.say.sentences(caption))


def _points(frame: Frame) -> list[Point]:
    most = max((row.cost.parameters or 0 for row in frame.rows), default=0)
    points = []
    for row in frame.rows:
        distance = row.estimate("fid")
        if distance is not None and distance.mean > 0 and row.cost.wall_s:
            size = diameter(row.cost.parameters, most)
            points.append(Point(row, row.cost.wall_s, distance.mean, size))
    return points


def diameter(parameters: int | None, most: int) -> float:
    """Diameter of a mark in px whose area is as the parameters, and never too small to see."""
    share = (parameters or 0) / most if most else 0.0
    return max(SMALLEST_PX, LARGEST_PX * math.sqrt(share))


def _set_axes(axes: Axes, frame: Frame, points: Sequence[Point]) -> None:
    walls = [point.wall_s for point in points]
    distances = [point.distance for point in points]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(min(walls) / MARGIN, max(walls) * MARGIN)
    axes.set_ylim(min(distances) / MARGIN, max(distances) * MARGIN)
    ticks = duration_ticks(*axes.get_xlim())
    set_ticks(axes.xaxis, [value for value, _ in ticks], [text for _, text in ticks])
    set_ticks(axes.yaxis, log_ticks(*axes.get_ylim()))
    axes.set_xlabel(frame.say("axis_wall"), fontsize=TEXT)
    axes.set_ylabel(frame.say("axis_distance", label=frame.label), fontsize=TEXT)


def _draw_front(axes: Axes, points: Sequence[Point]) -> list[tuple[float, float]]:
    """The step line through some points: up to the next one, the best distance stays what it is.

    Returns:
        Its corners.
    """
    corners: list[tuple[float, float]] = []
    for point in points:
        if corners:
            corners.append((point.wall_s, corners[-1][1]))
        corners.append((point.wall_s, point.distance))
    corners.append((axes.get_xlim()[1], corners[-1][1]))
    x, y = zip(*corners, strict=True)
    axes.add_line(Line2D(x, y, color=INK, linewidth=1.0, zorder=1.5, gid="front-line"))
    return corners


def _front_entry(frame: Frame) -> Entry:
    return {"linestyle": "-", "color": INK, "linewidth": 1.0}, frame.say("front")


def _draw_point(axes: Axes, frame: Frame, point: Point) -> None:
    look = mark(frame.family(point.row), hollow=point.row.provisional)
    estimate = point.row.estimate("fid")
    if estimate is not None and estimate.low is not None and estimate.high is not None:
        low = max(estimate.low, axes.get_ylim()[0] / 2)
        ends = [low, max(estimate.high, low)]
        line = Line2D([point.wall_s] * 2, ends, color=look["markeredgecolor"], linewidth=0.8)
        line.set(alpha=0.6, gid=gid(point.row, "interval"))
        axes.add_line(line)
    look |= {"markersize": point.size, "markeredgewidth": 1.2, "gid": gid(point.row)}
    if not point.row.provisional:
        look["alpha"] = 0.85
    axes.add_line(Line2D([point.wall_s], [point.distance], **look))


def _size_legend(canvas: Axes, frame: Frame, points: Sequence[Point]) -> None:
    """Marks of the most parameters and of round parts of them, from the right."""
    most = max((point.row.cost.parameters or 0 for point in points), default=0)
    if not most:
        return
    x, y = WIDTH - 16.0, LINE_PX * 2
    round_most = 10 ** math.floor(math.log10(most))
    for parameters in (most, round_most if 2 * round_most <= most else round_most // 10):
        text = frame.say("parameters", n=number_text(parameters))
        x -= text_width(text)
        write(canvas, (x, y), text)
        size = diameter(parameters, most)
        x -= size / 2 + 6
        look: Options = {
            "linestyle": "none",
            "marker": "o",
            "markersize": size,
            "markerfacecolor": "none",
        }
        canvas.add_line(Line2D([x], [y], markeredgecolor=INK, **look))
        x -= size / 2 + 16


def _place(axes: Axes, wall_s: float, distance: float) -> tuple[float, float]:
    x, y = axes.transData.transform((wall_s, distance))
    return float(x), HEIGHT - float(y)


def _hover(frame: Frame, row: Row) -> str:
    return frame.say(
        "hover_cost",
        row=frame.name(row),
        label=frame.label,
        value=estimate_text(row.estimate("fid"), interval=True),
        parameters=number_text(row.cost.parameters),
        wall=seconds_text(row.cost.wall_s),
    )


def _alt(frame: Frame, points: Sequence[Point], best: Sequence[int]) -> str:
    names = [_hover(frame, points[index].row) for index in best]
    shown = ("；" if frame.say.language == "zh" else "; ").join(names)
    return frame.say("cost_alt", n=len(points), label=frame.label, front=shown)
