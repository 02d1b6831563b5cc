"""The two networks that the article prints: one affine layer and a sigmoid each (its section 4.1).

The article's images lie in 0 .. 1, so this is the place where its range meets ours. Neither network
has a hidden layer: ``width`` and the activation normalisers have nothing to act on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.networks.parts import FeatureCritic, Norm, with_weight_norm
from bench.networks.shape import ImageShape


class Generator(nn.Module):
    """G(z) = sigmoid(W z + b), stretched from 0 .. 1 to -1 .. 1; z is (N, latent_dim)."""

    def __init__(self, shape: ImageShape, latent_dim: int, width: int, norm: Norm) -> None:  # noqa: ARG002
        super().__init__()
        self.shape = shape
        self.layer = with_weight_norm(norm, nn.Sequential(nn.Linear(latent_dim, shape.n_values)))

    def forward(self, noise: Tensor) -> Tensor:
        """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1."""
        images: Tensor = 2.0 * torch.sigmoid(self.layer(noise)) - 1.0
        return images.view(-1, self.shape.channels, self.shape.size, self.shape.size)


class Critic(FeatureCritic):
    """The logit of D(x) = sigmoid(W x + b) for x in 0 .. 1: the sigmoid is part of the loss."""

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:  # noqa: ARG002
        super().__init__()
        self.n_features = shape.n_values
        self.layer = with_weight_norm(norm, nn.Sequential(nn.Linear(shape.n_values, 1)))

    def features(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to their pixels in 0 .. 1, (N, n_features)."""
        return 0.5 * (images.flatten(1) + 1.0)

    def head(self, features: Tensor) -> Tensor:
        """Pixels (N, n_features) to raw scores (N,)."""
        scores: Tensor = self.layer(features)
        return scores.squeeze(1)
