"""Decoded pixels in the cache folder, by their fingerprint: a data set is decoded once.

The file holds the uint8 images and the labels of every split. What is read is not trusted:
``load_dataset`` computes the fingerprint of what it was given, whoever kept it.
"""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from bench.data.dataset import ImageSplit, Splits
from bench.identity.local_registry import not_decoded
from catalog.files import atomic_file, cache_dir
from catalog.schema import Dataset


def decoded_file(fingerprint: str) -> Path:
    """Path of the file that keeps the pixels with a fingerprint."""
    return cache_dir() / "datasets" / f"{fingerprint}.safetensors"


def read_decoded(dataset: Dataset) -> Splits:
    """The splits of a data set that this machine decoded before.

    Raises:
        MissingPrerequisite: there is no such file, or it is damaged; the hint says what to do.
    """
    path = decoded_file(dataset.fingerprint)
    try:
        with safe_open(path, framework="pt") as file:
            return {
                name: ImageSplit(
                    file.get_tensor(f"{name}.images"), file.get_tensor(f"{name}.labels")
                )
                for name in dataset.splits
            }
    except (OSError, SafetensorError) as error:
        raise not_decoded(dataset, path) from error


def write_decoded(fingerprint: str, splits: Splits) -> Path:
    """Keep decoded splits; returns the file.

    Raises:
        OSError: the disk refuses.
    """
    path = decoded_file(fingerprint)
    tensors = {
        f"{name}.{part}": getattr(split, part).contiguous()
        for name, split in splits.items()
        for part in ("images", "labels")
    }
    with atomic_file(path) as draft:
        save_file(tensors, draft)
    return path
