"""Self-attention between the positions of a grid (Zhang et al. 2018, 1805.08318), in DCGAN.

It acts on the grid of half the image's size: before the generator's last layer and after the
critic's first.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench.networks import dcgan
from bench.networks.parts import Norm, with_weight_norm
from bench.networks.shape import ImageShape

BEFORE_THE_LAST = -2
"""Index of the generator's last convolution; tanh follows it."""
AFTER_THE_FIRST = 2
"""Index in the critic after its first convolution and activation."""
KEY_SHARE, VALUE_SHARE = 8, 2
"""Keys and queries have 1/8 of the channels, values 1/2, as in the authors' program."""


class SelfAttention(nn.Module):
    """y = gamma o + x: every position adds a mixture of all positions.

    gamma is learnt from zero, so the layer starts as the identity and local cues come first.
    """

    def __init__(self, channels: int, norm: Norm) -> None:
        super().__init__()
        n_keys, n_values = max(1, channels // KEY_SHARE), max(1, channels // VALUE_SHARE)
        self.key = nn.Conv2d(channels, n_keys, 1, bias=False)  # f in the paper
        self.query = nn.Conv2d(channels, n_keys, 1, bias=False)  # g
        self.value = nn.Conv2d(channels, n_values, 1, bias=False)  # h
        self.out = nn.Conv2d(n_values, channels, 1, bias=False)  # v
        for layer in (self.key, self.query, self.value, self.out):
            nn.init.orthogonal_(layer.weight)
        self.gamma = nn.Parameter(torch.zeros(()))
        with_weight_norm(norm, self)

    def weights(self, features: Tensor) -> Tensor:
        """Attention of position j (row) to position i (column), (N, H W, H W), eq. 1."""
        key, query = self.key(features).flatten(2), self.query(features).flatten(2)
        return torch.softmax(query.transpose(1, 2) @ key, 2)

    def forward(self, features: Tensor) -> Tensor:
        """Features (N, C, H, W) of the same size, eq. 2 and 3."""
        value = self.value(features)  # (N, C / 2, H, W)
        mixed = value.flatten(2) @ self.weights(features).transpose(1, 2)
        attended: Tensor = self.out(mixed.view(value.shape))
        return features + self.gamma * attended


class Generator(dcgan.Generator):
    """Noise (N, latent_dim) to images (N, C, H, W) in -1 .. 1."""

    def __init__(self, shape: ImageShape, latent_dim: int, width: int, norm: Norm) -> None:
        super().__init__(shape, latent_dim, width, norm)
        place = len(self.layers) + BEFORE_THE_LAST
        self.layers.insert(place, SelfAttention(width, norm))


class Critic(dcgan.Critic):
    """Images (N, C, H, W) to raw scores (N,)."""

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:
        super().__init__(shape, width, norm)
        self.layers.insert(AFTER_THE_FIRST, SelfAttention(width, norm))
