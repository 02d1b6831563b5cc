"""Single files of images, which may be damaged, mislabelled or made to do harm.

Whatever a file claims is compared with bounds, and with the file's own size, before memory is taken
for it. Only four formats are ever decoded, whatever the name of a file says.
"""

from __future__ import annotations

import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray
from PIL import Image

from catalog.errors import InvalidInput

Pixels = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
MAX_PIXELS = 4096 * 4096
"""Height times width of one image: 50 MB as RGB."""

DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
"""Exceptions that Pillow's decoders raise on damaged files."""


@contextmanager
def opened_image(source: Path | IO[bytes]) -> Iterator[Image.Image]:
    """An image file with its header read and its pixels not yet; bombs raise one of ``DAMAGED``."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        warnings.simplefilter("ignore", UserWarning)  # of metadata, which is not read
        with Image.open(source, formats=FORMATS) as image:
            yield image


def read_image(file: Path) -> Pixels:
    """The pixels of one image file, (H, W, C) uint8 with C of 1 or 3.

    Raises:
        InvalidInput: it cannot be decoded, is too large, or is not one 8-bit grey or RGB image.
    """
    if not file.is_file():
        raise InvalidInput(f"{file}: not a readable image (not a regular file)")
    try:
        with opened_image(file) as image:
            _require_plain(image, file)
            pixels = np.asarray(image)
    except DAMAGED as error:
        raise InvalidInput(f"{file}: not a readable image ({error})") from None
    return pixels.reshape(*pixels.shape[:2], -1)


def _require_plain(image: Image.Image, file: Path) -> None:
    """Refuse images that decoding would cut down or expand, before it starts."""
    if image.mode not in ("L", "RGB"):
        raise InvalidInput(f"{file}: images are 8-bit grey or RGB, this one has mode {image.mode}")
    rule = broken_rule(image)
    if rule is not None:
        raise InvalidInput(f"{file}: {rule}")
    n_images = getattr(image, "n_frames", 1)
    if n_images != 1:
        raise InvalidInput(f"{file}: holds {n_images} images, a file of a set is one image")


def broken_rule(image: Image.Image) -> str | None:
    """The bound that an image's header breaks, in words; None if it may be decoded."""
    if any("16" in str(tile[3]) for tile in getattr(image, "tile", ())):
        return "images are 8-bit grey or RGB, this one has 16 bits"
    width, height = image.size
    if not 0 < width * height <= MAX_PIXELS:
        return f"is {height} x {width}, an image has 1 to {MAX_PIXELS} pixels"
    return None


def read_array(path: Path) -> Pixels:
    """The array of a ``.npy`` file of uint8, in C order.

    Its header is read first: an array that the file is too short for is never allocated, and
    pickled objects are never loaded.

    Raises:
        InvalidInput: the file cannot be read, is no such array, or holds nothing.
    """
    try:
        with path.open("rb") as file:
            shape, fortran = _header(file, path)
            n_bytes = math.prod(shape)
            n_left = path.stat().st_size - file.tell()
            if n_bytes != n_left:
                raise InvalidInput(
                    f"{path}: not a readable .npy file (its header promises {n_bytes} bytes of"
                    f" pixels, {n_left} are there)"
                )
            values = np.frombuffer(file.read(n_bytes), dtype=np.uint8).copy()
    except (*DAMAGED, TokenError) as error:
        raise InvalidInput(f"{path}: not a readable .npy file ({error})") from None
    return np.ascontiguousarray(values.reshape(shape, order="F" if fortran else "C"))


def _header(file: IO[bytes], path: Path) -> tuple[tuple[int, ...], bool]:
    """Shape, and whether the order is Fortran's; the file stands at the first value after it."""
    if file.read(2) == b"PK":
        raise InvalidInput(f"{path}: an archive of arrays, expected one .npy array")
    file.seek(0)
    shape, fortran, dtype = npy_header(file, path)
    if dtype != np.uint8:
        raise InvalidInput(f"{path}: images are uint8 in 0 .. 255, this array is {dtype}")
    if any(type(size) is not int or size < 1 for size in shape):
        raise InvalidInput(f"{path}: holds no images, its shape is {shape}")
    return shape, fortran


def npy_header(file: IO[bytes], path: Path) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the order is Fortran's, and type of an array that is never a pickled one.

    Args:
        file: stands at the beginning of the array, and afterwards at its first value.
        path: of the file, for messages.

    Raises:
        InvalidInput: it is of a format that numpy writes for no plain array.
        One of ``DAMAGED``, or TokenError: it has no header that numpy reads.
    """
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    if version not in ((1, 0), (2, 0)):
        raise InvalidInput(f"{path}: not a readable .npy file (format {version})")
    shape, fortran, dtype = read(file)
    if dtype.hasobject:
        raise InvalidInput(f"{path}: not a readable .npy file (it holds pickled objects)")
    return shape, fortran, dtype


def channels_first(array: Pixels, path: Path) -> Pixels:
    """Images of an array in one order of axes, (N, C, H, W) with C of 1 or 3.

    Where both orders are possible, an axis of 3 is taken for the channels rather than an axis of
    1, and the first possible axis rather than the last.

    Args:
        array: (N, H, W), (N, C, H, W) or (N, H, W, C).
        path: where it is from, for the message.

    Raises:
        InvalidInput: its shape is another one.
    """
    if array.ndim == 3:
        return array[:, np.newaxis]  # (N, H, W) -> (N, 1, H, W)
    for n_channels in (3, 1):
        if array.ndim == 4 and array.shape[1] == n_channels:
            return array
        if array.ndim == 4 and array.shape[3] == n_channels:
            return array.transpose(0, 3, 1, 2)  # (N, H, W, C) -> (N, C, H, W)
    raise InvalidInput(
        f"{path}: shape {array.shape} is none of (N, H, W), (N, C, H, W) and (N, H, W, C)"
        " with C of 1 or 3"
    )
