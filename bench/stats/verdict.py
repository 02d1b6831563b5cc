"""Is B better than A, by how much, and how sure: pure functions of two rows' numbers.

With two trainings or more on each side the noise is that between trainings, by Welch. Where one
side has a single training, the spread of the other stands for both. With one on each side nothing
is known of it, and the error of drawing one set of images stands in, which is smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bench.records.record import MetricName
from bench.stats import ALPHA, deviation, holm
from bench.stats.comparisons import logarithms, pooled_variance
from bench.stats.effects import Effect, difference, ratio

Scale = Literal["ratio", "difference"]
Noise = Literal["trainings", "one side", "sampling", "unknown", "none"]
"""What a difference is measured against: the spread between the trainings of both sides, or of
the only side that has several; the error of drawing images; nothing known; nothing to measure."""

Verdict = Literal[
    "better", "worse", "undecided", "identical", "lower", "higher", "missing", "failed"
]
"""Of B against A: ``better`` and ``worse`` are beyond the noise between trainings, ``lower`` and
``higher`` are numbers that are not tested against it, and the last two have no number."""

POSITIVE: frozenset[MetricName] = frozenset(
    {"fid", "fid_equal_n", "fid_held_out", "fid_bias", "is"}
)
"""Metrics that cannot be 0 or below but by rounding; others may be, so they have no ratio."""

CONFIDENCE = 1 - ALPHA
NO_CHANGE: dict[Scale, float] = {"ratio": 1.0, "difference": 0.0}


@dataclass(frozen=True)
class Numbers:
    """One side of a comparison.

    Attributes:
        values: one per training seed, at least one.
        sampling: standard error of one value over repeated draws of its images, in units of the
            value, or None where nobody estimated it.
    """

    values: tuple[float, ...]
    sampling: float | None = None


@dataclass(frozen=True)
class Finding:
    """What the numbers of two rows say.

    Attributes:
        effect: B over A for a ratio, B minus A for a difference; its interval (95 %, of this pair
            alone) is over trainings and missing where both sides have one.
        base: mean of A, which a difference is measured by.
        noise: what the p-value is against; there is none where it is unknown or none.
        error: of the effect by drawing images alone, one standard error, as a share of A's
            value; only where that is the noise.
        p_value: two-sided, before correction.
        p_holm: after Holm's correction over all pairs of a command.
    """

    scale: Scale
    higher_is_better: bool
    effect: Effect
    base: float
    noise: Noise
    error: float | None = None
    p_value: float | None = None
    p_holm: float | None = None

    @property
    def no_change(self) -> float:
        """What the effect is if B is as good as A."""
        return NO_CHANGE[self.scale]

    @property
    def worse_by(self) -> float:
        """Percent of A by which B is worse; negative if it is better, infinite from a base of 0."""
        if self.scale == "ratio":
            change = self.effect.value - 1
        elif self.effect.value == 0:
            change = 0.0
        elif self.base == 0:
            change = math.copysign(math.inf, self.effect.value)
        else:
            change = self.effect.value / abs(self.base)
        return -100 * change if self.higher_is_better else 100 * change

    @property
    def beyond_noise(self) -> bool:
        """Whether no change at all is excluded at 95 %, after correction."""
        return self.p_holm is not None and self.p_holm < ALPHA

    @property
    def verdict(self) -> Verdict:
        """B against A."""
        if self.noise == "none":
            return "identical"
        rises = self.effect.value > self.no_change
        if self.noise == "unknown" and self.effect.value != self.no_change:
            return "higher" if rises else "lower"
        if not self.beyond_noise:
            return "undecided"
        if self.noise == "sampling":
            return "higher" if rises else "lower"
        return "better" if self.worse_by < 0 else "worse"

    def regresses(self, percent: float) -> bool:
        """Whether B is worse by more than so many percent of A, and beyond the noise."""
        return self.beyond_noise and self.worse_by > percent


def measure(
    a: Numbers, b: Numbers, metric: MetricName, *, higher_is_better: bool, identical: bool = False
) -> Finding:
    """Compares the numbers of two rows; the p-value is not corrected yet.

    Args:
        a: the old row.
        b: the new row.
        metric: decides between a ratio and a difference.
        higher_is_better: the metric's direction.
        identical: whether seeds, images and all metrics are equal to the last bit.
    """
    scale: Scale = "ratio" if metric in POSITIVE else "difference"
    base = fmean(a.values)
    if identical:
        return Finding(scale, higher_is_better, Effect(NO_CHANGE[scale]), base, "none")
    make = ratio if scale == "ratio" else difference
    effect = make(b.values, a.values, CONFIDENCE)
    found = Finding(scale, higher_is_better, effect, base, "unknown")
    sizes = sorted((len(a.values), len(b.values)))
    if sizes[0] > 1:
        return replace(found, noise="trainings", p_value=_welch(a.values, b.values, scale))
    if sizes[1] > 1:
        effect, p_value = _pooled(a.values, b.values, effect, scale)
        return replace(found, noise="one side", effect=effect, p_value=p_value)
    error = _sampling_error(a, b)
    if error is None or scale != "ratio":
        return found
    z = abs(math.log(effect.value)) / error
    return replace(found, noise="sampling", error=error, p_value=2 * NormalDist().cdf(-z))


def corrected(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings with p-values corrected by Holm over all pairs that were tested.

    Identical pairs have nothing to test and never count as different, so they do not make the
    others' tests stricter.
    """
    adjusted = iter(holm([x.p_value for x in findings if x.p_value is not None]))
    return tuple(x if x.p_value is None else replace(x, p_holm=next(adjusted)) for x in findings)


def _welch(a: Sequence[float], b: Sequence[float], scale: Scale) -> float:
    """Two-sided p-value of Welch's test, on logarithms for a ratio, as the intervals are."""
    left, right = _tested(a, scale), _tested(b, scale)
    if deviation(left.tolist()) == deviation(right.tolist()) == 0:
        return 1.0 if left[0] == right[0] else 0.0
    return float(stats.ttest_ind(left, right, equal_var=False).pvalue)


def _pooled(
    a: Sequence[float], b: Sequence[float], effect: Effect, scale: Scale
) -> tuple[Effect, float]:
    """Interval and two-sided p-value from one spread for both sides (Student's t)."""
    left, right = _tested(a, scale), _tested(b, scale)
    variance, freedom = pooled_variance([left, right])
    error = math.sqrt(variance * (1 / len(left) + 1 / len(right)))
    shift = float(right.mean() - left.mean())
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    back = math.exp if scale == "ratio" else float
    whole = Effect(effect.value, back(shift - half), back(shift + half))
    if error == 0:
        return whole, 1.0 if shift == 0 else 0.0
    return whole, 2 * float(stats.t.sf(abs(shift) / error, freedom))


def _tested(values: Sequence[float], scale: Scale) -> NDArray[np.float64]:
    return logarithms(values) if scale == "ratio" else np.asarray(values, dtype=np.float64)


def _sampling_error(a: Numbers, b: Numbers) -> float | None:
    """Standard error of the logarithm of a ratio by drawing images, or None if it is unknown."""
    parts = []
    for side in (a, b):
        mean = fmean(side.values)
        if not side.sampling or mean <= 0:
            return None
        parts.append(side.sampling / mean / len(side.values) ** 0.5)
    return math.hypot(*parts)
