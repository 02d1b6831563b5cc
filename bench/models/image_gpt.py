"""iGPT: a GPT over pixels (Chen et al. 2020, "Generative Pretraining from Pixels").

Deviations: a fixed palette of equally spaced levels instead of 512 colours found by k-means, and a
small network; see ``bench.networks.pixel_gpt``.
"""

from __future__ import annotations

from pydantic import PositiveInt

from bench.models.base import AdamSettings
from bench.models.pixels import PixelModel, PixelRecipe
from bench.networks.pixel_gpt import PixelGPT
from bench.networks.pixel_network import PixelNetwork


class ImageGPTRecipe(PixelRecipe):
    """Settings of a GPT over pixels.

    Attributes:
        dim, n_layers, n_heads: size of the transformer.
    """

    batch_size: PositiveInt = 16
    dim: PositiveInt = 48
    n_layers: PositiveInt = 2
    n_heads: PositiveInt = 2
    optimizer: AdamSettings = AdamSettings(lr=3.0e-3, betas=(0.9, 0.95))


class ImageGPT(PixelModel):
    """Pixels in raster order, each from all that come before it."""

    recipe_type = ImageGPTRecipe
    recipe: ImageGPTRecipe

    def build_network(self) -> PixelNetwork:
        """The transformer and its palette."""
        recipe = self.recipe
        return PixelGPT(self.shape, recipe.n_levels, recipe.dim, recipe.n_layers, recipe.n_heads)
