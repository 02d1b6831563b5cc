"""Decoding a data set once: from the files of its publisher to pixels with a fingerprint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.dataset import Splits, fingerprint
from bench.data.decode.cached import decoded_file, read_decoded, write_decoded
from bench.data.loaders import require_loader
from bench.identity.local_registry import pin_dataset
from catalog.errors import InvalidInput, UsageError
from catalog.schema import Dataset

if TYPE_CHECKING:
    from bench.data.decode.folder_images import FolderSettings

FOLDER_PREFIX = "folder:"
"""Beginning of the address of a user's own images."""


@dataclass(frozen=True)
class Prepared:
    """A data set that can now be loaded.

    Attributes:
        file: its decoded pixels.
        skipped: files that were left out, each with the reason.
        notes: what else was done to files, in words.
    """

    dataset: Dataset
    file: Path
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def is_prepared(dataset: Dataset) -> bool:
    """Whether a data set needs no preparation, or has had it."""
    return not needs_preparation(dataset) or (
        dataset.is_pinned and decoded_file(dataset.fingerprint).is_file()
    )


def needs_preparation(dataset: Dataset) -> bool:
    """Whether a data set comes from files that are not part of any package.

    Raises:
        InvalidInput: the program has no such loader.
    """
    return require_loader(dataset).load is read_decoded


def prepare(dataset: Dataset, root: Path, *, download: bool) -> Prepared:
    """Decode a data set that torchvision knows.

    Args:
        dataset: its entry in the registry.
        root: the folder that torchvision is told.
        download: whether files that are missing there may be fetched.

    Raises:
        UsageError: the data set needs no files.
        MissingPrerequisite: files are missing.
        InvalidInput: the files hold other pixels than the registry promises.
    """
    if dataset.loader == "folder":
        raise UsageError(
            f"'{dataset.id}' stands for images of your own",
            hint="name them: aigc bench data prepare folder:PATH",
        )
    decode = require_loader(dataset).decode
    if decode is None:
        raise UsageError(f"data set '{dataset.id}' needs no preparation")
    return _kept(dataset, decode(root, download=download))


def prepare_folder(dataset: Dataset, source: Path, settings: FolderSettings) -> Prepared:
    """Decode images of the user's own, which become the data set ``dataset`` of this machine.

    Raises:
        InvalidInput: a file is no usable image and bad ones are not to be skipped, or too few are
            left.
    """
    from bench.data.decode.folder_images import decode_folder

    found = decode_folder(source, settings)
    described = dataset.model_copy(
        update={
            "resolution": settings.resolution,
            "channels": settings.channels,
            "n_classes": max(1, len(found.classes)),
        }
    )
    kept = _kept(described, found.splits)
    return Prepared(kept.dataset, kept.file, found.skipped, found.notes)


def _kept(dataset: Dataset, splits: Splits) -> Prepared:
    actual = fingerprint(splits)
    sizes = {name: len(split) for name, split in splits.items()}
    if dataset.is_pinned and actual != dataset.fingerprint:
        raise InvalidInput(
            f"the files hold other pixels than data set '{dataset.id}' of the registry",
            where=f"fingerprint {actual[:16]}…, registered {dataset.fingerprint[:16]}…",
            hint="a library may decode or resize otherwise than the one that made the registry",
        )
    known = dataset.model_copy(update={"fingerprint": actual, "splits": sizes})
    file = write_decoded(actual, splits)
    if not dataset.is_pinned:
        pin_dataset(known)
    return Prepared(known, file)
