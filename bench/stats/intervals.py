"""One row's values over training seeds: mean, interval, spread and logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ALPHA = 0.05
"""Error rate of every family of tests, and the level of the test of equal spreads."""

FLOOR = 1e-6
"""Least distance before a logarithm is taken: rounding can make distances negative."""

Values = Sequence[float] | NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A mean over training seeds; ``low`` and ``high`` are None where one seed gives no spread."""

    mean: float
    low: float | None
    high: float | None
    n: int

    @property
    def half_width(self) -> float | None:
        """Half the width of the interval, or None where there is none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def t_interval(values: Sequence[float], level: float = 0.95) -> Estimate:
    """Mean and Student-t interval over training seeds (standard deviation with ddof=1).

    Args:
        values: at least one; a single value has no interval.
        level: coverage, between 0 and 1.

    Raises:
        ValueError: there are no values, or the level is out of range.
    """
    if not values:
        raise ValueError("an interval needs at least one value")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(mean, None, None, 1)
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * (variance(np.asarray(values)) / n) ** 0.5
    return Estimate(mean, mean - half, mean + half, n)


def deviation(values: Values) -> float | None:
    """Standard deviation (ddof=1), or None for a single value."""
    return variance(np.asarray(values, dtype=np.float64)) ** 0.5 if len(values) > 1 else None


def variance(values: NDArray[np.float64]) -> float:
    """Variance with ddof=1, exactly 0 for equal numbers."""
    # The mean of equal numbers may be off in the last digit, which would make a spread of nothing.
    return 0.0 if values.min() == values.max() else float(values.var(ddof=1))


def logarithms(values: Values) -> NDArray[np.float64]:
    """Natural logarithms of distances, each lifted to ``FLOOR`` or more."""
    return np.log(np.maximum(np.asarray(values, dtype=np.float64), FLOOR))
