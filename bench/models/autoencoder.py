"""Autoencoders with vector latents: what all of them share, and the plain one.

The plain autoencoder has no prior, so its own sampler is the Gaussian that is fitted to its latents
after training (Ghosh et al. 2020, 1903.12436, section 4). Its regularised forms are settings.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor

from bench.models.base import (
    AdamSettings,
    Batch,
    GenerativeModel,
    Recipe,
    StepContext,
    adam,
    descend,
)
from bench.models.noise import ImageNoise
from bench.networks.autoencoder import Decoder, Encoder
from bench.networks.parts import frozen_batch_statistics, with_weight_norm
from bench.networks.shape import ImageShape
from bench.objectives.elbo import LIKELIHOODS
from bench.objectives.regularisers import (
    half_squared_norm,
    half_squared_weights,
    squared_jacobian,
)


class AutoencoderRecipe(Recipe):
    """Settings of an autoencoder.

    Attributes:
        width: channels next to the pixels.
        likelihood: of the pixels given the decoder's output, by name in ``bench.objectives.elbo``.
    """

    latent_dim: PositiveInt = 16
    width: PositiveInt = 32
    likelihood: Literal["bernoulli", "unit-gaussian", "optimal-gaussian"] = "unit-gaussian"
    optimizer: AdamSettings = AdamSettings(lr=1.0e-3)


class PlainRecipe(AutoencoderRecipe):
    """Settings of an autoencoder without a prior: weights of what regularises it, all 0 at first.

    Ghosh et al. 2020 (1903.12436), section 3.1; weights are per nat of the likelihood.

    Attributes:
        latent_penalty: of half the squared norm of the latents; the paper's beta.
        decoder_decay: of half the squared weights of the decoder (RAE-L2).
        decoder_gradient_penalty: of the decoder's squared derivative at its input (RAE-GP).
        decoder_spectral_norm: keeps every weight matrix of the decoder at norm one (RAE-SN).
    """

    latent_penalty: NonNegativeFloat = 0.0
    decoder_decay: NonNegativeFloat = 0.0
    decoder_gradient_penalty: NonNegativeFloat = 0.0
    decoder_spectral_norm: bool = False


class PixelAutoencoder(GenerativeModel):
    """Encoder, decoder, one optimiser, and a likelihood of pixels.

    Images pass in -1 .. 1, pixels are scored in 0 .. 1.

    Args:
        width: channels next to the pixels.
        likelihood: a name in ``bench.objectives.elbo``.
        sizes: outputs of the encoder, inputs of the decoder.
        n_labels: inputs of both beside these, such as one-hot labels.
    """

    sampled_from: ClassVar[tuple[str, ...]] = ("decoder",)

    def __init__(
        self,
        recipe: Recipe,
        shape: ImageShape,
        n_classes: int,
        *,
        width: int,
        likelihood: str,
        sizes: tuple[int, int],
        n_labels: int = 0,
    ) -> None:
        super().__init__(recipe, shape, n_classes)
        self.negative_log_likelihood = LIKELIHOODS[likelihood]
        self.encoder = Encoder(ImageShape(shape.channels + n_labels, shape.size), width, sizes[0])
        self.decoder = Decoder(shape, width, sizes[1] + n_labels)
        self._optimizers = {"autoencoder": adam(recipe.optimizer, self)}


class LatentAutoencoder(PixelAutoencoder):
    """An autoencoder with a vector of latents, sampled from the prior N(0, I)."""

    def __init__(
        self, recipe: AutoencoderRecipe, shape: ImageShape, n_classes: int, outputs_per_latent: int
    ) -> None:
        super().__init__(
            recipe,
            shape,
            n_classes,
            width=recipe.width,
            likelihood=recipe.likelihood,
            sizes=(outputs_per_latent * recipe.latent_dim, recipe.latent_dim),
        )
        self.latent_dim = recipe.latent_dim

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Decode draws from the prior N(0, I)."""
        return self.decode(noise.normal(self.latent_dim))

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (N, latent_dim) to the decoder's mean, (N, C, H, W) in -1 .. 1."""
        return mean_image(self.decoder(latents))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to the decoder's mean at the latent's mean."""
        return self.decode(self.encode(images))

    def encode(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to latents (N, latent_dim)."""
        latents: Tensor = self.encoder(images)
        return latents[:, : self.latent_dim]


class Autoencoder(LatentAutoencoder):
    """Reconstruction alone; sampled from a Gaussian fitted to the training latents."""

    recipe_type = PlainRecipe
    samplers = ("gaussian",)
    latent_mean: Tensor
    latent_factor: Tensor

    def __init__(self, recipe: PlainRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes, outputs_per_latent=1)
        if recipe.decoder_spectral_norm:
            with_weight_norm("spectral", self.decoder)
        weighted = (
            (recipe.latent_penalty, half_squared_norm),
            (recipe.decoder_decay, self.decoder_weights),
            (recipe.decoder_gradient_penalty, self.decoder_derivative),
        )
        self.regularisers = [(weight, term) for weight, term in weighted if weight > 0.0]
        self.register_buffer("latent_mean", torch.zeros(self.latent_dim))
        self.register_buffer("latent_factor", torch.eye(self.latent_dim))

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of the negative log-likelihood of the pixels and what regularises it."""
        latents = self.encoder(batch.images)
        loss = self.negative_log_likelihood(self.decoder(latents), unit_pixels(batch.images))
        for weight, term in self.regularisers:
            loss = loss + weight * term(latents)
        descend(loss, self._optimizers["autoencoder"])
        return {"loss": loss.detach()}

    def decoder_weights(self, latents: Tensor) -> Tensor:
        """Half the squared weights of the decoder, whatever the latents."""
        return half_squared_weights(self.decoder)

    def decoder_derivative(self, latents: Tensor) -> Tensor:
        """The squared derivative of the mean pixels, in 0 .. 1, at these latents (N, latent_dim).

        Normalised by the batch as in training, but this pass leaves the running averages alone.
        """
        with frozen_batch_statistics(self.decoder):
            return squared_jacobian(lambda z: torch.sigmoid(self.decoder(z)), latents)

    def after_training(self, images: Tensor) -> None:
        """Fit mean and Cholesky factor of the training latents, (N, C, H, W) in -1 .. 1."""
        latents = self.encode(images).double()
        covariance = torch.cov(latents.T) + 1e-6 * torch.eye(self.latent_dim).to(latents)
        self.latent_mean.copy_(latents.mean(0))
        self.latent_factor.copy_(torch.linalg.cholesky(covariance))

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Decode draws from the fitted Gaussian, N(0, I) until it is fitted."""
        standard = noise.normal(self.latent_dim)
        return self.decode(self.latent_mean + standard @ self.latent_factor.T)


def unit_pixels(images: Tensor) -> Tensor:
    """Images in -1 .. 1 to the 0 .. 1 that likelihoods are of."""
    return images.add(1.0).mul_(0.5)


def mean_image(logits: Tensor) -> Tensor:
    """Pixel logits to the mean that they stand for, in -1 .. 1."""
    return torch.sigmoid(logits).mul(2.0).sub(1.0)
