"""Ticks of logarithmic axes, few enough to be read and written as plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axis import Axis
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator

STEPS = ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))
SECONDS = (1, 2, 5, 10, 20, 30)
DURATIONS: tuple[tuple[float, str], ...] = (
    *((value / 10, f"{value / 10:g} s") for value in (1, 2, 5)),
    *((value, f"{value} s") for value in SECONDS),
    *((60.0 * value, f"{value} min") for value in SECONDS),
    *((3600.0 * value, f"{value} h") for value in (1, 2, 5, 12, 24, 48, 120, 240)),
)


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
    found = [(value, text) for value, text in DURATIONS if low <= value <= high]
    stride = math.ceil(len(found) / at_most) if found else 1
    return found[::stride]


def set_ticks(axis: Axis, values: Sequence[float], texts: Sequence[str] | None = None) -> None:
    """These ticks and no others."""
    axis.set_major_locator(FixedLocator(list(values)))
    axis.set_major_formatter(FixedFormatter(list(texts or [f"{value:.3g}" for value in values])))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
