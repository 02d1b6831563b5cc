"""The wall of samples: one strip of images per variant, from the committed grids, as one PNG.

A function of a leaderboard and of the grids beside its records; strips are cut out and pasted,
never scaled, so every pixel is one of a grid.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from bench.records.picture_files import PADDING, grid_image
from bench.report.board.table import BASELINE, Leaderboard, Row
from bench.report.leaderboard.notes import HELD_OUT
from catalog.errors import InvalidInput

MAX_STRIPS = 24
MAX_BYTES = 300_000
TOP = (HELD_OUT, BASELINE)
MARGIN_PX = 6
TEXT_GREY, PAPER_GREY = 27, 255


@dataclass(frozen=True)
class Strip:
    """The first row of images of a grid.

    Attributes:
        name: of the row of the leaderboard, in ASCII.
        image: at most 12 images side by side, with the padding around them.
    """

    name: str
    image: Image.Image


@dataclass(frozen=True)
class Wall:
    """A picture of strips.

    Attributes:
        png: the file.
        names: of its strips from the top.
        n_variants: how many of them are of trained models.
        total: how many variants of the leaderboard have a grid of generated images.
    """

    png: bytes
    names: tuple[str, ...]
    n_variants: int
    total: int


def wall_of(board: Leaderboard) -> Wall | None:
    """Real images, the PCA-Gaussian, then the best row of each variant, best variant first.

    Rows that failed or missed a gate are left out. Where there are too many for the limits on
    strips and bytes, some are picked evenly over the ranking, its two ends included.

    Args:
        board: whose rows and grids are shown.

    Returns:
        None where no generated row has a grid.

    Raises:
        InvalidInput: a grid is broken.
    """
    known = [strip_of(row) for row in _known(board)]
    rows = list(_best_rows(board))
    if not rows:
        return None
    n = min(len(rows), MAX_STRIPS - len(known))
    while True:
        strips = [*known, *(strip_of(rows[index]) for index in evenly(len(rows), n))]
        png = picture(strips)
        if len(png) <= MAX_BYTES or n == 1:
            break
        # Strips compress about equally well, so few attempts are needed.
        n = max(1, min(n - 1, n * MAX_BYTES // len(png)))
    return Wall(png, tuple(strip.name for strip in strips), n, len(rows))


def evenly(n_all: int, n: int) -> list[int]:
    """``n`` of the indices below ``n_all``, as far apart as can be, from the first to the last."""
    return [0] if n == 1 else [round(place * (n_all - 1) / (n - 1)) for place in range(n)]


def strip_of(row: Row) -> Strip:
    """The first images of a row's grid, unchanged.

    Raises:
        InvalidInput: the row has no grid, or it is no picture of the usual layout.
    """
    if row.grid is None:
        raise InvalidInput(f"row {row.key.name} has no grid of samples")
    image, side = grid_image(row.grid)
    return Strip(_name(row), image.crop((0, 0, image.width, side + 2 * PADDING)))


def picture(strips: list[Strip]) -> bytes:
    """Strips below each other with their names at the left, as a PNG that is always the same.

    Args:
        strips: at least one.
    """
    font = ImageFont.load_default_imagefont()  # drawn by no library that differs between machines
    left = 2 * MARGIN_PX + max(round(font.getbbox(strip.name)[2]) for strip in strips)
    mode = "RGB" if any(strip.image.mode == "RGB" for strip in strips) else "L"
    size = (
        left + max(strip.image.width for strip in strips),
        sum(strip.image.height for strip in strips),
    )
    wall = Image.new("L", size, PAPER_GREY).convert(mode)
    draw = ImageDraw.Draw(wall)
    draw.fontmode = "1"
    y = 0
    for strip in strips:
        height = round(font.getbbox(strip.name)[3])
        ink = TEXT_GREY if mode == "L" else (TEXT_GREY,) * 3
        draw.text((MARGIN_PX, y + (strip.image.height - height) // 2), strip.name, ink, font)
        wall.paste(strip.image, (left, y))
        y += strip.image.height
    buffer = io.BytesIO()
    wall.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _known(board: Leaderboard) -> Iterator[Row]:
    for name in TOP:
        row = board.calibration_row(name)
        if row is not None and _has_grid(row):
            yield row


def _best_rows(board: Leaderboard) -> Iterator[Row]:
    seen: set[str] = set()
    for row in board.rows:
        if row.key.name not in seen and _has_grid(row) and not (row.failed or row.short):
            seen.add(row.key.name)
            yield row


def _has_grid(row: Row) -> bool:
    return row.grid is not None and row.grid.is_file()


def _name(row: Row) -> str:
    if row.kind == "calibration":
        return row.key.name
    weights = [row.key.weights] if row.has_average else []
    return f"{row.key.name} ({', '.join([row.key.sampler, *weights])})"
