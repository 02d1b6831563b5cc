"""VAE of images given their class (Sohn et al. 2015; Kingma et al. 2014, 1406.5298).

Encoder and decoder are told the class, so the latents need not say it, and the class can be asked
for. The prior is N(0, I) for every class. It has no encoding without a class, so no density is
fitted to its latents.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.optim import Optimizer

from bench.models.base import GenerativeModel, StepContext, adam, descend
from bench.models.vae import AutoencoderRecipe, mean_image, unit_pixels
from bench.networks.autoencoder import Decoder, Encoder
from bench.networks.shape import ImageShape
from bench.noise import ImageNoise
from bench.objectives.elbo import LIKELIHOODS, kl_to_standard_normal, reparameterise


class CVAE(GenerativeModel):
    """The negative bound of log p(x|y), Sohn et al. 2015 eq. 4 with the prior N(0, I)."""

    recipe_type = AutoencoderRecipe
    conditional = True

    def __init__(self, recipe: AutoencoderRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.latent_dim = recipe.latent_dim
        self.negative_log_likelihood = LIKELIHOODS[recipe.likelihood]
        labelled = ImageShape(shape.channels + n_classes, shape.size)
        self.encoder = Encoder(labelled, recipe.width, 2 * recipe.latent_dim)
        self.decoder = Decoder(shape, recipe.width, recipe.latent_dim + n_classes)
        self._optimizer = adam(list(self.parameters()), recipe.optimizer)

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam for both networks."""
        return {"autoencoder": self._optimizer}

    def sampling_modules(self) -> dict[str, nn.Module]:
        """The decoder alone."""
        return {"decoder": self.decoder}

    def step(self, images: Tensor, labels: Tensor, ctx: StepContext) -> dict[str, Tensor]:  # noqa: ARG002
        """One update of reconstruction + KL, in nats per image."""
        mean, log_variance = self.posterior(images, labels)
        logits = self.decoder_logits(reparameterise(mean, log_variance), labels)
        reconstruction = self.negative_log_likelihood(logits, unit_pixels(images))
        kl = kl_to_standard_normal(mean, log_variance)
        descend(reconstruction + kl, self._optimizer)
        return {"reconstruction": reconstruction.detach(), "kl": kl.detach()}

    def posterior(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x, y), each (N, latent_dim)."""
        planes = self._codes(labels, images)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        mean, log_variance = self.encoder(torch.cat([images, planes], 1)).chunk(2, 1)
        return mean, log_variance

    def decoder_logits(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Pixel logits (N, C, H, W) of p(x|z, y)."""
        logits: Tensor = self.decoder(torch.cat([latents, self._codes(labels, latents)], 1))
        return logits

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Decode draws from the prior N(0, I) with the class that each is asked for."""
        if labels is None:
            raise ValueError("a conditional model needs labels")
        return mean_image(self.decoder_logits(noise.normal(self.latent_dim), labels))

    def _codes(self, labels: Tensor, like: Tensor) -> Tensor:
        return one_hot(labels, self.n_classes).to(like.dtype)  # (N, n_classes)
