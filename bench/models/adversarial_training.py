"""A GAN whose critic is also trained on adversarial examples, the other meaning of the words.

The critic minimises (1 - a) L(x, G(z)) + a L(x', G(z)'), the objective of Goodfellow et al. 2014
(1412.6572, section 6), where the primed images are moved to raise its loss. That critics should
be robust to attacks is the thesis of Rob-GAN (Liu and Hsieh, 1807.10454), which attacks reals, and
of Zhou and Kraehenbuehl (ICLR 2019). The generator meets clean fakes. Without an epsilon this is
``GAN`` itself.

Batch normalisation: an attacked batch is normalised by its own statistics, as clean reals and clean
fakes are by theirs, so an attack also reaches an image through its batch; only clean batches move
the running averages.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat, PositiveInt
from torch import Tensor

from bench.models.base import without_weight_gradients
from bench.models.gan import GAN, GANRecipe
from bench.networks.parts import frozen_batch_statistics
from bench.objectives.attacks import attacked

Share = Annotated[float, Field(gt=0.0, le=1.0)]


class AdversarialTrainingRecipe(GANRecipe):
    """Settings of a GAN and of the attack on its critic.

    Attributes:
        epsilon: largest change of a value, where black and white are 2 apart; 0 for no attack.
        attack_steps: 1 for the fast gradient sign method, more for projected gradient ascent.
        attacked_share: weight of the loss on attacked images; the rest is that on clean ones.
    """

    epsilon: NonNegativeFloat = 0.0
    attack_steps: PositiveInt = 1
    attacked_share: Share = 0.5


class AdversariallyTrainedGAN(GAN):
    """``GAN`` with a critic that learns from attacked images as well."""

    recipe_type = AdversarialTrainingRecipe
    recipe: AdversarialTrainingRecipe

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The weighted loss on clean and on attacked images; penalties are of clean ones."""
        loss = super().critic_loss(real, fake)
        if not self.recipe.epsilon:
            return loss
        with frozen_batch_statistics(self.critic):
            attacked_loss = self.bare_loss(*self.attack(real, fake))
        share = self.recipe.attacked_share
        return (1.0 - share) * loss + share * attacked_loss

    def attack(self, real: Tensor, fake: Tensor) -> list[Tensor]:
        """Both batches, moved to raise the critic's loss; its weights get no gradient."""
        with without_weight_gradients(self.critic):
            return attacked(
                [real, fake], self.bare_loss, self.recipe.epsilon, self.recipe.attack_steps
            )

    def bare_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The critic's loss without penalties or regularisers."""
        return self.loss.critic(self.critic(real), self.critic(fake))
