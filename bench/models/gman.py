"""Generative multi-adversarial networks (Durugkar et al. 2016, 1611.01673).

One generator against several critics. Each critic minimises its own loss; the generator minimises
the softmax-weighted mean of what it would minimise against each of them alone. All see the same
batches, so that a row has the images and the generator of its parent, and they differ by their
initial weights and, if the recipe says so, by dropout. One critic is ``GAN`` itself.
"""

from __future__ import annotations

from typing import Annotated, Self

import torch
from pydantic import Field, NonNegativeFloat, PositiveInt, model_validator
from torch import Tensor, nn

from bench.identity.settings import Fraction
from bench.models.gan import GAN, Conditioning, GANRecipe
from bench.networks.parts import FeatureCritic, with_features
from bench.objectives.adversarial import LOSSES, soft_mean

Critics = Annotated[PositiveInt, Field(le=64)]


class GMANRecipe(GANRecipe):
    """Settings of a GAN with several critics.

    Attributes:
        n_critics: how many judge the one generator.
        sharpness: lambda of the generator's soft mean: 0 for the arithmetic mean; the larger, the
            more the strictest critic counts.
        dropout: of the last features of the first and of the last critic, evenly spaced between.
    """

    n_critics: Critics = 1
    sharpness: NonNegativeFloat = 1.0
    dropout: tuple[Fraction, Fraction] = (0.0, 0.0)

    @model_validator(mode="after")
    def _losses_of_one_score_only(self) -> Self:
        if self.penalty or self.lecam or self.conditioning != Conditioning():
            raise ValueError("several critics go with neither penalty, lecam nor conditioning")
        if LOSSES[self.loss].generator is None:
            raise ValueError(f"several critics have no pairs for the loss {self.loss}")
        return self


class GMAN(GAN):
    """``GAN`` whose ``critic`` is a panel of critics."""

    recipe_type = GMANRecipe
    recipe: GMANRecipe

    def build_critic(self) -> nn.Module:
        """The panel from images to raw scores (n_critics, N)."""
        rates = torch.linspace(*self.recipe.dropout, self.recipe.n_critics).tolist()
        return Panel([with_features(super(GMAN, self).build_critic()) for _ in rates], rates)

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The sum of the critics' losses, which share no weights: each minimises its own."""
        pairs = zip(self.critic(real), self.critic(fake), strict=True)
        losses = [self.loss.critic(real_scores, fake_scores) for real_scores, fake_scores in pairs]
        return torch.stack(losses).sum()

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The soft mean of the losses against each critic."""
        losses = [self.loss.unpaired_generator(scores) for scores in self.critic(fake)]
        return soft_mean(torch.stack(losses), self.recipe.sharpness)


class Panel(nn.Module):
    """Critics that judge the same images.

    Args:
        critics: with weights of their own.
        dropout: of each one's last features; without it nothing is drawn.
    """

    def __init__(self, critics: list[FeatureCritic], dropout: list[float]) -> None:
        super().__init__()
        self.critics = nn.ModuleList(critics)
        self.dropout = nn.ModuleList(nn.Dropout(p) if p else nn.Identity() for p in dropout)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to raw scores (n_critics, N)."""
        scores = [
            with_features(critic).head(thin(with_features(critic).features(images)))
            for critic, thin in zip(self.critics, self.dropout, strict=True)
        ]
        return torch.stack(scores)
