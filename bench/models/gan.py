"""Generative adversarial networks (Goodfellow et al. 2014, 1406.2661).

Most published GANs are this file with other settings: backbone, loss, penalty, normalisation and
optimiser are named in the recipe. One step is ``critic_steps`` updates of the critic and one of the
generator; the last critic update and the generator's share one batch of fakes, as in DCGAN's
reference loop, so each image is generated once.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import ClassVar, Literal, NamedTuple, Self, TypeVar

import torch
from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)
from torch import Tensor, nn

from bench.identity.names import RENAMED, present_name
from bench.identity.settings import Fraction, Settings
from bench.models.base import (
    AdamSettings,
    Batch,
    GenerativeModel,
    Recipe,
    StepContext,
    adam,
    descend,
    without_weight_gradients,
)
from bench.models.noise import ImageNoise
from bench.networks import affine, began, biggan, dcgan, mlp, r3gan, resnet, sagan
from bench.networks import conditional as wrapped
from bench.networks.parts import Norm, TwoHeadedCritic, frozen_batch_statistics, given
from bench.networks.shape import ImageShape
from bench.objectives.adversarial import LOSSES
from bench.objectives.lecam import LeCam
from bench.objectives.penalties import PENALTIES
from catalog.names import suggestion


class Backbone(NamedTuple):
    """Builders of a family's two networks; ``width`` is the channels next to the pixels.

    Attributes:
        generator: (shape, latent_dim, width, norm) to a network from (N, latent_dim) to images;
            None where it needs more than that, and its algorithm builds it.
        critic: (shape, width, norm) to a network from images to raw scores (N,).
    """

    generator: Callable[[ImageShape, int, int, Norm], nn.Module] | None
    critic: Callable[[ImageShape, int, Norm], nn.Module]


BACKBONES: dict[str, Backbone] = {
    "affine": Backbone(affine.Generator, affine.Critic),
    "began": Backbone(began.Generator, began.Critic),
    "biggan": Backbone(None, biggan.Critic),
    "dcgan": Backbone(dcgan.Generator, dcgan.Critic),
    "mlp": Backbone(mlp.Generator, mlp.Critic),
    "r3gan": Backbone(r3gan.Generator, r3gan.Critic),
    "resnet": Backbone(resnet.Generator, resnet.Critic),
    "sagan": Backbone(sagan.Generator, sagan.Critic),
}
"""Networks by the name in a recipe's ``backbone``."""

CONDITIONAL_GENERATORS = {
    "concat": wrapped.with_label_inputs,
    "batch-norm": wrapped.with_class_batch_norm,
}
CONDITIONAL_CRITICS = {
    "concat": wrapped.with_label_planes,
    "projection": wrapped.with_projection,
    "auxiliary": wrapped.with_classifier,
}
"""Wrappers by the names in a recipe's ``conditioning``; ``none`` leaves both networks as built."""

# A table though it has one entry: of a table, a row reaches only what its recipe names, so LeCam's
# code belongs neither to the code digest nor to the explained files of a row without it.
SCORE_PENALTIES = {"lecam": LeCam}
"""Penalties on scores by the name of the setting that asks for them."""

Names = TypeVar("Names", str, dict[str, float])


class Conditioning(Settings):
    """Ways for labels to enter the networks; both see them, or neither does.

    Attributes:
        generator: one-hot beside the noise, or as gains and biases of batch normalisation.
        critic: one-hot planes beside the colours, inner product with features, or a classifier.
        weight: of the classifier's cross entropy in both losses.
    """

    generator: Literal["none", "concat", "batch-norm"] = "none"
    critic: Literal["none", "concat", "projection", "auxiliary"] = "none"
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
        backbone: a name in ``BACKBONES``.
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

    @field_validator("backbone", "loss", "penalty")
    @classmethod
    def _names_exist(cls, chosen: Names, info: ValidationInfo) -> Names:
        tables = {
            "backbone": [*BACKBONES, *RENAMED["backbone"]],
            "loss": [*LOSSES],
            "penalty": [*PENALTIES],
        }
        known = tables[str(info.field_name)]
        for name in [chosen] if isinstance(chosen, str) else chosen:
            if name not in known:
                near = suggestion(name, known)
                raise ValueError(f"no {info.field_name} is called '{name}'{near}")
        return chosen

    @model_validator(mode="after")
    def _settings_fit_together(self) -> Self:
        if self.penalty and self.critic_norm == "batch":
            raise ValueError(
                "a gradient penalty is per image, but critic_norm: batch couples the images of a "
                "batch; use none, layer or spectral"
            )
        if self.conditioning.generator == "batch-norm" and self.generator_norm != "batch":
            raise ValueError("conditioning.generator: batch-norm needs generator_norm: batch")
        return self


