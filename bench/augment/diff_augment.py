"""Differentiable augmentation that is always on (Zhao et al. 2020, 2006.10738).

Reals and fakes pass it on their way to the critic, in the updates of both networks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

from bench.augment.colour import brighter, contrasted_about_mean, saturated

Policy = Literal["color", "translation", "cutout"]


def diff_augment(
    images: Tensor,
    policies: Iterable[Policy],
    *,
    translation_ratio: float = 0.125,
    cutout_ratio: float = 0.5,
) -> Tensor:
    """Apply the named augmentations in order to images (N, C, H, W) in -1 .. 1."""
    for policy in policies:
        if policy == "color":
            images = color(images)
        elif policy == "translation":
            images = translated(images, *_shifts(images, translation_ratio))
        else:
            images = cut_out(images, *_corners(images, cutout_ratio), ratio=cutout_ratio)
    return images


def color(images: Tensor) -> Tensor:
    """Brightness by -0.5 .. 0.5, saturation times 0 .. 2, contrast times 0.5 .. 1.5."""
    n, device = len(images), images.device
    images = brighter(images, torch.rand(n, device=device) - 0.5)
    if images.shape[1] > 1:  # grey images have nothing to saturate
        images = saturated(images, 2.0 * torch.rand(n, device=device))
    return contrasted_about_mean(images, torch.rand(n, device=device) + 0.5)


def translated(images: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Images shifted by whole pixels, (N,) int64 each; what moves in is 0, the middle grey."""
    height, width = images.shape[2:]
    rows = _index(height, -down, images.device)
    columns = _index(width, -right, images.device)
    framed = pad(images, (1, 1, 1, 1))  # everything outside is read from this frame
    tall = framed.gather(2, rows[:, None, :, None].expand(-1, images.shape[1], -1, width + 2))
    return tall.gather(3, columns[:, None, None, :].expand(-1, images.shape[1], height, -1))


def cut_out(images: Tensor, top: Tensor, left: Tensor, *, ratio: float) -> Tensor:
    """Images with a rectangle of 0, ``ratio`` of their height and width, at (N,) int64 corners.

    Corners may lie outside: the part of the rectangle that is inside is cut out.
    """
    height, width = images.shape[2:]
    rows = _covered(height, top, ratio, images.device)[:, None, :, None]
    columns = _covered(width, left, ratio, images.device)[:, None, None, :]
    return images.masked_fill(rows & columns, 0.0)


def _shifts(images: Tensor, ratio: float) -> tuple[Tensor, Tensor]:
    down, right = (
        torch.randint(-_length(size, ratio), _length(size, ratio) + 1, (len(images),),
                      device=images.device)
        for size in images.shape[2:]
    )  # fmt: skip
    return down, right


def _corners(images: Tensor, ratio: float) -> tuple[Tensor, Tensor]:
    """Corners of rectangles whose centres are uniform over the image."""
    top, left = (
        torch.randint(0, size + 1 - _length(size, ratio) % 2, (len(images),),
                      device=images.device) - _length(size, ratio) // 2
        for size in images.shape[2:]
    )  # fmt: skip
    return top, left


def _length(size: int, ratio: float) -> int:
    """A share of the size in whole pixels, halves rounded up."""
    return int(size * ratio + 0.5)


def _index(size: int, offset: Tensor, device: torch.device) -> Tensor:
    """Index (N, size) of the pixel read for each result, in an image with a frame of one."""
    moved = torch.arange(size, device=device) + offset[:, None] + 1
    return moved.clamp(0, size + 1)


def _covered(size: int, start: Tensor, ratio: float, device: torch.device) -> Tensor:
    place = torch.arange(size, device=device) - start[:, None]
    return (place >= 0) & (place < _length(size, ratio))
