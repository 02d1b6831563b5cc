"""From one way to measure to those that differ from it in one thing, then in two.

A claim comes out where the numbers that are printed like it meet what was measured, give or take
the tolerance of arithmetic and what draws at random. What brings it out while the stated way does
not explains it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Generic, TypeVar

from bench.appeal.arithmetic import Reading
from bench.records.appeal_record import AXES, Axis, Change, Tried
from catalog.errors import InvalidInput, MissingPrerequisite

PAIRS = 16
"""Pairs that are measured: those that would come nearest if their effects added up."""

W = TypeVar("W")


@dataclass(frozen=True)
class Deviation:
    """One thing done otherwise.

    Attributes:
        axis: what is done otherwise.
        stated: how it is done in the stated way, for people.
        tried: how it is done instead.
        changes: fields of the way.
        contradicts: whether the claim's authors say how they did it.
    """

    axis: Axis
    stated: str
    tried: str
    changes: Mapping[str, Any]
    contradicts: bool = False


@dataclass(frozen=True)
class Ground:
    """What a search stands on.

    Attributes:
        interval: of the numbers that are printed like the claim.
        tolerance: relative, of arithmetic.
    """

    interval: tuple[float, float]
    tolerance: float

    @property
    def centre(self) -> float:
        """The claim's number."""
        return (self.interval[0] + self.interval[1]) / 2

    def slack(self, found: Reading) -> float:
        """How far a measured number may lie from one that is printed like the claim."""
        return abs(found.value) * self.tolerance + found.half_width

    def holds(self, found: Reading) -> bool:
        """Whether the claim comes out."""
        low, high = self.interval
        return low - self.slack(found) <= found.value <= high + self.slack(found)


@dataclass(frozen=True)
class Search(Generic[W]):
    """A search for what brings a claim out.

    Attributes:
        ground: when it does.
        way: the stated one.
        measure: the number of a way.
        count: passes through a judge so far.
        is_free: whether a way needs no further pass.
    """

    ground: Ground
    way: W
    measure: Callable[[W], Reading]
    count: Callable[[], int]
    is_free: Callable[[W], bool]

    def singles(self, options: Sequence[Deviation]) -> tuple[list[Tried], list[str]]:
        """Every deviation on its own, in the given order.

        Returns:
            What was measured; and in words what could not be.
        """
        found: list[Tried] = []
        left_out: list[str] = []
        for option in options:
            try:
                found.append(self._tried(option))
            except (InvalidInput, MissingPrerequisite) as error:
                left_out.append(f"{option.axis} {option.tried}: {error.what}")
        return found, left_out

    def pairs(
        self, options: Sequence[Deviation], singles: Sequence[Tried], stated: Reading
    ) -> list[Tried]:
        """The most promising pairs of different things that need no further pass."""
        alone = {(one.changes[0].axis, one.changes[0].tried): one.value for one in singles}

        def effect(one: Deviation) -> float:
            return alone[one.axis, one.tried] - stated.value

        def miss(pair: tuple[Deviation, Deviation]) -> float:
            return abs(stated.value + sum(map(effect, pair)) - self.ground.centre)

        known = [one for one in options if (one.axis, one.tried) in alone and effect(one)]
        apart = [
            pair
            for pair in combinations(known, 2)
            if pair[0].axis != pair[1].axis and not set(pair[0].changes) & set(pair[1].changes)
        ]
        free = [pair for pair in sorted(apart, key=miss) if self.is_free(self._changed(*pair))]
        found = []
        for pair in free[:PAIRS]:
            try:
                found.append(self._tried(*pair))
            except InvalidInput:
                continue  # such as fewer images than a metric needs; each alone was measured
        return found

    def _changed(self, *deviations: Deviation) -> W:
        changes = {key: value for one in deviations for key, value in one.changes.items()}
        return replace(self.way, **changes)  # type: ignore[type-var]

    def _tried(self, *deviations: Deviation) -> Tried:
        before = self.count()
        found = self.measure(self._changed(*deviations))
        return Tried(
            changes=tuple(
                Change(axis=one.axis, stated=one.stated, tried=one.tried) for one in deviations
            ),
            value=found.value,
            half_width=found.half_width,
            comes_out=self.ground.holds(found),
            contradicts=any(one.contradicts for one in deviations),
            passes=self.count() - before,
        )


def by_plausibility(tried: Sequence[Tried], centre: float) -> list[Tried]:
    """Those that bring a claim out, most plausible first.

    Fewer changes come before more, what the authors left open before what they state, then what
    is done otherwise more often (the order of ``AXES``), then what comes nearer.
    """
    return sorted(
        (one for one in tried if one.comes_out),
        key=lambda one: (
            len(one.changes),
            one.contradicts,
            sum(AXES.index(change.axis) for change in one.changes),
            abs(one.value - centre),
        ),
    )


def by_chance(
    tried: Sequence[Tried], stated: Reading, ground: Ground, explanations: Sequence[Tried]
) -> float:
    """Chance of a made-up number to be explained: of one no farther off than the claim.

    The share of the numbers that lie as near to the stated way's as the claim does, or nearer, and
    that would come out in one of the ways that were tried. Where the claim is explained, those
    count that would explain as sharply, or more so.

    Args:
        tried: everything that was measured beside the stated way.
        stated: the number of the stated way.
        ground: when a claim comes out.
        explanations: what brings the claim out, best first.
    """
    far = abs(ground.centre - stated.value)
    if far == 0:
        return 0.0
    half = (ground.interval[1] - ground.interval[0]) / 2
    lowest, highest = stated.value - far, stated.value + far
    most = explanations[0].half_width if explanations else math.inf
    windows = []
    for one in tried:
        reach = half + ground.slack(Reading(one.value, one.half_width))
        if one.half_width <= most:
            windows.append((one.value - reach, one.value + reach))
    covered, reached = 0.0, lowest
    for low, high in sorted(windows):
        covered += max(0.0, min(high, highest) - max(low, reached))
        reached = max(reached, min(high, highest))
    return covered / (highest - lowest)
