"""CelebA, aligned faces at 64 x 64 pixels: the middle 148 x 148 of 178 x 218, then resized.

148 is the crop of the PyTorch-VAE collection (Subramanian, 2020), which resizes bilinearly; here
the antialiased filter is bicubic. Other crops are in use too, 108 and 140 pixels among them, so
numbers compare only where crop and filter are known.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from bench.data.dataset import ImageSplit, Splits
from bench.data.decode.image_files import DAMAGED, Pixels
from bench.data.decode.resize import as_pixels, middle, resized, stacked
from bench.data.decode.torchvision_files import opened

SIZE = (178, 218)
"""Width and height of the aligned images."""
CROP = 148
RESOLUTION = 64
SPLITS = {"train": "train", "validation": "valid", "test": "test"}
"""Names of the splits here and at torchvision."""


def decode(root: Path, *, download: bool) -> Splits:
    """All three splits, (162770, 19867 and 19962; 3, 64, 64) uint8.

    Labels are 2 * Male + Smiling: women not smiling and smiling, then men.

    Raises:
        MissingPrerequisite: files are missing or damaged, or cannot be fetched.
    """
    return {
        name: opened(_decoded, "CelebA", root, download=download, split=split)
        for name, split in SPLITS.items()
    }


def _decoded(*, root: str, download: bool, split: str) -> ImageSplit:
    """One split; raises what the library and damaged images raise."""
    from torchvision.datasets import CelebA

    found = CelebA(root=root, split=split, target_type="attr", download=download)
    faces = (_face(found, index) for index in range(len(found)))
    images = stacked(faces, len(found), channels=3, resolution=RESOLUTION)
    attributes = [found.attr[:, found.attr_names.index(name)] for name in ("Male", "Smiling")]
    return ImageSplit(torch.from_numpy(images), (2 * attributes[0] + attributes[1]).to(torch.int64))


def _face(found: Any, index: int) -> Pixels:
    try:
        with found[index][0] as image:
            if image.size != SIZE:
                raise ValueError(f"is {image.size[1]} x {image.size[0]}, aligned faces 218 x 178")
            return as_pixels(resized(middle(image.convert("RGB"), CROP), RESOLUTION))
    except FileNotFoundError:
        raise
    except DAMAGED as error:
        raise OSError(f"{found.filename[index]}: {error}") from error
