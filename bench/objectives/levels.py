"""Pixels as categories: a few equally spaced levels, and likelihoods in bits per value.

Level k of L stands for the value -1 + 2 k / (L - 1), so that black and white are levels themselves.
"""

from __future__ import annotations

import math

from torch import Tensor


def to_levels(images: Tensor, n_levels: int) -> Tensor:
    """The nearest level of every value: (...) in -1 .. 1 to int64 in 0 .. n_levels - 1."""
    scaled = (images + 1.0) * (0.5 * (n_levels - 1))
    return scaled.round().long().clamp(0, n_levels - 1)


def from_levels(levels: Tensor, n_levels: int) -> Tensor:
    """The value of every level: (...) int64 in 0 .. n_levels - 1 to float32 in -1 .. 1."""
    return levels.float() * (2.0 / (n_levels - 1)) - 1.0


def bits_per_dim(nats: float, n_values: int) -> float:
    """Nats of a whole image to bits per pixel value; ``n_values`` are C H W."""
    return nats / (n_values * math.log(2.0))


def invert(probabilities: Tensor, uniforms: Tensor) -> Tensor:
    """Draws by inverting the distribution function: (N, K) and (N,) in [0, 1) to (N,) int64.

    Row i depends on ``uniforms[i]`` alone. A category of probability zero is never drawn.
    """
    cumulative = probabilities.cumsum(1)
    # rounding may leave the last sum below 1, and then no draw may pass it
    reachable = uniforms * cumulative[:, -1]
    below = (cumulative <= reachable[:, None]).sum(1)
    return below.clamp_max(probabilities.shape[1] - 1)
