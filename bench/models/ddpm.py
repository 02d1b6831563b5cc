"""Denoising diffusion (Ho et al. 2020, 2006.11239).

A network learns to tell the noise in an image, at every level of noise alike (eq. 14). Sampling
walks back from pure noise through the posteriors of eq. 7, with the paper's fixed variances, over
an evenly spaced part of the training's noise levels (Nichol and Dhariwal 2021, 2102.09672, 4).
"""

from __future__ import annotations

import math

import torch
from pydantic import PositiveInt
from torch import Tensor
from torch.nn.functional import mse_loss

from bench.models.denoising import DenoisingModel, DenoisingRecipe
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.objectives.diffusion import (
    kept_steps,
    kl_from_standard_normal,
    linear_alpha_bars,
    noised,
    pixel_nats,
    posterior_mean,
    posterior_variance,
    predicted_start,
)

TIME_RANGE = 1000.0


class DDPMRecipe(DenoisingRecipe):
    """Settings of a diffusion model.

    Attributes:
        n_levels: noise levels that are learnt, T in the paper.
    """

    n_levels: PositiveInt = 1000


class DDPM(DenoisingModel):
    """A denoiser, and the chain that leads from noise to images through it."""

    recipe_type = DDPMRecipe
    alpha_bars: Tensor
    kept: Tensor

    def __init__(self, recipe: DDPMRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        alpha_bars = linear_alpha_bars(recipe.n_levels)
        n_kept = min(recipe.sampling_steps, recipe.n_levels)
        self.register_buffer("alpha_bars", alpha_bars.float(), persistent=False)
        self.register_buffer("kept", kept_steps(recipe.n_levels, n_kept), persistent=False)

    def loss(self, images: Tensor) -> Tensor:
        """Squared error of the predicted noise at one random level per image (eq. 14)."""
        n, n_levels = len(images), len(self.alpha_bars)
        level = torch.randint(1, n_levels + 1, (n,), device=images.device)
        noise = torch.randn(images.shape, device=images.device)
        noisy = noised(images, noise, self.alpha_bars[level - 1].view(-1, 1, 1, 1))
        return mse_loss(self.network(noisy, level * (TIME_RANGE / n_levels)), noise)

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Ancestral sampling (algorithm 2) over the kept levels; the last step adds no noise."""
        images = self.draw_noise(noise)
        for index in reversed(range(len(self.kept))):
            start, mean, variance = self.reverse(images, index)
            images = start if index == 0 else mean + variance.sqrt() * self.draw_noise(noise)
        return images

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """The variational bound (eq. 5) of the chain that samples, in bits per value.

        Every term is in closed form at one draw of the noisy image. The last step, whose posterior
        has no variance, is given that of its noise level.
        """
        noise = ImageNoise(0, range(len(images)), images.device)
        last = self.alpha_bars[self.kept[-1] - 1]
        nats = kl_from_standard_normal(last.sqrt() * images, 1.0 - last)
        for index in range(len(self.kept)):
            alpha_bar, before = self.shares(index)
            noisy = noised(images, self.draw_noise(noise), alpha_bar)
            start, mean, variance = self.reverse(noisy, index)
            if index == 0:
                nats = nats + pixel_nats(images, start, (1.0 - alpha_bar).sqrt())
            else:
                wanted = posterior_mean(images, noisy, alpha_bar, before)
                nats = nats + 0.5 * (wanted - mean).square() / variance
        return {"bits_per_dim": float(nats.mean()) / math.log(2.0)}

    def shares(self, index: int) -> tuple[Tensor, Tensor]:
        """The alpha_bar of kept level ``index`` and of the one before it: 1 before the first."""
        alpha_bar = self.alpha_bars[self.kept[index] - 1]
        before = self.alpha_bars[self.kept[index - 1] - 1] if index else torch.ones_like(alpha_bar)
        return alpha_bar, before

    def reverse(self, noisy: Tensor, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """One step back from kept level ``index``: the clean image, and mean and variance.

        The predicted image is clipped to -1 .. 1 before it enters the mean, as in the authors'
        program.
        """
        alpha_bar, before = self.shares(index)
        time = float(self.kept[index]) * TIME_RANGE / len(self.alpha_bars)
        start = predicted_start(noisy, self.predict(noisy, time), alpha_bar).clamp(-1.0, 1.0)
        mean = posterior_mean(start, noisy, alpha_bar, before)
        return start, mean, posterior_variance(alpha_bar, before)
