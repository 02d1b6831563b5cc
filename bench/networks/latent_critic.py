"""A fully connected critic of latent vectors, as adversarial autoencoders and FactorVAE have."""

from __future__ import annotations

from torch import Tensor, nn


class LatentCritic(nn.Module):
    """Latents (N, latent_dim) to raw scores (N,) through hidden layers with LeakyReLU 0.2."""

    def __init__(self, latent_dim: int, width: int, n_layers: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        n_in = latent_dim
        for _ in range(n_layers):
            layers += [nn.Linear(n_in, width), nn.LeakyReLU(0.2)]
            n_in = width
        self.layers = nn.Sequential(*layers, nn.Linear(n_in, 1))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents (N, latent_dim) to raw scores (N,)."""
        scores: Tensor = self.layers(latents)
        return scores.squeeze(1)
