"""Small sample grids for people: fixed layout, fixed range, the same bytes every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor
from torchvision.utils import make_grid

from catalog.files import atomic_file

N_COLUMNS = 12
N_ROWS = 5
SMALLEST_CELL_PX = 32


def grid_image(images: Tensor, n_columns: int = N_COLUMNS, n_rows: int = N_ROWS) -> Image.Image:
    """The first images of a set, (N, C, H, W) uint8, side by side and enlarged to be seen.

    Pixels are enlarged by a whole factor without smoothing, and never stretched in value.
    """
    first = images[: n_columns * n_rows]
    factor = max(1, SMALLEST_CELL_PX // images.shape[-1])
    large = first.repeat_interleave(factor, -2).repeat_interleave(factor, -1)
    tiled = make_grid(large, nrow=n_columns, padding=2, pad_value=128)  # (3, height, width)
    return Image.fromarray(tiled.permute(1, 2, 0).numpy())


def write_grid(
    images: Tensor,
    path: Path,
    n_columns: int = N_COLUMNS,
    n_rows: int = N_ROWS,
    *,
    synced: bool = True,
) -> None:
    """Write ``grid_image`` as a PNG, in grey where the images are; ``synced`` as for a file."""
    image = grid_image(images, n_columns, n_rows)
    if images.shape[1] == 1:
        image = image.convert("L")
    with atomic_file(path, synced=synced) as temporary:
        image.save(temporary, format="PNG", optimize=True)


def write_images(images: Tensor, path: Path) -> None:
    """Images (N, C, H, W) uint8 to a ``.npy`` as they are, else to a picture of a square grid."""
    if path.suffix == ".npy":
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.save(file, images.numpy())
        return
    n = len(images)
    n_columns = max(1, round(n**0.5))
    write_grid(images, path, n_columns, -(-n // n_columns))
