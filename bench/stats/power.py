"""What a comparison can find: the smallest difference that it has a fair chance to show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from bench.stats.comparisons import log_moments, spread_method
from bench.stats.effects import pooled_spread
from bench.stats.intervals import ALPHA

POWER_POINTS = 2000
"""Quantiles of an estimated spread over which a power is averaged."""


def smallest_ratio(
    spread: float, n: int, freedom: float, alpha: float = ALPHA, power: float = 0.8
) -> float:
    """The smallest ratio of two geometric means that a two-sided t-test finds with some power.

    Args:
        spread: standard deviation of the log distance over training seeds.
        n: training seeds of each row.
        freedom: degrees of freedom of ``spread``.
        alpha: level of the test; divide it by the number of pairs for Holm's first step.
        power: probability of finding it, between ``alpha`` and 1.

    Returns:
        A ratio of 1 or more: rows nearer to each other than that may well go unnoticed.
    """
    critical = float(stats.t.ppf(1 - alpha / 2, freedom))
    middles = (np.arange(POWER_POINTS) + 0.5) / POWER_POINTS
    spreads = np.sqrt(stats.chi2.ppf(middles, freedom) / freedom)  # how an estimated one varies

    def missing(shift: float) -> float:
        return float(stats.norm.cdf(shift - critical * spreads).mean()) - power

    shift = float(brentq(missing, 0, 2 * critical + 20, xtol=1e-6))
    return math.exp(shift * spread * (2 / n) ** 0.5)


def typical_spread(rows: Sequence[Sequence[float]]) -> tuple[float, float] | None:
    """Standard deviation of a row's log distance, and its degrees of freedom in a comparison.

    Pooled over the rows where ``compare`` pools, otherwise that of the middle row, with the
    freedom of two such rows. None where nothing can be compared.
    """
    method = spread_method(rows)
    logs = [log_moments(row) for row in rows if len(row) > 1]
    if method == "none":
        return None
    if method == "pooled":
        common, freedom = pooled_spread(logs)
        return common**0.5, freedom
    middle = float(np.median([row.variance for row in logs])) ** 0.5
    return middle, 2 * (min(row.n for row in logs) - 1)
