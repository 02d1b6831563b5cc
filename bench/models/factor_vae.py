"""FactorVAE (Kim and Mnih 2018, 1802.05983): latents that a critic cannot tell from shuffled ones.

The critic learns to tell draws from the aggregate posterior q(z) from draws whose dimensions were
shuffled over the batch, which come from the product of its marginals. Its score then estimates the
log density ratio of the two, whose mean under q(z) is the total correlation.
"""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor

from bench.models.base import (
    AdamSettings,
    Batch,
    StepContext,
    adam,
    descend,
    without_weight_gradients,
)
from bench.models.vae import VAE, VAERecipe
from bench.networks.latent import LatentCritic
from bench.networks.parts import frozen_batch_statistics
from bench.networks.shape import ImageShape
from bench.objectives.adversarial import non_saturating_d_loss
from bench.objectives.elbo import reparameterise
from bench.objectives.latent import shuffle_each_dimension


class FactorVAERecipe(VAERecipe):
    """Settings of FactorVAE; the critic's are those of the paper's appendix.

    Attributes:
        gamma: weight of the total correlation (0: a plain VAE, with a critic that it ignores).
        critic_width: units of each of the critic's hidden layers.
        critic_layers: hidden layers of the critic.
        critic_optimizer: of the critic; ``optimizer`` is that of encoder and decoder.
    """

    gamma: NonNegativeFloat = 5.0
    critic_width: PositiveInt = 1000
    critic_layers: PositiveInt = 6
    critic_optimizer: AdamSettings = AdamSettings(lr=1.0e-4, betas=(0.5, 0.9))


class FactorVAE(VAE):
    """The VAE's objective + gamma times the critic's estimate of the total correlation."""

    recipe_type = FactorVAERecipe
    batches_per_step = 2

    def __init__(self, recipe: FactorVAERecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.gamma = recipe.gamma
        # Built last, so that encoder and decoder start as a VAE's do.
        self.critic = LatentCritic(self.latent_dim, recipe.critic_width, recipe.critic_layers)
        self._optimizers["critic"] = adam(recipe.critic_optimizer, self.critic)

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """Update the VAE on one batch, then the critic with that and another, algorithm 2."""
        first, second = batch.images.chunk(self.batches_per_step)
        if len(first) != len(second):
            raise ValueError("FactorVAE needs two batches of one size, not an odd number")
        loss, parts, encoded = self.objective(first, ctx.n_train)
        with without_weight_gradients(self.critic):
            total_correlation = self.critic(encoded.latents).mean()
        descend(loss + self.gamma * total_correlation, self._optimizers["autoencoder"])
        critic_loss = self.update_critic(encoded.latents.detach(), self.shuffled(second))
        return parts | {
            "total-correlation": total_correlation.detach(),
            "critic_loss": critic_loss,
        }

    @torch.no_grad()
    def shuffled(self, images: Tensor) -> Tensor:
        """Latents (N, latent_dim) drawn for ``images``, each dimension shuffled over the batch."""
        with frozen_batch_statistics(self.encoder):
            return shuffle_each_dimension(reparameterise(*self.posterior(images)))

    def update_critic(self, joint: Tensor, independent: Tensor) -> Tensor:
        """One step of half the cross-entropy; high scores go to ``joint``. Returns the loss."""
        loss = 0.5 * non_saturating_d_loss(self.critic(joint), self.critic(independent))
        descend(loss, self._optimizers["critic"])
        return loss.detach()
