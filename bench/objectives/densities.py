"""Log densities of diagonal Gaussians and of their mixtures, in nats per row."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOG_2_PI = math.log(2.0 * math.pi)


def log_normal_each(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log density of N(mean, exp(log_variance)), elementwise over broadcast shapes."""
    return -0.5 * _twice_negative_log(values, mean, log_variance)


def log_normal(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Log density of N(mean, diag exp(log_variance)), (..., D) to (...); arguments broadcast."""
    return -0.5 * _twice_negative_log(values, mean, log_variance).sum(-1)


def log_standard_normal(values: Tensor) -> Tensor:
    """Log density of N(0, I), (..., D) to (...)."""
    return -0.5 * (values.square() + LOG_2_PI).sum(-1)


def log_mean_exp(logs: Tensor, dim: int) -> Tensor:
    """Compute log(mean(exp(logs))) along ``dim`` without overflow."""
    return torch.logsumexp(logs, dim) - math.log(logs.shape[dim])


def log_even_mixture(values: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """Log density of the mixture of K diagonal Gaussians with weights 1 / K.

    Args:
        values: (N, D).
        means: (K, D).
        log_variances: (K, D), natural logarithm.

    Returns:
        (N,).
    """
    return log_mean_exp(log_normal(values[:, None], means, log_variances), dim=1)


def kl_between_normals(
    mean: Tensor, log_variance: Tensor, other_mean: Tensor, other_log_variance: Tensor
) -> Tensor:
    """KL(N(mean, exp(log_variance)) || N(other_mean, exp(other_log_variance))), (N, D) to (N,)."""
    squared = (mean - other_mean).square() * torch.exp(-other_log_variance)
    log_ratio = log_variance - other_log_variance
    return 0.5 * (squared + log_ratio.exp() - 1.0 - log_ratio).sum(1)


def _twice_negative_log(values: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    squared = (values - mean).square() * torch.exp(-log_variance)
    return squared + log_variance + LOG_2_PI
