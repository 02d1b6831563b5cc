"""InfoGAN (Chen et al. 2016, 1606.03657): codes in the noise that the image must not hide.

The generator sees, beside its noise, a category and some continuous codes. A second head on the
critic's features, Q, reads them back from the fakes; its loss is part of both networks' losses. As
in the authors' code, Q and the layers it shares with the critic learn it in the critic's update,
the generator in its own.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Self

import torch
from pydantic import NonNegativeFloat, NonNegativeInt, model_validator
from torch import Tensor, nn
from torch.nn.functional import one_hot

from bench.identity.settings import Settings
from bench.models.gan import GAN, GANRecipe
from bench.models.noise import ImageNoise, uniform_categories
from bench.networks.parts import (
    Conditioned,
    FeatureCritic,
    TwoHeadedCritic,
    given,
    with_features,
)
from bench.objectives.information import categorical_code_loss, continuous_code_loss

Q_WIDTH = 128


class InformationWeights(Settings):
    """Weights of the information terms, lambda of eq. 6."""

    categorical: NonNegativeFloat = 1.0
    continuous: NonNegativeFloat = 0.1


class InfoGANRecipe(GANRecipe):
    """Settings of an InfoGAN; without codes it is the plain GAN.

    Attributes:
        n_categories: values of the categorical code, all equally likely; 0 for no such code.
        n_continuous: codes that are uniform in -1 .. 1.
        information: weights of the two kinds of code in both losses.
    """

    n_categories: NonNegativeInt = 10
    n_continuous: NonNegativeInt = 2
    information: InformationWeights = InformationWeights()

    @property
    def n_codes(self) -> int:
        """Inputs of the generator beside its noise."""
        return self.n_categories + self.n_continuous

    @model_validator(mode="after")
    def _codes_take_the_place_of_labels(self) -> Self:
        if self.conditioning.generator != "none":
            raise ValueError("an InfoGAN is not conditional: its codes are found without labels")
        return self


class JoinCodes(Conditioned):
    """Joins noise (N, D) with the codes given, (N, n_codes)."""

    def forward(self, noise: Tensor) -> Tensor:
        """Noise with the codes beside it, (N, D + n_codes)."""
        return torch.cat([noise, self.condition], 1)


class ReadingCritic(TwoHeadedCritic):
    """A critic with Q: one hidden layer from its features to the codes.

    The condition it is given are the codes (N, n_codes): one-hot category, then continuous ones.
    """

    def __init__(self, critic: FeatureCritic, recipe: InfoGANRecipe) -> None:
        super().__init__(critic)
        self.n_categories = recipe.n_categories
        self.weights = recipe.information
        self.reader = nn.Sequential(
            nn.Linear(critic.n_features, Q_WIDTH),
            nn.LeakyReLU(0.1),
            nn.Linear(Q_WIDTH, recipe.n_codes),
        )

    def reading_loss(self, features: Tensor, *, fake: bool) -> Tensor:
        """The weighted losses of both kinds of code; only fakes have codes."""
        loss = features.new_zeros(())
        if not fake:
            return loss
        read: Tensor = self.reader(features)
        sizes = [self.n_categories, read.shape[1] - self.n_categories]
        logits, means = read.split(sizes, 1)
        category, continuous = self.condition.split(sizes, 1)
        if sizes[0]:
            categorical = categorical_code_loss(logits, category.argmax(1))
            loss = loss + self.weights.categorical * categorical
        if sizes[1]:
            loss = loss + self.weights.continuous * continuous_code_loss(means, continuous)
        return loss


class InfoGAN(GAN):
    """A GAN whose generator keeps codes readable, which gives them a meaning."""

    recipe_type = InfoGANRecipe
    recipe: InfoGANRecipe

    def build_generator(self, n_codes: int = 0) -> nn.Module:
        """The network from noise (N, latent_dim) and the codes given to images."""
        generator = super().build_generator(n_codes + self.recipe.n_codes)
        return nn.Sequential(JoinCodes(), generator) if self.recipe.n_codes else generator

    def build_critic(self) -> nn.Module:
        """The network from images to raw scores (N,), and from fakes to their codes."""
        critic = super().build_critic()
        return ReadingCritic(with_features(critic), self.recipe) if self.recipe.n_codes else critic

    @property
    def n_uniforms(self) -> int:
        """Uniform draws that an image's codes are made of."""
        return min(1, self.recipe.n_categories) + self.recipe.n_continuous

    def codes(self, uniforms: Tensor) -> Tensor:
        """Draws in 0 .. 1 (N, n_uniforms) to one-hot categories and codes in -1 .. 1, (N, n_codes).

        With categories the first draw chooses one of them.
        """
        parts = []
        n_categories = self.recipe.n_categories
        if n_categories:
            category = uniform_categories(uniforms[:, 0], n_categories)
            parts.append(one_hot(category, n_categories).to(uniforms.dtype))
            uniforms = uniforms[:, 1:]
        return torch.cat([*parts, 2.0 * uniforms - 1.0], 1)

    def given(self, labels: Tensor) -> AbstractContextManager[None]:
        """Context in which both networks know fresh codes; labels only say for how many images."""
        if not self.n_uniforms:
            return super().given(labels)
        uniforms = torch.rand(len(labels), self.n_uniforms, device=labels.device)
        return given(self.codes(uniforms), self.generator, self.critic)

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Generate from normal noise and codes of each image's own."""
        normal = noise.normal(self.latent_dim)
        with given(self.codes(noise.uniform(self.n_uniforms)), self.generator):
            images: Tensor = self.generator(normal)
        return images
