"""CIFAR-10 as it is: 32 x 32 pixels in three colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from bench.data.dataset import ImageSplit, Splits
from bench.data.decode.torchvision_files import TRAIN_AND_TEST, opened


def decode(root: Path, *, download: bool) -> Splits:
    """Both splits, (50000, 3, 32, 32) and (10000, 3, 32, 32) uint8.

    Raises:
        MissingPrerequisite: files are missing or damaged, or cannot be fetched.
    """
    from torchvision.datasets import CIFAR10

    splits = {}
    for name, train in TRAIN_AND_TEST.items():
        found = opened(CIFAR10, "CIFAR-10", root, download=download, train=train)
        pixels = np.ascontiguousarray(found.data.transpose(0, 3, 1, 2))  # from (N, H, W, C)
        labels = torch.as_tensor(found.targets, dtype=torch.int64)
        splits[name] = ImageSplit(torch.from_numpy(pixels), labels)
    return splits
