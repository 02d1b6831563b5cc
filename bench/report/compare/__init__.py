"""Is B better than A, by how much, and how sure: two rows, two runs or two folders of results."""

from bench.report.compare.page import ComparisonPage
from bench.report.compare.pairs import Pairing, pair_up
from bench.report.compare.sides import Choice, side_of

__all__ = ["Choice", "ComparisonPage", "Pairing", "pair_up", "side_of"]
