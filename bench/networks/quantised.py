"""Encoder and decoder around a grid of latent vectors, after DeepMind's VQ-VAE (1711.00937).

Strided 4 x 4 convolutions down to a grid of at most ``largest_grid`` pixels, a 3 x 3 convolution,
two residual blocks, and the mirror image on the way back. No normalisation.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from bench.networks.parts import Layered
from bench.networks.shape import ImageShape, halvings_to_reach

LARGEST_GRID = 8


class ResidualBlock(nn.Module):
    """x + conv1(relu(conv3(relu(x)))) at constant width, 1711.00937 section 4.1."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels // 2, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels // 2, channels, 1),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C, H, W) to features of the same shape."""
        residual: Tensor = self.layers(features)
        return features + residual


def grid_size(shape: ImageShape, largest_grid: int = LARGEST_GRID) -> int:
    """Height and width of the latent grid: 8 for 16 px, 7 for 28 px, 8 for 32 px, 4 for 8 px."""
    return shape.size >> _n_stages(shape, largest_grid)


def _n_stages(shape: ImageShape, largest_grid: int) -> int:
    return max(1, halvings_to_reach(shape.size, largest_grid)) if shape.size % 2 == 0 else 0


class GridEncoder(Layered):
    """Images (N, C, H, W) to a grid of vectors (N, code_dim, h, w)."""

    def __init__(
        self, shape: ImageShape, width: int, code_dim: int, largest_grid: int = LARGEST_GRID
    ) -> None:
        super().__init__()
        n_stages = _n_stages(shape, largest_grid)
        channels = [shape.channels] + [width] * n_stages
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(channels):
            layers += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(
            *layers,
            nn.Conv2d(channels[-1], width, 3, padding=1),
            ResidualBlock(width),
            ResidualBlock(width),
            nn.ReLU(),
            nn.Conv2d(width, code_dim, 1),
        )


class GridDecoder(Layered):
    """A grid of vectors (N, code_dim, h, w) to pixel logits (N, C, H, W)."""

    def __init__(
        self, shape: ImageShape, width: int, code_dim: int, largest_grid: int = LARGEST_GRID
    ) -> None:
        super().__init__()
        n_stages = _n_stages(shape, largest_grid)
        layers: list[nn.Module] = []
        for _ in range(n_stages - 1):
            layers += [nn.ConvTranspose2d(width, width, 4, stride=2, padding=1), nn.ReLU()]
        last = (
            nn.ConvTranspose2d(width, shape.channels, 4, stride=2, padding=1)
            if n_stages
            else nn.Conv2d(width, shape.channels, 3, padding=1)
        )
        self.layers = nn.Sequential(
            nn.Conv2d(code_dim, width, 3, padding=1),
            ResidualBlock(width),
            ResidualBlock(width),
            nn.ReLU(),
            *layers,
            last,
        )
