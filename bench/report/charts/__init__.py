"""Charts of a leaderboard as SVG: a function of its rows and a language, and of nothing else."""

from __future__ import annotations

from bench.report.charts.cost import cost_chart
from bench.report.charts.precision import precision_chart
from bench.report.charts.distance import distance_chart
from bench.report.charts.rows import Chart, Frame
from bench.report.charts.svg import themed
from bench.report.frames import Leaderboard
from bench.report.texts import Language
from catalog.schema import Registry

__all__ = ["Chart", "charts_of", "drawn", "themed"]

SUFFIX: dict[Language, str] = {"en": ".svg", "zh": ".zh-CN.svg"}


def drawn(board: Leaderboard, registry: Registry, language: Language) -> tuple[Chart, ...]:
    frame = Frame.of(board, registry, language)
    charts = [make(frame, stem + SUFFIX[language]) for stem, make in MAKERS]
    return tuple(chart for chart in charts if chart is not None)
MAKERS = (("distance", distance_chart),("cost",cost_chart),("precision-recall",precision_chart))
def charts_of(board: Leaderboard, registry: Registry, language: Language) -> dict[str, str]:
    return {chart.name: chart.svg for chart in drawn(board, registry, language)}
