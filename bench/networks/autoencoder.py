"""Convolutional encoder and decoder around a vector of latents.

The encoder halves with strided 4 x 4 convolutions, batch normalisation and ReLU down to a grid of
4 .. 7 pixels; the decoder mirrors it. ``width`` is the channel count next to the pixels.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from bench.networks.shape import ImageShape, halvings

SMALLEST_GRID = 4


class Encoder(nn.Module):
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

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to vectors (N, n_outputs)."""
        outputs: Tensor = self.layers(images)
        return outputs


class Decoder(nn.Module):
    """Latents (N, latent_dim) to pixel logits (N, C, H, W)."""

    def __init__(self, shape: ImageShape, width: int, latent_dim: int) -> None:
        super().__init__()
        n_stages = halvings(shape.size, SMALLEST_GRID)
        channels = [width << stage for stage in reversed(range(n_stages))] or [width]
        grid = shape.size >> n_stages
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, channels[0] * grid * grid, bias=False),
            nn.Unflatten(1, (channels[0], grid, grid)),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(),
        ]
        for n_in, n_out in pairwise(channels):
            layers += [
                nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
            ]
        last = (
            nn.ConvTranspose2d(channels[-1], shape.channels, 4, stride=2, padding=1)
            if n_stages
            else nn.Conv2d(channels[-1], shape.channels, 3, padding=1)
        )
        self.layers = nn.Sequential(*layers, last)

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (N, latent_dim) to pixel logits (N, C, H, W)."""
        logits: Tensor = self.layers(latents)
        return logits
