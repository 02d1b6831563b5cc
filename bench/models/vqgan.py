"""VQGAN (Esser et al. 2020, 2012.09841): a VQ-VAE with a critic of patches.

Deviations: the perceptual term measures in the critic's own features, so that no pretrained
network takes part; the critic learns from the first update and is heard by the decoder later; the
codebook is averaged, and the prior is trained beside the autoencoder.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from bench.identity.settings import Fraction
from bench.models.base import (
    AdamSettings,
    Batch,
    StepContext,
    adam,
    descend,
    detached,
    without_weight_gradients,
)
from bench.models.vq import VQVAE, VQVAERecipe, usage
from bench.networks.parts import Norm
from bench.networks.patch import PatchCritic
from bench.networks.shape import ImageShape
from bench.objectives.adversarial import hinge_d_loss, wasserstein_g_loss
from bench.objectives.balance import adaptive_weight, feature_distance


class VQGANRecipe(VQVAERecipe):
    """Settings of a VQGAN.

    Attributes:
        pixel_loss: mean absolute or squared error of reconstructions.
        perceptual_weight: of the distance between features of the critic.
        adversarial_weight: of the adversarial term, beside its adaptive weight; 0 for none.
        adversarial_after: fraction of the budget after which the decoder hears the critic.
        critic_width, critic_norm, critic_optimizer: of the critic.
    """

    pixel_loss: Literal["absolute", "squared"] = "absolute"
    perceptual_weight: NonNegativeFloat = 1.0
    adversarial_weight: NonNegativeFloat = 0.8
    adversarial_after: Fraction = 0.25
    critic_width: PositiveInt = 32
    critic_norm: Norm = "batch"
    critic_optimizer: AdamSettings = AdamSettings(lr=5.0e-4, betas=(0.5, 0.9))


class VQGAN(VQVAE):
    """Autoencoder and codebook as in a VQ-VAE, and a critic of what the decoder makes."""

    recipe_type = VQGANRecipe
    recipe: VQGANRecipe

    def __init__(self, recipe: VQGANRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.critic = PatchCritic(shape, recipe.critic_width, recipe.critic_norm)
        self._optimizers["critic"] = adam(recipe.critic_optimizer, self.critic)

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """Update the autoencoder, then the critic and the prior on what it just made."""
        images = batch.images
        codes = self.codebook(self.encoder(images))
        fake = torch.tanh(self.decoder(codes.grid))
        heard = ctx.step >= self.recipe.adversarial_after * ctx.n_steps
        with without_weight_gradients(self.critic):
            reconstruction = self.reconstruction_loss(fake, images)
            adversarial, balance = self.adversarial_loss(fake, reconstruction, heard=heard)
            loss = reconstruction + self.commitment * codes.commitment + adversarial
            descend(loss, self._optimizers["autoencoder"])
        d_loss = self.critic_loss(images, fake.detach())
        descend(d_loss, self._optimizers["critic"])
        prior = self.prior_loss(codes.indices.view(len(images), -1))
        descend(prior, self._optimizers["prior"])
        losses = detached(
            reconstruction=reconstruction,
            commitment=codes.commitment,
            adversarial=adversarial,
            balance=balance,
            d_loss=d_loss,
            prior=prior,
        )
        return losses | usage(codes.indices, self.codebook.n_codes)

    def reconstruction_loss(self, fake: Tensor, images: Tensor) -> Tensor:
        """Error of pixels and of the critic's features, of images (N, C, H, W) in -1 .. 1."""
        squared = self.recipe.pixel_loss == "squared"
        loss = mse_loss(fake, images) if squared else l1_loss(fake, images)
        if self.recipe.perceptual_weight == 0.0:
            return loss
        with torch.no_grad():
            target = self.critic.features(images)
        distance = feature_distance(self.critic.features(fake), target)
        return loss + self.recipe.perceptual_weight * distance

    def adversarial_loss(
        self, fake: Tensor, reconstruction: Tensor, *, heard: bool
    ) -> tuple[Tensor, Tensor]:
        """The weighted term of the decoder and its adaptive weight, 2012.09841 eq. 6 and 7."""
        weight = self.recipe.adversarial_weight
        if not heard or weight == 0.0:
            return fake.new_zeros(()), fake.new_zeros(())
        loss = wasserstein_g_loss(self.critic(fake))
        balance = adaptive_weight(reconstruction, loss, self.last_layer)
        return weight * balance * loss, balance

    @property
    def last_layer(self) -> Tensor:
        """Weight of the decoder's last convolution, where the two gradients are compared."""
        return next(self.decoder.layers[-1].parameters())

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Hinge loss over all patches; ``fake`` carries no gradient."""
        return hinge_d_loss(self.critic(real), self.critic(fake))

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Nats per code of the prior on unseen images, and the use of codes."""
        indices = self.codebook(self.encoder(images)).indices
        nats = self.prior_loss(indices.view(len(images), self.prior.length))
        used = usage(indices, self.codebook.n_codes)
        measured = {"nats_per_token": nats, **dict(sorted(used.items()))}
        return {name: float(value) for name, value in measured.items()}
