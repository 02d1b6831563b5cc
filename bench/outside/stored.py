"""A row that was loaded before: found again from its run directory, and opened as it was.

The record does not say where its file lies; a note beside it does, on the machine that loaded it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from bench.outside.openers import fetched
from bench.outside.row import OutsideRow, open_again
from bench.outside.source import Source, parse
from bench.records.files import SOURCE_PLACE
from bench.records.load_record import LoadRecord
from catalog.errors import MissingPrerequisite
from catalog.files import unlinked_bytes
from catalog.schema import Registry

MAX_PLACE_BYTES = 10_000
"""A note of where a file lies takes a line; nothing larger than this is read."""


def place_of(source: Source) -> str:
    """Where a source lies on this machine, in a form that ``parse`` takes from anywhere."""
    if source.repository is not None:
        file = f":{source.file}" if source.file else ""
        return f"hf:{source.repository}@{source.revision}{file}"
    prefix = "samples:" if source.text.startswith("samples:") else ""
    return f"{prefix}{source.path.resolve()}"


def source_of(record: LoadRecord, folders: Sequence[Path]) -> Source:
    """What a row was loaded from, hashed anew.

    Args:
        record: of the row.
        folders: that may hold the note of where it lies, in order.

    Raises:
        MissingPrerequisite: nobody knows where it lies, or it is gone.
    """
    for folder in folders:
        note = folder / SOURCE_PLACE
        if note.is_file():
            text = unlinked_bytes(note, MAX_PLACE_BYTES).decode(errors="replace").strip()
            if text.startswith("hf:") or Path(text.removeprefix("samples:")).exists():
                return fetched(parse(text))
    raise MissingPrerequisite(
        f"no weights: the file that was loaded is not here ({record.source})",
        hint="put it where it was, or load it again",
    )


def stored_row(
    record: LoadRecord, folder: Path, registry: Registry, device: torch.device
) -> OutsideRow:
    """The row of a run directory, ready to draw; of a set of samples all of them are read.

    Raises:
        MissingPrerequisite: its file is not here.
        InvalidInput: the file is not the recorded one, or does not open as it did.
    """
    dataset = registry.dataset(record.spec.dataset.id)
    n_images = 0 if record.spec.kind == "samples" else 1
    source = source_of(record, [folder])
    return open_again(record, source, dataset, n_images, registry, device)
