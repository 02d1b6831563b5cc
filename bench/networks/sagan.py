"""DCGAN's networks with self-attention on the grid of half the image's size (1805.08318).

The generator attends before its last layer, the critic after its first.
"""

from __future__ import annotations

from bench.networks import dcgan
from bench.networks.attention import SelfAttention
from bench.networks.norm import Norm
from bench.networks.shape import ImageShape

BEFORE_THE_LAST = -2
"""Where the generator's last convolution stands; tanh follows it."""
AFTER_THE_FIRST = 2
"""Where the critic's first convolution and its activation have passed."""


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
