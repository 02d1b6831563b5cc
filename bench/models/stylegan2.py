"""StyleGAN2 (Karras et al. 2019, 1912.04958).

A style-based generator and a residual critic with the non-saturating loss. Both regularisers are
lazy: each is an update of its own every few steps, as strong as if it were part of every step.
"""

from __future__ import annotations

import torch
from pydantic import NonNegativeFloat, PositiveInt
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.augment.adaptive import AdaptiveProbability, AdaptiveSettings
from bench.augment.pipeline import AugmentationPipe, PipeSettings
from bench.identity.settings import Fraction, Probability, Settings
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
from bench.networks.shape import ImageShape
from bench.networks.stylegan2 import Critic, Generator
from bench.objectives.adversarial import non_saturating_d_loss, non_saturating_g_loss
from bench.objectives.penalties import r1_penalty
from bench.objectives.regularisers import PathLength

PATH_LENGTH_BATCH_SHRINKS = 2


class LazyPenalty(Settings):
    """A regulariser that acts every few steps.

    Attributes:
        weight: of the penalty if it acted at every step, 0 for none; for R1 it is gamma.
        every: steps; the penalty is multiplied by it.
    """

    weight: NonNegativeFloat = 0.0
    every: PositiveInt = 1

    def due(self, step: int) -> bool:
        """Whether the penalty acts after so many steps."""
        return self.weight > 0.0 and step % self.every == 0


class AdaptiveAugmentation(AdaptiveSettings):
    """Adaptive discriminator augmentation, ADA (2006.06676); ``pipe`` is done to an image."""

    pipe: PipeSettings = PipeSettings()


class StyleGAN2Recipe(Recipe):
    """Settings of StyleGAN2; the defaults are for 32 x 32 pixels.

    Attributes:
        latent_dim: length of the noise and of the styles that are made of it.
        width: channels next to the pixels, of both networks.
        max_width: channels double from resolution to resolution up to so many.
        mapping_layers: between noise and styles.
        layer_noise: whether every layer of the generator takes noise of its own.
        minibatch_group: images over which the critic sees the standard deviation.
        r1: gradient penalty on real images.
        path_length: penalty on uneven path lengths of the generator.
        style_mixing: probability that an image is made of two styles, in training alone.
        augmentation: of everything that the critic sees, as far as it overfits; or none.
        optimizer: of both networks; who has a lazy regulariser makes k + 1 updates in k steps, and
            gets a rate and betas that undo that.
    """

    latent_dim: PositiveInt = 512
    width: PositiveInt = 64
    max_width: PositiveInt = 512
    mapping_layers: PositiveInt = 2
    layer_noise: bool = True
    minibatch_group: PositiveInt = 32
    r1: LazyPenalty = LazyPenalty(weight=0.01, every=16)
    path_length: LazyPenalty = LazyPenalty(weight=0.0, every=8)
    style_mixing: Probability = 0.0
    augmentation: AdaptiveAugmentation | None = None
    optimizer: AdamSettings = AdamSettings(lr=2.5e-3, betas=(0.0, 0.99))
    ema_decay: Fraction = 0.999