class GAN(GenerativeModel):
    """A generator and a critic that are trained in turns."""

    recipe_type: ClassVar[type[Recipe]] = GANRecipe
    recipe: GANRecipe
    sampled_from = ("generator",)

    def __init__(self, recipe: GANRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.latent_dim = recipe.latent_dim
        self.batches_per_step = recipe.critic_steps
        self.conditional = recipe.conditioning.generator != "none"
        self.loss = LOSSES[recipe.loss]
        self.penalties = [(PENALTIES[name], weight) for name, weight in recipe.penalty.items()]
        self.generator = self.build_generator()
        self.critic = self.build_critic()
        self.lecam = None
        if recipe.lecam is not None:
            self.lecam = SCORE_PENALTIES["lecam"](recipe.lecam.weight, recipe.lecam.decay)
        self._optimizers = {
            "generator": adam(recipe.optimizer, self.generator),
            "critic": adam(recipe.optimizer, self.critic),
        }

    def build_generator(self, n_codes: int = 0) -> nn.Module:
        """The network from noise (N, latent_dim), with ``n_codes`` further inputs, to images.

        Raises:
            ValueError: the backbone's generator is that of another algorithm.
        """
        recipe = self.recipe
        build = BACKBONES[present_name("backbone", recipe.backbone)].generator
        if build is None:
            raise ValueError(f"the generator of {recipe.backbone} belongs to another algorithm")

        def make(n_labels: int) -> nn.Module:
            n_inputs = recipe.latent_dim + n_codes + n_labels
            return build(self.shape, n_inputs, recipe.width, recipe.generator_norm)

        if recipe.conditioning.generator == "none":
            return make(0)
        return CONDITIONAL_GENERATORS[recipe.conditioning.generator](make, self.n_classes)

    def build_critic(self) -> nn.Module:
        """The network from images to raw scores (N,)."""
        recipe = self.recipe
        build = BACKBONES[present_name("backbone", recipe.backbone)].critic

        def make(n_labels: int) -> nn.Module:
            seen = ImageShape(self.shape.channels + n_labels, self.shape.size)
            return build(seen, recipe.width, recipe.critic_norm)

        chosen = recipe.conditioning
        if chosen.critic == "none":
            return make(0)
        wrap = CONDITIONAL_CRITICS[chosen.critic]
        return wrap(make, self.n_classes, recipe.critic_norm, chosen.weight)

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Generate from normal noise, and from the labels if conditional."""
        with given(labels, self.generator):
            images: Tensor = self.generator(noise.normal(self.latent_dim))
        return images

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """Update the critic ``critic_steps`` times, then the generator once.

        Fakes have the labels of the real images that they are compared with: classes are as
        frequent as in the data, and every pair that a penalty or a loss looks at has one class.
        """
        n = self.batches_per_step
        *early, last = zip(batch.images.chunk(n), batch.labels.chunk(n), strict=True)
        for real, labels in early:
            with self.given(labels):
                with torch.no_grad(), frozen_batch_statistics(self.generator):
                    fake = self.fakes(len(real))
                self.update_critic(real, fake)
        real, labels = last
        with self.given(labels):
            fake = self.fakes(len(real))
            d_loss = self.update_critic(real, fake.detach())
            g_loss = self.update_generator(real, fake)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def given(self, labels: Tensor) -> AbstractContextManager[None]:
        """Context in which both networks know the classes of the batch."""
        return given(labels, self.generator, self.critic)

    def fakes(self, n: int) -> Tensor:
        """``n`` images from fresh noise, with gradients."""
        device = next(self.generator.parameters()).device
        images: Tensor = self.generator(torch.randn(n, self.latent_dim, device=device))
        return images

    def update_critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """One optimiser step of the critic; ``fake`` carries no gradient. Returns its loss."""
        loss = self.critic_loss(real, fake)
        descend(loss, self._optimizers["critic"])
        if self.recipe.critic_clip is not None:
            _clip_weights(self.critic, self.recipe.critic_clip)
        return loss.detach()

    def update_generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """One optimiser step of the generator through the fakes' graph. Returns its loss."""
        with without_weight_gradients(self.critic):
            loss = self.generator_loss(real, fake)
            descend(loss, self._optimizers["generator"])
        return loss.detach()

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The critic's loss with every weighted penalty, a scalar."""
        real_scores, real_extra = self.judge(real, fake=False)
        fake_scores, fake_extra = self.judge(fake, fake=True)
        loss = self.score_loss(real_scores, fake_scores) + real_extra + fake_extra
        for penalty, weight in self.penalties:
            loss = loss + weight * penalty(self.critic, real, fake)
        return loss

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The generator's loss, a scalar; only relativistic losses look at the real images."""
        scores, extra = self.judge(fake, fake=True)
        if self.loss.paired_generator is not None:
            # Past ``judge``: a second head on real images teaches the generator nothing, and
            # recipes refuse an augmentation, which ``judge`` may add, with a relativistic loss.
            return self.loss.paired_generator(scores, self.critic(real)) + extra
        return self.loss.unpaired_generator(scores) + extra

    def score_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The part of the critic's loss that depends on scores (N,) of real and fake images."""
        loss = self.loss.critic(real, fake)
        return loss if self.lecam is None else loss + self.lecam(real, fake)

    def judge(self, images: Tensor, *, fake: bool) -> tuple[Tensor, Tensor | float]:
        """Raw scores (N,), and the weighted loss of a second head: 0 without one."""
        if isinstance(self.critic, TwoHeadedCritic):
            return self.critic.judge(images, fake=fake)
        return self.critic(images), 0.0


@torch.no_grad()
def _clip_weights(network: nn.Module, largest: float) -> None:
    """Clamp weights to -c .. c, Arjovsky et al. 2017 (1701.07875), algorithm 1, line 7."""
    for parameter in network.parameters():
        parameter.clamp_(-largest, largest)
