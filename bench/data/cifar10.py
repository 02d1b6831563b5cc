"""CIFAR-10 as it is: 32 x 32 pixels in three colours."""

from __future__ import annotations

from pathlib import Path

from bench.data.dataset import ImageSplit
from bench.data.decode.cached import read_decoded
from bench.data.decode.torchvision_files import channels_first, opened

load = read_decoded


def decode(root: Path, *, download: bool) -> dict[str, ImageSplit]:
    """Both splits, (50000, 3, 32, 32) and (10000, 3, 32, 32) uint8.

    Raises:
        MissingPrerequisite: files are missing or damaged, or cannot be fetched.
    """
    from torchvision.datasets import CIFAR10

    splits = {}
    for name, train in (("train", True), ("test", False)):
        found = opened(CIFAR10, "CIFAR-10", root, download=download, train=train)
        splits[name] = channels_first(found.data, found.targets)
    return splits
