"""A GAN that plays for the value which the catalogue's article prints in section 4.1."""

from __future__ import annotations

from typing import Literal

from bench.models.gan import GAN
from bench.models.gan_recipe import GANRecipe
from bench.networks.shape import ImageShape
from bench.objectives.printed import PRINTED


class PrintedLossRecipe(GANRecipe):
    """Settings of a GAN; ``formula`` ``named`` plays for what ``loss`` names instead."""

    formula: Literal["printed", "named"] = "printed"


class PrintedLossGAN(GAN):
    """``GAN`` with the loss of ``bench.objectives.printed``."""

    recipe_type = PrintedLossRecipe

    def __init__(self, recipe: PrintedLossRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        if recipe.formula == "printed":
            self.loss = PRINTED