class StyleGAN2(GenerativeModel):
    """A generator made of styles, and its critic."""

    recipe_type = StyleGAN2Recipe
    sampled_from = ("generator",)

    def __init__(self, recipe: StyleGAN2Recipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.latent_dim = recipe.latent_dim
        self.layer_noise = recipe.layer_noise
        self.style_mixing = recipe.style_mixing
        self.r1 = recipe.r1
        self.path = recipe.path_length
        width, most = recipe.width, recipe.max_width
        self.generator = Generator(shape, recipe.latent_dim, width, most, recipe.mapping_layers)
        self.critic = Critic(shape, width, most, recipe.minibatch_group)
        self.path_length = PathLength()
        self.pipe: AugmentationPipe | None = None
        if recipe.augmentation is not None:
            self.pipe = AugmentationPipe(recipe.augmentation.pipe)
            self.probability = AdaptiveProbability(recipe.augmentation)
        self._optimizers = {
            "generator": lazy_adam(self.generator, recipe.optimizer, recipe.path_length),
            "critic": lazy_adam(self.critic, recipe.optimizer, recipe.r1),
        }

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Generate from normal noise, that of the layers included, without truncation."""
        latents = noise.normal(self.latent_dim)
        layers = noise.normal(self.generator.n_noise) if self.layer_noise else None
        images: Tensor = self.generator(latents, layers)
        return images.clamp(-1.0, 1.0)

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """Update the critic and the generator on one batch of fakes, and regularise when due."""
        images = batch.images
        fake = self.synthesise(self.styles(len(images)))
        d_loss = self.update_critic(images, fake.detach())
        if self.r1.due(ctx.step):
            self.regularise_critic(images)
        g_loss = self.update_generator(fake)
        if self.path.due(ctx.step):
            self.regularise_generator(len(images))
        losses = {"d_loss": d_loss, "g_loss": g_loss}
        if self.pipe is not None:
            losses["p"] = self.probability.value.clone()
        return losses

    def styles(self, n: int) -> Tensor:
        """Styles (N, n_styles, latent_dim) from fresh noise, some of them mixed."""
        device = self.generator.constant.device
        n_styles = self.generator.n_styles
        first: Tensor = self.generator.mapping(torch.randn(n, self.latent_dim, device=device))
        styles = first[:, None].expand(-1, n_styles, -1)
        if not self.style_mixing:
            return styles
        second: Tensor = self.generator.mapping(torch.randn(n, self.latent_dim, device=device))
        mixed = torch.rand(n, 1, device=device) < self.style_mixing
        crossover = torch.randint(1, n_styles, (n, 1), device=device)
        late = mixed & (torch.arange(n_styles, device=device) >= crossover)  # (N, n_styles)
        return torch.where(late[:, :, None], second[:, None], styles)

    def synthesise(self, styles: Tensor) -> Tensor:
        """Images of styles (N, n_styles, latent_dim), with fresh noise in the layers."""
        layers = None
        if self.layer_noise:
            layers = torch.randn(len(styles), self.generator.n_noise, device=styles.device)
        return self.generator.synthesise(styles, layers)

    def judge(self, images: Tensor) -> Tensor:
        """Raw scores (N,) of images as the critic sees them: augmented, where that is asked for."""
        if self.pipe is not None:
            images = self.pipe(images, self.probability.value)
        scores: Tensor = self.critic(images)
        return scores

    def update_critic(self, real: Tensor, fake: Tensor) -> Tensor:
        """One update of the critic; ``fake`` carries no gradient. Returns its loss."""
        real_scores = self.judge(real)
        loss = non_saturating_d_loss(real_scores, self.judge(fake))
        descend(loss, self._optimizers["critic"])
        if self.pipe is not None:
            self.probability.observe(real_scores)
        return loss.detach()

    def regularise_critic(self, real: Tensor) -> None:
        """One update of the critic down R1 alone."""
        loss = self.r1.weight * self.r1.every * r1_penalty(self.judge, real, real)
        descend(loss, self._optimizers["critic"])

    def update_generator(self, fake: Tensor) -> Tensor:
        """One update of the generator through the fakes' graph. Returns its loss."""
        with without_weight_gradients(self.critic):
            loss = non_saturating_g_loss(self.judge(fake))
            descend(loss, self._optimizers["generator"])
        return loss.detach()

    def regularise_generator(self, n: int) -> None:
        """One update of the generator down the path length penalty alone, on half a batch."""
        styles = self.styles(max(1, n // PATH_LENGTH_BATCH_SHRINKS))
        penalty = self.path_length(self.synthesise(styles), styles)
        loss = self.path.weight * self.path.every * penalty
        descend(loss, self._optimizers["generator"])


def lazy_adam(network: nn.Module, settings: AdamSettings, penalty: LazyPenalty) -> Optimizer:
    """Adam for a network that is regularised in an update of its own every k steps.

    There are k + 1 updates in k steps; with c = k / (k + 1) the rate becomes c lr and the betas
    beta^c, so that as much happens in as many steps (1912.04958, appendix B).
    """
    if penalty.weight > 0.0:
        c = penalty.every / (penalty.every + 1)
        first, second = settings.betas
        update = {"lr": c * settings.lr, "betas": (first**c, second**c)}
        settings = settings.model_copy(update=update)
    return adam(settings, network)
