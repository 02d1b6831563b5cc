"""Rows beside each other: ranks of each row, every pair at once, families, and what can be found.

A row is its distances (lower is better) by training. Tests work on their logarithm, since the
spread of a distance grows with its level. Every test of two rows is Welch's, whose error holds
whatever the two spreads are; a variance pooled over rows, or a test for equal spreads before it,
does not. Rows of the same trainings are compared training by training. The rates by which this was
chosen are in docs/statistics.md, and tests hold them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from bench.stats.effects import Sample, between, moments
from bench.stats.intervals import ALPHA, FLOOR

MIN_GAP = 0.02
"""Smallest relative difference that counts, however sure it is."""

BY_PAIRS, BY_OWN_INTERVAL, BY_OTHERS = 0.01, 0.03, 0.01
"""How the error rate of one row's rank range is divided: between tests of pairs, the row's own
interval, and tests of other rows against its ends. Together they are ``ALPHA``."""

POWER_POINTS = 2000
"""Quantiles of an estimated spread over which a power is averaged."""

Floats = NDArray[np.float64]
Method = Literal["welch", "none"]
ContrastVerdict = Literal["better", "worse", "undecided", "lower", "higher"]
"""A row against its reference: shown to be better, shown to be worse, neither; ``lower`` and
``higher`` where there are too few values for a test."""


class LogRows(NamedTuple):
    """Log distances of k rows: means, variances (ddof=1) and numbers, each (..., k)."""

    mean: Floats
    variance: Floats
    n: Floats


class PairTests(NamedTuple):
    """Tests of all pairs of k rows, each (..., k, k); the diagonal says nothing.

    Attributes:
        shift: mean log distance of the row minus that of the column.
        p_value: two-sided, before correction.
    """

    shift: Floats
    p_value: Floats

    @property
    def wide(self) -> NDArray[np.bool_]:
        """Whether the gap is one that counts."""
        return np.expm1(np.abs(self.shift)) >= MIN_GAP


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
    """One row beside its reference.

    Attributes:
        ratio: its geometric mean over the reference's; below 1 is better.
        low: lower end of the 95 % interval of the ratio, not corrected for the family's size.
        high: upper end of it; both are None where there are too few values.
        p_value: two-sided, before correction; None where there are too few values.
        p_holm: after Holm's correction over its family.
    """

    ratio: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_holm: float | None = None

    @property
    def verdict(self) -> ContrastVerdict:
        """Better or worse if significant after Holm and by 2 % or more."""
        below = self.ratio < 1
        if self.p_holm is None:
            return "lower" if below else "higher"
        shown = self.p_holm < ALPHA and max(self.ratio, 1 / self.ratio) - 1 >= MIN_GAP
        return ("better" if below else "worse") if shown else "undecided"


@dataclass(frozen=True)
class RankRange:
    """The ranks that a row may have, given what beats it and what it beats; 1 is best."""

    low: int
    high: int


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values adjusted for their number by Holm's step-down rule (Holm 1979), in input order."""
    return tuple(holm_adjusted(np.asarray(p_values, dtype=np.float64)).tolist())


def holm_adjusted(p_values: Floats) -> Floats:
    """The same along the last axis of an array (..., m)."""
    order = np.argsort(p_values, axis=-1, kind="stable")
    remaining = np.arange(p_values.shape[-1], 0, -1)
    raised = np.take_along_axis(p_values, order, -1) * remaining
    raised = np.minimum(np.maximum.accumulate(raised, axis=-1), 1.0)
    adjusted = np.empty_like(raised)
    np.put_along_axis(adjusted, order, raised, -1)
    return adjusted


def log_sample(row: Sample) -> Sample:
    """The row with natural logarithms of its distances, each lifted to ``FLOOR`` or more."""
    return {training: math.log(max(value, FLOOR)) for training, value in row.items()}


def method_of(rows: Sequence[Sample]) -> Method:
    """How rows are compared; ``none`` means that fewer than two have several seeds."""
    return "welch" if sum(len(row) > 1 for row in rows) > 1 else "none"


