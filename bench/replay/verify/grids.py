"""Grids of samples beside those that the images of a score make: pixels, never file bytes."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bench.records.picture_files import png_bytes
from bench.replay.verify.comparison import Comparison
from bench.sample.grid import write_grid
from catalog.errors import InvalidInput

Pixels = NDArray[np.uint8]
FAR = 3.0
"""Mean difference in grey levels of 255 that other roundings may make; real images in place of
samples of the same classes differ by more than 30, while a token that turns changes one image."""


def grid_check(file: Path, images: Tensor, scratch: Path, *, exact: bool) -> Comparison:
    """A stored grid beside that of these images.

    Args:
        file: the grid, which a stranger may have written.
        images: (N, C, H, W) uint8, made again.
        scratch: a folder for a picture.
        exact: whether every pixel has to be the same.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    drawn = scratch / "grid.png"
    write_grid(images, drawn, synced=False)
    again = _pixels(drawn)
    try:
        stored = _pixels(file)
    except InvalidInput as error:
        return Comparison("identity", file.name, error.what, "a picture")
    if stored.shape != again.shape:
        return Comparison("identity", f"{file.name}: size", str(stored.shape), str(again.shape))
    if exact or np.array_equal(stored, again):
        return Comparison("file", file.name, _sha256(stored), _sha256(again))
    apart = float(np.abs(stored.astype(np.int16) - again).mean())
    return Comparison("number", f"{file.name}: mean difference", 0.0, apart, FAR)


def _sha256(pixels: Pixels) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def _pixels(file: Path) -> Pixels:
    """The pixels of a picture as RGB, (H, W, 3).

    Raises:
        InvalidInput: it is a link, no PNG, too large, or damaged.
    """
    content = png_bytes(file)
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidInput(f"a picture is damaged: {error}", where=str(file)) from error
