"""Denoising diffusion (Ho et al. 2020, 2006.11239).

A network learns to tell the noise in an image, at every level of noise alike (eq. 14). Sampling
walks back from pure noise through the posteriors of eq. 7, with the paper's fixed variances, over
an evenly spaced part of the training's noise levels (Nichol and Dhariwal 2021, 2102.09672, 4).
"""

from __future__ import annotations

import math
from itertools import pairwise

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
MEASURED_IMAGES = 64
"""Images on which a noise level is measured, at most."""


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
        levels = [0, *self.kept.tolist()]
        for before, level in reversed(list(pairwise(levels))):
            start, mean, variance = self.reverse(images, level, before)
            images = start if before == 0 else mean + variance.sqrt() * self.draw_noise(noise)
        return images

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """The variational bound (eq. 5) over all levels that were learnt, in bits per value.

        It is the paper's: of the whole chain, however few levels samples take, since the bound of
        a short chain says how coarse its steps are and not what the network has learnt. Every term
        is in closed form at one draw of the noisy image. To bound the cost, a level is measured on
        about ``MEASURED_IMAGES`` images, evenly spaced, and the next level on the images beside
        them, so that every image and every level counts. Level 1, whose posterior has no variance,
        is given that of its noise (eq. 13).
        """
        n_levels = len(self.alpha_bars)
        last = self.share(n_levels)
        nats = kl_from_standard_normal(last.sqrt() * images, 1.0 - last).double().mean()
        stride = math.ceil(len(images) / MEASURED_IMAGES)
        for first in range(stride):
            some = images[first::stride]
            noise = ImageNoise(0, range(first, len(images), stride), images.device)
            for level in range(first + 1, n_levels + 1, stride):
                nats = (
                    nats + self.nats_of_level(some, self.draw_noise(noise), level).double().mean()
                )
        return {"bits_per_dim": float(nats) / math.log(2.0)}

    def nats_of_level(self, images: Tensor, noise: Tensor, level: int) -> Tensor:
        """The term of the bound that tells level ``level - 1`` from ``level``, in nats per value.

        L_{t-1} of eq. 5; at level 1 that of the decoder (eq. 13).
        """
        alpha_bar, before = self.share(level), self.share(level - 1)
        noisy = noised(images, noise, alpha_bar)
        start, mean, variance = self.reverse(noisy, level, level - 1)
        if level == 1:
            return pixel_nats(images, start, (1.0 - alpha_bar).sqrt())
        wanted = posterior_mean(images, noisy, alpha_bar, before)
        return 0.5 * (wanted - mean).square() / variance

    def share(self, level: int) -> Tensor:
        """alpha_bar of a level in 0 .. T: 1 at level 0, which has no noise."""
        return self.alpha_bars[level - 1] if level else self.alpha_bars.new_ones(())

    def reverse(self, noisy: Tensor, level: int, before: int) -> tuple[Tensor, Tensor, Tensor]:
        """One step back, from ``level`` to ``before``: the clean image, and mean and variance.

        The predicted image is clipped to -1 .. 1 before it enters the mean, as in the authors'
        program.
        """
        alpha_bar, alpha_bar_before = self.share(level), self.share(before)
        time = level * TIME_RANGE / len(self.alpha_bars)
        start = predicted_start(noisy, self.predict(noisy, time), alpha_bar).clamp(-1.0, 1.0)
        mean = posterior_mean(start, noisy, alpha_bar, alpha_bar_before)
        return start, mean, posterior_variance(alpha_bar, alpha_bar_before)
