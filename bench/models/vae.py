"""Variational autoencoders (Kingma and Welling 2014, 1312.6114), sampled from their prior N(0, I).

Rows that weigh the KL term or add terms on the latents are this file with other settings; a
deterministic encoder with a term that draws its latents to the prior is one of them.
"""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import Field, NonNegativeFloat, field_validator, model_validator
from torch import Tensor

from bench.models.autoencoder import AutoencoderRecipe, LatentAutoencoder, unit_pixels
from bench.models.base import Batch, StepContext, descend
from bench.networks.shape import ImageShape
from bench.objectives.elbo import kl_to_standard_normal, reparameterise
from bench.objectives.latent import NEED_A_DENSITY, TERMS, Encoded
from catalog.names import suggestion


class VAERecipe(AutoencoderRecipe):
    """Settings of a variational autoencoder: weights of the terms beside the reconstruction.

    Attributes:
        beta: weight of the KL term (1: the true bound).
        posterior: ``point`` for a deterministic encoder, which has no finite KL term.
        terms: weights of further terms, by name in ``bench.objectives.latent``; 0 leaves one out.
    """

    likelihood: Literal["bernoulli", "unit-gaussian", "optimal-gaussian"] = "bernoulli"
    beta: NonNegativeFloat = 1.0
    posterior: Literal["gaussian", "point"] = "gaussian"
    terms: dict[str, float] = Field(default_factory=dict)

    @field_validator("terms")
    @classmethod
    def _terms_exist_and_are_minimised(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            if name not in TERMS:
                raise ValueError(f"no term is called '{name}'{suggestion(name, TERMS)}")
            if not 0.0 <= weight < float("inf"):
                raise ValueError(
                    f"the weight of '{name}' is {weight:g}, but it must be finite and not negative;"
                    " InfoVAE's alpha + lambda - 1 is the weight of 'mmd'"
                )
        return weights

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        if self.terms and self.batch_size < 2:
            raise ValueError("terms compare the images of a batch; batch_size must be 2 or more")
        if self.posterior == "point":
            if self.beta > 0.0:
                raise ValueError("posterior: point has an infinite KL term; it needs beta: 0")
            for name in NEED_A_DENSITY & self.terms.keys():
                raise ValueError(f"posterior: point has no density, which '{name}' needs")
        return self


class VAE(LatentAutoencoder):
    """The negative evidence lower bound, 1312.6114 eq. 10 with one draw per image, and its kin.

    A recipe that names ``terms`` adds regularisers of the latents to it.
    """

    recipe_type = VAERecipe

    def __init__(self, recipe: VAERecipe, shape: ImageShape, n_classes: int) -> None:
        point = recipe.posterior == "point"
        super().__init__(recipe, shape, n_classes, outputs_per_latent=1 if point else 2)
        self.point = point
        self.beta = recipe.beta
        self.terms = {name: weight for name, weight in recipe.terms.items() if weight > 0.0}

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), each (N, latent_dim)."""
        outputs = self.encoder(images)
        if self.point:
            return outputs, torch.full_like(outputs, -torch.inf)
        mean, log_variance = outputs.chunk(2, 1)
        return mean, log_variance

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of reconstruction + beta KL + weighted terms, in nats per image."""
        loss, parts, _ = self.objective(batch.images, ctx.n_train)
        descend(loss, self._optimizers["autoencoder"])
        return parts

    def objective(self, images: Tensor, n_train: int) -> tuple[Tensor, dict[str, Tensor], Encoded]:
        """The loss, its unweighted parts without gradients, and the latents that it used."""
        mean, log_variance = self.posterior(images)
        latents = mean if self.point else reparameterise(mean, log_variance)
        encoded = Encoded(mean, log_variance, latents, n_train)
        loss = self.negative_log_likelihood(self.decoder(latents), unit_pixels(images))
        parts = {"reconstruction": loss.detach()}
        if not self.point:
            kl = kl_to_standard_normal(mean, log_variance)
            loss = loss + self.beta * kl
            parts["kl"] = kl.detach()
        for name, weight in self.terms.items():
            term = TERMS[name](encoded)
            loss = loss + weight * term
            parts[name] = term.detach()
        return loss, parts, encoded
