"""GANs whose critic sees augmented images only.

Where reals and fakes are augmented, and gradients reach the generator through the augmentation, it
learns the images and not their augmentation (Zhao et al. 2020, 2006.10738; Karras et al. 2020,
2006.06676). Where only reals are, it learns the augmentation too, which this file can also do: that
is what "augment the training images" means if it is taken at its word. Without ``augment`` this is
``GAN`` itself.
"""

from __future__ import annotations

from typing import Self

import torch
from pydantic import PositiveFloat, model_validator
from torch import Tensor

from bench.augment.adaptive import AdaptiveProbability, AdaptiveSettings
from bench.augment.diff_augment import Policy, diff_augment
from bench.augment.pipeline import AugmentationPipe, PipeSettings
from bench.identity.settings import Probability, Settings
from bench.models.base import Batch, StepContext
from bench.models.gan import GAN, GANRecipe
from bench.networks.shape import ImageShape
from bench.objectives.adversarial import LOSSES


class AugmentSettings(Settings):
    """Augmentations of images on their way to the critic.

    Attributes:
        policy: parts of DiffAugment, always on, in this order.
        translation: of DiffAugment, largest shift as a share of the size.
        cutout: of DiffAugment, height and width of the square as a share of the image's.
        pipe: transformations of ADA, after DiffAugment where there are both.
        probability: of each of the pipe's transformations, at the start.
        adaptive: how the probability then moves; None for a constant one.
        reals_only: augment real images alone, a mistake that is shown here.
    """

    policy: tuple[Policy, ...] = ()
    translation: PositiveFloat = 0.125
    cutout: PositiveFloat = 0.5
    pipe: PipeSettings | None = None
    probability: Probability = 0.0
    adaptive: AdaptiveSettings | None = None
    reals_only: bool = False

    @model_validator(mode="after")
    def _a_probability_is_of_a_pipe(self) -> Self:
        if self.pipe is None and (self.adaptive is not None or self.probability):
            raise ValueError("augment.probability and augment.adaptive need augment.pipe")
        return self


class AugmentedGANRecipe(GANRecipe):
    """Settings of a GAN and of the augmentation before its critic; None for no augmentation."""

    augment: AugmentSettings | None = None

    @model_validator(mode="after")
    def _every_score_is_of_augmented_images(self) -> Self:
        if self.augment is not None and (self.penalty or LOSSES[self.loss].generator is None):
            raise ValueError("augment goes with neither a penalty nor a relativistic loss")
        return self


class AugmentedGAN(GAN):
    """``GAN`` with an augmentation before its critic."""

    recipe_type = AugmentedGANRecipe
    recipe: AugmentedGANRecipe

    def __init__(self, recipe: AugmentedGANRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        chosen = recipe.augment or AugmentSettings()
        self.augment = chosen
        self.pipe = AugmentationPipe(chosen.pipe) if chosen.pipe else None
        self.adaptive = None
        if chosen.adaptive is not None:
            self.adaptive = AdaptiveProbability(chosen.adaptive, start=chosen.probability)

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One step of ``GAN``; an adaptive probability is logged with the losses."""
        losses = super().step(batch, ctx)
        return losses if self.adaptive is None else losses | {"p": self.adaptive.value.clone()}

    def judge(self, images: Tensor, *, fake: bool) -> tuple[Tensor, Tensor | float]:
        """Raw scores (N,) of the augmented images, and the weighted loss of a second head."""
        if not (fake and self.augment.reals_only):
            images = self.augmented(images)
        return super().judge(images, fake=fake)

    def score_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The critic's loss on its scores (N,); the probability follows those of real images."""
        if self.adaptive is not None:
            self.adaptive.observe(real.detach())
        return super().score_loss(real, fake)

    def augmented(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) as the critic sees them, with gradients to what they were."""
        chosen = self.augment
        images = diff_augment(
            images,
            chosen.policy,
            translation_ratio=chosen.translation,
            cutout_ratio=chosen.cutout,
        )
        return images if self.pipe is None else self.pipe(images, self._probability(images.device))

    def _probability(self, device: torch.device) -> Tensor:
        if self.adaptive is None:
            return torch.tensor(self.augment.probability, device=device)
        return self.adaptive.value
