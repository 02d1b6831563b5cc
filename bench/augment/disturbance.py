"""Disturbances that leave an image's class alone: what a judge has to look through.

A classifier that saw only clean images takes a floor of eleven grey levels under black for another
world, and then the distance under it measures that floor instead of the digits. Each image is
blurred, veiled, lit, floored or made noisy, each with probability ``CHANCE`` and by an amount of
its own. Amounts are small on purpose: a judge that was trained on plain ones (a floor of 110 grey
levels, noise of 45) no longer saw the small ones, and found noise nearer than the mean image.
Images are (B, C, H, W) in -1 .. 1, and stay there.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

BLUR = (0.3, 1.0)
"""Standard deviations in pixels between which a blur is drawn."""
VEIL = 0.35
"""Largest share of an even grey, itself any, that is laid over an image: background, contrast."""
LIGHT = 0.2
"""Largest change of brightness."""
FLOOR = 0.3
"""Largest height, above black, below which no pixel stays."""
NOISE = 0.12
"""Largest standard deviation of white noise."""
CHANCE = 0.3
"""Probability of each disturbance."""


def disturbed(images: Tensor) -> Tensor:
    """Images as a bad camera might have taken them; draws from torch's global generator."""
    n, device = len(images), images.device

    def between(low: float, high: float) -> Tensor:
        """Amounts (n, 1, 1, 1), evenly spread."""
        return low + (high - low) * torch.rand(n, 1, 1, 1, device=device)

    def sometimes() -> Tensor:
        """One for some images, zero for the others, (n, 1, 1, 1)."""
        return (torch.rand(n, 1, 1, 1, device=device) < CHANCE).float()

    images = torch.lerp(images, gaussian_blurred(images, between(*BLUR)), sometimes())
    veil = between(-1.0, 1.0).expand_as(images)
    images = torch.lerp(images, veil, between(0.0, VEIL) * sometimes())
    images = images + between(-LIGHT, LIGHT) * sometimes()
    images = torch.maximum(images, (between(0.0, FLOOR) * sometimes() - 1.0).expand_as(images))
    images = images + torch.randn_like(images) * between(0.0, NOISE) * sometimes()
    return images.clamp(-1.0, 1.0)


def gaussian_blurred(images: Tensor, deviation: Tensor) -> Tensor:
    """Each of (B, C, H, W) images blurred with its own Gaussian, reflected at the border.

    Args:
        images: any values.
        deviation: in pixels, positive; B of them in any shape. Kernels end at three of the largest.
    """
    n, c, height, width = images.shape
    reach = min(max(1, round(3.0 * float(deviation.max()))), height - 1, width - 1)
    steps = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernels = torch.exp(-0.5 * (steps / deviation.reshape(n, 1)).square())  # (B, 2 reach + 1)
    kernels = (kernels / kernels.sum(1, keepdim=True)).repeat_interleave(c, dim=0)
    flat = F.pad(images.reshape(1, n * c, height, width), [reach] * 4, mode="reflect")
    flat = F.conv2d(flat, kernels[:, None, None, :], groups=n * c)
    flat = F.conv2d(flat, kernels[:, None, :, None], groups=n * c)
    return flat.reshape(images.shape)