def compare(rows: Sequence[Sample]) -> tuple[RowPair, ...]:
    """Tests every pair of rows with at least two seeds each, as one Holm family."""
    tested, _, tests = _tested(rows)
    found: list[tuple[int, int, float, float]] = []
    for a, b in combinations(range(len(tested)), 2):
        moved, p_value = float(tests.shift[b, a]), float(tests.p_value[b, a])
        better, worse = (a, b) if moved >= 0 else (b, a)
        found.append((tested[better], tested[worse], math.expm1(abs(moved)), p_value))
    adjusted = holm([p_value for *_, p_value in found])
    return tuple(RowPair(*pair, p_holm=p) for pair, p in zip(found, adjusted, strict=True))


def ranges_together(n_rows: int, comparisons: Sequence[RowPair]) -> tuple[RankRange, ...]:
    """Ranks that hold for all of M rows at once, by every pair as one family.

    Best rank = 1 + rows that beat it, worst rank = M - rows that it beats. Without a decided
    comparison every range is 1 to M.
    """
    beaten_by, beats = [0] * n_rows, [0] * n_rows
    for comparison in comparisons:
        if comparison.decided:
            beats[comparison.better] += 1
            beaten_by[comparison.worse] += 1
    return tuple(
        RankRange(1 + losses, n_rows - wins) for losses, wins in zip(beaten_by, beats, strict=True)
    )


def rank_ranges(rows: Sequence[Sample]) -> tuple[RankRange, ...]:
    """Ranks of each row by the family of its own comparisons with all others.

    Each range holds for its row with 95 %, as an interval does, so that the rows whose range
    begins at 1 hold the best one with 95 % (Mogstad et al. 2024, Review of Economic Studies 91,
    476-518, on marginal confidence sets for ranks). A row with one seed has every rank.
    """
    tested, logs, tests = _tested(rows)
    decided = told_apart(logs, tests) & tests.wide
    better, worse = decided & (tests.shift > 0), decided & (tests.shift < 0)
    ranges = [RankRange(1, len(rows))] * len(rows)
    for place, index in enumerate(tested):
        low, high = 1 + int(better[place].sum()), len(rows) - int(worse[place].sum())
        ranges[index] = RankRange(low, high)
    return tuple(ranges)


def not_shown_worse(rows: Sequence[Sample], place: int) -> tuple[int, ...]:
    """The other rows that are not shown to be worse than one, by the families of their ranks."""
    tested, logs, tests = _tested(rows)
    worse: set[int] = set()
    if place in tested:
        column = tested.index(place)
        shown = told_apart(logs, tests) & tests.wide & (tests.shift > 0)
        worse = {tested[row] for row in np.flatnonzero(shown[:, column])}
    return tuple(index for index in range(len(rows)) if index != place and index not in worse)


