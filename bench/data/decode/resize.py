"""Making an image square, and as small or large as a model wants it.

The order is always the same: cut or accept, resize, change the channels. Resizing is Pillow's
bicubic filter, which widens with the factor of reduction, so that every pixel of the source counts
and fine patterns become their mean instead of false coarse ones. It works on 8-bit values as they
are, without undoing their gamma, as is usual for these data sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from PIL import Image

from bench.data.decode.image_files import Pixels

Crop = Literal["center", "none", "squash"]
"""Treatment of images that are not square: take the middle, refuse, or squeeze."""


class NotSquare(ValueError):
    """An image has two different sides and none of its pixels may be given up or squeezed."""


def fitted(image: Image.Image, resolution: int, crop: Crop = "center", channels: int = 3) -> Pixels:
    """The pixels of an image in the shape of a data set.

    First its middle square of the shorter side is cut out (``center``), or it has to be square
    already (``none``), or nothing is cut (``squash``). What remains is resized to the resolution,
    and last grey is repeated three times, or colour is weighed into grey (ITU-R 601: 0.299 red,
    0.587 green, 0.114 blue). An image that already has the size keeps its pixels. Cutting comes
    before resizing, so that a very long image never becomes a very large one.

    Args:
        image: grey (``L``) or RGB.
        resolution: height and width of the result.
        crop: what is done if it is not square.
        channels: of the result, 1 or 3.

    Returns:
        (channels, resolution, resolution) uint8.

    Raises:
        NotSquare: it is not, under ``none``.
    """
    if crop == "center":
        image = middle(image, min(image.size))
    elif crop == "none" and image.width != image.height:
        raise NotSquare(f"is {image.height} x {image.width}, not square")
    return as_pixels(resized(image, resolution).convert("L" if channels == 1 else "RGB"))


def middle(image: Image.Image, side: int) -> Image.Image:
    """The square in the middle; an odd remainder leaves one row more below and right of it."""
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))


def resized(image: Image.Image, resolution: int) -> Image.Image:
    """An image with both sides of a resolution, bicubic and antialiased."""
    return image.resize((resolution, resolution), Image.Resampling.BICUBIC)


def as_pixels(image: Image.Image) -> Pixels:
    """A grey or RGB image as (C, H, W) uint8."""
    pixels = np.asarray(image)
    return pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)


def stacked(images: Iterable[Pixels], n: int, channels: int, resolution: int) -> Pixels:
    """Images one after the other in one array, (n, channels, resolution, resolution) uint8.

    Args:
        images: n of them, each (channels, resolution, resolution); taken one at a time,
            so that only one is held besides the array.
        n: how many.
        channels: of each.
        resolution: of each.
    """
    array = np.empty((n, channels, resolution, resolution), dtype=np.uint8)
    for place, image in zip(array, images, strict=True):
        place[:] = image
    return array
