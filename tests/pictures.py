"""Small image files for tests of data that users bring."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
from PIL import Image

from bench.data.decode.folder_images import FolderImages, FolderSettings, decode_folder

SIDE = 8


def decode(source: Path, **settings: Any) -> FolderImages:
    return decode_folder(
        source, FolderSettings(**{"resolution": SIDE, "test_share": 0.4, **settings})
    )


def noise(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save(path: Path, image: Image.Image | np.ndarray, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(path, **options)
    return path


def fill(root: Path, n: int = 12, channels: int = 3) -> Path:
    """Images of the wanted size below a folder, all different."""
    for index in range(n):
        shape = (SIDE, SIDE, 3)[: 3 if channels == 3 else 2]
        save(root / f"{index:03}.png", noise(crc32(f"{root.name} {index}".encode()), *shape))
    return root
