"""Graded corruptions of real images: a distance that means something grows with each of them.

Images are (N, C, H, W) uint8 before and after, and every corruption is the same on each call.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.augment.disturbance import gaussian_blurred

SEED = 0
MIDDLE = 127.5


class Corruption(NamedTuple):
    """A corruption and its grades.

    Attributes:
        apply: from float images in 0 .. 255 and a grade to float images of any range.
        levels: grades, from hardly visible to plain.
        unit: what a grade is measured in.
    """

    apply: Callable[[Tensor, float], Tensor]
    levels: tuple[float, ...]
    unit: str


def corrupted(images: Tensor, name: str, level: float) -> Tensor:
    """Images under a corruption of ``CORRUPTIONS`` at one grade, rounded and clamped to uint8."""
    changed = CORRUPTIONS[name].apply(images.float(), level)
    return changed.round_().clamp_(0, 255).to(torch.uint8)


def _noisy(images: Tensor, level: float) -> Tensor:
    generator = torch.Generator().manual_seed(SEED)
    return images + level * torch.randn(images.shape, generator=generator)


def _shifted(images: Tensor, level: float) -> Tensor:
    """Down and to the right, the first row and column repeated."""
    pixels = int(level)
    height, width = images.shape[2:]
    return F.pad(images, [pixels, 0, pixels, 0], mode="replicate")[:, :, :height, :width]


def _blurred(images: Tensor, level: float) -> Tensor:
    return torch.cat(
        [gaussian_blurred(part, torch.full((len(part),), level)) for part in images.split(250)]
    )


CORRUPTIONS: dict[str, Corruption] = {
    "background": Corruption(
        lambda images, level: images.clamp(min=level), (5, 10, 20, 40, 80), "grey levels of floor"
    ),
    "brightness": Corruption(
        lambda images, level: images + level, (5, 10, 20, 40, 80), "grey levels added"
    ),
    "contrast": Corruption(
        lambda images, level: (images - MIDDLE) * level + MIDDLE,
        (0.9, 0.8, 0.65, 0.5, 0.3),
        "share that is left",
    ),
    "noise": Corruption(_noisy, (4, 8, 16, 32, 64), "grey levels of deviation"),
    "blur": Corruption(_blurred, (0.4, 0.6, 0.9, 1.3, 2.0), "pixels of deviation"),
    "shift": Corruption(_shifted, (1, 2, 3, 4), "pixels, right and down"),
}
