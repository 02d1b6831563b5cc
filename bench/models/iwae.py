"""Importance weighted autoencoder (Burda et al. 2016, 1509.00519).

K draws from the posterior stand inside one logarithm, which bounds the likelihood more tightly
than the mean of K logarithms does. At K = 1 it is the VAE with one draw for its KL term.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor

from bench.models.autoencoder import AutoencoderRecipe, LatentAutoencoder, unit_pixels
from bench.models.base import Batch, StepContext, descend
from bench.networks.shape import ImageShape
from bench.objectives.densities import log_mean_exp, log_normal, log_standard_normal
from bench.objectives.elbo import reparameterise


class IWAERecipe(AutoencoderRecipe):
    """Settings of an importance weighted autoencoder.

    Attributes:
        likelihood: one that scores every image by itself, since every draw has a weight.
        n_draws: from the posterior of one image (K).
    """

    likelihood: Literal["bernoulli", "unit-gaussian"] = "bernoulli"
    n_draws: PositiveInt = 5


class IWAE(LatentAutoencoder):
    """The negative of L_K = E log 1/K sum_k w_k, 1509.00519 eq. 8, reparameterised."""

    recipe_type = IWAERecipe

    def __init__(self, recipe: IWAERecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes, outputs_per_latent=2)
        self.n_draws = recipe.n_draws

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of the bound, in nats per image."""
        log_weights = self.log_weights(batch.images, self.n_draws)
        loss = -log_mean_exp(log_weights, dim=0).mean()
        descend(loss, self._optimizers["autoencoder"])
        return {"loss": loss.detach(), "elbo": log_weights.detach().mean()}

    def log_weights(self, images: Tensor, n_draws: int) -> Tensor:
        """The logarithms of w = p(x|z) p(z) / q(z|x) at draws z ~ q(z|x), (n_draws, N)."""
        mean, log_variance = self.encoder(images).repeat(n_draws, 1).chunk(2, 1)  # (K N, D)
        latents = reparameterise(mean, log_variance)
        ratio = log_standard_normal(latents) - log_normal(latents, mean, log_variance)
        pixels = unit_pixels(images).repeat(n_draws, 1, 1, 1)
        log_likelihood = -self.each_negative_log_likelihood(self.decoder(latents), pixels)
        return (log_likelihood + ratio).view(n_draws, len(images))

    def each_negative_log_likelihood(self, logits: Tensor, pixels: Tensor) -> Tensor:
        """The likelihood of every image by itself, (N, C, H, W) to (N,)."""
        each = torch.vmap(self.negative_log_likelihood)
        scored: Tensor = each(logits[:, None], pixels[:, None])
        return scored
