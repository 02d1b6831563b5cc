"""Generative adversarial networks (Goodfellow et al. 2014, 1406.2661).

Most published GANs are this file with other settings: backbone, loss, penalty, normalisation and
optimiser are named in the recipe. One step is ``critic_steps`` updates of the critic and one of the
generator; the last critic update and the generator's share one batch of fakes, as in DCGAN's
reference loop, so each image is generated once.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.models.base import (
    Batch,
    GenerativeModel,
    Recipe,
    StepContext,
    adam,
    descend,
    without_weight_gradients,
)
from bench.models.gan_recipe import GANRecipe
from bench.models.noise import ImageNoise
from bench.networks.backbones import BACKBONES
from bench.networks.conditional import (
    TwoHeadedCritic,
    conditional_critic,
    conditional_generator,
    given,
)
from bench.networks.norm import frozen_batch_statistics
from bench.networks.shape import ImageShape
from bench.objectives.adversarial import LOSSES
from bench.objectives.lecam import LeCam
from bench.objectives.penalties import PENALTIES


class GAN(GenerativeModel):
    """A generator and a critic that are trained in turns."""

    recipe_type: ClassVar[type[Recipe]] = GANRecipe

    def __init__(self, recipe: GANRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.latent_dim = recipe.latent_dim
        self.batches_per_step = recipe.critic_steps
        self.loss = LOSSES[recipe.loss]
        self.penalties = [(PENALTIES[name], weight) for name, weight in recipe.penalty.items()]
        self.conditional = recipe.conditioning.generator != "none"
        self.generator = self.build_generator(recipe)
        self.critic = self.build_critic(recipe)
        self.critic_clip = recipe.critic_clip
        self.lecam = LeCam(recipe.lecam.weight, recipe.lecam.decay) if recipe.lecam else None
        self._optimizers = {
            "generator": adam(list(self.generator.parameters()), recipe.optimizer),
            "critic": adam(list(self.critic.parameters()), recipe.optimizer),
        }

    def build_generator(self, recipe: GANRecipe) -> nn.Module:
        """From noise (N, latent_dim) to images.

        Raises:
            ValueError: the backbone's generator is that of another algorithm.
        """
        build = BACKBONES[recipe.backbone].generator
        if build is None:
            raise ValueError(f"the generator of {recipe.backbone} belongs to another algorithm")

        def make(n_extra: int) -> nn.Module:
            n_inputs = recipe.latent_dim + n_extra
            return build(self.shape, n_inputs, recipe.width, recipe.generator_norm)

        return conditional_generator(recipe.conditioning.generator, make, self.n_classes)

    def build_critic(self, recipe: GANRecipe) -> nn.Module:
        """From images to raw scores (N,)."""
        build = BACKBONES[recipe.backbone].critic

        def make(n_extra: int) -> nn.Module:
            seen = ImageShape(self.shape.channels + n_extra, self.shape.size)
            return build(seen, recipe.width, recipe.critic_norm)

        return conditional_critic(
            recipe.conditioning.critic,
            make,
            self.n_classes,
            norm=recipe.critic_norm,
            weight=recipe.conditioning.weight,
        )

    def optimizers(self) -> dict[str, Optimizer]:
        """Adam for the generator and Adam for the critic."""
        return dict(self._optimizers)

    def sampling_modules(self) -> dict[str, nn.Module]:
        """The generator alone."""
        return {"generator": self.generator}

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
        images, labels = batch
        n = self.batches_per_step
        *early, last = zip(images.chunk(n), labels.chunk(n), strict=True)
        for real, classes in early:
            with self.given(classes):
                with torch.no_grad(), frozen_batch_statistics(self.generator):
                    fake = self.generate(len(real))
                self.update_critic(real, fake)
        real, classes = last
        with self.given(classes):
            fake = self.generate(len(real))
            d_loss = self.update_critic(real, fake.detach())
            g_loss = self.update_generator(real, fake)
        return {"d_loss": d_loss, "g_loss": g_loss}

    def given(self, labels: Tensor) -> AbstractContextManager[None]:
        """Within it, both networks know the classes of the batch."""
        return given(labels, self.generator, self.critic)

    def generate(self, n: int) -> Tensor:
        """``n`` images from fresh noise, with gradients."""
        device = next(self.generator.parameters()).device
        images: Tensor = self.generator(torch.randn(n, self.latent_dim, device=device))
        return images

    def judge(self, images: Tensor, *, fake: bool) -> tuple[Tensor, Tensor | float]:
        """Raw scores (N,), and what a second head adds to the loss: 0 without one."""
        if isinstance(self.critic, TwoHeadedCritic):
            return self.critic.judge(images, fake=fake)
        return self.critic(images), 0.0

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the critic minimises: the loss and every weighted penalty."""
        real_scores, real_extra = self.judge(real, fake=False)
        fake_scores, fake_extra = self.judge(fake, fake=True)
        loss = self.score_loss(real_scores, fake_scores) + real_extra + fake_extra
        for penalty, weight in self.penalties:
            loss = loss + weight * penalty(self.critic, real, fake)
        return loss

    def score_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The critic's loss as far as it depends on its scores (N,) of real and fake images."""
        loss = self.loss.critic(real, fake)
        return loss if self.lecam is None else loss + self.lecam(real, fake)

    def generator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """What the generator minimises; only relativistic losses look at the real images."""
        scores, extra = self.judge(fake, fake=True)
        if self.loss.paired_generator is not None:
            return self.loss.paired_generator(scores, self.critic(real)) + extra
        if self.loss.generator is None:
            raise TypeError("an adversarial loss has a side for the generator")
        return self.loss.generator(scores) + extra

    def update_critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """One optimiser step of the critic; ``fake`` carries no gradient. Returns its loss."""
        loss = self.critic_loss(real, fake)
        descend(loss, self._optimizers["critic"])
        if self.critic_clip is not None:
            _clip_weights(self.critic, self.critic_clip)
        return loss.detach()

    def update_generator(self, real: Tensor, fake: Tensor) -> Tensor:
        """One optimiser step of the generator through the fakes' graph. Returns its loss."""
        with without_weight_gradients(self.critic):
            loss = self.generator_loss(real, fake)
            descend(loss, self._optimizers["generator"])
        return loss.detach()


@torch.no_grad()
def _clip_weights(network: nn.Module, largest: float) -> None:
    """Arjovsky et al. 2017 (1701.07875), algorithm 1, line 7."""
    for parameter in network.parameters():
        parameter.clamp_(-largest, largest)
