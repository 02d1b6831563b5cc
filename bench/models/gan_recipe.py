"""The settings of a GAN: which networks, which losses, how labels enter, and what goes together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    field_validator,
    model_validator,
)

from bench.models.base import AdamSettings, Fraction, Recipe, Settings
from bench.networks.backbones import BACKBONES
from bench.networks.conditional import CriticCondition, GeneratorCondition
from bench.networks.norm import Norm
from bench.objectives.adversarial import LOSSES
from bench.objectives.penalties import PENALTIES
from catalog.names import suggestion


class Conditioning(Settings):
    """How labels enter the networks; both see them, or neither does.

    Attributes:
        generator: one-hot beside the noise, or as gains and biases of batch normalisation.
        critic: one-hot planes beside the colours, inner product with features, or a classifier.
        weight: of the classifier's cross entropy in both losses.
    """

    generator: GeneratorCondition = "none"
    critic: CriticCondition = "none"
    weight: NonNegativeFloat = 1.0

    @model_validator(mode="after")
    def _both_or_neither(self) -> Self:
        if (self.generator == "none") != (self.critic == "none"):
            raise ValueError("a class must be known to the generator and to the critic")
        return self


class LeCamSettings(Settings):
    """Weight of the LeCam penalty and decay of its anchors (2104.03310)."""

    weight: PositiveFloat = 0.3
    decay: Fraction = 0.99


class GANRecipe(Recipe):
    """Settings of a GAN; the defaults are DCGAN's (1511.06434).

    Attributes:
        backbone: a name in ``bench.networks.backbones``.
        width: channels next to the pixels, of both networks.
        loss: a name in ``bench.objectives.adversarial``.
        penalty: weights by name in ``bench.objectives.penalties``; for R1 and R2 it is gamma.
        critic_steps: critic updates per generator update, each on real images of its own.
        conditioning: how both networks see class labels; by default they do not.
        critic_clip: every weight of the critic is clamped to -c .. c after each of its updates.
        lecam: draws the scores of real and fake images towards each other's moving averages.
        optimizer: of both networks.
    """

    latent_dim: PositiveInt = 64
    backbone: str = "dcgan"
    width: PositiveInt = 32
    generator_norm: Literal["none", "batch"] = "batch"
    critic_norm: Norm = "batch"
    loss: str = "non-saturating"
    penalty: dict[str, PositiveFloat] = Field(default_factory=dict)
    critic_steps: PositiveInt = 1
    conditioning: Conditioning = Conditioning()
    critic_clip: PositiveFloat | None = None
    lecam: LeCamSettings | None = None
    optimizer: AdamSettings = AdamSettings(lr=2.0e-4, betas=(0.5, 0.999))

    @field_validator("backbone")
    @classmethod
    def _backbone_exists(cls, name: str) -> str:
        return _known(name, "backbone", BACKBONES)

    @field_validator("loss")
    @classmethod
    def _loss_exists(cls, name: str) -> str:
        return _known(name, "loss", LOSSES)

    @field_validator("penalty")
    @classmethod
    def _penalties_exist(cls, weights: dict[str, float]) -> dict[str, float]:
        for name in weights:
            _known(name, "penalty", PENALTIES)
        return weights

    @model_validator(mode="after")
    def _penalty_needs_independent_images(self) -> Self:
        if self.penalty and self.critic_norm == "batch":
            raise ValueError(
                "a gradient penalty is per image, but critic_norm: batch couples the images of a "
                "batch; use none, layer or spectral"
            )
        return self

    @model_validator(mode="after")
    def _conditional_batch_norm_replaces_batch_norm(self) -> Self:
        if self.conditioning.generator == "batch-norm" and self.generator_norm != "batch":
            raise ValueError("conditioning.generator: batch-norm needs generator_norm: batch")
        return self


def _known(name: str, what: str, names: Iterable[str]) -> str:
    if name not in names:
        raise ValueError(f"no {what} is called '{name}'{suggestion(name, names)}")
    return name
