"""Gradient penalties on a critic; norms are per image over all its values, then averaged.

Each takes the critic and float images (N, C, H, W) and returns an unweighted scalar whose gradient
reaches the critic's weights. They hold for critics that treat images independently: batch
normalisation would couple them, so recipes refuse the combination.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Critic = Callable[[Tensor], Tensor]
Penalty = Callable[[Critic, Tensor, Tensor], Tensor]


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E (||grad D(x^)|| - 1)^2 at random points x^ between pairs of real and fake images.

    Gulrajani et al. 2017 (1704.00028), eq. 3 and algorithm 1, with one position per pair.
    """
    position = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    between = torch.lerp(real, fake, position)
    return (_gradient_norms(critic, between) - 1.0).square().mean()


def r1_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG001 (one signature)
    """1/2 E ||grad D(x)||^2 on real images, Mescheder et al. 2018 (1801.04406), eq. 9."""
    return 0.5 * _squared_gradient_norms(critic, real).mean()


def r2_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG001 (one signature)
    """1/2 E ||grad D(G(z))||^2 on fake images, Mescheder et al. 2018 (1801.04406), eq. 10."""
    return 0.5 * _squared_gradient_norms(critic, fake).mean()


def dragan_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:  # noqa: ARG001 (one signature)
    """E (||grad D(x + d)|| - 1)^2 around real images, Kodali et al. 2017 (1705.07215).

    The noise is that of the authors' program: d = a s u / 2 with a in U[0, 1) per image, u in
    U[0, 1) per value, and s the standard deviation of all values of the batch.
    """
    reach = torch.rand(len(real), 1, 1, 1, device=real.device, dtype=real.dtype)
    noise = torch.rand(real.shape, device=real.device, dtype=real.dtype)
    nearby = real + reach * 0.5 * real.std(correction=0) * noise
    return (_gradient_norms(critic, nearby) - 1.0).square().mean()


PENALTIES: dict[str, Penalty] = {
    "gradient": gradient_penalty,
    "dragan": dragan_penalty,
    "r1": r1_penalty,
    "r2": r2_penalty,
}
"""Penalties by the name in a recipe's ``penalty``."""


def _squared_gradient_norms(critic: Critic, images: Tensor) -> Tensor:
    images = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    return gradient.flatten(1).square().sum(1)  # (N,)


def _gradient_norms(critic: Critic, images: Tensor) -> Tensor:
    # The root's derivative is infinite at zero; the floor leaves every larger norm untouched.
    return _squared_gradient_norms(critic, images).clamp_min(1e-16).sqrt()
