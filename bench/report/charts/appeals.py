"""How far each thing done otherwise moves a number, as bars from what the stated way gives."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from bench.records.appeal_record import AppealRecord, Tried
from bench.report.charts import style
from bench.report.charts.rows import Chart
from bench.report.charts.style import INK, LINE_PX, SERIES, SMALL, TEXT, WIDTH, Box, Entry, drawing
from bench.report.charts.svg import svg_text
from bench.report.words import Words
from bench.report.words.appeals import changes_text, figure_text, plain_metric
from bench.report.words.spelling import number_text

BAR_PX = 18.0
BELOW_PX = 44.0
VALUES_PX = 96.0
"""Room at the right for the numbers."""
LONGEST_PX = 380.0
"""Of the texts at the left; longer ones would leave no room for bars."""
BEYOND = 1.5
"""Bars are cut off where they reach so many times as far as the claim and what explains it."""


def appeal_chart(record: AppealRecord, shown: Sequence[Tried], words: Words) -> Chart:
    """A bar for each of some deviations of an appeal, in their order.

    Args:
        record: the appeal.
        shown: at least one of what was tried.
        words: of the page.
    """
    names = [changes_text(one, words) for one in shown]
    top = LINE_PX * 2.2
    bottom = top + BAR_PX * len(shown)
    with drawing():
        figure, canvas = style.new_figure(bottom + BELOW_PX)
        left = 20 + min(LONGEST_PX, max(style.text_width(name) for name in names))
        axes = style.add_axes(figure, Box(left, top, WIDTH - VALUES_PX, bottom))
        low, high = _range(record, shown)
        axes.set_xlim(low, high)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_yticks([])
        if record.metric == "parameters":
            axes.xaxis.set_major_formatter(lambda value, _: number_text(value))
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(plain_metric(record), fontsize=TEXT)
        axes.axvspan(record.low, record.high, color=SERIES[1], alpha=0.35, linewidth=0)
        axes.axvline((record.low + record.high) / 2, color=SERIES[1], linewidth=1.4)
        axes.axvline(record.value, color=INK, linewidth=1.0)
        for place, (one, name) in enumerate(zip(shown, names, strict=True)):
            _draw(axes, record, one, place)
            middle = top + BAR_PX * (place + 0.5)
            style.write(canvas, (left - 6, middle), _cut(name), "right", SMALL)
            value = figure_text(record, one.value)
            style.write(canvas, (WIDTH - VALUES_PX + 8, middle), value, "left", SMALL)
        style.legend(canvas, _entries(record, words), LINE_PX * 0.7)
        best = changes_text(record.explained_by[0], words) if record.explanations else ""
        alt = words(
            "chart_alt",
            n=len(shown),
            printed=record.printed,
            value=figure_text(record, record.value),
            best=words("chart_alt_best", changes=best) if best else words("chart_alt_none"),
        )
        svg = svg_text(figure, words("chart_title", id=record.id), alt)
    return Chart(svg, alt, words("chart_caption"))


def _draw(axes: Axes, record: AppealRecord, one: Tried, place: int) -> None:
    """A bar from the stated way's number, and a mark at its end where the claim comes out."""
    low, high = axes.get_xlim()
    end = min(max(one.value, low), high)
    colour = SERIES[2] if one.comes_out else SERIES[0]
    bar = Rectangle((record.value, place - 0.3), end - record.value, 0.6, facecolor=colour)
    bar.set(linewidth=0, gid=f"row-{place}")
    axes.add_patch(bar)
    if one.comes_out:
        axes.add_line(Line2D([end], [place], **_MARK))
    elif end != one.value:
        beyond = _BEYOND | {"marker": ">" if end == high else "<"}
        axes.add_line(Line2D([end], [place], **beyond))


_MARK: style.Options = {
    "linestyle": "none",
    "marker": "D",
    "markersize": style.MARK,
    "markerfacecolor": SERIES[2],
    "markeredgecolor": INK,
    "clip_on": False,
}
_BEYOND: style.Options = {
    "linestyle": "none",
    "markersize": style.MARK,
    "markerfacecolor": SERIES[0],
    "markeredgecolor": SERIES[0],
    "clip_on": False,
}


def _entries(record: AppealRecord, words: Words) -> list[Entry]:
    value = figure_text(record, record.value)
    found: list[Entry] = [
        ({"color": INK, "linewidth": 1.0}, words("legend_stated", value=value)),
        ({"color": SERIES[1], "linewidth": 1.4}, words("legend_claim", printed=record.printed)),
    ]
    if record.explanations:
        found.append((_MARK, words("legend_comes_out")))
    return found


def _range(record: AppealRecord, shown: Sequence[Tried]) -> tuple[float, float]:
    """Ends of the axis: the claim, the stated way's number, and of the rest what is not far off."""
    centre = (record.low + record.high) / 2
    needed = [record.value, centre, *(one.value for one in record.explained_by)]
    reach = max(abs(value - record.value) for value in needed) or abs(record.value) or 1.0
    ends = [record.value - BEYOND * reach, record.value + BEYOND * reach]
    inside = [one.value for one in shown if ends[0] <= one.value <= ends[1]]
    cut = len(inside) < len(shown)
    low, high = min([*needed, *inside]), max([*needed, *inside])
    if cut:
        low = ends[0] if any(one.value < ends[0] for one in shown) else low
        high = ends[1] if any(one.value > ends[1] for one in shown) else high
    margin = 0.04 * ((high - low) or 1.0)
    return low - margin, high + margin


def _cut(name: str) -> str:
    """A text that fits, cut at its end."""
    while style.text_width(name, SMALL) > LONGEST_PX:
        name = f"{name.rstrip('…')[:-1]}…"
    return name
