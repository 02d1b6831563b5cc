"""Terms of the evidence lower bound, in nats: summed over one image, averaged over the batch.

Pixels are in 0 .. 1 here. ``logits`` are a decoder's raw outputs, its mean is their sigmoid.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(0, I)), Kingma and Welling 2014 (1312.6114), appendix B.

    Args:
        mean: (N, D).
        log_variance: (N, D), natural logarithm.
    """
    per_latent = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance)
    return per_latent.sum(1).mean()


def reparameterise(mean: Tensor, log_variance: Tensor) -> Tensor:
    """A draw from N(mean, exp(log_variance)) whose gradient reaches both, 1312.6114 section 2.4."""
    return mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)


def bernoulli_nll(logits: Tensor, pixels: Tensor) -> Tensor:
    """Cross-entropy of pixels read as probabilities, 1312.6114 appendix C.1."""
    per_pixel = binary_cross_entropy_with_logits(logits, pixels, reduction="none")
    return per_pixel.flatten(1).sum(1).mean()


def unit_gaussian_nll(logits: Tensor, pixels: Tensor) -> Tensor:
    """1/2 ||x - mean||^2 + D/2 log 2 pi: a Gaussian decoder whose variance is fixed at one."""
    n_values = pixels[0].numel()
    squared = (torch.sigmoid(logits) - pixels).square().flatten(1).sum(1).mean()
    return 0.5 * squared + 0.5 * n_values * math.log(2.0 * math.pi)


MIN_LOG_SIGMA = -6.0


def optimal_gaussian_nll(logits: Tensor, pixels: Tensor) -> Tensor:
    """D log sigma + D/2 + D/2 log 2 pi at sigma^2 = batch mean of the squared error.

    Rybkin et al. 2021 (2006.13202), section 4.2: the variance that maximises the likelihood,
    shared by all pixels. log sigma is softly bounded below as in the paper's appendix. The
    gradient flows through sigma, which the closed form makes equivalent to weighting the squared
    error by 1 / (2 sigma^2).
    """
    n_values = pixels[0].numel()
    mean_squared = (torch.sigmoid(logits) - pixels).square().mean()
    log_sigma = soft_lower_bound(0.5 * mean_squared.clamp_min(1e-12).log(), MIN_LOG_SIGMA)
    scaled = 0.5 * mean_squared * torch.exp(-2.0 * log_sigma)
    return n_values * (log_sigma + scaled + 0.5 * math.log(2.0 * math.pi))


def soft_lower_bound(value: Tensor, lower: float) -> Tensor:
    """``value`` where it is well above ``lower``, bending smoothly to ``lower`` below it."""
    return lower + torch.nn.functional.softplus(value - lower)


LIKELIHOODS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "bernoulli": bernoulli_nll,
    "unit-gaussian": unit_gaussian_nll,
    "optimal-gaussian": optimal_gaussian_nll,
}
"""Negative log-likelihoods by the name in a recipe's ``likelihood``."""
