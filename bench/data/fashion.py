"""Fashion-MNIST, padded from 28 x 28 to 32 x 32 pixels."""

from __future__ import annotations

from pathlib import Path

from bench.data.dataset import ImageSplit
from bench.data.decode.cached import read_decoded
from bench.data.decode.torchvision_files import opened, padded_grey

load = read_decoded


def decode(root: Path, *, download: bool) -> dict[str, ImageSplit]:
    """Both splits, (60000, 1, 32, 32) and (10000, 1, 32, 32) uint8.

    Raises:
        MissingPrerequisite: files are missing or damaged, or cannot be fetched.
    """
    from torchvision.datasets import FashionMNIST

    return {
        name: padded_grey(
            opened(FashionMNIST, "Fashion-MNIST", root, download=download, train=train)
        )
        for name, train in (("train", True), ("test", False))
    }
