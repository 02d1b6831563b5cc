"""Images in memory, the fingerprint of what they hold, and the two ranges that pixels have."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.identity.digest import sha256_of_arrays


@dataclass(frozen=True)
class ImageSplit:
    """Images and labels in a fixed order.

    Attributes:
        images: (N, C, H, W) uint8.
        labels: (N,) int64, in 0 .. n_classes - 1.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def to(self, device: torch.device | str) -> ImageSplit:
        """The split on another device."""
        return ImageSplit(self.images.to(device), self.labels.to(device))


Splits = dict[str, ImageSplit]
"""All splits of a data set by name."""


@dataclass(frozen=True)
class ImageData:
    """All splits of one data set and the fingerprint of what they hold."""

    splits: Splits
    fingerprint: str

    def __getitem__(self, split: str) -> ImageSplit:
        return self.splits[split]


def fingerprint(splits: Splits) -> str:
    """Hex sha256 over the pixels and labels of all splits, in order of their names."""
    arrays = [
        array.numpy()
        for name in sorted(splits)
        for array in (splits[name].images, splits[name].labels)
    ]
    return sha256_of_arrays(*arrays)


def to_unit_range(images: Tensor) -> Tensor:
    """Map uint8 0 .. 255 to float32 -1 .. 1, the range in which models see and make images."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def quantise(images: Tensor) -> Tensor:
    """Map float -1 .. 1 to uint8: floor(127.5 x + 128), clamped; -1, 0, 1 give 0, 128, 255."""
    return images.mul(127.5).add_(128.0).floor_().clamp_(0, 255).to(torch.uint8)
