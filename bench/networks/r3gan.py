"""The networks of R3GAN (Huang et al. 2024, 2501.05441, section 4): ResNeXt blocks, no normaliser.

A block is 1 x 1 to twice the channels, 3 x 3 in groups, 1 x 1 back; its last weights start at zero
and the others are scaled down by the number of blocks to the power -1/4 (Fixup, Zhang et al. 2019,
1901.09321), so that at the start every block is the identity. Pixels enter and leave in tiles of
2 x 2; each grid from 4 .. 7 pixels up to that of the tiles has one block, and grids change by
bilinear interpolation. A normaliser, if a recipe asks for one, stands before each activation.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from bench.networks.parts import FeatureCritic, Norm, norm_2d, with_weight_norm
from bench.networks.shape import ImageShape, halvings

SMALLEST_GRID = 4
EXPANSION = 2
GROUP_SIZE = 16
"""Channels per group of the 3 x 3 convolution."""
SLOPE = 0.2
GAIN = math.sqrt(2.0 / (1.0 + SLOPE**2))
"""He's gain of LeakyReLU."""
WEIGHTS_PER_BRANCH = 3

Layer = TypeVar("Layer", nn.Conv2d, nn.Linear)


class Block(nn.Module):
    """Features (N, width, H, W) plus a branch that starts at zero."""

    def __init__(self, width: int, n_blocks: int, norm: Norm) -> None:
        super().__init__()
        inner = EXPANSION * width
        n_groups = inner // math.gcd(inner, GROUP_SIZE)
        scale = n_blocks ** (-1.0 / (2 * WEIGHTS_PER_BRANCH - 2))
        self.branch = nn.Sequential(
            _with_deviation(nn.Conv2d(width, inner, 1), GAIN * scale),
            norm_2d(norm, inner),
            nn.LeakyReLU(SLOPE),
            _with_deviation(nn.Conv2d(inner, inner, 3, padding=1, groups=n_groups), GAIN * scale),
            norm_2d(norm, inner),
            nn.LeakyReLU(SLOPE),
            _with_deviation(nn.Conv2d(inner, width, 1, bias=False), 0.0),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, H, W) of the same size."""
        residual: Tensor = self.branch(features)
        return features + residual


class Resize(nn.Module):
    """Bilinear interpolation of grids by a constant factor."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C, H, W) to (N, C, factor H, factor W)."""
        return interpolate(features, scale_factor=self.factor, mode="bilinear")


class Generator(nn.Module):
    """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1."""

    def __init__(self, shape: ImageShape, latent_dim: int, width: int, norm: Norm) -> None:
        super().__init__()
        n_stages, tile, grid = pyramid(shape.size)
        self.basis = nn.Parameter(torch.randn(width, grid, grid))
        self.mix = _with_deviation(nn.Linear(latent_dim, width, bias=False), 1.0)
        layers: list[nn.Module] = [Block(width, n_stages, norm)]
        for _ in range(n_stages - 1):
            layers += [Resize(2.0), Block(width, n_stages, norm)]
        n_tile = shape.channels * tile**2
        last = _with_deviation(nn.Conv2d(width, n_tile, 1, bias=False), 1.0)
        self.layers = nn.Sequential(*layers, last, nn.PixelShuffle(tile), nn.Tanh())
        with_weight_norm(norm, self)

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1."""
        grid = self.basis * self.mix(noise)[:, :, None, None]  # (N, width, 4 .. 7, 4 .. 7)
        images: Tensor = self.layers(grid)
        return images


class Critic(FeatureCritic):
    """Images (N, C, H, W) to raw scores (N,)."""

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:
        super().__init__()
        n_stages, tile, grid = pyramid(shape.size)
        n_tile = shape.channels * tile**2
        first = _with_deviation(nn.Conv2d(n_tile, width, 1, bias=False), 1.0)
        layers: list[nn.Module] = [nn.PixelUnshuffle(tile), first, Block(width, n_stages, norm)]
        for _ in range(n_stages - 1):
            layers += [Resize(0.5), Block(width, n_stages, norm)]
        gather = _with_deviation(nn.Conv2d(width, width, grid, groups=width, bias=False), 1.0)
        self.layers = nn.Sequential(*layers, gather, nn.Flatten())
        self.n_features = width
        self.last = _with_deviation(nn.Linear(width, 1, bias=False), 1.0)
        with_weight_norm(norm, self)

    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to inputs of the last layer, (N, n_features)."""
        seen: Tensor = self.layers(images)
        return seen


def pyramid(size: int) -> tuple[int, int, int]:
    """Number of grids, side of the tiles of pixels that the finest is made of, coarsest grid."""
    n_halvings = halvings(size, SMALLEST_GRID)
    return max(1, n_halvings), 2 if n_halvings else 1, size >> n_halvings


def _with_deviation(layer: Layer, gain: float) -> Layer:
    """Weights from N(0, gain^2 / fan_in); biases start at zero."""
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(fan_in))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
