"""BigGAN (Brock et al. 2018, 1809.11096), small.

SAGAN with a class embedding that all of the generator shares, noise that enters at every block,
orthogonal weights and several critic updates per generator update. The paper also averages the
generator's weights; here the average would include the singular vectors that spectral normalisation
estimates, whose signs may turn, so a recipe that asks for one gets worse images than without.
"""

from __future__ import annotations

from typing import Literal

from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor, nn

from bench.models.base import AdamSettings
from bench.models.sagan import SAGAN, SAGANRecipe
from bench.networks.biggan import Generator
from bench.objectives.regularisers import orthogonal_penalty


class BigGANRecipe(SAGANRecipe):
    """Settings of BigGAN.

    Attributes:
        embedding_dim: length of the class embedding that the generator shares.
        orthogonal: weight of the orthogonal regularisation of the generator, 0 for none.
    """

    backbone: Literal["biggan"] = "biggan"
    generator_spectral: Literal[True] = True
    critic_steps: PositiveInt = 2
    embedding_dim: PositiveInt = 32
    orthogonal: NonNegativeFloat = 1.0e-4
    optimizer: AdamSettings = AdamSettings(lr=5.0e-5, betas=(0.0, 0.999))
    critic_optimizer: AdamSettings = AdamSettings(lr=2.0e-4, betas=(0.0, 0.999))


class BigGAN(SAGAN):
    """A SAGAN whose generator shares an embedding and takes its noise in chunks."""

    recipe_type = BigGANRecipe
    recipe: BigGANRecipe

    def build_generator(self, n_codes: int = 0) -> nn.Module:
        """The network from noise (N, latent_dim) to images, spectral normalisation included."""
        recipe, n_inputs = self.recipe, self.recipe.latent_dim + n_codes
        return Generator(self.shape, n_inputs, recipe.width, self.n_classes, recipe.embedding_dim)

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The adversarial loss, and the orthogonal regularisation if it has a weight."""
        loss = super().generator_loss(real, fake)
        if self.recipe.orthogonal == 0.0:
            return loss
        return loss + self.recipe.orthogonal * orthogonal_penalty(self.regularised_weights())

    def regularised_weights(self) -> list[Tensor]:
        """Every weight matrix and kernel of the generator but the shared embedding's.

        They are the trained tensors themselves, before spectral normalisation.
        """
        return [
            parameter
            for name, parameter in self.generator.named_parameters()
            if parameter.dim() > 1 and not name.startswith("embedding.")
        ]
