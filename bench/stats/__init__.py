"""Every statistical rule of a report, as pure functions that know neither records nor pages."""

from bench.stats.comparisons import (
    Comparison,
    Contrast,
    ContrastVerdict,
    Method,
    RankRange,
    compare,
    contrasts,
    holm,
    rank_ranges,
    spread_method,
)
from bench.stats.intervals import ALPHA, FLOOR, Estimate, deviation, t_interval
from bench.stats.power import smallest_ratio, typical_spread
from bench.stats.sampling import feature_bias, frechet_bias, frechet_error, jackknife_error

__all__ = [
    "ALPHA",
    "FLOOR",
    "Comparison",
    "Contrast",
    "ContrastVerdict",
    "Estimate",
    "Method",
    "RankRange",
    "compare",
    "contrasts",
    "deviation",
    "feature_bias",
    "frechet_bias",
    "frechet_error",
    "holm",
    "jackknife_error",
    "rank_ranges",
    "smallest_ratio",
    "spread_method",
    "t_interval",
    "typical_spread",
]
