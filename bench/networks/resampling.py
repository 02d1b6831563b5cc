"""Resampling of feature maps by two with the low-pass filter [1, 3, 3, 1] in both directions.

It is bilinear interpolation where it doubles, and its transpose where it halves; StyleGAN2 uses it
(Karras et al. 2019, 1912.04958, appendix B). Outside of the maps there are zeros.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

TAPS = (1.0, 3.0, 3.0, 1.0)


def blurred(features: Tensor, padding: int, gain: float = 1.0) -> Tensor:
    """Filter (N, C, H, W) to (N, C, H + 2 padding - 3, W + 2 padding - 3)."""
    filters = _filters(features, gain)
    return conv2d(features, filters, padding=padding, groups=len(filters))


def doubled(features: Tensor) -> Tensor:
    """Interpolate (N, C, H, W) to (N, C, 2 H, 2 W)."""
    filters = _filters(features, gain=4.0)  # three of four inputs are zeros between the pixels
    return conv_transpose2d(features, filters, stride=2, padding=1, groups=len(filters))


def halved(features: Tensor) -> Tensor:
    """Filter and take every second pixel: (N, C, H, W) to (N, C, H / 2, W / 2)."""
    filters = _filters(features, gain=1.0)
    return conv2d(features, filters, stride=2, padding=1, groups=len(filters))


def _filters(features: Tensor, gain: float) -> Tensor:
    """One filter for each channel, (C, 1, 4, 4), whose values sum to ``gain``."""
    taps = torch.tensor(TAPS, dtype=features.dtype, device=features.device)
    kernel = torch.outer(taps, taps)
    return (kernel * (gain / kernel.sum())).expand(features.shape[1], 1, -1, -1)
