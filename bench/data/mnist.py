"""MNIST, padded from 28 x 28 to 32 x 32 pixels."""

from __future__ import annotations

from pathlib import Path

from bench.data.dataset import Splits
from bench.data.decode.torchvision_files import padded_grey


def decode(root: Path, *, download: bool) -> Splits:
    """Both splits, (60000, 1, 32, 32) and (10000, 1, 32, 32) uint8.

    Raises:
        MissingPrerequisite: files are missing or damaged, or cannot be fetched.
    """
    from torchvision.datasets import MNIST

    return padded_grey(MNIST, "MNIST", root, download=download)
