"""Models of pixels themselves: exact likelihoods of images with a few levels per value.

What differs between them is the network, which knows the nats of an image and can draw one; the
rest is here. Images are rounded to equally spaced levels, so likelihoods are of rounded images, and
bits per dimension of different numbers of levels do not compare.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.models.base import Batch, GenerativeModel, Recipe, StepContext, adam, descend
from bench.models.noise import ImageNoise
from bench.networks.pixel_network import PixelNetwork
from bench.networks.shape import ImageShape
from bench.objectives.levels import bits_per_dim, from_levels, to_levels

Levels = Annotated[int, Field(ge=2, le=256)]
MEASURING_BATCH = 64


class PixelRecipe(Recipe):
    """Settings of every model of pixels.

    Attributes:
        n_levels: number of equally spaced values that a pixel can have in one channel.
    """

    n_levels: Levels = 16


class PixelModel(GenerativeModel):
    """Maximum likelihood of rounded images under a ``PixelNetwork``."""

    latent_dim = 0

    def __init__(self, recipe: PixelRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.n_levels = recipe.n_levels
        self.network = self.build_network()
        self._optimizer = adam(list(self.network.parameters()), recipe.optimizer)

    @abstractmethod
    def build_network(self) -> PixelNetwork:
        """The network that the recipe describes."""

    def optimizers(self) -> dict[str, Optimizer]:
        """One Adam."""
        return {"network": self._optimizer}

    def sampling_modules(self) -> dict[str, nn.Module]:
        """The whole network."""
        return {"network": self.network}

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update on the mean nats per value."""
        loss = self.nats(batch.images).mean() / self.shape.n_values
        descend(loss, self._optimizer)
        return {"nats_per_value": loss.detach()}

    def nats(self, images: Tensor) -> Tensor:
        """-ln p of every image (N, C, H, W) in -1 .. 1, after rounding, (N,)."""
        nats: Tensor = self.network.nats(to_levels(images, self.n_levels))
        return nats

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Draw values one after another; they lie on the levels."""
        levels = self.network.draw(noise.uniform(self.network.n_draws))
        return from_levels(levels, self.n_levels)

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Exact likelihood of unseen images (N, C, H, W): bits per value and nats per token."""
        batches = images.split(MEASURING_BATCH)
        total = sum(float(self.nats(batch).double().sum()) for batch in batches)
        mean = total / len(images)
        return {
            "bits_per_dim": bits_per_dim(mean, self.shape.n_values),
            "nats_per_token": mean / self.network.n_tokens,
        }
