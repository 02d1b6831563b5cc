"""Adversarial examples: small changes of an input that raise a loss as far as they can."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def attacked(
    inputs: Sequence[Tensor], loss: Callable[..., Tensor], epsilon: float, n_steps: int = 1
) -> list[Tensor]:
    """Images in -1 .. 1, each value moved by at most ``epsilon`` to raise a loss; no gradients.

    One step is the fast gradient sign method, x + epsilon sign(dL/dx) (Goodfellow et al. 2014,
    1412.6572, section 4); several are projected gradient ascent from the images themselves (Madry
    et al. 2017, 1706.06083), each of 2 epsilon / n_steps.

    Args:
        inputs: batches (N, C, H, W).
        loss: takes the batches in this order, returns a scalar.
        epsilon: in units of -1 .. 1.
        n_steps: how often the gradient is taken.
    """
    starts = [each.detach() for each in inputs]
    points = starts
    stride = 2.0 * epsilon / n_steps
    for _ in range(n_steps):
        variables = [point.clone().requires_grad_() for point in points]
        slopes = torch.autograd.grad(loss(*variables), variables)
        points = [
            _within(point + stride * slope.sign(), start, epsilon)
            for point, slope, start in zip(points, slopes, starts, strict=True)
        ]
    return points


def _within(moved: Tensor, start: Tensor, epsilon: float) -> Tensor:
    """Clamp images to the cube around ``start``, and to -1 .. 1."""
    return (start + (moved - start).clamp(-epsilon, epsilon)).clamp(-1.0, 1.0)
