"""DALL-E, small: text to image by a discrete VAE and a transformer over text and its codes.

Ramesh et al. 2021 (2102.12092). Two stages share one budget: first the discrete VAE learns with a
uniform prior, then, with it frozen, the transformer learns the text and the codes of captioned
images. Captions are made of words, and some of them are held out, so that a prompt that no
training saw shows whether the words were understood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import AfterValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.optim import AdamW

from bench.data.captions.prompts import Prompts
from bench.data.captions.sets import SETS
from bench.identity.settings import Fraction
from bench.models.base import (
    AdamSettings,
    Batch,
    GenerativeModel,
    Recipe,
    StepContext,
    adam,
    at_rate,
    descend,
    detached,
)
from bench.models.discrete_vae import DiscreteVAE
from bench.models.noise import ImageNoise
from bench.models.vq import codes_used, perplexity
from bench.networks.quantised import LARGEST_GRID
from bench.networks.shape import ImageShape
from bench.networks.text_image_transformer import TextImageTransformer
from bench.objectives.schedules import cosine, ramp, warmed_cosine

UNSEEN = "unseen-prompts"
MEASURING_BATCH = 500
GOLDEN = 0.6180339887498949
"""Golden ratio less 1: its multiples modulo 1 spread evenly in 0 .. 1, and choose captions."""


def _known(name: str) -> str:
    if name not in SETS:
        raise ValueError(f"there are no captions '{name}'; known: {', '.join(SETS)}")
    return name


class DALLERecipe(Recipe):
    """Settings of a small DALL-E.

    Attributes:
        captions: of the data set, by name in ``bench.data.captions.sets``.
        updates_per_step: updates, each of a batch of its own, that one step consists of.
        first_stage: part of the budget that trains the discrete VAE.
        width: channels of the discrete VAE next to the pixels.
        n_codes: size of the codebook (K).
        largest_grid: images are halved until the grid of codes is at most this wide.
        smallest_scale: of a pixel's density; areas without noise need one above 0.
        beta: weight of the KL term at the end of its ramp.
        beta_ramp, temperature_fall: parts of the first stage in which the weight rises from 0 and
            the temperature falls from 1 to ``last_temperature``.
        rate_fall: the VAE's learning rate ends at this part of where it starts, by a cosine.
        prior_dim, prior_layers, prior_heads, dropout: of the transformer.
        text_weight: part of the text in the transformer's loss; the rest is the image's.
        draw_codes: the transformer learns codes drawn from the encoder instead of its best ones,
            which keeps it from learning few images by heart.
        optimizer, clip: of the VAE; ``prior_`` of the transformer, whose rate rises over
            ``prior_warm_up`` updates and then falls to zero by a cosine.
    """

    captions: Annotated[str, AfterValidator(_known)] = "digits"
    batch_size: PositiveInt = 48
    updates_per_step: PositiveInt = 1
    first_stage: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.4
    width: PositiveInt = 16
    n_codes: PositiveInt = 64
    largest_grid: PositiveInt = LARGEST_GRID
    smallest_scale: NonNegativeFloat = 0.0
    beta: NonNegativeFloat = 1.0
    beta_ramp: Fraction = 0.15
    temperature_fall: Annotated[float, Field(gt=0.0, le=1.0)] = 0.7
    last_temperature: PositiveFloat = 0.0625
    rate_fall: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0125
    prior_dim: PositiveInt = 64
    prior_layers: PositiveInt = 4
    prior_heads: PositiveInt = 4
    dropout: Fraction = 0.1
    text_weight: Fraction = 0.125
    draw_codes: bool = True
    optimizer: AdamSettings = AdamSettings(lr=3.0e-3, weight_decay=1.0e-4)
    clip: PositiveFloat = 1.0
    prior_optimizer: AdamSettings = AdamSettings(lr=4.0e-3, betas=(0.9, 0.96), weight_decay=0.045)
    prior_clip: PositiveFloat = 4.0
    prior_warm_up: Annotated[int, Field(ge=0)] = 50


@dataclass(frozen=True)
class Place:
    """Place of an update in its stage: ``update`` of ``n_updates``, counted from 0."""

    first_stage: bool
    update: int
    n_updates: int

    @property
    def fraction(self) -> float:
        """0 at the stage's first update, 1 at its last."""
        return self.update / max(1, self.n_updates - 1)


