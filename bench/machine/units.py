"""Sizes, durations and moments in words, each spelled one way wherever people read them."""

from __future__ import annotations

import math
from datetime import datetime

MAX_DECIMALS = 4


def size_text(n_bytes: float) -> str:
    """A number of bytes: ``612 kB``, ``1.4 GB``; steps of 1000."""
    value = float(n_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000.0
    return f"{value:.1f} TB"


def about(seconds: float) -> str:
    """A duration that nobody needs to know exactly: ``45 s``, ``12 min``, ``3.4 h``, ``2.5 days``.

    Negative durations, which corrected clocks can yield, count as 0.
    """
    seconds = max(0.0, seconds)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} days"


def measured(seconds: float) -> str:
    """A measured duration in two units at most: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds < 60:
        return f"{seconds:.{decimals_of(seconds, 2)}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def clock(moment: datetime) -> str:
    """A moment in local time, to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


def decimals_of(value: float, digits: int) -> int:
    """Decimals that show ``digits`` significant digits of a value, at most ``MAX_DECIMALS``."""
    if value == 0:
        return 0
    return min(MAX_DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
