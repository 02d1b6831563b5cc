"""PNG files of a run directory or a report: read whole, measured before anybody decodes them.

A file of a few kilobytes can claim to be a picture of gigabytes, so the claim is looked at first.
"""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING

from catalog.errors import InvalidInput
from catalog.files import reason, unlinked_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_BYTES = 64 * 2**20
"""A grid of samples takes some hundred kilobytes; nothing larger than this is read."""
MAX_SIDE_PX = 16_384
MAX_PIXELS = 2**26
"""No picture that is drawn here is larger: five rows of twelve images of 1,024 pixels a side."""
N_COLUMNS = 12
PADDING = 2
"""Of every grid of samples, as ``bench.sample.grid`` draws it, which needs torch."""
MAX_GRID_SIDE_PX = 4096
"""No grid is larger; one that claims to be is not decoded."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">I4sII")
"""The first chunk: its length and name, then width and height."""


def png_bytes(file: Path) -> bytes:
    """The content of a picture that is safe to copy and to decode.

    Raises:
        InvalidInput: it is a link or no regular file, no PNG, or too large.
    """
    try:
        content = unlinked_bytes(file, MAX_BYTES)
    except OSError as error:
        raise InvalidInput(f"cannot read a picture: {reason(error)}", where=str(file)) from error
    try:
        size = png_size(content)
    except ValueError as error:
        raise InvalidInput("a picture is no PNG file", where=f"{file}: {error}") from error
    if max(size) > MAX_SIDE_PX or size[0] * size[1] > MAX_PIXELS:
        raise InvalidInput(
            "a picture is too large, so it was not decoded",
            where=f"{file}: {size[0]:,} x {size[1]:,} pixels, at most {MAX_PIXELS:,} are read",
        )
    return content


def png_size(content: bytes) -> tuple[int, int]:
    """Width and height in pixels, as the beginning of a PNG file states them.

    Raises:
        ValueError: it is no PNG file, or states its size twice, so that readers would differ.
    """
    start = len(SIGNATURE)
    if not content.startswith(SIGNATURE) or len(content) < start + _HEADER.size:
        raise ValueError("it does not begin as one")
    n_bytes, name, width, height = _HEADER.unpack_from(content, start)
    if (n_bytes, name) != (13, b"IHDR") or not width or not height:
        raise ValueError("its size is missing")
    place = start + 12 + n_bytes
    while len(content) >= place + 8:
        n_bytes, name = struct.unpack_from(">I4s", content, place)
        if name == b"IHDR":
            raise ValueError("it states its size twice")
        place += 12 + n_bytes
    return width, height


def grid_image(file: Path) -> tuple[Image, int]:
    """A grid of samples, grey or in colour, and how many pixels a side its images have.

    Raises:
        InvalidInput: it is no picture, or none of twelve square images a row.
    """
    from PIL import Image, UnidentifiedImageError

    content = png_bytes(file)
    if max(png_size(content)) > MAX_GRID_SIDE_PX:
        raise InvalidInput("a grid of samples is too large", where=str(file))
    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as opened:
            image = opened.convert("RGB" if opened.mode == "RGB" else "L")
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError) as error:
        raise InvalidInput("a grid of samples is no picture", where=str(file)) from error
    side = (image.width - PADDING) // N_COLUMNS - PADDING
    if side < 1 or (image.width - PADDING) % N_COLUMNS or image.height < side + 2 * PADDING:
        raise InvalidInput("not a grid of twelve square images a row", where=str(file))
    return image, side