def welch(logs: LogRows) -> PairTests:
    """Welch's test of every pair of rows (Welch 1947); rows without any spread differ for sure."""
    share = logs.variance / logs.n
    shift = logs.mean[..., :, None] - logs.mean[..., None, :]
    error = share[..., :, None] + share[..., None, :]
    parts = share**2 / (logs.n - 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        freedom = error**2 / (parts[..., :, None] + parts[..., None, :])
        p_value = 2 * stats.t.sf(np.abs(shift) / np.sqrt(error), freedom)
    return PairTests(shift, np.where(error > 0, p_value, shift == 0))


def told_apart(logs: LogRows, tests: PairTests) -> NDArray[np.bool_]:
    """Which columns each row differs from for sure, in the row's own family: (..., k, k).

    Two ways, which share the error rate. By pairs: the row's k - 1 tests, corrected by Holm. By
    its own interval: the column lies beyond one of its ends, by a one-sided t-test, corrected by
    Holm as well. A row whose seeds differ widely fails every test of pairs for the same reason,
    its own spread; its interval pays for that once, and not once for each other row.
    """
    others = ~np.eye(logs.mean.shape[-1], dtype=bool)
    error = np.sqrt(logs.variance / logs.n)
    half = stats.t.ppf(1 - BY_OWN_INTERVAL / 2, logs.n - 1) * error
    apart = (logs.mean[..., :, None] - logs.mean[..., None, :]) * np.sign(tests.shift)
    beyond = apart - half[..., :, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        p_value = stats.t.sf(beyond / error[..., None, :], (logs.n - 1)[..., None, :])
    p_value = np.where(error[..., None, :] > 0, p_value, beyond <= 0)
    by_pairs, by_interval = (
        _holm_by_row(p, others) < alpha
        for p, alpha in ((tests.p_value, BY_PAIRS), (p_value, BY_OTHERS))
    )
    return (by_pairs | by_interval) & others


def contrasts(
    pairs: Sequence[tuple[Sample, Sample]], *, of_draws: bool = False
) -> tuple[Contrast, ...]:
    """Each row against its reference, two-sided, as one Holm family.

    Rows of different variants count as independent, also where their seeds have the same number:
    they see their images in the same order, but nothing else of them is shared, and pairing them
    would halve the degrees of freedom for a correlation that nobody has shown.

    Args:
        pairs: (row, reference); a pair in which a side has a single value is not tested and takes
            no part in the family.
        of_draws: whether references are draws of a calibration set, which vary far less than
            trainings do. Each test then has the freedom of its smaller side: with Welch's a family
            of 84 rows with three seeds has a false verdict in one table of four.
    """
    untested = [_contrast(log_sample(row), log_sample(other), of_draws) for row, other in pairs]
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
        alpha: level of the test; divide it by the number of tests for Holm's first step.
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


def typical_spread(rows: Sequence[Sample]) -> tuple[float, float] | None:
    """Standard deviation of the middle row's log distance, and the freedom of two such rows.

    None where nothing can be compared.
    """
    if method_of(rows) == "none":
        return None
    logs = [moments(list(log_sample(row).values())) for row in rows if len(row) > 1]
    middle = float(np.median([row.variance for row in logs])) ** 0.5
    return middle, 2 * (min(row.n for row in logs) - 1)


def _tested(rows: Sequence[Sample]) -> tuple[list[int], LogRows, PairTests]:
    """Indices of the rows with several seeds, their log distances, and the tests of their pairs."""
    tested = [index for index, row in enumerate(rows) if len(row) > 1]
    samples = [log_sample(rows[index]) for index in tested]
    found = np.array([moments(list(one.values())) for one in samples], dtype=np.float64)
    logs = LogRows(*found.reshape(-1, 3).T)
    tests = welch(logs)
    for a, b in _sharing(samples):
        moved = between(samples[a], samples[b])
        value, p_value = (moved.value, moved.p_value) if moved else (tests.shift[a, b], 1.0)
        tests.shift[a, b], tests.shift[b, a] = value, -value
        tests.p_value[a, b] = tests.p_value[b, a] = p_value
    return tested, logs, tests


def _sharing(rows: Sequence[Sample]) -> list[tuple[int, int]]:
    """Pairs of rows that have a training in common."""
    of: dict[Hashable, list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        for training in row:
            of[training].append(index)
    return sorted({pair for members in of.values() for pair in combinations(members, 2)})


def _holm_by_row(p_values: Floats, others: NDArray[np.bool_]) -> Floats:
    """Holm's rule in each row of (..., k, k), without the diagonal, which stays 1."""
    k = others.shape[-1]
    adjusted = np.ones_like(p_values)
    if k > 1:
        family = p_values[..., others].reshape(*p_values.shape[:-1], k - 1)
        adjusted[..., others] = holm_adjusted(family).reshape(*p_values.shape[:-2], k * (k - 1))
    return adjusted


def _contrast(row: Sample, reference: Sample, cautious: bool) -> Contrast:
    moved = between(row, reference, cautious=cautious)
    if moved is None:
        means = (moments(list(side.values())).mean for side in (row, reference))
        return Contrast(math.exp(next(means) - next(means)))
    ratio = moved.effect(1 - ALPHA).exponential
    return Contrast(ratio.value, ratio.low, ratio.high, moved.p_value)
