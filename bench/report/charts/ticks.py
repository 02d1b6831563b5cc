"""Ticks of logarithmic axes, few enough to be read and written as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axis import Axis
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

STEPS = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
UNITS = ((0.001, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"))
FINE = (1, 2, 3, 5, 7, 10, 15, 20, 30, 45)
COARSE = (1, 2, 5, 10, 20, 30)
LONG = (100, 200, 500)
"""How many of a unit make a tick; the last ones are for units that no larger one replaces."""


def log_ticks(low: float, high: float, at_most: int = 9) -> list[float]:
    """Round numbers between two positive ones, as many as fit below a limit, two at least."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for steps in STEPS:
        found = [s * 10.0**d for d in decades for s in steps if low <= s * 10.0**d <= high]
        if len(found) <= at_most:
            break
    return found if len(found) > 1 else [low, high]


def duration_ticks(low: float, high: float, at_most: int = 9) -> list[tuple[float, str]]:
    """Round durations between two numbers of seconds, with their texts."""
    found: list[tuple[float, str]] = []
    for numbers in (FINE, COARSE):
        every = [
            (number * seconds, f"{number} {unit}")
            for seconds, unit in UNITS
            for number in ((*numbers, *LONG) if unit in ("ms", "h") else numbers)
        ]
        found = [(value, text) for value, text in every if low <= value <= high]
        if len(found) <= at_most:
            break
    return found[:: -(-len(found) // at_most) or 1]


def set_ticks(axis: Axis, values: Sequence[float], texts: Sequence[str] | None = None) -> None:
    """These ticks and no others."""
    axis.set_major_locator(FixedLocator(list(values)))
    axis.set_major_formatter(FixedFormatter(list(texts or [f"{value:.3g}" for value in values])))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
