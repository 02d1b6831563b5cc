"""Networks between two grids of codes, one half as wide as the other (VQ-VAE-2, 1906.00446)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from bench.networks.parts import Layered
from bench.networks.quantised import ResidualBlock
from bench.networks.transformer import CachedSteps, CausalTransformer


def coarser(size: int) -> int:
    """Width of the top grid over a bottom grid of width ``size``: 8 -> 4, 7 -> 4, 4 -> 2."""
    return (size + 1) // 2


class Down(Layered):
    """Features of the bottom grid (N, width, h, h) to the top, (N, n_out, h/2, h/2) rounded up."""

    def __init__(self, width: int, n_out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width, 3, stride=2, padding=1),
            ResidualBlock(width),
            nn.ReLU(),
            nn.Conv2d(width, n_out, 1),
        )


class Up(nn.Module):
    """Codes of the top grid (N, code_dim, h/2, h/2) to features at the bottom, (N, width, h, h)."""

    def __init__(self, code_dim: int, width: int, size: int) -> None:
        super().__init__()
        self.size = size
        self.first = nn.Sequential(nn.Conv2d(code_dim, width, 3, padding=1), ResidualBlock(width))
        self.last = nn.Sequential(nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (N, code_dim, h/2, h/2) to features (N, width, h, h)."""
        features: Tensor = self.last(interpolate(self.first(codes), self.size))
        return features


class BottomPrior(nn.Module):
    """A causal transformer over the bottom codes that sees the top codes above each of them.

    Args:
        n_codes: size of either vocabulary.
        size: width of the bottom grid.
        dim, n_layers, n_heads: size of the transformer.
    """

    def __init__(self, n_codes: int, size: int, dim: int, n_layers: int, n_heads: int) -> None:
        super().__init__()
        self.size = size
        self.transformer = CausalTransformer(n_codes, size**2, dim, n_layers, n_heads)
        self.embedding = nn.Embedding(n_codes, dim)
        self.above = nn.Sequential(
            nn.Conv2d(dim, dim, 3, padding=1), ResidualBlock(dim), nn.ReLU(), nn.Conv2d(dim, dim, 1)
        )

    def forward(self, bottom: Tensor, top: Tensor) -> Tensor:
        """Logits (N, h h, n_codes); a code's depend on codes before it and on all top codes.

        Args:
            bottom: codes (N, h h) in raster order.
            top: codes (N, h/2 h/2) in raster order.
        """
        logits: Tensor = self.transformer(bottom, self.context(top))
        return logits

    @torch.no_grad()
    def generate(self, uniforms: Tensor, top: Tensor) -> Tensor:
        """Bottom codes (N, h h) under top codes, from uniforms of the same shape in [0, 1)."""
        return CachedSteps(self.transformer, len(top), self.context(top)).draw(uniforms)

    def context(self, top: Tensor) -> Tensor:
        """Top codes (N, h/2 h/2) to vectors at the bottom's positions, (N, h h, dim)."""
        side = coarser(self.size)
        grid = self.embedding(top).transpose(1, 2).unflatten(2, (side, side))
        return interpolate(self.above(grid), self.size).flatten(2).transpose(1, 2)
