"""VAE of images given their class (Sohn et al. 2015; Kingma et al. 2014, 1406.5298).

Encoder and decoder are told the class, so the latents need not say it, and the class can be asked
for. It has no encoding without a class, so no density is fitted to its latents.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bench.models.autoencoder import (
    AutoencoderRecipe,
    PixelAutoencoder,
    mean_image,
    unit_pixels,
)
from bench.models.base import Batch, StepContext, adam, descend, detached
from bench.models.noise import ImageNoise
from bench.networks.latent import SkipMLP
from bench.networks.shape import ImageShape
from bench.objectives.densities import kl_between_normals
from bench.objectives.elbo import reparameterise

PRIOR_WIDTH = 64


class CVAERecipe(AutoencoderRecipe):
    """Settings of a conditional VAE.

    Attributes:
        prior: ``learned`` is a diagonal Gaussian per class, ``standard`` is N(0, I) for all.
        beta: weight of the KL term; with the ``unit-gaussian`` likelihood, the decoder's variance.
    """

    prior: Literal["learned", "standard"] = "learned"
    beta: PositiveFloat = 1.0


class CVAE(PixelAutoencoder):
    """The negative bound of log p(x|y), Sohn et al. 2015 eq. 4."""

    recipe_type = CVAERecipe
    conditional = True

    def __init__(self, recipe: CVAERecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(
            recipe,
            shape,
            n_classes,
            width=recipe.width,
            likelihood=recipe.likelihood,
            sizes=(2 * recipe.latent_dim, recipe.latent_dim),
            n_labels=n_classes,
        )
        self.latent_dim = recipe.latent_dim
        self.beta = recipe.beta
        self.prior_network = None
        if recipe.prior == "learned":
            self.prior_network = ClassPrior(n_classes, recipe.latent_dim)
            self._optimizers = {"autoencoder": adam(recipe.optimizer, self)}

    def sampling_modules(self) -> dict[str, nn.Module]:
        """The decoder, and the prior where it is learned."""
        learned = {} if self.prior_network is None else {"prior": self.prior_network}
        return {**super().sampling_modules(), **learned}

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of reconstruction + beta KL, in nats per image."""
        images, labels = batch
        mean, log_variance = self.posterior(images, labels)
        logits = self.decoder_logits(reparameterise(mean, log_variance), labels)
        reconstruction = self.negative_log_likelihood(logits, unit_pixels(images))
        kl = kl_between_normals(mean, log_variance, *self.prior(labels)).mean()
        descend(reconstruction + self.beta * kl, self._optimizers["autoencoder"])
        return detached(reconstruction=reconstruction, kl=kl)

    def posterior(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x, y), each (N, latent_dim)."""
        planes = self._codes(labels)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        mean, log_variance = self.encoder(torch.cat([images, planes], 1)).chunk(2, 1)
        return mean, log_variance

    def prior(self, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of p(z|y), each (N, latent_dim)."""
        if self.prior_network is None:
            zeros = next(self.parameters()).new_zeros(len(labels), self.latent_dim)
            return zeros, zeros
        mean, log_variance = self.prior_network(self._codes(labels)).chunk(2, 1)
        return mean, log_variance

    def decoder_logits(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Pixel logits (N, C, H, W) of p(x|z, y)."""
        logits: Tensor = self.decoder(torch.cat([latents, self._codes(labels)], 1))
        return logits

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Decode draws from the prior of the class that each is asked for."""
        if labels is None:
            raise ValueError("a conditional model needs labels")
        mean, log_variance = self.prior(labels)
        latents = mean + torch.exp(0.5 * log_variance) * noise.normal(self.latent_dim)
        return mean_image(self.decoder_logits(latents, labels))

    def _codes(self, labels: Tensor) -> Tensor:
        return one_hot(labels, self.n_classes).float()  # (N, n_classes)


class ClassPrior(nn.Module):
    """Class codes (N, n_classes) to mean and log variance of their latents; N(0, I) at first."""

    def __init__(self, n_classes: int, latent_dim: int) -> None:
        super().__init__()
        self.network = SkipMLP(n_classes, 2 * latent_dim, PRIOR_WIDTH, 1)
        nn.init.zeros_(self.network.last.weight)
        nn.init.zeros_(self.network.last.bias)

    def forward(self, codes: Tensor) -> Tensor:
        """Class codes (N, n_classes) to (N, 2 latent_dim)."""
        outputs: Tensor = self.network(codes)
        return outputs
