"""One row's values over training seeds: centre, interval, spread and logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

ALPHA = 0.05
"""Error rate of every family of tests."""

FLOOR = 1e-6
"""Least distance before a logarithm is taken: rounding can make distances negative."""

APART = 3.0
"""Largest over smallest distance from which on seeds no longer count as one kind of training.

With a standard deviation of 0.2 on the log scale fewer than one row of five seeds in a thousand,
and one of ten seeds in two hundred, spreads so far without a reason of its own.
"""

MOST = 700.0
"""Exponents beyond it are no float."""

Values = Sequence[float] | NDArray[np.float64]
Kind = Literal["interval", "extent"]


@dataclass(frozen=True)
class Domain:
    """The numbers that a metric can be, and the scale on which its spread is even.

    Attributes:
        log: whether centre and interval are taken of logarithms, which makes the centre the
            geometric mean and keeps the interval above zero.
        least: no true value lies below it.
        most: none lies above it.
    """

    log: bool = False
    least: float = -math.inf
    most: float = math.inf


PLAIN = Domain()


@dataclass(frozen=True)
class Estimate:
    """A centre over training seeds, and how far it may be off.

    Attributes:
        mean: the centre, which is the geometric mean where the domain is logarithmic.
        low: lower end; None where one seed gives no spread.
        high: upper end, likewise.
        n: values behind it.
        kind: whether the ends are of a confidence interval or the smallest and the largest value.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    kind: Kind = "interval"

    @property
    def half_width(self) -> float | None:
        """Half of the distance between the ends, or None where there are none."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def t_interval(
    values: Sequence[float], domain: Domain = PLAIN, *, level: float = 1 - ALPHA
) -> Estimate:
    """Centre and Student-t interval over training seeds (standard deviation with ddof=1).

    On a logarithmic domain it is that of the logarithms, made numbers again. What lies outside of
    the domain is cut off, which costs no coverage, since no true value is there.

    Args:
        values: at least one; a single value has no interval.
        domain: of the metric.
        level: coverage, between 0 and 1.

    Raises:
        ValueError: there are no values, or the level is out of range.
    """
    if not values:
        raise ValueError("an interval needs at least one value")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    n, mean = len(values), centre(values, domain)
    if n == 1:
        return Estimate(mean, None, None, 1)
    scaled = logarithms(values) if domain.log else np.asarray(values, dtype=np.float64)
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * (variance(scaled) / n) ** 0.5
    low, high = mean - half, mean + half
    if domain.log:
        factor = math.exp(min(half, MOST))
        low, high = mean / factor, mean * factor
    # A mean may lie outside by rounding, or by chance where an estimator is not biased.
    low, high = max(low, min(domain.least, mean)), min(high, max(domain.most, mean))
    return Estimate(mean, low, high, n)


def extent(values: Sequence[float], domain: Domain = PLAIN) -> Estimate:
    """Centre, smallest and largest value: all that can be said where seeds are of two kinds."""
    if len(values) == 1:
        return t_interval(values, domain)
    ends = min(values), max(values)
    return Estimate(centre(values, domain), *ends, len(values), kind="extent")


def centre(values: Values, domain: Domain = PLAIN) -> float:
    """Mean, geometric where the domain is logarithmic; equal numbers are their own mean."""
    if min(values) == max(values):
        return float(values[0])
    if not domain.log:
        return math.fsum(values) / len(values)
    return math.exp(math.fsum(logarithms(values)) / len(values))


def far_apart(distances: Sequence[float]) -> bool:
    """Whether the largest distance is more than ``APART`` times the smallest."""
    return max(distances) > APART * max(min(distances), FLOOR)


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
