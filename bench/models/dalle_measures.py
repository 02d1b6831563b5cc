"""What DALL-E's images alone do not show: its likelihoods, its codebook, and whether text matters.

Everything is measured on images that no training saw, at their most probable codes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, mse_loss

from bench.data.captions.prompts import Prompts
from bench.models.discrete_vae import DiscreteVAE
from bench.models.vq import codes_used, perplexity
from bench.networks.text_image_transformer import TextImageTransformer

BATCH = 500
GOLDEN = 0.6180339887498949
"""Its multiples modulo 1 go evenly through 0 .. 1: which caption an image gets is no accident."""


@torch.no_grad()
def measures(
    vae: DiscreteVAE,
    prior: TextImageTransformer,
    prompts: Prompts,
    images: Tensor,
    labels: Tensor,
) -> dict[str, float]:
    """Numbers by name; call in evaluation mode.

    ``nats_per_token`` is of image tokens after a right prompt, ``wrong_prompt_gap`` how many more
    it takes after a prompt of another class; ``perplexity`` and ``codes_used`` are of the codes,
    ``reconstruction_mse`` is of pixels in 0 .. 1.

    Args:
        vae: makes images into codes.
        prior: knows codes from text.
        prompts: to choose from; images of classes that have none count in the codes alone.
        images: (N, C, H, W) in -1 .. 1.
        labels: (N,).
    """
    batches = images.split(BATCH)
    codes = torch.cat([vae.codes(batch) for batch in batches])
    errors = [mse_loss(vae.images(vae.codes(b)), b, reduction="sum") for b in batches]
    known = prompts.counts[labels] > 0
    index = torch.arange(len(labels), device=labels.device)
    right, wrong = (
        _nats_per_token(
            prior, prompts.draw(classes[known], (index[known] * GOLDEN) % 1.0), codes[known]
        )
        for classes in (labels, other_classes(labels, index, prompts))
    )
    return {
        "nats_per_token": right,
        "wrong_prompt_gap": wrong - right,
        "codes_used": float(codes_used(codes, vae.n_codes)),
        "perplexity": float(perplexity(codes, vae.n_codes)),
        "reconstruction_mse": float(torch.stack(errors).sum()) / images.numel() / 4.0,
    }


def other_classes(labels: Tensor, index: Tensor, prompts: Prompts) -> Tensor:
    """For every label a class that has prompts and is another, each of them in turn, (N,)."""
    classes = prompts.classes
    place = torch.searchsorted(classes, labels)
    shift = 1 + index % max(1, len(classes) - 1)
    return classes[(place + shift) % len(classes)]


def _nats_per_token(prior: TextImageTransformer, text: Tensor, codes: Tensor) -> float:
    total = 0.0
    for some_text, some_codes in zip(text.split(BATCH), codes.split(BATCH), strict=True):
        _, logits = prior(some_text, some_codes)
        total += float(cross_entropy(logits.flatten(0, 1), some_codes.flatten(), reduction="sum"))
    return total / max(1, codes.numel())
