"""Images from trained models: image i is a function of the weights and of i alone.

Images are drawn in batches of one fixed size, the last one padded, because a network's last digit
may depend on the batch size; so neither resuming nor asking for fewer images changes any of them.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.data.dataset import quantise, to_unit_range
from bench.models.base import Reconstructs
from bench.models.noise import ImageNoise

SAMPLING_BATCH = 500

Draw = Callable[[ImageNoise, Tensor], Tensor]
"""Function (noise, labels) -> images (N, C, H, W) in -1 .. 1."""


class NonFiniteImages(Exception):
    """A model made pixels that are not numbers."""


@torch.no_grad()
def sample_images(draw: Draw, n: int, n_classes: int, seed: int, device: torch.device) -> Tensor:
    """Images 0 .. n - 1 of one sampler, (n, C, H, W) uint8 on the CPU.

    Image i has label i modulo ``n_classes`` and the noise stream (seed, i).

    Raises:
        NonFiniteImages: a pixel is NaN or infinite.
    """
    batches = []
    for first in range(0, n, SAMPLING_BATCH):
        indices = range(first, first + SAMPLING_BATCH)
        labels = labels_of(indices, n_classes).to(device)
        images = draw(ImageNoise(seed, indices, device), labels)
        batches.append(to_uint8(images[: n - first]))
    return torch.cat(batches)


def labels_of(indices: range, n_classes: int) -> Tensor:
    """Class (N,) int64 that each image is asked to show: its index modulo the classes."""
    return torch.tensor(indices, dtype=torch.int64) % n_classes


@torch.no_grad()
def reconstruct_images(model: Reconstructs, images: Tensor) -> Tensor:
    """Images (N, C, H, W) uint8 passed through an autoencoder in evaluation mode, uint8 as well.

    Raises:
        NonFiniteImages: a pixel is NaN or infinite.
    """
    batches = images.split(SAMPLING_BATCH)
    return torch.cat([to_uint8(model.reconstruct(to_unit_range(batch))) for batch in batches])


def to_uint8(images: Tensor) -> Tensor:
    """Images in -1 .. 1 as they are scored and shown, uint8 on the CPU.

    Raises:
        NonFiniteImages: a pixel is NaN or infinite.
    """
    if not torch.isfinite(images).all():
        raise NonFiniteImages("the model makes pixels that are not finite")
    return quantise(images).cpu()
