"""Generative adversarial networks (Goodfellow et al. 2014, 1406.2661).

Most published GANs are this file with other settings: backbone, loss, penalty, normalisation and
optimiser are named in the recipe. One step is ``critic_steps`` updates of the critic and one of the
generator; the last critic update and the generator's share one batch of fakes, as in DCGAN's
reference loop, so each image is generated once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, ClassVar, Literal, Self

import torch
from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    field_validator,
    model_validator,
)
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.models.base import (
    AdamSettings,
    Fraction,
    GenerativeModel,
    Recipe,
    Settings,
    StepContext,
    adam,
    descend,
)
from bench.networks.norm import Norm, frozen_batch_statistics
from bench.networks.shape import ImageShape
from bench.noise import ImageNoise
from bench.objectives.adversarial import LOSSES
from bench.objectives.lecam import LeCam
from bench.objectives.penalties import PENALTIES
from catalog.names import suggestion


class LeCamSettings(Settings):
    """Weight of the LeCam penalty and decay of its anchors (2104.03310)."""

    weight: PositiveFloat = 0.3
    decay: Fraction = 0.99


class GANRecipe(Recipe):
    """Settings of a GAN; the defaults are DCGAN's (1511.06434).

    Attributes:
        backbone: a module of ``bench.networks`` with ``Generator`` and ``Critic``.
        width: channels next to the pixels, of both networks.
        loss: a name in ``bench.objectives.adversarial``.
        penalty: weights by name in ``bench.objectives.penalties``; for R1 and R2 it is gamma.
        critic_steps: critic updates per generator update, each on real images of its own.
        critic_clip: every weight of the critic is clamped to -c .. c after each of its updates.
        lecam: draws the scores of real and fake images towards each other's moving averages.
        optimizer: of both networks.
    """

    latent_dim: PositiveInt = 64
    backbone: Annotated[str, StringConstraints(pattern=r"^[a-z_0-9]+$")] = "dcgan"
    width: PositiveInt = 32
    generator_norm: Literal["none", "batch"] = "batch"
    critic_norm: Norm = "batch"
    loss: str = "non-saturating"
    penalty: dict[str, PositiveFloat] = Field(default_factory=dict)
    critic_steps: PositiveInt = 1
    critic_clip: PositiveFloat | None = None
    lecam: LeCamSettings | None = None
    optimizer: AdamSettings = AdamSettings(lr=2.0e-4, betas=(0.5, 0.999))

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


def _known(name: str, what: str, names: Iterable[str]) -> str:
    if name not in names:
        raise ValueError(f"no {what} is called '{name}'{suggestion(name, names)}")
    return name


class GAN(GenerativeModel):
    """A generator and a critic that are trained in turns."""

    recipe_type: ClassVar[type[Recipe]] = GANRecipe

    def __init__(self, recipe: GANRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.latent_dim = recipe.latent_dim
        self.batches_per_step = recipe.critic_steps
        self.loss = LOSSES[recipe.loss]
        self.penalties = [(PENALTIES[name], weight) for name, weight in recipe.penalty.items()]
        self.critic_clip = recipe.critic_clip
        self.lecam = LeCam(recipe.lecam.weight, recipe.lecam.decay) if recipe.lecam else None
        networks = import_module(f"bench.networks.{recipe.backbone}")
        self.generator: nn.Module = networks.Generator(
            shape, recipe.latent_dim, recipe.width, recipe.generator_norm
        )
        self.critic: nn.Module = networks.Critic(shape, recipe.width, recipe.critic_norm)
        self._optimizers = {
            "generator": adam(list(self.generator.parameters()), recipe.optimizer),
            "critic": adam(list(self.critic.parameters()), recipe.optimizer),
        }

    def optimizers(self) -> dict[str, Optimizer]:
        """Adam for the generator and Adam for the critic."""
        return dict(self._optimizers)

    def sampling_modules(self) -> dict[str, nn.Module]:
        """The generator alone."""
        return {"generator": self.generator}

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """Generate from normal noise."""
        images: Tensor = self.generator(noise.normal(self.latent_dim))
        return images

    def step(self, images: Tensor, labels: Tensor, ctx: StepContext) -> dict[str, Tensor]:  # noqa: ARG002
        """Update the critic ``critic_steps`` times, then the generator once."""
        *early, last = images.chunk(self.batches_per_step)
        for real in early:
            with torch.no_grad(), frozen_batch_statistics(self.generator):
                fake = self.generate(len(real))
            self.update_critic(real, fake)
        fake = self.generate(len(last))
        d_loss = self.update_critic(last, fake.detach())
        g_loss = self.update_generator(last, fake)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def generate(self, n: int) -> Tensor:
        """``n`` images from fresh noise, with gradients."""
        device = next(self.generator.parameters()).device
        images: Tensor = self.generator(torch.randn(n, self.latent_dim, device=device))
        return images

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the critic minimises: the loss and every weighted penalty."""
        loss = self.score_loss(self.critic(real), self.critic(fake))
        for penalty, weight in self.penalties:
            loss = loss + weight * penalty(self.critic, real, fake)
        return loss

    def score_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The critic's loss as far as it depends on its scores (N,) of real and fake images."""
        loss = self.loss.critic(real, fake)
        return loss if self.lecam is None else loss + self.lecam(real, fake)

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the generator minimises; only relativistic losses look at the real images."""
        scores = self.critic(fake)
        if self.loss.paired_generator is not None:
            return self.loss.paired_generator(scores, self.critic(real))
        if self.loss.generator is None:
            raise TypeError("an adversarial loss has a side for the generator")
        return self.loss.generator(scores)

    def update_critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """One optimiser step of the critic; ``fake`` carries no gradient. Returns its loss."""
        loss = self.critic_loss(real, fake)
        descend(loss, self._optimizers["critic"])
        if self.critic_clip is not None:
            _clip_weights(self.critic, self.critic_clip)
        return loss.detach()

    def update_generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """One optimiser step of the generator through the fakes' graph. Returns its loss."""
        with _without_weight_gradients(self.critic):
            loss = self.generator_loss(real, fake)
            descend(loss, self._optimizers["generator"])
        return loss.detach()


@torch.no_grad()
def _clip_weights(network: nn.Module, largest: float) -> None:
    """Arjovsky et al. 2017 (1701.07875), algorithm 1, line 7."""
    for parameter in network.parameters():
        parameter.clamp_(-largest, largest)


@contextmanager
def _without_weight_gradients(network: nn.Module) -> Iterator[None]:
    """The generator's step needs the critic's gradient at its input, not at its weights."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
