"""What changes in the course of a training, as functions of the place in the budget alone.

``fraction`` is 0 at the first update and 1 at the last, so that an interruption changes nothing.
"""

from __future__ import annotations

import math


def cosine(fraction: float, first: float, last: float) -> float:
    """Half a period of a cosine from ``first`` at 0 to ``last`` from 1 on."""
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, fraction)))


def ramp(fraction: float, end: float) -> float:
    """From 0 to 1, linearly, until ``end``; 1 from there on."""
    return min(1.0, fraction / end) if end > 0.0 else 1.0


def warmed_cosine(update: int, n_updates: int, warm_up: int) -> float:
    """A linear rise over ``warm_up`` updates to 1, then a cosine to 0; never 0 itself."""
    rise = min(1.0, (update + 1) / (warm_up + 1))
    return rise * cosine(update / max(1, n_updates), 1.0, 0.0)
