"""Two-stage VAE (Dai and Wipf 2019, 1903.05789): a second VAE learns the latents of the first.

The first stage is a VAE with its optimal decoder variance. Its latents fill their space but not as
N(0, I); the second stage, whose latents are as many, learns how they do. Samples pass from the
second prior N(0, I) through both decoders.

The paper trains one stage after the other. Here one step updates the first and then the second
on draws from their posteriors, so that the model can sample at any time; no gradient of the second
reaches the first.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from bench.identity.settings import Fraction
from bench.models.base import AdamSettings, Batch, StepContext, adam, descend, detached
from bench.models.noise import ImageNoise
from bench.models.vae import VAE, VAERecipe
from bench.networks.latent import SkipMLP
from bench.networks.shape import ImageShape
from bench.objectives.densities import LOG_2_PI
from bench.objectives.elbo import kl_to_standard_normal, reparameterise


class TwoStageRecipe(VAERecipe):
    """Settings of a two-stage VAE; the inherited ones are the first stage's.

    Attributes:
        second_width: features of the second stage's hidden layers.
        second_layers: hidden layers of its encoder, and of its decoder.
        second_updates: of the second stage for each of the first; the paper's has twice as many.
        gamma_decay: of the average of the second decoder's variance, which sampling uses.
        second_optimizer: of the second stage; ``optimizer`` is the first's.
    """

    second_width: PositiveInt = 256
    second_layers: PositiveInt = 3
    second_updates: PositiveInt = 2
    gamma_decay: Fraction = 0.99
    second_optimizer: AdamSettings = AdamSettings(lr=1.0e-3)


class LatentVAE(nn.Module):
    """A VAE of vectors z with latents u of the same size and the decoder N(z; mean(u), gamma I)."""

    gamma: Tensor

    def __init__(self, dim: int, width: int, n_layers: int, gamma_decay: float) -> None:
        super().__init__()
        self.gamma_decay = gamma_decay
        self.encoder = SkipMLP(dim, 2 * dim, width, n_layers)
        self.decoder = SkipMLP(dim, dim, width, n_layers)
        self.register_buffer("gamma", torch.ones(()))

    def losses(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood at the best gamma and KL of vectors (N, dim), in nats per vector.

        In training the average of gamma moves towards that of this batch.
        """
        mean, log_variance = self.encoder(vectors).chunk(2, 1)
        decoded = self.decoder(reparameterise(mean, log_variance))
        gamma = (decoded - vectors).square().mean().clamp_min(1e-6)
        if self.training:
            self.gamma.lerp_(gamma.detach(), 1.0 - self.gamma_decay)
        return best_gamma_nll(gamma, vectors.shape[1]), kl_to_standard_normal(mean, log_variance)

    def sample(self, noise: ImageNoise, dim: int) -> Tensor:
        """Draw u, then z, (N, dim)."""
        mean: Tensor = self.decoder(noise.normal(dim))
        return mean + self.gamma.sqrt() * noise.normal(dim)


class TwoStageVAE(VAE):
    """A VAE of images, and a VAE of its latents in the place of its prior."""

    recipe_type = TwoStageRecipe
    sampled_from = ("second", "decoder")

    def __init__(self, recipe: TwoStageRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.second = LatentVAE(
            recipe.latent_dim, recipe.second_width, recipe.second_layers, recipe.gamma_decay
        )
        self.second_updates = recipe.second_updates
        self._optimizers["second"] = adam(recipe.second_optimizer, self.second)

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """Update the first stage, then the second on draws from the posterior just updated."""
        losses = super().step(batch, ctx)
        mean, log_variance = self.frozen_posterior(batch.images)
        for _ in range(self.second_updates):
            reconstruction, kl = self.second.losses(reparameterise(mean, log_variance))
            descend(reconstruction + kl, self._optimizers["second"])
        return losses | detached(second_reconstruction=reconstruction, second_kl=kl)

    @torch.no_grad()
    def frozen_posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), (N, D) each, in evaluation mode, without gradients."""
        self.encoder.eval()  # normalise by running statistics, as after training
        mean, log_variance = self.posterior(images)
        self.encoder.train(self.training)
        return mean, log_variance

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Draw a latent from the second stage and decode it with the first."""
        return self.decode(self.second.sample(noise, self.latent_dim))


def best_gamma_nll(gamma: Tensor, n_values: int) -> Tensor:
    """n/2 (log gamma + 1 + log 2 pi): the Gaussian's loss where gamma is the mean squared error.

    That gamma is where the derivative of n/2 log gamma + squared error / (2 gamma), the loss of
    1903.05789 with one shared variance, vanishes.
    """
    return 0.5 * n_values * (gamma.log() + 1.0 + LOG_2_PI)
