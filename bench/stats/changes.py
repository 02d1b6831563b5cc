"""Is B better than A, by how much, and how sure: pure functions of two rows' numbers.

With two trainings or more on each side the noise is that between trainings, by Welch. Where both
sides are of the same trainings (two samplers, averaged and raw weights), each is compared with
itself. Where one side has a single training, the spread of the other stands for both. With one on
each side nothing is known of it, and the error of drawing one set of images stands in, which is
smaller.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist, fmean
from typing import Literal

from bench.stats.comparisons import holm
from bench.stats.effects import Effect, Sample, between, moments, pooled_spread, shift
from bench.stats.intervals import ALPHA, logarithms

Scale = Literal["ratio", "difference"]
Noise = Literal["trainings", "same trainings", "one side", "sampling", "unknown", "none"]
"""Noise that a difference is compared with: the spread between trainings of both sides, that of the
differences within trainings which both sides share, the spread of the only side that has several
trainings, the error of drawing images, unknown, or none for identical rows."""

ChangeVerdict = Literal[
    "better", "worse", "undecided", "identical", "lower", "higher", "missing", "failed"
]
"""Verdict on B against A: ``better`` and ``worse`` exceed the noise of trainings, ``lower`` and
``higher`` are not tested against it, ``missing`` and ``failed`` have no number."""

CONFIDENCE = 1 - ALPHA
NO_CHANGE: dict[Scale, float] = {"ratio": 1.0, "difference": 0.0}


@dataclass(frozen=True)
class Numbers:
    """One side of a comparison.

    Attributes:
        values: one per training seed, at least one.
        sampling: standard error of one value over repeated draws of its images, in units of the
            value, or None where nobody estimated it.
        trainings: that the values are of, in the same order; by default others than those of any
            other side.
    """

    values: tuple[float, ...]
    sampling: float | None = None
    trainings: tuple[Hashable, ...] = ()


@dataclass(frozen=True)
class Finding:
    """The effect between two rows' numbers, and its significance.

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
        """The effect if B is as good as A: 1 for a ratio, 0 for a difference."""
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
    def verdict(self) -> ChangeVerdict:
        """The verdict on B against A."""
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
    a: Numbers, b: Numbers, scale: Scale, *, higher_is_better: bool, identical: bool = False
) -> Finding:
    """Compares the numbers of two rows; the p-value is not corrected yet.

    Args:
        a: the old row.
        b: the new row.
        scale: whether the effect is a ratio (of positive numbers only) or a difference.
        higher_is_better: the metric's direction.
        identical: whether seeds, images and all metrics are equal to the last bit.
    """
    base = fmean(a.values)
    if identical:
        return Finding(scale, higher_is_better, Effect(NO_CHANGE[scale]), base, "none")
    logs = scale == "ratio"
    first, second = (_sample(side, place, logs=logs) for place, side in enumerate((a, b)))
    left, right = (moments(list(side.values())) for side in (first, second))
    moved, shared = between(second, first), not first.keys().isdisjoint(second)
    noise: Noise = "same trainings" if shared else "trainings"
    if moved is None and not shared and max(left.n, right.n) > 1:
        moved, noise = shift(right, left, pooled_spread((left, right))), "one side"
    if moved is not None:
        effect = moved.effect(CONFIDENCE)
        shown = effect.exponential if logs else effect
        return Finding(scale, higher_is_better, shown, base, noise, p_value=moved.p_value)
    change = right.mean - left.mean
    effect = Effect(math.exp(change) if logs else change)
    error = _sampling_error(a, b) if logs else None
    if error is None:
        return Finding(scale, higher_is_better, effect, base, "unknown")
    p_value = 2 * NormalDist().cdf(-abs(change) / error)
    return Finding(scale, higher_is_better, effect, base, "sampling", error, p_value)


def corrected(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The findings with p-values corrected by Holm over all pairs that were tested.

    Identical pairs have nothing to test and never count as different, so they do not make the
    others' tests stricter.
    """
    adjusted = iter(holm([x.p_value for x in findings if x.p_value is not None]))
    return tuple(x if x.p_value is None else replace(x, p_holm=next(adjusted)) for x in findings)


def _sample(side: Numbers, place: int, *, logs: bool) -> Sample:
    """One side's values, or their logarithms, by training."""
    keys = side.trainings or tuple((place, index) for index in range(len(side.values)))
    values = logarithms(side.values).tolist() if logs else side.values
    return dict(zip(keys, values, strict=True))


def _sampling_error(a: Numbers, b: Numbers) -> float | None:
    """Standard error of the logarithm of a ratio by drawing images, or None if it is unknown."""
    parts = []
    for side in (a, b):
        mean = fmean(side.values)
        if not side.sampling or mean <= 0:
            return None
        parts.append(side.sampling / mean / len(side.values) ** 0.5)
    return math.hypot(*parts)
