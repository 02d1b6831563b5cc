"""GANs from the article that the catalogue grew from, as printed there and as repaired.

``ArticleGAN`` is its training listing (lines 170 to 188), ``PrintedLossGAN`` the value that its
section 4.1 plays for, ``UpdateOrderGAN`` the order of updates in its section 3.2. Settings that
differ from ``GAN`` are errata of the catalogue (``K-nn`` of the listing, ``E-nn`` of the text).
"""

from __future__ import annotations

from typing import Literal, Self

import torch
from pydantic import PositiveInt, model_validator
from torch import Tensor

from bench.models.base import AdamSettings, Batch, StepContext
from bench.models.gan import GAN, GANRecipe
from bench.networks.parts import Norm
from bench.networks.shape import ImageShape
from bench.objectives.adversarial import LOSSES, PRINTED


class ArticleRecipe(GANRecipe):
    """Settings of the listing; the defaults are as printed, or add least to it.

    Attributes:
        scores: ``shared``: both losses come from one scoring of detached fakes, the generator's
            first, as printed; ``fresh``: the critic learns from detached fakes, then scores them
            anew for the generator (K-13, K-15, K-17, K-18).
        fixed_noise: whether every update uses one batch of noise, drawn before training, as in
            the printed loop, which never assigns ``z`` (K-11).
        loss: ``article`` is printed (K-12, K-14, K-16).
        optimizer: rate as printed, betas as PyTorch has them (K-08).
        backbone: ``affine`` is printed, as formulas (E-05, K-07).
        batch_size: as printed.
    """

    scores: Literal["shared", "fresh"] = "shared"
    fixed_noise: bool = True
    loss: str = "article"
    backbone: str = "affine"
    generator_norm: Literal["none", "batch"] = "none"
    critic_norm: Norm = "none"
    batch_size: PositiveInt = 64
    optimizer: AdamSettings = AdamSettings(lr=2.0e-3, betas=(0.9, 0.999))

    @model_validator(mode="after")
    def _shared_scores_are_all_there_is(self) -> Self:
        if self.scores == "shared":
            if self.critic_steps != 1 or self.penalty:
                raise ValueError("scores: shared allows neither critic_steps nor a penalty")
            if LOSSES[self.loss].generator is None:
                raise ValueError(f"scores: shared has no pairs for the loss {self.loss}")
        return self


class ArticleGAN(GAN):
    """The listing's loop, with nothing added but what lets it run: names and ``retain_graph``.

    As long as it scores detached images alone, its generator learns nothing; with all errata
    applied, what is left is ``GAN`` itself.
    """

    recipe_type = ArticleRecipe
    recipe: ArticleRecipe

    def __init__(self, recipe: ArticleRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.frozen = frozenset({"generator"} if recipe.scores == "shared" else ())
        self.noise: Tensor | None
        # Drawn after the networks, so that their weights do not depend on this setting.
        noise = torch.randn(recipe.batch_size, recipe.latent_dim) if recipe.fixed_noise else None
        self.register_buffer("noise", noise)

    def fakes(self, n: int) -> Tensor:
        """Images with gradients: ``n`` from fresh noise, or one for each row of the fixed noise."""
        if self.noise is None:
            return super().fakes(n)
        images: Tensor = self.generator(self.noise)
        return images

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One pass through the body of the printed loop, or of the repaired one."""
        if self.recipe.scores == "fresh":
            return super().step(batch, ctx)
        return self._step_as_printed(batch.images)

    def _step_as_printed(self, real: Tensor) -> dict[str, Tensor]:
        """Lines 170 to 188 of the article, in its order."""
        fake = self.fakes(len(real))
        real_scores, fake_scores = self.critic(real), self.critic(fake.detach())
        g_loss = self.loss.unpaired_generator(fake_scores)
        optimizers = self.optimizers()
        optimizers["generator"].zero_grad()
        g_loss.backward(retain_graph=True)  # reaches the critic only
        optimizers["generator"].step()  # moves nothing: no gradient has arrived
        optimizers["critic"].zero_grad()
        d_loss = self.loss.critic(real_scores, fake_scores)
        d_loss.backward()
        optimizers["critic"].step()
        return {"d_loss": d_loss.detach(), "g_loss": g_loss.detach()}


class PrintedLossRecipe(GANRecipe):
    """Settings of a GAN; ``formula`` chooses the article's printed loss or the one in ``loss``."""

    formula: Literal["printed", "named"] = "printed"


class PrintedLossGAN(GAN):
    """``GAN`` with the article's printed loss, given the signs of erratum E-04."""

    recipe_type = PrintedLossRecipe

    def __init__(self, recipe: PrintedLossRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        if recipe.formula == "printed":
            self.loss = PRINTED


class UpdateOrderRecipe(GANRecipe):
    """Settings of a GAN, and which network ``first`` learns in every step."""

    first: Literal["critic", "generator"] = "critic"

    @model_validator(mode="after")
    def _one_update_each(self) -> Self:
        if self.first == "generator" and self.critic_steps != 1:
            raise ValueError("first: generator needs critic_steps: 1")
        return self


class UpdateOrderGAN(GAN):
    """``GAN`` with a choice of order; its two updates share one batch of fakes in either.

    Goodfellow et al. 2014 (1406.2661, algorithm 1) update the critic, then the generator against
    the new critic. Where the generator comes first, as the article lists it (erratum E-10), it
    learns from the critic as the previous step left it.
    """

    recipe_type = UpdateOrderRecipe
    recipe: UpdateOrderRecipe

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of each network on one batch of reals and one of fakes."""
        if self.recipe.first == "critic":
            return super().step(batch, ctx)
        with self.given(batch.labels):
            fake = self.fakes(len(batch.images))
            g_loss = self.update_generator(batch.images, fake)
            d_loss = self.update_critic(batch.images, fake.detach())
        return {"d_loss": d_loss, "g_loss": g_loss}
