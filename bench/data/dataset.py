"""Images in memory, and the one way to load a registered data set.

A data set is a module of this package with a function ``load(dataset) -> dict[str, ImageSplit]``;
the registry's ``loader`` names it. Loading verifies counts and fingerprint, so that no model is
ever trained on, or compared with, other pixels than the registry promises.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module

import torch
from torch import Tensor

from bench.identity.digest import sha256_of_arrays
from catalog.errors import InvalidInput
from catalog.schema import Dataset


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
        """The same split on another device."""
        return ImageSplit(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True)
class ImageData:
    """All splits of one data set and the fingerprint of what they hold."""

    splits: dict[str, ImageSplit]
    fingerprint: str

    def __getitem__(self, split: str) -> ImageSplit:
        return self.splits[split]


def fingerprint(splits: dict[str, ImageSplit]) -> str:
    """Hex sha256 over the pixels and labels of all splits, in order of their names."""
    arrays = [
        array.numpy()
        for name in sorted(splits)
        for array in (splits[name].images, splits[name].labels)
    ]
    return sha256_of_arrays(*arrays)


def load_dataset(dataset: Dataset) -> ImageData:
    """Decode a registered data set and prove that it is the one the registry describes.

    Raises:
        InvalidInput: sizes or fingerprint differ from the registry's.
    """
    splits: dict[str, ImageSplit] = import_module(f"bench.data.{dataset.loader}").load(dataset)
    found = {name: len(split) for name, split in splits.items()}
    if found != dataset.splits:
        raise InvalidInput(
            f"data set '{dataset.id}' has splits {found}, the registry says {dataset.splits}"
        )
    actual = fingerprint(splits)
    if actual != dataset.fingerprint:
        raise InvalidInput(
            f"data set '{dataset.id}' does not hold the registered pixels",
            where=f"fingerprint {actual[:16]}…, registered {dataset.fingerprint[:16]}…",
            hint="scores against other pixels compare with nothing; restore the original data",
        )
    return ImageData(splits, actual)


def to_unit_range(images: Tensor) -> Tensor:
    """Map uint8 0 .. 255 to float32 -1 .. 1, the range in which models see and make images."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def quantise(images: Tensor) -> Tensor:
    """Map float -1 .. 1 to uint8: floor(127.5 x + 128), clamped; -1, 0, 1 give 0, 128, 255."""
    return images.mul(127.5).add_(128.0).floor_().clamp_(0, 255).to(torch.uint8)
