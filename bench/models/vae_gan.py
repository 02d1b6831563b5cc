"""VAE-GAN: a VAE that measures likeness in a critic's features (Larsen et al. 2016, 1512.09300).

The decoder is also the generator of a GAN. Which loss reaches which network follows algorithm 1:
the encoder learns from KL and similarity, the decoder from similarity and the adversarial loss of
reconstructions and of prior draws, the critic from the adversarial loss alone. The gradients of
one step are all taken at the same weights.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import softplus

from bench.models.autoencoder import LatentAutoencoder, mean_image, unit_pixels
from bench.models.base import AdamSettings, Batch, StepContext, adam, detached
from bench.models.vae import VAERecipe
from bench.networks.dcgan import Critic
from bench.networks.parts import Norm
from bench.networks.shape import ImageShape
from bench.objectives.elbo import kl_to_standard_normal, reparameterise


class VAEGANRecipe(VAERecipe):
    """Settings of a VAE-GAN; encoder and decoder have an ``optimizer`` each.

    Attributes:
        similarity: what a reconstruction must match: the critic's last hidden features, or the
            pixels under ``likelihood`` as in a VAE.
        adversarial_weight: of the decoder's adversarial loss, 1 / gamma in the paper.
        critic_width: channels next to the pixels.
        critic_norm: of the critic, a name of ``bench.networks.parts.Norm``.
        critic_optimizer: of the critic.
    """

    similarity: Literal["features", "pixels"] = "features"
    adversarial_weight: NonNegativeFloat = 1.0
    critic_width: PositiveInt = 32
    critic_norm: Norm = "batch"
    critic_optimizer: AdamSettings = AdamSettings(lr=2.0e-4, betas=(0.5, 0.999))


class VAEGAN(LatentAutoencoder):
    """Encoder, decoder and critic with an optimiser each; sampled from the prior N(0, I)."""

    recipe_type = VAEGANRecipe

    def __init__(self, recipe: VAEGANRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes, outputs_per_latent=2)
        self.beta = recipe.beta
        self.adversarial_weight = recipe.adversarial_weight
        self.measured_in_features = recipe.similarity == "features"
        self.critic = Critic(shape, recipe.critic_width, recipe.critic_norm)
        self._optimizers = {
            "encoder": adam(recipe.optimizer, self.encoder),
            "decoder": adam(recipe.optimizer, self.decoder),
            "critic": adam(recipe.critic_optimizer, self.critic),
        }

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of all three networks, 1512.09300 algorithm 1."""
        images = batch.images
        mean, log_variance = self.encoder(images).chunk(2, 1)
        logits = self.decoder(reparameterise(mean, log_variance))
        similarity = self.similarity(logits, images)
        kl = kl_to_standard_normal(mean, log_variance)
        drawn = mean_image(self.decoder(torch.randn_like(mean)))
        fakes = mean_image(logits), drawn
        g_loss = self.generator_loss(*fakes)
        d_loss = self.critic_loss(images, *(fake.detach() for fake in fakes))
        losses = {
            "encoder": similarity + self.beta * kl,
            "decoder": similarity + self.adversarial_weight * g_loss,
            "critic": d_loss,
        }
        self.descend_together(losses)
        return detached(similarity=similarity, kl=kl, d_loss=d_loss, g_loss=g_loss)

    def descend_together(self, losses: dict[str, Tensor]) -> None:
        """Move each network down its own loss, and by no other; the losses share graphs."""
        for name, loss in losses.items():
            self._optimizers[name].zero_grad(set_to_none=True)
            weights = [p for g in self._optimizers[name].param_groups for p in g["params"]]
            loss.backward(inputs=weights, retain_graph=True)
        for optimizer in self._optimizers.values():
            optimizer.step()

    def similarity(self, logits: Tensor, images: Tensor) -> Tensor:
        """Negative log-likelihood of the images, (N, C, H, W) in -1 .. 1, or of their features.

        Features have a Gaussian of unit variance around those of the reconstruction
        (1512.09300 section 2.3), whose constant is left out.
        """
        if not self.measured_in_features:
            return self.negative_log_likelihood(logits, unit_pixels(images))
        difference = self.critic.features(images) - self.critic.features(mean_image(logits))
        return 0.5 * difference.square().sum(1).mean()

    def critic_loss(self, real: Tensor, reconstructed: Tensor, drawn: Tensor) -> Tensor:
        """-log s(D(x)) - log(1 - s(D(x~))) - log(1 - s(D(x_p))): minus the paper's L_GAN."""
        fake = softplus(self.critic(reconstructed)).mean() + softplus(self.critic(drawn)).mean()
        return softplus(-self.critic(real)).mean() + fake

    def generator_loss(self, reconstructed: Tensor, drawn: Tensor) -> Tensor:
        """-log s(D(x~)) - log s(D(x_p)), the non-saturating form of the fakes' side."""
        return softplus(-self.critic(reconstructed)).mean() + softplus(-self.critic(drawn)).mean()
