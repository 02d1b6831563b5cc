"""VAE whose prior is made of its own posteriors (Tomczak and Welling 2018, 1705.07120).

The prior is the even mixture of q(z|u_k) over learned pseudo-inputs u_k, so it moves with the
encoder towards the aggregated posterior, and both samples and the bound use it.
"""

from __future__ import annotations

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from bench.models.autoencoder import AutoencoderRecipe, LatentAutoencoder, unit_pixels
from bench.models.base import Batch, StepContext, descend, detached
from bench.models.noise import ImageNoise, uniform_categories
from bench.networks.shape import ImageShape
from bench.objectives.densities import log_even_mixture, log_normal
from bench.objectives.elbo import reparameterise

LARGEST_START = 0.9
"""Largest absolute pixel of a first pseudo-input: at 1, tanh would be flat."""


class VampRecipe(AutoencoderRecipe):
    """Settings of a VAE with a VampPrior.

    Attributes:
        n_pseudo_inputs: components of the prior (K).
        beta: weight of the KL term; with the ``unit-gaussian`` likelihood, the decoder's variance.
    """

    n_pseudo_inputs: PositiveInt = 100
    beta: PositiveFloat = 1.0


class PseudoInputs(nn.Module):
    """K learned images in -1 .. 1, which start at the first K images that are seen."""

    n_started: Tensor

    def __init__(self, n: int, shape: ImageShape) -> None:
        super().__init__()
        self.raw = nn.Parameter(0.1 * torch.randn(n, shape.channels, shape.size, shape.size))
        self.register_buffer("n_started", torch.zeros((), dtype=torch.int64))

    def forward(self) -> Tensor:
        """The images, (K, C, H, W)."""
        return torch.tanh(self.raw)

    @torch.no_grad()
    def start(self, images: Tensor) -> None:
        """Set pseudo-inputs that are not yet set to images (N, C, H, W), as far as these reach."""
        waiting = self.raw[int(self.n_started) :][: len(images)]
        waiting.add_(torch.atanh(LARGEST_START * images[: len(waiting)]))
        self.n_started.add_(len(waiting))


class VampVAE(LatentAutoencoder):
    """The negative bound with the prior 1/K sum_k q(z|u_k), 1705.07120; one draw per image."""

    recipe_type = VampRecipe
    sampled_from = ("decoder", "encoder", "pseudo_inputs")

    def __init__(self, recipe: VampRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes, outputs_per_latent=2)
        self.beta = recipe.beta
        self.pseudo_inputs = PseudoInputs(recipe.n_pseudo_inputs, shape)
        pseudo_inputs = {"params": list(self.pseudo_inputs.parameters())}
        self._optimizers["autoencoder"].add_param_group(pseudo_inputs)

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of reconstruction + beta KL, in nats per image; the KL is that of the draw."""
        images = batch.images
        self.pseudo_inputs.start(images)
        # In one pass, so that batch normalisation treats images and pseudo-inputs alike.
        outputs = self.encoder(torch.cat([images, self.pseudo_inputs()]))
        latents, kl = draw_and_kl(outputs[: len(images)], outputs[len(images) :])
        reconstruction = self.negative_log_likelihood(self.decoder(latents), unit_pixels(images))
        descend(reconstruction + self.beta * kl, self._optimizers["autoencoder"])
        return detached(reconstruction=reconstruction, kl=kl)

    def prior(self) -> tuple[Tensor, Tensor]:
        """Means and log variances of the prior's components, each (K, latent_dim)."""
        means, log_variances = self.encoder(self.pseudo_inputs()).chunk(2, 1)
        return means, log_variances

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Decode draws from the prior: a component, then a point of it."""
        means, log_variances = self.prior()
        component = uniform_categories(noise.uniform(1)[:, 0], len(means))
        scale = torch.exp(0.5 * log_variances[component])
        return self.decode(means[component] + scale * noise.normal(self.latent_dim))


def draw_and_kl(posterior: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
    """One draw from every posterior, and its estimate of their mean KL to the prior, in nats.

    Args:
        posterior: mean and log variance of q(z|x), (N, 2 D).
        prior: those of the K components, (K, 2 D).

    Returns:
        Latents (N, D), and a scalar whose expectation is the KL.
    """
    mean, log_variance = posterior.chunk(2, 1)
    latents = reparameterise(mean, log_variance)
    log_prior = log_even_mixture(latents, *prior.chunk(2, 1))
    return latents, (log_normal(latents, mean, log_variance) - log_prior).mean()
