"""Rows beside each other: every pair for the ranks, one-sided families, and what can be found.

Values are distances (lower is better) of one row under several training seeds. Tests work on their
logarithm, since the spread of a distance grows with its level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from bench.stats.effects import Moments, Spread, pooled_spread, shift
from bench.stats.intervals import ALPHA, Values, logarithms, variance

MIN_GAP = 0.02
"""Smallest relative difference that counts, however sure it is."""

POWER_POINTS = 2000
"""Quantiles of an estimated spread over which a power is averaged."""

Method = Literal["pooled", "welch", "none"]
ContrastVerdict = Literal["better", "undecided", "behind", "lower", "higher"]
"""Result of a one-sided test of "better": shown, lower but not shown, not lower; ``lower`` and
``higher`` where there are too few values for a test."""


@dataclass(frozen=True)
class RowPair:
    """One tested pair of rows, by their indices.

    Attributes:
        better: the row with the smaller geometric mean.
        gap: how much larger the other's geometric mean is, relative to it; 0 or more.
        p_value: two-sided, before correction.
        p_holm: after Holm's correction over its family.
    """

    better: int
    worse: int
    gap: float
    p_value: float
    p_holm: float

    @property
    def decided(self) -> bool:
        """Whether ``better`` beats ``worse``: significant after Holm, and by 2 % or more."""
        return self.p_holm < ALPHA and self.gap >= MIN_GAP


@dataclass(frozen=True)
class Contrast:
    """One row beside its reference, tested for being better.

    Attributes:
        ratio: its geometric mean over the reference's; below 1 is better.
        low: lower end of the 95 % interval of the ratio, not corrected for the family's size.
        high: upper end of it; both are None where a side has a single value.
        p_value: one-sided, before correction; None where a side has a single value.
        p_holm: after Holm's correction over its family.
    """

    ratio: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None

    @property
    def verdict(self) -> ContrastVerdict:
        """The verdict: better if significant after Holm and by 2 % or more."""
        if self.p_holm is None:
            return "lower" if self.ratio < 1 else "higher"
        if self.ratio >= 1:
            return "behind"
        shown = self.p_holm < ALPHA and 1 / self.ratio - 1 >= MIN_GAP
        return "better" if shown else "undecided"


@dataclass(frozen=True)
class RankRange:
    """The ranks that a row may have, given what beats it and what it beats; 1 is best."""

    low: int
    high: int


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for their number by Holm's step-down rule (Holm 1979), in input order."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[index]))
        adjusted[index] = largest
    return tuple(adjusted)


def spread_method(rows: Sequence[Sequence[float]]) -> Method:
    """Method of comparing rows: with one pooled variance, by Welch, or not at all.

    Bartlett's test of equal variances on the log distances decides for the whole family: below
    0.05 every pair is tested by Welch. It errs towards Welch on values that are not normal, and
    Welch is valid either way. Rows with one seed do not take part; ``none`` means that fewer than
    two rows are left.
    """
    logs = [logarithms(row) for row in rows if len(row) > 1]
    if len(logs) < 2:
        return "none"
    variances = [variance(row) for row in logs]
    if min(variances) == 0:  # Bartlett's statistic takes their logarithm
        return "pooled" if max(variances) == 0 else "welch"
    return "welch" if float(stats.bartlett(*logs).pvalue) < ALPHA else "pooled"


def compare(rows: Sequence[Sequence[float]]) -> tuple[RowPair, ...]:
    """Tests every pair of rows with at least two seeds each, as one Holm family.

    The t statistic is the difference of mean log distances over its standard error, either from
    the within-row variance pooled over all rows (df = sum of n - 1) or by Welch-Satterthwaite;
    ``spread_method`` chooses. Rows of the same training (two samplers) are treated as independent.

    Args:
        rows: distances of each row, one per training seed, in any order.
    """
    logs = [log_moments(row) for row in rows]
    spread = _common_spread(rows)
    found: list[tuple[int, int, float, float]] = []
    tested = [index for index, row in enumerate(logs) if row.n > 1]
    for first, second in combinations(tested, 2):
        moved = shift(logs[second], logs[first], spread)
        better, worse = (first, second) if moved.value >= 0 else (second, first)
        found.append((better, worse, math.expm1(abs(moved.value)), moved.p_value))
    adjusted = holm([p_value for *_, p_value in found])
    return tuple(RowPair(*pair, p_holm=p) for pair, p in zip(found, adjusted, strict=True))


def rank_ranges(n_rows: int, comparisons: Sequence[RowPair]) -> tuple[RankRange, ...]:
    """Best rank = 1 + rows that beat it, worst rank = M - rows that it beats, for each of M rows.

    Without a decided comparison every range is 1 to M.
    """
    beaten_by, beats = [0] * n_rows, [0] * n_rows
    for comparison in comparisons:
        if comparison.decided:
            beats[comparison.better] += 1
            beaten_by[comparison.worse] += 1
    return tuple(
        RankRange(1 + losses, n_rows - wins) for losses, wins in zip(beaten_by, beats, strict=True)
    )


def contrasts(
    pairs: Sequence[tuple[Sequence[float], Sequence[float]]], pool: Sequence[Sequence[float]] = ()
) -> tuple[Contrast, ...]:
    """Tests of "this row is better than its reference", one-sided, as one Holm family.

    The two sides count as independent. Runs of one seed see their images in the same order, but
    nothing else of them is shared; pairing them would halve the degrees of freedom for a
    correlation that nobody has shown.

    Args:
        pairs: (row, reference), each the distances of one of them; a pair in which a side has
            a single value is not tested and takes no part in the family.
        pool: the rows whose common spread is used if ``spread_method`` finds one; by default
            each pair is tested by Welch.
    """
    spread = _common_spread(pool)
    untested = [_contrast(log_moments(row), log_moments(other), spread) for row, other in pairs]
    adjusted = iter(holm([c.p_value for c in untested if c.p_value is not None]))
    return tuple(c if c.p_value is None else replace(c, p_holm=next(adjusted)) for c in untested)


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


def log_moments(row: Values) -> Moments:
    """Moments of the logarithms of distances; numpy's mean may differ in the last digit.

    Committed tables were made with numpy's mean, so ``moments`` cannot replace it.
    """
    logs = logarithms(row)
    return Moments(float(logs.mean()), variance(logs), len(logs))


def _common_spread(rows: Sequence[Sequence[float]]) -> Spread | None:
    """Pooled spread of all rows if ``spread_method`` pools them; None: each pair has its own."""
    return pooled_spread(list(map(log_moments, rows))) if spread_method(rows) == "pooled" else None


def _contrast(row: Moments, reference: Moments, spread: Spread | None) -> Contrast:
    if min(row.n, reference.n) < 2:
        return Contrast(math.exp(row.mean - reference.mean))
    moved = shift(row, reference, spread)
    ratio = moved.effect(1 - ALPHA).exponential
    p_value = moved.p_value / 2 if moved.value <= 0 else 1 - moved.p_value / 2
    return Contrast(ratio.value, ratio.low, ratio.high, p_value)
