"""Shares of trainings, such as those that collapsed, with exact intervals.

Ten trainings are few: at the levels that a page with many comparisons needs, the usual intervals
from a normal approximation cover less than they say. These never do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.stats.effects import Effect

_NUISANCE = 201
"""Values of the second share over which the largest p-value is sought."""

_HALVINGS = 14
"""Of the range of differences, -1 to 1: ends are found to about 0.0001."""

Counts = tuple[int, int]
"""Hits and trials."""


def share(n_hits: int, n: int, level: float) -> Effect:
    """A share of ``n`` trials and its exact interval (Clopper and Pearson 1934)."""
    tail = (1 - level) / 2
    low = float(stats.beta.ppf(tail, n_hits, n - n_hits + 1)) if n_hits else 0.0
    high = float(stats.beta.isf(tail, n_hits + 1, n - n_hits)) if n_hits < n else 1.0
    return Effect(n_hits / n, low, high)


def share_difference(rows: Counts, against: Counts, level: float) -> Effect:
    """The difference of two shares with its exact interval.

    A difference belongs to the interval unless an unconditional test rejects it: one that takes
    the largest p-value over everything that the second share may be (Chan and Zhang 1999). Outcomes
    are ordered by their distance from the difference in standard errors, with one hit and one miss
    added to each side (Agresti and Caffo 2000); the order decides the width and never the level.

    Args:
        rows: hits and trials.
        against: the same of the other side.
        level: coverage, between 0 and 1.
    """
    tail = (1 - level) / 2
    low = _least(lambda d: _p_value(rows, against, d) > tail)
    high = -_least(lambda d: _p_value(against, rows, d) > tail)
    return Effect(rows[0] / rows[1] - against[0] / against[1], low, high)


def _least(held: Callable[[float], bool]) -> float:
    """The smallest difference that is not rejected, from below."""
    low, high = -1.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if held(middle) else (middle, high)
    return low


def _p_value(rows: Counts, against: Counts, difference: float) -> float:
    """Largest probability of outcomes at least as far above the difference as this one."""
    seen = _above(np.array(rows[0]), rows[1], np.array(against[0]), against[1], difference)
    first, second = np.arange(rows[1] + 1)[:, None], np.arange(against[1] + 1)[None, :]
    extreme = _above(first, rows[1], second, against[1], difference) >= seen - 1e-9
    shares = np.linspace(max(0.0, -difference), min(1.0, 1.0 - difference), _NUISANCE)
    of_first = stats.binom.pmf(first.T, rows[1], np.clip(shares + difference, 0, 1)[:, None])
    of_second = stats.binom.pmf(second, against[1], shares[:, None])
    return float(np.einsum("sa,ab,sb->s", of_first, extreme, of_second).max())


def _above(
    first: NDArray[np.int_], n_first: int, second: NDArray[np.int_], n_second: int, by: float
) -> NDArray[np.float64]:
    """By how many standard errors the first share is above the second plus ``by``."""
    one, n_one = (first + 1) / (n_first + 2), n_first + 2
    two, n_two = (second + 1) / (n_second + 2), n_second + 2
    error = np.sqrt(one * (1 - one) / n_one + two * (1 - two) / n_two)
    above: NDArray[np.float64] = (one - two - by) / error
    return above