class DALLE(GenerativeModel):
    """Discrete VAE first, transformer over text and codes second.

    ``sample`` draws captions that were trained on, where the class has any; the sampler
    ``unseen-prompts`` draws captions that were held out of training.
    """

    recipe_type = DALLERecipe
    recipe: DALLERecipe
    samplers = ("prior", UNSEEN)
    latent_dim = 0
    conditional = True

    def __init__(self, recipe: DALLERecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.captions = SETS[recipe.captions]
        if len(self.captions.of_class) != n_classes:
            n = len(self.captions.of_class)
            raise ValueError(f"captions of {n} classes do not fit images of {n_classes}")
        self.batches_per_step = recipe.updates_per_step
        self.trained = Prompts(self.captions, self.captions.trained)
        self.unseen = Prompts(self.captions, self.captions.unseen)
        known, new = self.captions.trained, self.captions.unseen
        self.usual = Prompts(self.captions, lambda label: known(label) or new(label))
        self.vae = DiscreteVAE(
            shape, recipe.width, recipe.n_codes, recipe.largest_grid, recipe.smallest_scale
        )
        self.prior = TextImageTransformer(
            self.captions.n_tokens,
            self.captions.length,
            recipe.n_codes,
            self.vae.grid,
            recipe.prior_dim,
            recipe.prior_layers,
            recipe.prior_heads,
            recipe.dropout,
        )
        self._optimizers = {
            "vae": adam(recipe.optimizer, self.vae, kind=AdamW),
            "prior": adam(recipe.prior_optimizer, self.prior, kind=AdamW),
        }

    def sampling_modules(self) -> dict[str, nn.Module]:
        """The transformer and the decoder."""
        return {"prior": self.prior, "decoder": self.vae.decoder}

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """A few updates of whichever stage the budget has reached."""
        images, labels = batch
        n_updates = self.recipe.updates_per_step
        losses: dict[str, Tensor] = {}
        batches = zip(images.chunk(n_updates), labels.chunk(n_updates), strict=True)
        for index, (some_images, their_labels) in enumerate(batches):
            place = self.place(ctx, index)
            if place.first_stage:
                found = self._update_vae(some_images, place)
            else:
                found = self._update_prior(some_images, their_labels, place)
            for name, loss in found.items():
                losses[name] = losses.get(name, 0.0) + loss / n_updates
        return losses

    def place(self, ctx: StepContext, index: int) -> Place:
        """The stage of the ``index``-th update of a step; each stage has a step at least."""
        n_first = max(1, round(self.recipe.first_stage * ctx.n_steps))
        first = ctx.step < n_first
        step, n_steps = (
            (ctx.step, n_first) if first else (ctx.step - n_first, ctx.n_steps - n_first)
        )
        n_updates = self.recipe.updates_per_step
        return Place(first, step * n_updates + index, n_steps * n_updates)

    def _update_vae(self, images: Tensor, place: Place) -> dict[str, Tensor]:
        """One update of reconstruction + weight * KL, per pixel as in the paper."""
        settings = self.recipe
        temperature = cosine(
            place.fraction / settings.temperature_fall, 1.0, settings.last_temperature
        )
        weight = settings.beta * ramp(place.fraction, settings.beta_ramp)
        reconstruction, kl = self.vae.losses(images, temperature)
        loss = (reconstruction + weight * kl) / self.shape.n_values
        rate = cosine(place.fraction, 1.0, settings.rate_fall)
        with at_rate(self._optimizers["vae"], rate):
            descend(loss, self._optimizers["vae"], settings.clip)
        return detached(reconstruction=reconstruction, kl=kl)

    def _update_prior(self, images: Tensor, labels: Tensor, place: Place) -> dict[str, Tensor]:
        """One update of the weighted cross-entropies; images without a caption are left out."""
        settings = self.recipe
        captioned = self.trained.counts[labels] > 0
        images, labels = images[captioned], labels[captioned]
        with torch.no_grad():
            codes = self.learnt_codes(images)
        text = self.trained.draw(labels, torch.rand(len(labels), device=labels.device))
        text_loss, image_loss = self.prior_losses(text, codes)
        loss = settings.text_weight * text_loss + (1.0 - settings.text_weight) * image_loss
        rate = warmed_cosine(place.update, place.n_updates, settings.prior_warm_up)
        with at_rate(self._optimizers["prior"], rate):
            descend(loss, self._optimizers["prior"], settings.prior_clip)
        return detached(text=text_loss, image=image_loss)

    def learnt_codes(self, images: Tensor, noise: ImageNoise | None = None) -> Tensor:
        """Codes (N, h w) of the kind that the transformer learns, drawn from ``noise`` if given.

        The paper's section 2.2 takes the most probable ones. Its footnote 6 names what eq. 1
        strictly asks for: draws from the encoder's distribution, which regularise a model that is
        large for its data. ``draw_codes`` chooses between the two.
        """
        if not self.recipe.draw_codes:
            return self.vae.codes(images)
        return self.vae.drawn_codes(images, noise)

    def prior_losses(self, text: Tensor, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Nats per text token, pads included, and nats per image token; 0 for no images at all."""
        text_logits, image_logits = self.prior(text, codes)
        n = max(1, len(text))
        pairs = ((text_logits, text), (image_logits, codes))
        of_text, of_image = (
            cross_entropy(logits.flatten(0, 1), tokens.flatten(), reduction="sum")
            / (n * tokens.shape[1])
            for logits, tokens in pairs
        )
        return of_text, of_image

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 through their most probable codes."""
        return self.vae.images(self.vae.codes(images))

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Draw a caption of each label, a trained one if it has any, then an image of it."""
        if labels is None:
            raise ValueError("a conditional model needs labels")
        return self.sample_as("prior", noise, labels)

    def sample_as(self, sampler: str, noise: ImageNoise, labels: Tensor) -> Tensor:
        """Draw a caption of the kind that ``sampler`` names for each label, then an image of it."""
        classes = self.asked(sampler, labels)
        text = self._prompts(sampler).draw(classes, noise.uniform(1)[:, 0])
        return self._images_of(text, noise)

    def asked(self, sampler: str, labels: Tensor) -> Tensor:
        """Labels (N,), replaced where a class has no captions of the sampler's kind."""
        return self._prompts(sampler).spread(labels)

    def _prompts(self, sampler: str) -> Prompts:
        return self.unseen if sampler == UNSEEN else self.usual

    def generate(self, prompt: str, noise: ImageNoise) -> Tensor:
        """One image per stream of ``noise`` for a text of words that captions have."""
        text = torch.tensor(self.captions.encode(prompt), device=self.trained.tokens.device)
        return self._images_of(text.expand(len(noise), -1), noise)

    def _images_of(self, text: Tensor, noise: ImageNoise) -> Tensor:
        uniforms = noise.uniform(self.prior.n_image_positions)
        return self.vae.images(self.prior.generate(text, uniforms))

    @torch.no_grad()
    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Likelihoods of unseen images, use of the codebook, and the effect of the text.

        ``nats_per_token`` is of image tokens after a right prompt, of the kind that the transformer
        learns (``learnt_codes``); ``wrong_prompt_gap`` is its increase after a prompt of another
        class. ``codes_used``, ``perplexity`` and ``reconstruction_mse``, of pixels in 0 .. 1, are
        of the most probable codes, by which images are reconstructed. Images of classes that have
        no prompts count only in these.
        """
        prompts = self.unseen if len(self.unseen.classes) else self.trained
        batches = images.split(MEASURING_BATCH)
        codes = torch.cat([self.vae.codes(batch) for batch in batches])
        starts = range(0, len(images), MEASURING_BATCH)
        learnt = torch.cat(
            [
                self.learnt_codes(batch, ImageNoise(0, range(at, at + len(batch)), batch.device))
                for at, batch in zip(starts, batches, strict=True)
            ]
        )
        errors = [mse_loss(self.reconstruct(batch), batch, reduction="sum") for batch in batches]
        known = prompts.counts[labels] > 0
        index = torch.arange(len(labels), device=labels.device)
        right, wrong = (
            self._nats_per_token(
                prompts.draw(classes[known], (index[known] * GOLDEN) % 1.0), learnt[known]
            )
            for classes in (labels, other_classes(labels, index, prompts))
        )
        return {
            "nats_per_token": right,
            "wrong_prompt_gap": wrong - right,
            "codes_used": float(codes_used(codes, self.vae.n_codes)),
            "perplexity": float(perplexity(codes, self.vae.n_codes)),
            "reconstruction_mse": float(torch.stack(errors).sum()) / images.numel() / 4.0,
        }

    def _nats_per_token(self, text: Tensor, codes: Tensor) -> float:
        total = 0.0
        batches = zip(text.split(MEASURING_BATCH), codes.split(MEASURING_BATCH), strict=True)
        for some_text, some_codes in batches:
            _, logits = self.prior(some_text, some_codes)
            nats = cross_entropy(logits.flatten(0, 1), some_codes.flatten(), reduction="sum")
            total += float(nats)
        return total / max(1, codes.numel())


def other_classes(labels: Tensor, index: Tensor, prompts: Prompts) -> Tensor:
    """A class (N,) with prompts other than each label's own; ``index`` (N,) goes through them."""
    classes = prompts.classes
    place = torch.searchsorted(classes, labels)
    shift = 1 + index % max(1, len(classes) - 1)
    return classes[(place + shift) % len(classes)]
