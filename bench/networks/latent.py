"""Fully connected networks of latent vectors."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from bench.networks.parts import Layered


class SkipMLP(nn.Module):
    """Hidden ReLU layers, beside which the input reaches the last layer as well.

    Args:
        width: features of every hidden layer.
        n_layers: hidden layers.
    """

    def __init__(self, n_inputs: int, n_outputs: int, width: int, n_layers: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in in (n_inputs, *[width] * (n_layers - 1)):
            layers += [nn.Linear(n_in, width), nn.ReLU()]
        self.hidden = nn.Sequential(*layers)
        self.last = nn.Linear(width + n_inputs, n_outputs)

    def forward(self, vectors: Tensor) -> Tensor:
        """Vectors (N, n_inputs) to vectors (N, n_outputs)."""
        outputs: Tensor = self.last(torch.cat([self.hidden(vectors), vectors], 1))
        return outputs


class LatentCritic(Layered):
    """Latents (N, latent_dim) to raw scores (N,) through hidden layers with LeakyReLU 0.2."""

    def __init__(self, latent_dim: int, width: int, n_layers: int) -> None:
        super().__init__()
        widths = [latent_dim, *[width] * n_layers]
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], 1), nn.Flatten(0))
