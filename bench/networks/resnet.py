"""Residual backbone after SNGAN (Miyato et al., 1802.05957, table 4) and WGAN-GP.

Every block has ``width`` channels, two 3 x 3 convolutions behind normaliser and ReLU, and a
shortcut. The generator doubles from a grid of 4 .. 7 pixels; the critic halves twice where the
size allows, has two blocks at constant size, and sums over positions. Weights are Glorot uniform.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from bench.networks.parts import FeatureCritic, Layered, Norm, norm_2d, with_weight_norm
from bench.networks.shape import ImageShape, halvings

SMALLEST_GRID = 4
MAX_CRITIC_HALVINGS = 2
PLAIN_CRITIC_BLOCKS = 2


class GeneratorBlock(nn.Module):
    """Features (N, width, H, W) to (N, width, 2 H, 2 W)."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.first = nn.Sequential(norm_2d(norm, width), nn.ReLU())
        self.second = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            norm_2d(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        self.shortcut = nn.Conv2d(width, width, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, width, H, W) to (N, width, 2 H, 2 W)."""
        residual: Tensor = self.second(doubled(self.first(features)))
        # A 1 x 1 convolution and repeating pixels commute; this order is four times cheaper.
        return residual + doubled(self.shortcut(features))


class CriticBlock(nn.Module):
    """Features (N, n_in, H, W) to (N, width, H / 2, W / 2), or to (N, width, H, W).

    Args:
        n_in: channels that come in; the shortcut is the identity where nothing changes.
        width: channels that go out.
        norm: normaliser before each ReLU.
        halve: average 2 x 2 positions at the end.
        raw: the input is an image: neither normaliser nor ReLU before the first convolution.
    """

    def __init__(self, n_in: int, width: int, norm: Norm, *, halve: bool, raw: bool) -> None:
        super().__init__()
        before = [] if raw else [norm_2d(norm, n_in), nn.ReLU()]
        self.layers = nn.Sequential(
            *before,
            nn.Conv2d(n_in, width, 3, padding=1),
            norm_2d(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )
        unchanged = n_in == width and not halve
        self.shortcut = nn.Identity() if unchanged else nn.Conv2d(n_in, width, 1)
        self.halve = halve

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, n_in, H, W) to (N, width, H / 2, W / 2), or to (N, width, H, W)."""
        residual: Tensor = self.layers(features)
        if self.halve:
            features, residual = avg_pool2d(features, 2), avg_pool2d(residual, 2)
        shortcut: Tensor = self.shortcut(features)
        return residual + shortcut


class Generator(Layered):
    """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1."""

    def __init__(self, shape: ImageShape, latent_dim: int, width: int, norm: Norm) -> None:
        super().__init__()
        n_stages = halvings(shape.size, SMALLEST_GRID)
        grid = shape.size >> n_stages
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, width * grid * grid),
            nn.Unflatten(1, (width, grid, grid)),
            *(GeneratorBlock(width, norm) for _ in range(n_stages)),
            norm_2d(norm, width),
            nn.ReLU(),
            nn.Conv2d(width, shape.channels, 3, padding=1),
            nn.Tanh(),
        )
        self.layers.apply(_initialise)
        with_weight_norm(norm, self.layers)


class Critic(FeatureCritic):
    """Images (N, C, H, W) to raw scores (N,)."""

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:
        super().__init__()
        n_halvings = min(MAX_CRITIC_HALVINGS, halvings(shape.size, SMALLEST_GRID))
        n_blocks = n_halvings + PLAIN_CRITIC_BLOCKS
        blocks = [
            CriticBlock(
                shape.channels if index == 0 else width,
                width,
                norm,
                halve=index < n_halvings,
                raw=index == 0,
            )
            for index in range(n_blocks)
        ]
        self.n_features = width
        self.layers = nn.Sequential(*blocks, norm_2d(norm, width), nn.ReLU())
        self.last = nn.Linear(width, 1)
        self.apply(_initialise)
        with_weight_norm(norm, self)

    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to inputs of the last layer, (N, n_features)."""
        grid: Tensor = self.layers(images)
        return grid.sum((2, 3))


def doubled(features: Tensor) -> Tensor:
    """Every value of (N, C, H, W) four times, (N, C, 2 H, 2 W)."""
    return interpolate(features, scale_factor=2.0, mode="nearest")


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        residual = isinstance(module, nn.Conv2d) and module.kernel_size == (3, 3)
        nn.init.xavier_uniform_(module.weight, math.sqrt(2.0) if residual else 1.0)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
