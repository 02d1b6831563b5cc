"""What is done to images before a judge sees them: disturbed, rounded, stored, resized, made grey.

Images are (N, C, H, W); pixel values are 0 .. 255 throughout, as uint8 or float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from bench.appeal.claim import Resize, Rounding
from bench.score.corruptions import CORRUPTIONS

_BY_PILLOW = {"box": Image.Resampling.BOX, "lanczos": Image.Resampling.LANCZOS}


def disturbed(images: Tensor, steps: Sequence[tuple[str, float]]) -> Tensor:
    """Images (N, C, H, W) uint8 under corruptions in order, as float32 that nobody has rounded."""
    changed = images.float()
    for name, grade in steps:
        changed = CORRUPTIONS[name].apply(changed, grade).clamp(0.0, 255.0)
    return changed


def rounded(values: Tensor, rounding: Rounding) -> Tensor:
    """Float pixels in 0 .. 255 as uint8.

    ``floor`` is this program's own rule, ``floor(127.5 x + 128)`` of x in -1 .. 1; ``truncate`` is
    what a cast to integers does.
    """
    if rounding == "round":
        whole = values.round()
    else:
        whole = (values + (0.5 if rounding == "floor" else 0.0)).floor()
    return whole.clamp(0.0, 255.0).to(torch.uint8)


def stored_as_jpeg(images: Tensor, quality: int) -> Tensor:
    """Images (N, C, H, W) uint8 as Pillow reads them again from JPEG of a quality of 1 .. 100."""
    found = np.empty_like(arrays := images.permute(0, 2, 3, 1).contiguous().numpy())
    for index, array in enumerate(arrays):
        buffer = BytesIO()
        grey = array.shape[2] == 1
        Image.fromarray(array[..., 0] if grey else array).save(buffer, "JPEG", quality=quality)
        buffer.seek(0)
        with Image.open(buffer) as stored:
            found[index] = np.asarray(stored).reshape(array.shape)
    return torch.from_numpy(found).permute(0, 3, 1, 2).contiguous()


def luminance(images: Tensor) -> Tensor:
    """The grey (N, 1, H, W) uint8 of RGB images by ITU-R 601, as Pillow computes it."""
    red, green, blue = images.to(torch.int64).split(1, dim=1)
    grey: Tensor = (19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16
    return grey.to(torch.uint8)


def resized(images: Tensor, how: Resize, size: int) -> Tensor:
    """Images (N, C, H, W) of 0 .. 255 at size x size, float32; whole numbers if ``how`` says so."""
    values = images.float()
    if how.filter in _BY_PILLOW:
        values = _by_pillow(values, how, size)
    elif how.filter == "nearest":
        values = F.interpolate(values, (size, size), mode="nearest-exact")
    else:
        values = F.interpolate(values, (size, size), mode=how.filter, antialias=how.antialias)
    values = values.clamp(0.0, 255.0)
    return (values + 0.5).floor() if how.rounded else values


def _by_pillow(values: Tensor, how: Resize, size: int) -> Tensor:
    n, channels, *_ = values.shape
    planes = [
        np.asarray(Image.fromarray(plane).resize((size, size), _BY_PILLOW[how.filter]))
        for plane in values.flatten(0, 1).numpy()
    ]
    return torch.from_numpy(np.stack(planes)).reshape(n, channels, size, size)
