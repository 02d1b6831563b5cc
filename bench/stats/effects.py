"""Two sides and the difference between them, with its interval and the verdict that this allows.

An interval is as wide as its level asks; a page of m comparisons uses 1 - 0.05 / m for each
(Bonferroni), so that all of its verdicts hold together with a confidence of 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal, NamedTuple

from scipy import stats

from bench.stats.intervals import ALPHA, Values, deviation, logarithms

Sample = Mapping[Hashable, float]
"""Values of one row, by the training that each is of."""

Spread = tuple[float, float]
"""A variance, and the degrees of freedom of its estimate."""

ClaimVerdict = Literal["supported", "refuted", "mixed", "undecided", "described", "untested"]
"""Verdict on a claim about an effect: its interval lies on the claimed side of a boundary, on the
other or on both, there is a number but no test, or nothing; ``mixed`` is of several effects."""


@dataclass(frozen=True)
class Effect:
    """A number and the interval that holds it; both ends are None where there is no interval."""

    value: float
    low: float | None = None
    high: float | None = None

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Lower and upper end of the interval."""
        return self.low, self.high

    @property
    def exponential(self) -> Effect:
        """The ratio, if this effect is a difference of logarithms."""
        ends = (None if end is None else math.exp(end) for end in self.ends)
        return Effect(math.exp(self.value), *ends)


@dataclass(frozen=True)
class Shift:
    """A difference of two means, its standard error and the error's degrees of freedom."""

    value: float
    error: float
    freedom: float

    def effect(self, level: float) -> Effect:
        """The difference with Student's interval of some coverage between 0 and 1."""
        half = float(stats.t.ppf((1 + level) / 2, self.freedom)) * self.error
        return Effect(self.value, self.value - half, self.value + half)

    @property
    def p_value(self) -> float:
        """Two-sided p-value of no difference."""
        if self.value == 0:
            return 1.0
        if self.error == 0:
            return 0.0
        return 2 * float(stats.t.sf(abs(self.value) / self.error, self.freedom))


class Moments(NamedTuple):
    """Mean, variance (ddof=1; 0 for a single value) and number of a row's values."""

    mean: float
    variance: float
    n: int


def moments(values: Values) -> Moments:
    """Moments of one row; the mean of equal numbers is exact to the last digit."""
    spread = deviation(values) or 0.0
    return Moments(fmean(values) if spread else float(values[0]), spread**2, len(values))


def pooled_spread(rows: Sequence[Moments]) -> Spread:
    """Within-row variance over all rows; rows with one value add nothing to it."""
    freedom = sum(row.n - 1 for row in rows)
    return math.fsum(row.variance * (row.n - 1) for row in rows) / freedom, freedom


def shift(first: Moments, second: Moments, spread: Spread | None = None) -> Shift:
    """Mean of ``first`` minus that of ``second``.

    Args:
        first: one row; at least two values of each where no spread is given.
        second: the other.
        spread: common to both rows; by default the error is Welch's (Welch 1947).
    """
    value = first.mean - second.mean
    if spread is not None:
        common, freedom = spread
        return Shift(value, (common * (1 / first.n + 1 / second.n)) ** 0.5, freedom)
    a, b = (row.variance / row.n for row in (first, second))
    if a + b == 0:
        return Shift(value, 0.0, 1.0)
    freedom = (a + b) ** 2 / (a**2 / (first.n - 1) + b**2 / (second.n - 1))
    return Shift(value, (a + b) ** 0.5, freedom)


def between(first: Sample, second: Sample, *, cautious: bool = False) -> Shift | None:
    """Mean of ``first`` minus that of ``second``, by the test that their trainings allow.

    Rows that share trainings (two samplers of one model, averaged and raw weights) are no
    independent samples: their differences within the shared trainings are tested, and what only
    one of them has is left out. Rows that share none are tested by Welch.

    Args:
        first: one row.
        second: the other.
        cautious: whether to take the freedom of the smaller row for Welch's, which is never too
            much (Mickey and Brown 1966, Annals of Mathematical Statistics 37, 639-642). Welch's is
            where few seeds, close to each other by chance, meet a far tighter row.

    Returns:
        None where either test would stand on a single value.
    """
    shared = [training for training in first if training in second]
    if shared:
        apart = moments([first[training] - second[training] for training in shared])
        if apart.n < 2:
            return None
        return Shift(apart.mean, (apart.variance / apart.n) ** 0.5, apart.n - 1)
    if min(len(first), len(second)) < 2:
        return None
    moved = shift(moments(list(first.values())), moments(list(second.values())))
    return replace(moved, freedom=min(len(first), len(second)) - 1.0) if cautious else moved


def difference(rows: Values, against: Values, level: float) -> Effect:
    """Mean of ``rows`` minus that of ``against``, by Welch's interval.

    Args:
        rows: one value per training seed; without two on each side there is no interval.
        against: the same of the other row.
        level: coverage, between 0 and 1.
    """
    sides = moments(rows), moments(against)
    if min(side.n for side in sides) < 2:
        return Effect(sides[0].mean - sides[1].mean)
    return shift(*sides).effect(level)


def ratio(rows: Sequence[float], against: Sequence[float], level: float) -> Effect:
    """Geometric mean of ``rows`` over that of ``against``, as ``difference`` of logarithms."""
    return difference(logarithms(rows), logarithms(against), level).exponential


def level_of(n_comparisons: int) -> float:
    """Coverage of each interval on a page with so many comparisons."""
    return 1.0 - ALPHA / max(1, n_comparisons)


def verdict(
    effect: Effect | None, supports: Literal["below", "above"], boundary: float
) -> ClaimVerdict:
    """The verdict on a claim that the effect lies on one side of a boundary."""
    if effect is None or effect.low is None or effect.high is None:
        return "untested"
    below, above = effect.high < boundary, effect.low > boundary
    if not below and not above:
        return "undecided"
    return "supported" if below == (supports == "below") else "refuted"


def overall(
    verdicts: Sequence[ClaimVerdict], exploratory: Sequence[ClaimVerdict] = ()
) -> ClaimVerdict:
    """The verdict on a claim from those on its effects.

    It is ``mixed`` where some effects are shown to be as claimed and others to be otherwise.

    Args:
        verdicts: on effects that were planned before anybody saw them.
        exploratory: on others, which decide nothing alone; against the rest they count.
    """
    decided = _DECIDED.intersection(verdicts)
    if decided:
        (first, *rest) = decided | _DECIDED.intersection(exploratory)
        return "mixed" if rest else first
    told = {*verdicts, *exploratory}
    if told & {"undecided", *_DECIDED}:
        return "undecided"
    return "described" if "described" in told else "untested"


_DECIDED: frozenset[ClaimVerdict] = frozenset({"supported", "refuted"})
