"""The logit-Laplace density of pixels, and the map that keeps them away from its poles.

A sigmoid carries a Laplace variable into (0, 1), so that, unlike with a Gaussian or a Laplace
density, no probability lies outside the range of a pixel; Ramesh et al. 2021 (2102.12092),
appendix A.3. Values are in nats.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

MARGIN = 0.1
"""The paper's epsilon: pixels are modelled in MARGIN .. 1 - MARGIN."""


def to_support(pixels: Tensor, margin: float = MARGIN) -> Tensor:
    """Pixels in 0 .. 1 to ``margin`` .. 1 - ``margin``; the paper's phi, eq. 3."""
    return (1.0 - 2.0 * margin) * pixels + margin


def from_support(values: Tensor, margin: float = MARGIN) -> Tensor:
    """The inverse of ``to_support``, held to 0 .. 1."""
    return ((values - margin) / (1.0 - 2.0 * margin)).clamp(0.0, 1.0)


def log_density(values: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    """Elementwise, log f(x) = -|logit x - mu| / b - log(2 b x (1 - x)), eq. 2.

    Args:
        values: in (0, 1).
        mean: mu, in logits.
        log_scale: log b.
    """
    logits = torch.logit(values)
    log_jacobian = logsigmoid(logits) + logsigmoid(-logits)  # log x (1 - x)
    spread = (logits - mean).abs() * torch.exp(-log_scale)
    return -spread - log_scale - log_jacobian - math.log(2.0)


def negative_log_likelihood(
    outputs: Tensor, pixels: Tensor, margin: float = MARGIN, smallest_scale: float = 0.0
) -> Tensor:
    """Nats per image, batch mean.

    Args:
        outputs: (N, 2 C, H, W): the first C maps are mu, the last C are log b.
        pixels: (N, C, H, W) in 0 .. 1.
        margin: of the support.
        smallest_scale: b is held above it. Areas without any noise have an unbounded density,
            which would outweigh everything else in an image.
    """
    mean, log_scale = outputs.chunk(2, 1)
    if smallest_scale > 0.0:
        log_scale = log_scale.clamp_min(math.log(smallest_scale))
    return -log_density(to_support(pixels, margin), mean, log_scale).flatten(1).sum(1).mean()


def most_likely_pixels(outputs: Tensor, margin: float = MARGIN) -> Tensor:
    """Pixels (N, C, H, W) in 0 .. 1 at mu; b is ignored, as in the paper."""
    mean, _ = outputs.chunk(2, 1)
    return from_support(torch.sigmoid(mean), margin)
