"""Charts of a leaderboard as SVG: a function of its rows and a language, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable

from bench.report.board.table import Leaderboard
from bench.report.charts.cost import cost_chart
from bench.report.charts.distance import distance_chart
from bench.report.charts.losses import losses_chart, losses_svg
from bench.report.charts.precision import precision_chart
from bench.report.charts.rows import Chart, Frame
from bench.report.charts.svg import themed
from bench.report.words.report import Language
from catalog.schema import Registry

__all__ = ["KINDS", "SUFFIX", "Chart", "charts_of", "drawn", "losses_svg", "themed"]

SUFFIX: dict[Language, str] = {"en": ".svg", "zh": ".zh-CN.svg"}
"""How the file names of charts end, by the language of their words."""

_MAKERS: dict[str, Callable[[Frame, str], Chart | None]] = {
    "distance": distance_chart,
    "cost": cost_chart,
    "precision-recall": precision_chart,
    "losses": losses_chart,
}
KINDS = tuple(_MAKERS)
"""Of charts, in the order in which they are made."""


def drawn(board: Leaderboard, registry: Registry, language: Language) -> dict[str, Chart]:
    """Every chart that a leaderboard has something to show in, by its kind.

    Kinds are ``distance``, ``cost``, ``precision-recall`` and ``losses``, in this order.

    Args:
        board: what is drawn.
        registry: families of the variants.
        language: of the words.

    Raises:
        InvalidInput: the curve of a run is broken.
    """
    frame = Frame.of(board, registry, language)
    charts = {kind: make(frame, kind + SUFFIX[language]) for kind, make in _MAKERS.items()}
    return {kind: chart for kind, chart in charts.items() if chart is not None}


def charts_of(board: Leaderboard, registry: Registry, language: Language) -> dict[str, str]:
    """SVG of every chart by its file name; arguments and errors are those of ``drawn``."""
    return {chart.name: chart.svg for chart in drawn(board, registry, language).values()}
