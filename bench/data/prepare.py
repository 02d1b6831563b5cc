"""Decoding a data set once: from the files of its publisher to pixels with a fingerprint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.data.dataset import Splits, fingerprint
from bench.data.decode.cached import decoded_file, read_decoded, write_decoded
from bench.data.loaders import require_loader
from bench.identity.local_registry import (
    called,
    own_folders,
    pin_dataset,
    pinned,
    source_of_folder,
)
from bench.identity.names import FOLDER
from catalog.errors import InvalidInput, UsageError
from catalog.schema import Dataset
from catalog.schema.benchmark import BUDGETS_ZH

if TYPE_CHECKING:
    from bench.data.decode.folder_images import FolderSettings

FOLDER_PREFIX = "folder:"
"""Beginning of the address of a user's own images."""
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
LONGEST_NAME = 40


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


def prepare_folder(
    dataset: Dataset, source: Path, settings: FolderSettings, name: str | None = None
) -> Prepared:
    """Decode images of the user's own, which become a data set of this machine.

    Args:
        dataset: the registry's ``folder``.
        source: a folder or a file.
        settings: how images are read.
        name: that the data set shall have, so that it is called ``folder-NAME``; without one, the
            images of a place keep the name that they had, the first ones are ``folder``, and
            others are called after their place.

    Raises:
        UsageError: the name cannot be part of the names of files, tables and budgets.
        InvalidInput: a file is no usable image and bad ones are not to be skipped, or too few are
            left.
    """
    from bench.data.decode.folder_images import decode_folder

    if name is not None:
        require_name(name)
    found = decode_folder(source, settings)
    known = {one.id: one for one in (pinned(dataset), *own_folders()) if one.is_pinned}
    chosen = _id_of(source, fingerprint(found.splits), known, name)
    described = dataset.model_copy(
        update={
            "id": chosen,
            "name": dataset.name if chosen == FOLDER else called(dataset.name, chosen),
            "resolution": settings.resolution,
            "channels": settings.channels,
            "n_classes": max(1, len(found.classes)),
        }
    )
    kept = _kept(described, found.splits, source)
    notes = [*found.notes]
    before = known.get(chosen)
    if before is not None and before.fingerprint != kept.dataset.fingerprint:
        notes.append(
            f"'{chosen}' held other images before: what was trained on them stays, and is not part"
            " of its tables any more"
        )
    return Prepared(kept.dataset, kept.file, found.skipped, tuple(notes))


def require_name(name: str) -> None:
    """Refuse what cannot be a name of one's own images.

    Raises:
        UsageError: it says why.
    """
    budget = next((one for one in BUDGETS_ZH if name == one or name.endswith(f"-{one}")), None)
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or budget is not None:
        ends = f"; '{budget}' is that of a budget" if budget else ""
        raise UsageError(
            f"'{name}' cannot be the name of a data set{ends}",
            hint=f"small letters, digits and hyphens, at most {LONGEST_NAME}, such as --as cats",
        )


def _id_of(source: Path, pixels: str, known: Mapping[str, Dataset], name: str | None) -> str:
    if name is not None:
        return FOLDER if name == FOLDER else f"{FOLDER}-{name}"
    place = source.resolve()
    same_place = [one for one in known if source_of_folder(one) == str(place)]
    same_pixels = [one for one in known if known[one].fingerprint == pixels]
    for one in (*same_place, *same_pixels, *({FOLDER} - known.keys())):
        return one
    word = re.sub(r"[^a-z0-9]+", "-", (place.stem if place.is_file() else place.name).lower())
    word = word[: LONGEST_NAME - 10].strip("-") or "images"
    if word.endswith(tuple(BUDGETS_ZH)):
        word += "-images"
    names = (f"{FOLDER}-{word}", *(f"{FOLDER}-{word}-{n}" for n in range(2, len(known) + 3)))
    return next(one for one in names if one not in known)


def _kept(dataset: Dataset, splits: Splits, source: Path | None = None) -> Prepared:
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
        pin_dataset(known, source)
    return Prepared(known, file)
