"""Changes of an image's colours; ``images`` are (N, C, H, W), every other argument is (N,)."""

from __future__ import annotations

from torch import Tensor


def brighter(images: Tensor, shift: Tensor) -> Tensor:
    """Add ``shift`` to every value; 0 is the identity."""
    return images + _per_image(shift)


def contrasted(images: Tensor, factor: Tensor) -> Tensor:
    """Stretch values about 0, the middle grey; 1 is the identity."""
    return images * _per_image(factor)


def contrasted_about_mean(images: Tensor, factor: Tensor) -> Tensor:
    """Stretch values about the mean of the image; 1 is the identity."""
    mean = images.mean((1, 2, 3), keepdim=True)
    return images + _per_image(factor - 1.0) * (images - mean)


def saturated(images: Tensor, factor: Tensor) -> Tensor:
    """Stretch every pixel's channels about their mean; 1 is the identity, 0 is grey."""
    return images + _per_image(factor - 1.0) * (images - images.mean(1, keepdim=True))


def luma_flipped(images: Tensor, flip: Tensor) -> Tensor:
    """Turn light into dark and keep the hue where ``flip`` is 1; 0 is the identity."""
    return images - _per_image(2.0 * flip) * images.mean(1, keepdim=True)


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]
