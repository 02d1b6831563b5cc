"""A mean of losses that leans towards the largest (Durugkar et al. 2016, 1611.01673)."""

from __future__ import annotations

from torch import Tensor


def soft_weights(losses: Tensor, sharpness: float) -> Tensor:
    """exp(lambda L_i) / sum_j exp(lambda L_j) for losses (K,): positive, and 1 in all."""
    return (sharpness * losses).softmax(0)


def soft_mean(losses: Tensor, sharpness: float) -> Tensor:
    """Losses (K,), as a generator minimises them, to a scalar between their mean and the largest.

    The paper's soft arithmetic mean: lambda 0 gives the mean, infinity the largest. As in the
    authors' program, the weights carry gradients too.
    """
    return (soft_weights(losses, sharpness) * losses).sum()
