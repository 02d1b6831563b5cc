"""Adversarial autoencoders (Makhzani et al. 2015, 1511.05644).

An autoencoder whose latents a discriminator cannot tell from draws of N(0, I): the discriminator
takes the place of a KL term, so the encoder may stay deterministic (section 2).
"""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor

from bench.models.autoencoder import AutoencoderRecipe, LatentAutoencoder, unit_pixels
from bench.models.base import (
    AdamSettings,
    Batch,
    StepContext,
    adam,
    descend,
    detached,
    without_weight_gradients,
)
from bench.networks.latent import LatentCritic
from bench.networks.shape import ImageShape
from bench.objectives.adversarial import non_saturating_d_loss, non_saturating_g_loss

DISCRIMINATOR_LAYERS = 2


class AAERecipe(AutoencoderRecipe):
    """Settings of an adversarial autoencoder.

    Attributes:
        adversarial_weight: of the encoder's adversarial loss, in nats of the likelihood.
        discriminator_width: units in each of the discriminator's two hidden layers.
        discriminator_optimizer: of the discriminator; ``optimizer`` is of the autoencoder.
    """

    adversarial_weight: NonNegativeFloat = 1.0
    discriminator_width: PositiveInt = 128
    discriminator_optimizer: AdamSettings = AdamSettings(lr=1.0e-3, betas=(0.5, 0.999))


class AAE(LatentAutoencoder):
    """Reconstruction, and an encoder that is the generator of a GAN over the latents."""

    recipe_type = AAERecipe

    def __init__(self, recipe: AAERecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes, outputs_per_latent=1)
        self.adversarial_weight = recipe.adversarial_weight
        self.discriminator = LatentCritic(
            recipe.latent_dim, recipe.discriminator_width, DISCRIMINATOR_LAYERS
        )
        self._optimizers["discriminator"] = adam(recipe.discriminator_optimizer, self.discriminator)

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """Update the discriminator, then the autoencoder against it; the latents are shared."""
        latents = self.encoder(batch.images)
        d_loss = self.discriminator_loss(torch.randn_like(latents), latents.detach())
        descend(d_loss, self._optimizers["discriminator"])
        logits = self.decoder(latents)
        reconstruction = self.negative_log_likelihood(logits, unit_pixels(batch.images))
        g_loss = self.generator_loss(latents)
        loss = reconstruction + self.adversarial_weight * g_loss
        descend(loss, self._optimizers["autoencoder"])
        return detached(reconstruction=reconstruction, d_loss=d_loss, g_loss=g_loss)

    def discriminator_loss(self, prior: Tensor, latents: Tensor) -> Tensor:
        """Cross-entropy of telling draws of the prior (N, latent_dim) from latents, per draw.

        Half the sum that GANs use, so that a discriminator that cannot tell scores ln 2.
        """
        return 0.5 * non_saturating_d_loss(self.discriminator(prior), self.discriminator(latents))

    def generator_loss(self, latents: Tensor) -> Tensor:
        """The encoder's loss for passing as the prior; the discriminator gets no gradient."""
        with without_weight_gradients(self.discriminator):
            return non_saturating_g_loss(self.discriminator(latents))
