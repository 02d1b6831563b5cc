"""Curves of trainings in small panels: all variants of a leaderboard, or all losses of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matplotlib.figure import Figure

from bench.report.board.records import Run
from bench.report.board.table import Leaderboard
from bench.report.charts.curves import Band, bands
from bench.report.charts.panels import Look, Panel, curve_gid, draw_panel
from bench.report.charts.rows import Chart, Frame
from bench.report.charts.style import (
    DASHES,
    LEFT_PX,
    LINE_PX,
    SERIES,
    WIDTH,
    Box,
    Entry,
    drawing,
    legend,
    legend_lines,
    new_figure,
    write,
)
from bench.report.charts.svg import svg_text
from bench.report.words.charts import CHART_TEXTS
from bench.report.words.report import Language, Words

N_COLUMNS = 4
PANEL_PX = 112.0
BELOW_PX = 22.0
LONG = 100
"""Points of a line where a variant has a page of its own."""


def losses_chart(frame: Frame, name: str) -> Chart | None:
    """One panel per variant in alphabetical order; None where no run has a curve.

    Args:
        frame: what is drawn.
        name: of the file.
    """
    found = {v: bands(runs) for v, runs in sorted(_finished(frame.board).items())}
    panels = [Panel(variant, curves) for variant, curves in found.items() if curves]
    if not panels:
        return None
    looks = _looks(found.values())
    alt = frame.say("losses_alt", n=len(panels), names=frame.say.join(sorted(looks)))
    with drawing():
        entries: list[Entry] = [
            ({"linestyle": dashes, "color": colour, "linewidth": 1.6}, name)
            for name, (colour, dashes) in looks.items()
        ]
        figure = _small_multiples(panels, looks, entries, frame.say)
        svg = svg_text(figure, frame.say("losses_title"), alt, _hover(panels))
    return Chart(name, svg, alt, frame.say("losses_caption"))


def losses_svg(runs: Sequence[Run], language: Language) -> str | None:
    """The curves of one variant, one panel for each number it records; None without a curve.

    Args:
        runs: finished trainings of one variant.
        language: of the words.

    Raises:
        InvalidInput: a curve is broken.
    """
    say = Words(language, CHART_TEXTS)
    curves = bands(runs, LONG)
    if not curves:
        return None
    panels = [Panel(curve.name, (curve,)) for curve in curves]
    alt = say(
        "one_losses_alt",
        variant=runs[0].train.spec.variant,
        steps=curves[0].last_step,
        n=curves[0].n,
        names=say.join([curve.name for curve in curves]),
    )
    with drawing():
        looks = dict.fromkeys((curve.name for curve in curves), (SERIES[0], DASHES[0]))
        figure = _small_multiples(panels, looks, [], say)
        return svg_text(figure, say("losses_title"), alt, _hover(panels))


def _finished(board: Leaderboard) -> dict[str, list[Run]]:
    runs: dict[str, list[Run]] = {}
    for run in board.runs:
        if run.train.status == "success":
            runs.setdefault(run.train.spec.variant, []).append(run)
    return runs


def _hover(panels: Iterable[Panel]) -> dict[str, str]:
    return {
        curve_gid(panel, band): band.name
        if panel.title == band.name
        else f"{panel.title}: {band.name}"
        for panel in panels
        for band in panel.bands
    }


def _looks(found: Iterable[Sequence[Band]]) -> Mapping[str, Look]:
    """A colour and dashes for each name, the plainest for those that most variants record."""
    counts: dict[str, int] = {}
    for curves in found:
        for curve in curves:
            counts[curve.name] = counts.get(curve.name, 0) + 1
    ordered = sorted(counts, key=lambda name: (-counts[name], name))
    return {
        name: (SERIES[place % len(SERIES)], DASHES[place // len(SERIES) % len(DASHES)])
        for place, name in enumerate(ordered)
    }


def _small_multiples(
    panels: Sequence[Panel], looks: Mapping[str, Look], entries: Sequence[Entry], say: Words
) -> Figure:
    n_columns = min(N_COLUMNS, len(panels))
    n_rows = -(-len(panels) // n_columns)
    header = round(LINE_PX * legend_lines(entries)) + 8
    bottom = header + PANEL_PX * n_rows
    figure, canvas = new_figure(bottom + BELOW_PX)
    legend(canvas, entries, LINE_PX * 0.7)
    width = (WIDTH - 2 * LEFT_PX) / n_columns
    for place, panel in enumerate(panels):
        row, column = divmod(place, n_columns)
        left, top = LEFT_PX + width * column, header + PANEL_PX * row
        draw_panel(canvas, panel, Box(left, top, left + width - 14, top + PANEL_PX - 6), looks)
    write(canvas, (WIDTH / 2, bottom + 8), say("axis_steps"), "center")
    return figure
