"""STL-10 at 48 x 48 pixels: trained on the unlabelled images, judged by those with labels."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from bench.data.dataset import ImageSplit, Splits
from bench.data.decode.resize import as_pixels, resized, stacked
from bench.data.decode.torchvision_files import opened

RESOLUTION = 48
UNLABELLED = 10
"""The eleventh class: images of which nobody said what they show."""
SPLITS = {"train": "unlabeled", "judge": "train", "test": "test"}
"""Names of the splits here and at torchvision."""


def decode(root: Path, *, download: bool) -> Splits:
    """All three splits, (100000, 5000 and 8000; 3, 48, 48) uint8, antialiased from 96 x 96.

    Labels are 0 .. 9, and 10 for all of ``train``.

    Raises:
        MissingPrerequisite: files are missing or damaged, or cannot be fetched.
    """
    return {
        name: opened(_decoded, "STL-10", root, download=download, split=split)
        for name, split in SPLITS.items()
    }


def _decoded(*, root: str, download: bool, split: str) -> ImageSplit:
    """One split; raises what the library raises."""
    from torchvision.datasets import STL10

    found = STL10(root=root, split=split, download=download)
    pictures = (Image.fromarray(pixels.transpose(1, 2, 0)) for pixels in found.data)
    small = (as_pixels(resized(picture, RESOLUTION)) for picture in pictures)
    images = stacked(small, len(found), channels=3, resolution=RESOLUTION)
    labels = torch.as_tensor(found.labels, dtype=torch.int64)
    return ImageSplit(torch.from_numpy(images), torch.where(labels < 0, UNLABELLED, labels))
