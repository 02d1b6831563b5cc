"""Shared code of torchvision's data sets: missing files, and 28 x 28 images padded to 32 x 32."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from bench.data.dataset import ImageSplit, Splits
from catalog.errors import MissingPrerequisite

BORDER = 2
"""Zeros on each side that make 28 x 28 images 32 x 32, as in 1903.12436."""
TRAIN_AND_TEST = {"train": True, "test": False}
"""The two usual splits by name, and whether each is torchvision's ``train``."""

FAULTS = (AssertionError, EOFError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""Exceptions of torchvision's parsers on damaged files: each raises its own kinds."""


def opened(make: Callable[..., Any], name: str, root: Path, *, download: bool, **which: Any) -> Any:
    """One of torchvision's data sets.

    Args:
        make: its class.
        name: what people call it.
        root: the folder that torchvision is told.
        download: whether what is missing there may be fetched.
        which: further arguments, such as the split.

    Raises:
        MissingPrerequisite: files are missing or damaged, or cannot be fetched.
    """
    try:
        return make(root=str(root), download=download, **which)
    except FAULTS as error:
        first_line = str(error).partition("\n")[0] or type(error).__name__
        raise MissingPrerequisite(
            f"{name} is not complete in this folder ({first_line})",
            where=str(root),
            hint="name its folder with --data-dir, or add --download",
        ) from error


def padded_grey(make: Callable[..., Any], name: str, root: Path, *, download: bool) -> Splits:
    """Both splits of a data set in the format of MNIST, (N, 1, 32, 32) uint8 with a border of 0."""
    splits = {}
    for split, train in TRAIN_AND_TEST.items():
        found = opened(make, name, root, download=download, train=train)
        images = F.pad(found.data.unsqueeze(1), [BORDER] * 4)  # (N, 28, 28) -> (N, 1, 32, 32)
        splits[split] = ImageSplit(images, found.targets.to(torch.int64))
    return splits
