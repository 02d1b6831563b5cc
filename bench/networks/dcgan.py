"""DCGAN backbone (Radford et al., 1511.06434) for any image size that halves to 4 .. 7 pixels.

Strided 4 x 4 convolutions, ReLU in the generator, LeakyReLU 0.2 in the critic, no normalisation
next to the pixels, weights from N(0, 0.02). ``width`` is the channel count next to the pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from torch import Tensor, nn

from bench.networks.parts import FeatureCritic, Norm, norm_2d, with_weight_norm
from bench.networks.shape import ImageShape, halvings

SMALLEST_GRID = 4


class Generator(nn.Module):
    """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1."""

    def __init__(self, shape: ImageShape, latent_dim: int, width: int, norm: Norm) -> None:
        super().__init__()
        n_first, grid, doubling = pyramid(shape, width, norm)
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(latent_dim, n_first, grid, bias=norm != "batch"),
            norm_2d(norm, n_first),
            nn.ReLU(),
            *doubling,
            nn.Tanh(),
        )
        self.layers.apply(_initialise)
        with_weight_norm(norm, self.layers)

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1."""
        images: Tensor = self.layers(noise[:, :, None, None])
        return images


class Critic(FeatureCritic):
    """Images (N, C, H, W) to raw scores (N,)."""

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:
        super().__init__()
        n_stages = halvings(shape.size, SMALLEST_GRID)
        base = shape.size >> n_stages
        channels = [width << stage for stage in range(n_stages)] or [width]
        first = (
            nn.Conv2d(shape.channels, channels[0], 4, stride=2, padding=1)
            if n_stages
            else nn.Conv2d(shape.channels, channels[0], 3, padding=1)
        )
        layers: list[nn.Module] = [first, nn.LeakyReLU(0.2)]
        for n_in, n_out in pairwise(channels):
            layers += [
                nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=norm != "batch"),
                norm_2d(norm, n_out),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels[-1], 1, base))
        self.n_features = channels[-1] * base**2
        self._grid = (channels[-1], base, base)
        self.layers.apply(_initialise)
        with_weight_norm(norm, self.layers)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to raw scores (N,)."""
        scores: Tensor = self.layers(images)  # (N, 1, 1, 1)
        return scores.flatten()

    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to the grid that the last convolution covers, (N, n_features)."""
        grid: Tensor = self.layers[:-1](images)
        return grid.flatten(1)

    def head(self, features: Tensor) -> Tensor:
        """Features (N, n_features) to raw scores (N,)."""
        scores: Tensor = self.layers[-1](features.unflatten(1, self._grid))
        return scores.flatten()


def pyramid(shape: ImageShape, width: int, norm: Norm) -> tuple[int, int, Iterator[nn.Module]]:
    """Channels and size of the coarsest grid, and the layers that lead from there to pixels.

    Args:
        shape: of the images.
        width: channels next to the pixels; every coarser grid has twice as many.
        norm: between convolution and ReLU; not next to the pixels.
    """
    n_stages = halvings(shape.size, SMALLEST_GRID)
    channels = [width << stage for stage in reversed(range(n_stages))] or [width]

    def layers() -> Iterator[nn.Module]:
        for n_in, n_out in pairwise(channels):
            bias = norm != "batch"
            yield nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=bias)
            yield norm_2d(norm, n_out)
            yield nn.ReLU()
        if n_stages:
            yield nn.ConvTranspose2d(width, shape.channels, 4, stride=2, padding=1)
        else:
            yield nn.Conv2d(width, shape.channels, 3, padding=1)

    return channels[0], shape.size >> n_stages, layers()


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
