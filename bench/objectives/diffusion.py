"""Formulas of diffusion models and of flow matching: from data to noise, and the way back.

``alpha_bar`` is the share of the data's variance that is left, from 1 (clean) to nearly 0 (noise),
as a number or a tensor that broadcasts against images. Images are (N, C, H, W) in -1 .. 1.
Equations are of Ho et al. 2020 (2006.11239) unless another paper is named.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.special import log_ndtr

FIRST_BETA, LAST_BETA = 1.0e-4, 0.02
"""Ends of the linear schedule at a thousand steps (section 4)."""
PAPER_STEPS = 1000
LARGEST_BETA = 0.999
PIXEL_LEVELS = 256


def linear_alpha_bars(n_steps: int) -> Tensor:
    """alpha_bar of steps 1 .. T for betas that rise linearly, (T,) float64 (eq. 4).

    The betas of the paper's thousand steps are scaled for other T, so that the last step is
    nearly pure noise whatever T.
    """
    scale = PAPER_STEPS / n_steps
    betas = torch.linspace(scale * FIRST_BETA, scale * LAST_BETA, n_steps, dtype=torch.float64)
    return (1.0 - betas.clamp_max(LARGEST_BETA)).cumprod(0)


def kept_steps(n_steps: int, n_kept: int) -> Tensor:
    """Steps (S,) of 1 .. T that a shorter chain keeps: evenly spaced, with both ends.

    Nichol and Dhariwal 2021 (2102.09672), section 4. As they do, the chain's alpha_bar are those
    of the kept steps, and its betas follow from them.
    """
    if n_kept > n_steps:
        raise ValueError(f"a chain of {n_steps} steps has no {n_kept} to keep")
    return torch.linspace(1, n_steps, n_kept, dtype=torch.float64).round().long()


def noised(start: Tensor, noise: Tensor, alpha_bar: Tensor | float) -> Tensor:
    """A draw of q(x_t | x_0): sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) e (eq. 4)."""
    kept = torch.as_tensor(alpha_bar)
    return kept.sqrt() * start + (1.0 - kept).sqrt() * noise


def predicted_start(noisy: Tensor, noise: Tensor, alpha_bar: Tensor | float) -> Tensor:
    """The x_0 from which ``noised`` makes ``noisy`` by adding ``noise``."""
    kept = torch.as_tensor(alpha_bar)
    return (noisy - (1.0 - kept).sqrt() * noise) / kept.sqrt()


def posterior_mean(start: Tensor, noisy: Tensor, alpha_bar: Tensor, before: Tensor) -> Tensor:
    """The mean of q(x_{t-1} | x_t, x_0), eq. 7; ``before`` is alpha_bar of step t - 1."""
    alpha = alpha_bar / before
    of_start = before.sqrt() * (1.0 - alpha) / (1.0 - alpha_bar)
    of_noisy = alpha.sqrt() * (1.0 - before) / (1.0 - alpha_bar)
    return of_start * start + of_noisy * noisy


def posterior_variance(alpha_bar: Tensor, before: Tensor) -> Tensor:
    """The variance of q(x_{t-1} | x_t, x_0), eq. 7: the same for every pixel, 0 at step 1."""
    return (1.0 - before) / (1.0 - alpha_bar) * (1.0 - alpha_bar / before)


def kl_from_standard_normal(mean: Tensor, variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, elementwise."""
    return 0.5 * (mean.square() + variance - 1.0 - variance.log())


def pixel_nats(images: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """-log p(x_0 | x_1) of 8-bit pixels in nats, elementwise (eq. 13).

    The mass that N(mean, deviation^2) puts on the bin of width 2 / 255 around each pixel; the
    outer bins reach to infinity. Of two equal bins on either side of the mean the lower one is
    computed, where the normal distribution has no rounding to lose.
    """
    half = 1.0 / (PIXEL_LEVELS - 1)
    away = images - mean
    upper = log_ndtr((half - away.abs()) / deviation)
    lower = log_ndtr((-half - away.abs()) / deviation)
    inside = upper + torch.log1p(-torch.exp(lower - upper))
    lowest, highest = images < half - 1.0, images > 1.0 - half
    below = log_ndtr((away + half) / deviation)
    above = log_ndtr((half - away) / deviation)
    return -torch.where(lowest, below, torch.where(highest, above, inside))


def on_the_path(start: Tensor, end: Tensor, time: Tensor, sigma_min: float) -> Tensor:
    """Point at ``time`` on the straight path from noise ``start`` to the image ``end``.

    psi_t of Lipman et al. 2022 (2210.02747), eq. 22: (1 - (1 - sigma_min) t) x_0 + t x_1, with
    noise at t = 0 and data at t = 1; ``time`` broadcasts against images.
    """
    return (1.0 - (1.0 - sigma_min) * time) * start + time * end


def path_velocity(start: Tensor, end: Tensor, sigma_min: float) -> Tensor:
    """The time derivative of ``on_the_path``, a constant: 2210.02747, eq. 23."""
    return end - (1.0 - sigma_min) * start
