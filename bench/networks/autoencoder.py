"""Convolutional encoder and decoder around a vector of latents.

The encoder halves with strided 4 x 4 convolutions, batch normalisation and ReLU down to a grid of
4 .. 7 pixels; the decoder mirrors it. ``width`` is the channel count next to the pixels.
"""

from __future__ import annotations

from itertools import pairwise

from torch import nn

from bench.networks.dcgan import SMALLEST_GRID, pyramid
from bench.networks.parts import Layered
from bench.networks.shape import ImageShape, halvings


class Encoder(Layered):
    """Images (N, C, H, W) to vectors (N, n_outputs)."""

    def __init__(self, shape: ImageShape, width: int, n_outputs: int) -> None:
        super().__init__()
        n_stages = halvings(shape.size, SMALLEST_GRID)
        channels = [shape.channels, *(width << stage for stage in range(n_stages))]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(channels):
            layers += [
                nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
            ]
        grid = shape.size >> n_stages
        layers += [nn.Flatten(), nn.Linear(channels[-1] * grid * grid, n_outputs)]
        self.layers = nn.Sequential(*layers)


class Decoder(Layered):
    """Latents (N, latent_dim) to pixel logits (N, C, H, W)."""

    def __init__(self, shape: ImageShape, width: int, latent_dim: int) -> None:
        super().__init__()
        n_first, grid, doubling = pyramid(shape, width, "batch")
        self.layers = nn.Sequential(
            nn.Linear(latent_dim, n_first * grid * grid, bias=False),
            nn.Unflatten(1, (n_first, grid, grid)),
            nn.BatchNorm2d(n_first),
            nn.ReLU(),
            *doubling,
        )
