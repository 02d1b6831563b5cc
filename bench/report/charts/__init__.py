"""Charts of a leaderboard as SVG: a function of its rows and a language, and of nothing else."""

from __future__ import annotations

from bench.report.board.table import Leaderboard
from bench.report.charts.losses import losses_chart, losses_svg
from bench.report.charts.rows import (
    BoardInWords,
    Chart,
    cost_chart,
    distance_chart,
    precision_chart,
)
from bench.report.charts.style import drawing
from bench.report.charts.svg import themed
from bench.report.words import Language
from catalog.schema import Registry

__all__ = ["KINDS", "BoardInWords", "Chart", "drawn", "losses_svg", "themed"]

_MAKERS = {
    "distance": distance_chart,
    "cost": cost_chart,
    "precision-recall": precision_chart,
    "losses": losses_chart,
}
KINDS = tuple(_MAKERS)
"""Of charts, in the order in which they are made."""


def drawn(board: Leaderboard, registry: Registry, language: Language) -> dict[str, Chart]:
    """Every chart that a leaderboard has something to show in, by its kind.

    Args:
        board: what is drawn.
        registry: families of the variants.
        language: of the words.

    Raises:
        InvalidInput: the curve of a run is broken.
    """
    source = BoardInWords(board, registry, language)
    with drawing():
        charts = {kind: make(source) for kind, make in _MAKERS.items()}
    return {kind: chart for kind, chart in charts.items() if chart is not None}
