"""Fully connected backbone, after the first GAN paper (Goodfellow et al., 1406.2661).

As there, the critic is trained with dropout; LeakyReLU stands where the paper has maxout.
"""

from __future__ import annotations

from torch import Tensor, nn

from bench.networks.parts import FeatureCritic, Layered, Norm, norm_1d, with_weight_norm
from bench.networks.shape import ImageShape

DROPOUT = 0.3


class Generator(Layered):
    """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1 through two hidden layers."""

    def __init__(self, shape: ImageShape, latent_dim: int, width: int, norm: Norm) -> None:
        super().__init__()
        hidden = 8 * width
        layers: list[nn.Module] = []
        for n_in, n_out in ((latent_dim, hidden), (hidden, hidden)):
            layers += [nn.Linear(n_in, n_out), norm_1d(norm, n_out), nn.ReLU()]
        to_image = nn.Unflatten(1, (shape.channels, shape.size, shape.size))
        self.layers = nn.Sequential(*layers, nn.Linear(hidden, shape.n_values), nn.Tanh(), to_image)
        with_weight_norm(norm, self.layers)


class Critic(FeatureCritic):
    """Images (N, C, H, W) to raw scores (N,) through two hidden layers."""

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:
        super().__init__()
        hidden = 8 * width
        layers: list[nn.Module] = [nn.Flatten()]
        for n_in, n_out in ((shape.n_values, hidden), (hidden, hidden)):
            layers += [nn.Linear(n_in, n_out), norm_1d(norm, n_out), nn.LeakyReLU(0.2)]
            layers.append(nn.Dropout(DROPOUT))
        layers.append(nn.Linear(hidden, 1))
        self.layers = nn.Sequential(*layers)
        with_weight_norm(norm, self.layers)
        self.n_features = hidden

    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to the second hidden layer, (N, n_features)."""
        hidden: Tensor = self.layers[:-1](images)
        return hidden

    def head(self, features: Tensor) -> Tensor:
        """Features (N, n_features) to raw scores (N,)."""
        scores: Tensor = self.layers[-1](features)
        return scores.squeeze(1)
