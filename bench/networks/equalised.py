"""Layers with an equalised learning rate, and what StyleGANs put between them.

Stored weights start from N(0, 1) and are scaled at every use by a constant that keeps variances, so
that Adam, whose updates have the size of the rate whatever the weight, moves all layers alike
(Karras et al. 2018, 1710.10196, section 4.1).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, linear

from bench.networks.resampling import blurred

SLOPE = 0.2
FLOOR = 1.0e-8


class EqualisedLinear(nn.Module):
    """Inputs (N, n_in) to (N, n_out).

    Args:
        bias: its first value.
        rate: multiplies the learning rate of weights and biases, and leaves the first output as it
            is: they are stored divided by it and used multiplied by it.
    """

    def __init__(self, n_in: int, n_out: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in) / rate)
        self.bias = nn.Parameter(torch.full((n_out,), bias / rate))
        self.scale = rate / math.sqrt(n_in)
        self.rate = rate

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs (N, n_in) to (N, n_out)."""
        return linear(inputs, self.weight * self.scale, self.bias * self.rate)


class EqualisedConv(nn.Module):
    """Features (N, n_in, H, W) to (N, n_out, H, W), or half of H and W.

    Args:
        kernel: odd.
        halve: a low-pass filter, then a stride of two.
        bias: whether there is one.
    """

    def __init__(
        self, n_in: int, n_out: int, kernel: int, *, halve: bool = False, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_out, n_in, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(n_out)) if bias else None
        self.scale = 1.0 / math.sqrt(n_in * kernel**2)
        self.reach = kernel // 2
        self.halve = halve

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, n_in, H, W) to (N, n_out, H, W), or half of H and W."""
        weight = self.weight * self.scale
        if not self.halve:
            return conv2d(features, weight, self.bias, padding=self.reach)
        # Four taps reach 1.5 pixels: H + 2 reach - 1 values are left for the stride to cover.
        smooth = blurred(features, padding=1 + self.reach)
        return conv2d(smooth, weight, self.bias, stride=2)


def activated(features: Tensor) -> Tensor:
    """LeakyReLU 0.2, with a gain of sqrt(2) for the power that it takes away."""
    return leaky_relu(features, SLOPE) * math.sqrt(2.0)


def unit_power(latents: Tensor) -> Tensor:
    """Vectors (N, D) with a mean square of one each (1710.10196, section 4.2)."""
    return latents * (latents.square().mean(1, keepdim=True) + FLOOR).rsqrt()


def minibatch_stddev(features: Tensor, group: int) -> Tensor:
    """One more channel that says how much a group of images differs (1710.10196, section 3).

    Image i is in a group with those i + N / group apart. The standard deviation over the group is
    averaged over channels and positions, and is the same number all over its images.

    Args:
        features: (N, C, H, W).
        group: images per group; the largest number that divides it and N is taken.
    """
    n, _, height, width = features.shape
    size = math.gcd(n, group)
    grouped = features.unflatten(0, (size, n // size))  # (size, N / size, C, H, W)
    spread = (grouped.var(0, correction=0) + FLOOR).sqrt().mean((1, 2, 3))  # (N / size,)
    channel = spread.repeat(size).view(n, 1, 1, 1).expand(-1, -1, height, width)
    return torch.cat([features, channel], 1)
