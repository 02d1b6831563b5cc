"""Affine motions of image batches, differentiable twice with respect to the images.

A motion is a batch of matrices (N, 2, 3) or (N, 3, 3) that take a pixel of the result to the place
in the image where its value is read: (x to the right, y downwards, 1), in pixels from the centre.
They compose from the left: ``first @ second`` moves the image by ``first``, then by ``second``.
``torch.nn.functional.grid_sample`` would do the reading, but it cannot be differentiated twice,
which a gradient penalty behind an augmentation needs.
"""

from __future__ import annotations

import torch
from torch import Tensor


def translation(right: Tensor, down: Tensor) -> Tensor:
    """Shifts by pixels (N,) to matrices (N, 3, 3)."""
    one, zero = torch.ones_like(right), torch.zeros_like(right)
    return _matrices([[one, zero, -right], [zero, one, -down], [zero, zero, one]])


def scaling(across: Tensor, along: Tensor) -> Tensor:
    """Magnifications of width and height, factors (N,), to matrices (N, 3, 3)."""
    one, zero = torch.ones_like(across), torch.zeros_like(across)
    return _matrices([[1.0 / across, zero, zero], [zero, 1.0 / along, zero], [zero, zero, one]])


def rotation(cosine: Tensor, sine: Tensor) -> Tensor:
    """Turns clockwise, as one sees the image, by angles given as (N,) each, to (N, 3, 3)."""
    one, zero = torch.ones_like(cosine), torch.zeros_like(cosine)
    return _matrices([[cosine, sine, zero], [-sine, cosine, zero], [zero, zero, one]])


def warp(images: Tensor, motions: Tensor) -> Tensor:
    """Images (N, C, H, W) moved; values between pixels are bilinear, the outside is a mirror.

    A motion by whole pixels copies them bit for bit, and the identity returns the images.
    """
    height, width = images.shape[2:]
    x, y = _positions(motions, height, width)
    left, top = x.floor(), y.floor()
    across, down = (x - left)[:, None], (y - top)[:, None]
    upper = _between(_read(images, top, left), _read(images, top, left + 1), across)
    lower = _between(_read(images, top + 1, left), _read(images, top + 1, left + 1), across)
    return _between(upper, lower, down)


def mirrored(index: Tensor, size: int) -> Tensor:
    """Fold whole numbers into 0 .. size - 1, as if mirrors stood at both edges of the pixels."""
    around = index.remainder(2 * size)
    return torch.minimum(around, 2 * size - 1 - around)


def _matrices(rows: list[list[Tensor]]) -> Tensor:
    return torch.stack([torch.stack(row, -1) for row in rows], -2)


def _positions(motions: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Column and row at which each pixel of the result is read, (N, H, W) each."""
    columns = torch.arange(width, device=motions.device) - 0.5 * (width - 1)
    rows = (torch.arange(height, device=motions.device) - 0.5 * (height - 1))[:, None]
    by_x, by_y, constant = motions[:, :2, :, None, None].unbind(2)  # (N, 2, 1, 1) each
    x, y = (by_x * columns + by_y * rows + constant).unbind(1)
    return x + 0.5 * (width - 1), y + 0.5 * (height - 1)


def _read(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Values (N, C, H, W) at whole positions (N, H, W) each."""
    height, width = images.shape[2:]
    index = mirrored(rows, height) * width + mirrored(columns, width)
    flat = index.long().flatten(1)[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, flat).view_as(images)


def _between(first: Tensor, second: Tensor, share: Tensor) -> Tensor:
    return first * (1.0 - share) + second * share
