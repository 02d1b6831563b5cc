"""Self-attention GAN (Zhang et al. 2018, 1805.08318).

A class-conditional GAN with the hinge loss and self-attention, whose generator is spectrally
normalised too, and whose networks learn at two rates instead of taking unequal numbers of updates
(Heusel et al. 2017, 1706.08500).
"""

from __future__ import annotations

from typing import ClassVar

from torch import nn

from bench.models.base import AdamSettings, Recipe, adam
from bench.models.gan import GAN, Conditioning, GANRecipe
from bench.networks.parts import Norm, with_weight_norm
from bench.networks.shape import ImageShape


class SAGANRecipe(GANRecipe):
    """Settings of a GAN whose networks learn at rates of their own.

    Attributes:
        generator_spectral: spectral normalisation of the generator, beside batch normalisation.
        critic_optimizer: of the critic; ``optimizer`` is of the generator.
    """

    backbone: str = "sagan"
    critic_norm: Norm = "spectral"
    loss: str = "hinge"
    conditioning: Conditioning = Conditioning(generator="batch-norm", critic="projection")
    generator_spectral: bool = True
    optimizer: AdamSettings = AdamSettings(lr=1.0e-4, betas=(0.0, 0.9))
    critic_optimizer: AdamSettings = AdamSettings(lr=4.0e-4, betas=(0.0, 0.9))


class SAGAN(GAN):
    """A GAN with two learning rates and, if asked for, a spectrally normalised generator."""

    recipe_type: ClassVar[type[Recipe]] = SAGANRecipe
    recipe: SAGANRecipe

    def __init__(self, recipe: SAGANRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self._optimizers["critic"] = adam(recipe.critic_optimizer, self.critic)

    def build_generator(self, n_codes: int = 0) -> nn.Module:
        """The network from noise (N, latent_dim) to images, spectrally normalised if asked for."""
        generator = super().build_generator(n_codes)
        return with_weight_norm("spectral" if self.recipe.generator_spectral else "none", generator)
