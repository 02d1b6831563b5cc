"""Which network is updated first.

Goodfellow et al. 2014 (1406.2661, algorithm 1) update the critic, then the generator against the
new critic. The catalogue's article lists the generator first (section 3.2, its erratum E-10): then
the generator learns from the critic as the previous step left it. Both orders share one batch of
fakes between the two updates, as ``GAN`` does, so nothing but the order differs.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator
from torch import Tensor

from bench.models.base import Batch, StepContext
from bench.models.gan import GAN
from bench.models.gan_recipe import GANRecipe


class UpdateOrderRecipe(GANRecipe):
    """Settings of a GAN, and which network ``first`` learns in every step."""

    first: Literal["critic", "generator"] = "critic"

    @model_validator(mode="after")
    def _one_update_each(self) -> Self:
        if self.first == "generator" and self.critic_steps != 1:
            raise ValueError("first: generator needs critic_steps: 1")
        return self


class UpdateOrderGAN(GAN):
    """``GAN`` with a choice of order."""

    recipe_type = UpdateOrderRecipe
    recipe: UpdateOrderRecipe

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of each network on one batch of reals and one of fakes."""
        images, labels = batch
        if self.recipe.first == "critic":
            return super().step(batch, ctx)
        with self.given(labels):
            fake = self.generate(len(images))
            g_loss = self.update_generator(images, fake)
            d_loss = self.update_critic(images, fake.detach())
        return {"d_loss": d_loss, "g_loss": g_loss}
