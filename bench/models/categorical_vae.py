"""Variational autoencoder with categorical latents (Jang et al. 2016, 1611.01144).

The code of an image is V independent variables of K categories with a uniform prior. In training
they are relaxed with a temperature that falls over the budget; samples and reconstructions use
exact one-hot codes.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor
from torch.nn.functional import one_hot

from bench.models.autoencoder import PixelAutoencoder, mean_image, unit_pixels
from bench.models.base import AdamSettings, Batch, Recipe, StepContext, descend, detached
from bench.models.noise import ImageNoise, uniform_categories
from bench.networks.shape import ImageShape
from bench.objectives.categorical import hardened, kl_to_uniform, relaxed_sample
from bench.objectives.schedules import geometric

Categories = Annotated[int, Field(ge=2)]


class CategoricalVAERecipe(Recipe):
    """Settings of a VAE with categorical latents.

    Attributes:
        n_variables: categorical variables per image (V).
        n_categories: values of each (K).
        width: channels next to the pixels.
        likelihood: of the pixels given the decoder's output, by name in ``bench.objectives.elbo``.
        beta: weight of the KL term (1: the bound).
        first_temperature, last_temperature: at the first and at the last update.
        straight_through: whether the decoder is trained on one-hot codes whose gradient is that
            of the relaxed ones.
    """

    n_variables: PositiveInt = 20
    n_categories: Categories = 10
    width: PositiveInt = 32
    likelihood: Literal["bernoulli", "unit-gaussian", "optimal-gaussian"] = "bernoulli"
    beta: NonNegativeFloat = 1.0
    first_temperature: PositiveFloat = 1.0
    last_temperature: PositiveFloat = 0.5
    straight_through: bool = False
    optimizer: AdamSettings = AdamSettings(lr=1.0e-3)


class CategoricalVAE(PixelAutoencoder):
    """The negative evidence lower bound with one relaxed draw per image."""

    recipe_type = CategoricalVAERecipe
    recipe: CategoricalVAERecipe
    latent_dim = 0  # the prior is drawn from by uniform numbers

    def __init__(self, recipe: CategoricalVAERecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(
            recipe,
            shape,
            n_classes,
            width=recipe.width,
            likelihood=recipe.likelihood,
            sizes=(recipe.n_variables * recipe.n_categories,) * 2,
        )

    def logits(self, images: Tensor) -> Tensor:
        """Unnormalised log q(z|x) of images in -1 .. 1, (N, V, K)."""
        flat: Tensor = self.encoder(images)
        return flat.view(len(images), self.recipe.n_variables, self.recipe.n_categories)

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of reconstruction + beta KL, in nats per image."""
        settings = self.recipe
        temperature = geometric(
            ctx.step, ctx.n_steps, settings.first_temperature, settings.last_temperature
        )
        logits = self.logits(batch.images)
        uniforms = torch.rand(logits.shape, device=logits.device)
        codes = relaxed_sample(logits, temperature, uniforms)
        if settings.straight_through:
            codes = hardened(codes)
        outputs = self.decoder(codes.flatten(1))
        reconstruction = self.negative_log_likelihood(outputs, unit_pixels(batch.images))
        kl = kl_to_uniform(logits)
        descend(reconstruction + settings.beta * kl, self._optimizers["autoencoder"])
        return detached(reconstruction=reconstruction, kl=kl)

    def decode_categories(self, categories: Tensor) -> Tensor:
        """Categories (N, V) int64 to the decoder's mean, (N, C, H, W) in -1 .. 1."""
        codes = one_hot(categories, self.recipe.n_categories).float()
        return mean_image(self.decoder(codes.flatten(1)))

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to the mean at their most probable categories."""
        return self.decode_categories(self.logits(images).argmax(2))

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Decode categories that are drawn alike and independently."""
        uniforms = noise.uniform(self.recipe.n_variables)
        return self.decode_categories(uniform_categories(uniforms, self.recipe.n_categories))
