"""Gated PixelCNN (van den Oord et al. 2016, 1606.05328), without conditions.

Deviations: few grey levels, a small network, and channels of a pixel that are joined before the
logits instead of by masks in every layer.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, PositiveInt

from bench.models.base import AdamSettings
from bench.models.pixels import PixelModel, PixelRecipe
from bench.networks.gated_pixelcnn import GatedPixelCNN
from bench.networks.pixel_network import PixelNetwork


def _odd(size: int) -> int:
    if size % 2 == 0:
        raise ValueError("a kernel has an odd width")
    return size


OddInt = Annotated[PositiveInt, AfterValidator(_odd)]


class PixelCNNRecipe(PixelRecipe):
    """Settings of a gated PixelCNN.

    Attributes:
        width: channels of either stack.
        n_layers: gated layers, the first included.
        first_kernel, kernel: widths of the first layer's convolutions and of the others'.
        head_width: channels of the hidden layer before the logits.
    """

    batch_size: PositiveInt = 16
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

    def build_network(self) -> PixelNetwork:
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
