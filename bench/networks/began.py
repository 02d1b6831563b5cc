"""BEGAN backbone (Berthelot et al., 1703.10717, figure 1): a critic that is an autoencoder.

3 x 3 convolutions and ELU, halved by strides and doubled by repeating pixels, between the image and
a grid of 4 .. 7 pixels. Encoder channels grow linearly from ``width`` next to the pixels; decoder
channels stay at ``width``. The generator is built like the critic's decoder.
"""

from __future__ import annotations

from torch import Tensor, nn

from bench.networks.parts import Layered, Norm, norm_2d, with_weight_norm
from bench.networks.shape import ImageShape, halvings

SMALLEST_GRID = 4
N_CODE = 10
"""Values between the critic's encoder and its decoder."""


class Generator(Layered):
    """Vectors (N, latent_dim) to images (N, C, H, W) in -1 .. 1; the critic's decoder as well."""

    def __init__(self, shape: ImageShape, latent_dim: int, width: int, norm: Norm) -> None:
        super().__init__()
        n_stages = halvings(shape.size, SMALLEST_GRID)
        grid = shape.size >> n_stages
        layers: list[nn.Module] = [
            nn.Linear(latent_dim, width * grid * grid),
            nn.Unflatten(1, (width, grid, grid)),
        ]
        for stage in range(n_stages + 1):
            layers += [nn.Upsample(scale_factor=2.0)] if stage > 0 else []
            layers += [nn.Conv2d(width, width, 3, padding=1), norm_2d(norm, width), nn.ELU()]
        layers += [nn.Conv2d(width, shape.channels, 3, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        with_weight_norm(norm, self.layers)


class Critic(nn.Module):
    """Images (N, C, H, W) to scores (N,): minus the mean absolute error of a reconstruction."""

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:
        super().__init__()
        n_stages = halvings(shape.size, SMALLEST_GRID)
        grid = shape.size >> n_stages
        layers: list[nn.Module] = [nn.Conv2d(shape.channels, width, 3, padding=1), nn.ELU()]
        for stage in range(n_stages):
            n_in, n_out = (1 + stage) * width, (2 + stage) * width
            layers += [nn.Conv2d(n_in, n_out, 3, stride=2, padding=1), norm_2d(norm, n_out)]
            layers += [nn.ELU()]
        last = nn.Linear((1 + n_stages) * width * grid * grid, N_CODE)
        self.encoder = with_weight_norm(norm, nn.Sequential(*layers, nn.Flatten(), last))
        self.decoder = Generator(shape, N_CODE, width, norm)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to images of the same shape in -1 .. 1."""
        images_again: Tensor = self.decoder(self.encoder(images))
        return images_again

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to scores (N,), none above zero."""
        return -(images - self.reconstruct(images)).abs().flatten(1).mean(1)
