"""Is B better than A, by how much, and how sure: two rows, two runs or two folders of results."""

from bench.report.compare.judge import Judged, judge
from bench.report.compare.page import comparison_table, items, notes, regressions
from bench.report.compare.pairs import pair_up
from bench.report.compare.sides import Choice, side_of

__all__ = [
    "Choice",
    "Judged",
    "comparison_table",
    "items",
    "judge",
    "notes",
    "pair_up",
    "regressions",
    "side_of",
]
