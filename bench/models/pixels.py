"""Models of pixels themselves: exact likelihoods of images with a few levels per value.

``PixelCNN`` and ``ImageGPT`` differ by the network, which computes the nats of an image and draws
images. Images are rounded to equally spaced levels, so likelihoods are of rounded images,
and bits per dimension of different numbers of levels do not compare.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from pydantic import AfterValidator, Field, PositiveInt
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
from bench.networks.gated_pixelcnn import GatedPixelCNN
from bench.networks.pixel_gpt import PixelGPT
from bench.networks.shape import ImageShape
from bench.objectives.levels import bits_per_dim, from_levels, to_levels

MEASURING_BATCH = 64
Levels = Annotated[int, Field(ge=2, le=256)]


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("a kernel has an odd width")
    return size


OddInt = Annotated[PositiveInt, AfterValidator(_odd)]


class PixelRecipe(Recipe):
    """Settings of every model of pixels.

    Attributes:
        n_levels: number of equally spaced values that a pixel can have in one channel.
    """

    n_levels: Levels = 16
    batch_size: PositiveInt = 16


class PixelModel(GenerativeModel):
    """Maximum likelihood of rounded images under an autoregressive network."""

    latent_dim = 0
    sampled_from = ("network",)

    def __init__(self, recipe: PixelRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.n_levels = recipe.n_levels
        self.network = self.build_network()
        self._optimizers = {"network": adam(recipe.optimizer, self.network)}

    @abstractmethod
    def build_network(self) -> GatedPixelCNN | PixelGPT:
        """The network that the recipe describes."""

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update on the mean nats per value."""
        loss = self.nats(batch.images).mean() / self.shape.n_values
        descend(loss, self._optimizers["network"])
        return detached(nats_per_value=loss)

    def nats(self, images: Tensor) -> Tensor:
        """-ln p of every image (N, C, H, W) in -1 .. 1, after rounding, (N,)."""
        nats: Tensor = self.network.nats(to_levels(images, self.n_levels))
        return nats

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Draw values one after another; they lie on the levels."""
        levels = self.network.draw(noise.uniform(self.network.n_tokens))
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


class PixelCNNRecipe(PixelRecipe):
    """Settings of a gated PixelCNN (van den Oord et al. 2016, 1606.05328), without conditions.

    Deviations: few grey levels, a small network, and channels of a pixel that are joined before
    the logits instead of by masks in every layer.

    Attributes:
        width: channels of either stack.
        n_layers: gated layers, the first included.
        first_kernel, kernel: widths of the first layer's convolutions and of the others'.
        head_width: channels of the hidden layer before the logits.
    """

    width: PositiveInt = 32
    n_layers: PositiveInt = 5
    first_kernel: OddInt = 7
    kernel: OddInt = 3
    head_width: PositiveInt = 64
    optimizer: AdamSettings = AdamSettings(lr=1.0e-3)


class PixelCNN(PixelModel):
    """Pixels in raster order, each from all that come before it within reach."""

    recipe_type = PixelCNNRecipe
    recipe: PixelCNNRecipe

    def build_network(self) -> GatedPixelCNN:
        """Both stacks and the logits."""
        recipe = self.recipe
        return GatedPixelCNN(
            self.shape,
            recipe.n_levels,
            recipe.width,
            recipe.n_layers,
            recipe.first_kernel,
            recipe.kernel,
            recipe.head_width,
        )


class ImageGPTRecipe(PixelRecipe):
    """Settings of iGPT (Chen et al. 2020, "Generative Pretraining from Pixels").

    Deviations: a fixed palette of equally spaced levels instead of 512 colours found by k-means,
    and a small network; see ``bench.networks.pixel_gpt``.

    Attributes:
        dim, n_layers, n_heads: size of the transformer.
    """

    dim: PositiveInt = 48
    n_layers: PositiveInt = 2
    n_heads: PositiveInt = 2
    optimizer: AdamSettings = AdamSettings(lr=3.0e-3, betas=(0.9, 0.95))


class ImageGPT(PixelModel):
    """Pixels in raster order, each from all that come before it."""

    recipe_type = ImageGPTRecipe
    recipe: ImageGPTRecipe

    def build_network(self) -> PixelGPT:
        """The transformer and its palette."""
        recipe = self.recipe
        return PixelGPT(self.shape, recipe.n_levels, recipe.dim, recipe.n_layers, recipe.n_heads)
