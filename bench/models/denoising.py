"""Shared code of diffusion and flow matching: a U-Net that knows the time, and its training."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor

from bench.models.base import (
    AdamSettings,
    Batch,
    GenerativeModel,
    Recipe,
    StepContext,
    adam,
    descend,
    detached,
)
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.networks.unet import UNet
from bench.objectives.schedules import linear_rise


class DenoisingRecipe(Recipe):
    """Settings of a model that turns noise into images step by step.

    Attributes:
        width: channels of the U-Net's finest grid.
        sampling_steps: steps from noise to image.
        warmup_steps: updates over which the learning rate rises from zero.
    """

    width: PositiveInt = 48
    sampling_steps: PositiveInt = 25
    warmup_steps: NonNegativeInt = 50
    optimizer: AdamSettings = AdamSettings(lr=2.0e-3, betas=(0.9, 0.99))


class DenoisingModel(GenerativeModel):
    """A U-Net that is trained on single noise levels and sampled through many."""

    recipe_type: ClassVar[type[Recipe]] = DenoisingRecipe
    sampled_from = ("network",)

    def __init__(self, recipe: DenoisingRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.latent_dim = shape.n_values
        self.sampling_steps = recipe.sampling_steps
        self.warmup_steps = recipe.warmup_steps
        self.network = UNet(shape, recipe.width)
        self._optimizers = {"network": adam(recipe.optimizer, self.network)}

    @abstractmethod
    def loss(self, images: Tensor) -> Tensor:
        """The regression loss at random times, a scalar; images (N, C, H, W) in -1 .. 1."""

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update; the learning rate rises linearly over the first ``warmup_steps``."""
        for group in self._optimizers["network"].param_groups:  # the loop sets rates every time
            group["lr"] *= linear_rise(ctx.step, self.warmup_steps)
        loss = self.loss(batch.images)
        descend(loss, self._optimizers["network"])
        return detached(loss=loss)

    def draw_noise(self, noise: ImageNoise) -> Tensor:
        """The next standard normal image of every stream, (N, C, H, W)."""
        size = self.shape.size
        return noise.normal(self.shape.n_values).view(-1, self.shape.channels, size, size)

    def predict(self, images: Tensor, time: float) -> Tensor:
        """The network's output for images that all stand at one ``time`` in 0 .. 1000."""
        predicted: Tensor = self.network(images, torch.full((1,), time, device=images.device))
        return predicted
