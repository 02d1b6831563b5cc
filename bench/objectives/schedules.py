"""Every schedule, as a function of the place in the budget alone: an interruption changes nothing.

``fraction`` is 0 at the first update and 1 at the last.
"""

from __future__ import annotations

import math


def learning_rate_factor(schedule: str, step: int, n_steps: int) -> float:
    """Factor of the base rate under a recipe's ``lr_schedule``: 1, or linear from 1 to 0."""
    return 1.0 - step / n_steps if schedule == "linear" else 1.0


def linear_rise(step: int, n_steps: int) -> float:
    """Rise from 1 / ``n_steps`` at update 0 to 1 at update ``n_steps - 1``; 1 from there on."""
    return (step + 1) / n_steps if step < n_steps else 1.0


def geometric(step: int, n_steps: int, first: float, last: float) -> float:
    """A geometric fall from ``first`` at update 0 to ``last`` at update ``n_steps - 1``."""
    return float(first * (last / first) ** (step / max(1, n_steps - 1)))


def cosine(fraction: float, first: float, last: float) -> float:
    """Half a period of a cosine from ``first`` at 0 to ``last`` from 1 on."""
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, fraction)))


def ramp(fraction: float, end: float) -> float:
    """A linear rise from 0 to 1 until ``end``; 1 from there on."""
    return min(1.0, fraction / end) if end > 0.0 else 1.0


def warmed_cosine(update: int, n_updates: int, warm_up: int) -> float:
    """A linear rise over ``warm_up`` updates to 1, then a cosine to 0; never 0 itself."""
    return linear_rise(update, warm_up + 1) * cosine(update / max(1, n_updates), 1.0, 0.0)
