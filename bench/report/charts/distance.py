"""The distance of every row with its interval, on one log axis."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from bench.report.board.table import Row
from bench.report.charts.rows import Chart, Frame, gid
from bench.report.charts.style import (
    DASHES,
    FAMILIES,
    INK,
    LINE_PX,
    MARK,
    PAPER,
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
from bench.report.charts.ticks import log_ticks, set_ticks
from bench.report.words.spelling import estimate_text

ROW_PX = 16.0
BELOW_PX = 44.0
MANY_ROWS = 40
"""With more rows the ticks stand above as well as below."""
MARGIN = 1.15
"""Factor by which the axis goes beyond the outermost mean."""


def distance_chart(frame: Frame, name: str) -> Chart | None:
    """Means with 95 % intervals, best on top; None where no row has one.

    Args:
        frame: what is drawn.
        name: of the file.
    """
    rows = frame.rows
    if not rows:
        return None
    many = len(rows) > MANY_ROWS
    top = LINE_PX * (2.2 + len(frame.references) + many)
    bottom = top + ROW_PX * len(rows)
    with drawing():
        figure, canvas = new_figure(bottom + BELOW_PX)
        canvas.set_zorder(-1)  # marks stand over the lines of known sets
        left = 20 + max(text_width(frame.name(row)) for row in rows)
        box = Box(left, top, WIDTH - 18, bottom)
        axes = add_axes(figure, box)
        _set_axes(axes, frame, rows)
        axes.tick_params(axis="x", labeltop=many)
        for place, row in enumerate(rows):
            _draw_row(axes, frame, row, place)
        _draw_references(canvas, axes, frame, box, box.top - LINE_PX * many)
        legend(canvas, family_entries(frame, rows), LINE_PX * 0.7)
        says = {"label": frame.label}
        title = frame.say("distance_title", **says)
        alt = _alt(frame, rows)
        hover = {gid(row): _hover(frame, row) for row in rows}
        svg = svg_text(figure, title, alt, hover)
    caption = [frame.say("distance_caption", **says), *frame.left_out()]
    return Chart(name, svg, alt, frame.say.sentences(caption))


def family_entries(frame: Frame, rows: Sequence[Row]) -> list[Entry]:
    """Entries of a legend: the families there are, and what hollow means if anything is."""
    there = {frame.family(row) for row in rows}
    entries = [
        (mark(family, hollow=False), frame.say(f"family_{family}"))
        for family in FAMILIES
        if family in there
    ]
    if any(row.provisional for row in rows):
        hollow: Options = {
            "linestyle": "none",
            "marker": "o",
            "markerfacecolor": PAPER,
            "markeredgecolor": INK,
        }
        entries.append((hollow | {"markersize": MARK}, frame.say("hollow")))
    return entries


def reference_text(frame: Frame, row: Row) -> str:
    """A calibration row in the words of a chart, with its distance."""
    value = estimate_text(row.estimate("fid"))
    return frame.say(f"reference_{row.key.name}", n=row.n_images, value=value)


def _hover(frame: Frame, row: Row) -> str:
    value = estimate_text(row.estimate("fid"), interval=True)
    return frame.say("hover", row=frame.name(row), label=frame.label, value=value)


def _set_axes(axes: Axes, frame: Frame, rows: Sequence[Row]) -> None:
    shown = [row.estimate("fid") for row in (*rows, *frame.references)]
    means = [estimate.mean for estimate in shown if estimate is not None and estimate.mean > 0]
    low, high = min(means, default=0.1) / MARGIN, max(means, default=1.0) * MARGIN
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    set_ticks(axes.xaxis, log_ticks(low, high))
    set_ticks(axes.yaxis, range(len(rows)), [frame.name(row) for row in rows])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(frame.say("axis_distance", label=frame.label), fontsize=TEXT)


def _draw_row(axes: Axes, frame: Frame, row: Row, place: int) -> None:
    estimate = row.estimate("fid")
    if estimate is None:
        return
    look = mark(frame.family(row), hollow=row.provisional)
    if estimate.low is not None and estimate.high is not None:
        low = max(estimate.low, axes.get_xlim()[0] / 2)  # the part left of the axis is cut off
        ends = [low, max(estimate.high, low)]
        line = Line2D(ends, [place, place], color=look["markeredgecolor"], linewidth=1.6)
        line.set_gid(gid(row, "interval"))
        axes.add_line(line)
    axes.add_line(Line2D([estimate.mean], [place], **look, gid=gid(row)))


def _draw_references(canvas: Axes, axes: Axes, frame: Frame, box: Box, top: float) -> None:
    """Lines of known sets; the leftmost has the highest label, so no line crosses a label."""
    values = [(row.estimate("fid"), row) for row in frame.references]
    known = sorted(((e.mean, row.key, row) for e, row in values if e and e.mean > 0), reverse=True)
    for index, (value, _, row) in enumerate(known):
        across = float(axes.transData.transform((value, 0))[0])
        y = top - LINE_PX * (index + 0.6)
        line = Line2D([across, across], [y + 7, box.bottom], color=INK, linewidth=1.0)
        line.set_linestyle(DASHES[1])
        line.set_gid(f"reference-{row.key.name}")
        canvas.add_line(line)
        text = reference_text(frame, row)
        left = min(across - 4, WIDTH - 10 - text_width(text))
        write(canvas, (left, y), text)


def _alt(frame: Frame, rows: Sequence[Row]) -> str:
    texts = [reference_text(frame, row) for row in frame.references]
    return frame.say(
        "distance_alt",
        n=len(rows),
        label=frame.label,
        best=frame.name(rows[0]),
        low=estimate_text(rows[0].estimate("fid")),
        worst=frame.name(rows[-1]),
        high=estimate_text(rows[-1].estimate("fid")),
        references=frame.say("scale", text=frame.say.join(texts)) if texts else "",
    ).strip()
