"""Sheets of small images as PNG: rows and columns, grey where the images are, the same bytes."""

from __future__ import annotations

import io
from collections.abc import Sequence

import torch
from PIL import Image
from torch import Tensor

from bench.sample.grid import grid_image

GAP_PX = 8
"""Between blocks of rows, beyond the lines that a grid draws itself."""
GAP_GREY = 128
PALETTES = (64, 32)
"""Colours of a sheet of colour images, fewer where it would be too large with more."""
MOST_BYTES = 30_000
"""A repository keeps three sheets for every variant."""


def n_columns(channels: int) -> int:
    """Images side by side on every sheet; in colour fewer, as each takes more bytes."""
    return 12 if channels == 1 else 8


def sheet_png(blocks: Sequence[Sequence[Tensor]]) -> bytes:
    """Rows of images as one PNG file.

    Args:
        blocks: of rows (N, C, H, W) uint8, all of one shape; a gap stands between two blocks.

    Returns:
        The bytes of the file; colours are reduced to a palette, grey values are kept.
    """
    grids = [
        grid_image(torch.cat(list(rows)), n_columns=len(rows[0]), n_rows=len(rows))
        for rows in blocks
    ]
    height = sum(grid.height for grid in grids) + GAP_PX * (len(grids) - 1)
    sheet = Image.new("RGB", (grids[0].width, height), (GAP_GREY,) * 3)
    top = 0
    for grid in grids:
        sheet.paste(grid, (0, top))
        top += grid.height + GAP_PX
    if blocks[0][0].shape[1] == 1:
        return _encoded(sheet.convert("L"))
    encoded = b""
    for n_colours in PALETTES:
        encoded = _encoded(sheet.quantize(n_colours, dither=Image.Dither.NONE))
        if len(encoded) <= MOST_BYTES:
            break
    return encoded


def _encoded(image: Image.Image) -> bytes:
    content = io.BytesIO()
    image.save(content, format="PNG", optimize=True)
    return content.getvalue()
