"""A small U-Net that knows the time, after Ho et al. 2020 (2006.11239), appendix B.

Pixels enter and leave in tiles of 2 x 2, so the finest grid that is computed on has half the size
of the image; further grids halve down to 4 .. 7. Each has one residual block on the way down and
one on the way up, group normalisation and SiLU; the coarsest has self-attention between two blocks.
The time scales and shifts what a block has normalised (Nichol and Dhariwal 2021, 2102.09672, 2.3):
a constant that is added before, as in the first paper, is lost to normalisation in small groups.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, scaled_dot_product_attention, silu

from bench.networks.shape import ImageShape, halvings

SMALLEST_GRID = 4
MOST_GROUPS = 8
LONGEST_PERIOD = 10_000.0
NEARLY_ZERO = 1.0e-5
"""Gain of the layers that end a branch; exact zeros would keep the layers below from learning."""


def embedded_time(time: Tensor, n_features: int) -> Tensor:
    """Sines and cosines of times (N,) in 0 .. 1000 at geometric periods, (N, n_features)."""
    half = n_features // 2
    exponents = torch.arange(half, device=time.device, dtype=torch.float32) / half
    angles = time.float()[:, None] * torch.exp(-math.log(LONGEST_PERIOD) * exponents)
    return torch.cat([angles.sin(), angles.cos()], 1)


class ResidualBlock(nn.Module):
    """Features (N, n_in, H, W) and the time's (N or 1, n_time) to features (N, n_out, H, W)."""

    def __init__(self, n_in: int, n_out: int, n_time: int) -> None:
        super().__init__()
        self.before = _norm(n_in)
        self.first = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.time = nn.Linear(n_time, 2 * n_out)
        self.between = _norm(n_out)
        self.second = _faint(nn.Conv2d(n_out, n_out, 3, padding=1))
        self.shortcut = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1)

    def forward(self, features: Tensor, time: Tensor) -> Tensor:
        """Features (N, n_in, H, W) and the time's (N or 1, n_time) to (N, n_out, H, W)."""
        gain, bias = self.time(time)[:, :, None, None].chunk(2, 1)
        hidden = self.between(self.first(silu(self.before(features))))
        residual: Tensor = self.second(silu(torch.addcmul(bias, hidden, 1.0 + gain)))
        shortcut: Tensor = self.shortcut(features)
        return shortcut + residual


class SelfAttention(nn.Module):
    """Every position looks at every other, with one head; features (N, C, H, W) keep their size."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = _norm(channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = _faint(nn.Conv2d(channels, channels, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C, H, W) of the same size."""
        tokens = self.qkv(self.norm(features)).flatten(2).transpose(1, 2)  # (N, H W, 3 C)
        query, key, value = tokens.chunk(3, 2)
        seen = scaled_dot_product_attention(query, key, value)
        grid: Tensor = self.out(seen.transpose(1, 2).reshape(features.shape))
        return features + grid


class UNet(nn.Module):
    """Noisy images (N, C, H, W) and times (N,) in 0 .. 1000 to predictions (N, C, H, W).

    Args:
        shape: of the images.
        width: channels of the finest grid; coarser grids have twice as many.
    """

    def __init__(self, shape: ImageShape, width: int) -> None:
        super().__init__()
        n_grids = halvings(shape.size, SMALLEST_GRID)
        tile = 2 if n_grids else 1
        channels = [width, *[2 * width] * (n_grids - 1)]
        n_time = 4 * width
        self.n_sines = 2 * width
        self.time = nn.Sequential(
            nn.Linear(self.n_sines, n_time), nn.SiLU(), nn.Linear(n_time, n_time), nn.SiLU()
        )
        n_tile = shape.channels * tile**2
        self.stem = nn.Sequential(nn.PixelUnshuffle(tile), nn.Conv2d(n_tile, width, 3, padding=1))
        inputs = [width, *channels]
        self.down = nn.ModuleList(
            ResidualBlock(n_in, n_out, n_time)
            for n_in, n_out in zip(inputs, channels, strict=False)
        )
        self.halve = nn.ModuleList(nn.Conv2d(n, n, 3, stride=2, padding=1) for n in channels[:-1])
        self.attention = SelfAttention(channels[-1])
        self.middle = ResidualBlock(channels[-1], channels[-1], n_time)
        below = [*channels[1:], channels[-1]]
        self.up = nn.ModuleList(
            ResidualBlock(n_below + n_skip, n_skip, n_time)
            for n_below, n_skip in zip(below, channels, strict=True)
        )
        last = _faint(nn.Conv2d(width, n_tile, 3, padding=1))
        self.head = nn.Sequential(_norm(width), nn.SiLU(), last, nn.PixelShuffle(tile))

    def forward(self, images: Tensor, time: Tensor) -> Tensor:
        """Predictions of the images' shape; a single time (1,) may stand for all images."""
        if len(images) == 0:
            return images  # torch does not tile an empty batch
        seen = self.time(embedded_time(time, self.n_sines))
        features = self.stem(images)
        skips = []
        for level, block in enumerate(self.down):
            features = block(features, seen)
            skips.append(features)
            if level < len(self.halve):
                features = self.halve[level](features)
        features = self.middle(self.attention(features), seen)
        for level in reversed(range(len(self.up))):
            skip = skips[level]
            if features.shape[-1] != skip.shape[-1]:
                features = interpolate(features, size=skip.shape[2:], mode="nearest")
            features = self.up[level](torch.cat([features, skip], 1), seen)
        predicted: Tensor = self.head(features)
        return predicted


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(MOST_GROUPS, channels), channels)


def _faint(layer: nn.Conv2d) -> nn.Conv2d:
    with torch.no_grad():
        layer.weight.mul_(NEARLY_ZERO)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
