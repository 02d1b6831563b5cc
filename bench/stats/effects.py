"""Effects with intervals, and the verdict that an interval allows: pure functions.

An interval is as wide as its level asks; a page of m comparisons uses 1 - 0.05 / m for each
(Bonferroni), so that all of its verdicts hold together with a confidence of 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean
from typing import Literal

from scipy import stats

from bench.stats import ALPHA, FLOOR, deviation

Verdict = Literal["supported", "refuted", "undecided", "untested"]


@dataclass(frozen=True)
class Effect:
    """A number and the interval that holds it; both ends are None where there is no interval."""

    value: float
    low: float | None = None
    high: float | None = None


def level_of(n_comparisons: int) -> float:
    """Coverage of each interval on a page with so many comparisons."""
    return 1.0 - ALPHA / max(1, n_comparisons)


def ratio(rows: Sequence[float], against: Sequence[float], level: float) -> Effect:
    """Geometric mean of ``rows`` over that of ``against``, by Welch's interval on logarithms.

    Args:
        rows: positive values, one per training seed.
        against: the same of the other row.
        level: coverage, between 0 and 1.
    """
    logs, other = ([math.log(max(value, FLOOR)) for value in side] for side in (rows, against))
    effect = difference(logs, other, level)
    if effect.low is None or effect.high is None:
        return Effect(math.exp(effect.value))
    return Effect(*(math.exp(value) for value in (effect.value, effect.low, effect.high)))


def difference(rows: Sequence[float], against: Sequence[float], level: float) -> Effect:
    """Mean of ``rows`` minus that of ``against``, by Welch's interval (Welch 1947)."""
    value = fmean(rows) - fmean(against)
    spreads = [(deviation(side), len(side)) for side in (rows, against)]
    parts = [(s**2 / n, n) for s, n in spreads if s is not None]
    if len(parts) < 2:
        return Effect(value)
    total = sum(part for part, _ in parts)
    if total == 0:
        return Effect(value, value, value)
    freedom = total**2 / sum(part**2 / (n - 1) for part, n in parts)
    half = float(stats.t.ppf((1 + level) / 2, freedom)) * math.sqrt(total)
    return Effect(value, value - half, value + half)


def share(n_hits: int, n: int, level: float) -> Effect:
    """A share of ``n`` trials and Wilson's score interval of it (Wilson 1927)."""
    return Effect(*_wilson(n_hits, n, level))


def share_difference(rows: tuple[int, int], against: tuple[int, int], level: float) -> Effect:
    """The difference of two shares, by Newcombe's interval from two of Wilson's.

    Newcombe 1998 (Statistics in Medicine 17, 873-890), method 10.

    Args:
        rows: hits and trials.
        against: the same of the other side.
        level: coverage, between 0 and 1.
    """
    first, first_low, first_high = _wilson(*rows, level)
    second, second_low, second_high = _wilson(*against, level)
    value = first - second
    low = math.hypot(first - first_low, second_high - second)
    high = math.hypot(first_high - first, second - second_low)
    return Effect(value, value - low, value + high)


def verdict(effect: Effect | None, supports: Literal["below", "above"], boundary: float) -> Verdict:
    """What an interval says of a claim: on its side of the boundary as a whole, or on the other.

    ``untested`` without an interval, ``undecided`` if the boundary lies inside.
    """
    if effect is None or effect.low is None or effect.high is None:
        return "untested"
    below, above = effect.high < boundary, effect.low > boundary
    if not below and not above:
        return "undecided"
    return "supported" if below == (supports == "below") else "refuted"


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """The verdict on a claim: what its decided comparisons agree on, if they do."""
    decided = {one for one in verdicts if one in ("supported", "refuted")}
    if len(decided) == 1:
        return decided.pop()
    return "undecided" if decided or "undecided" in verdicts else "untested"


def _wilson(n_hits: int, n: int, level: float) -> tuple[float, float, float]:
    """A share and both ends of its interval."""
    z = NormalDist().inv_cdf((1 + level) / 2)
    p = n_hits / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return p, min(p, centre - half), max(p, centre + half)
