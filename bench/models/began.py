"""Boundary equilibrium GAN (Berthelot et al. 2017, 1703.10717).

The critic is an autoencoder; the error L(x) of its reconstruction takes the place of a score. It
learns to reconstruct real images and, as far as k allows, not to reconstruct fakes, while k is
steered so that the fakes' error stays at gamma times the error of real images. With k fixed at one
this is the Wasserstein loss on scores -L.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import NonNegativeFloat
from torch import Tensor

from bench.identity.settings import Probability
from bench.models.base import AdamSettings, Batch, StepContext
from bench.models.gan import GAN, GANRecipe
from bench.networks.parts import Norm
from bench.networks.shape import ImageShape


class BEGANRecipe(GANRecipe):
    """Settings of BEGAN.

    Attributes:
        gamma: the ratio E L(G(z)) / E L(x) that is aimed at; less of it gives less diversity.
        lambda_k: gain of the control of k per update.
        k_start: k before the first update.
    """

    backbone: str = "began"
    generator_norm: Literal["none", "batch"] = "none"
    critic_norm: Norm = "none"
    loss: Literal["wasserstein"] = "wasserstein"
    lecam: None = None
    optimizer: AdamSettings = AdamSettings(lr=1.0e-4, betas=(0.5, 0.999))
    gamma: Probability = 0.5
    lambda_k: NonNegativeFloat = 0.001
    k_start: Probability = 0.0


class BEGAN(GAN):
    """A GAN whose critic reconstructs, kept in balance by k."""

    recipe_type = BEGANRecipe
    k: Tensor

    def __init__(self, recipe: BEGANRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.gamma = recipe.gamma
        self.lambda_k = recipe.lambda_k
        self.register_buffer("k", torch.tensor(recipe.k_start))

    def score_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """L(x) - k L(G(z)) with scores -L; then moves k (section 3.4)."""
        loss = self.k.clone() * fake.mean() - real.mean()
        with torch.no_grad():
            self.k.copy_(next_k(self.k, -real.mean(), -fake.mean(), self.gamma, self.lambda_k))
        return loss

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """The step of every GAN; k is logged beside the losses."""
        return {**super().step(batch, ctx), "k": self.k.clone()}


def next_k(k: Tensor, real_error: Tensor, fake_error: Tensor, gamma: float, gain: float) -> Tensor:
    """The next k: moved by gain (gamma L(x) - L(G(z))) and kept in 0 .. 1 (section 3.4)."""
    return (k + gain * (gamma * real_error - fake_error)).clamp(0.0, 1.0)
