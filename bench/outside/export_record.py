"""What an exported sampler says of itself, inside its file or, of a folder, beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from bench.identity.names import Digest, Name
from bench.identity.spec import TrainSpec
from bench.identity.strict_json import BrokenJson, parse_strictly
from bench.records.ranges import Positive
from bench.records.record import Record
from catalog.errors import InvalidInput
from catalog.files import regular_bytes

ExportFormat = Literal["safetensors", "torchscript", "onnx", "hub-folder"]
Pixels = Literal["-1..1", "uint8"]

KEY = "aigc_bench"
"""Under which the record stands among a file's own metadata."""
EXPORT_VERSIONS = (1,)
CONFIG, FOLDER_WEIGHTS, CARD, PICTURE = (
    *("config.json", "model.safetensors", "README.md", "samples.png"),
)
"""Files of a hub folder."""
MAX_HEADER_BYTES = 2**24
"""Names and places of a hundred thousand tensors fit in it."""


class Draws(Record):
    """Noise that a sampler takes in one piece: ``n`` values of one kind for each image.

    ``normal`` is standard normal, ``uniform`` lies in 0 .. 1 without the 1.
    """

    kind: Literal["normal", "uniform"]
    n: Positive


class ExportRecord(Record):
    """Which sampler of which training stands in a file, and what it takes and gives.

    Attributes:
        made_by: version of this program.
        averaged: whether the weights are running averages of those that were trained.
        draws: the pieces of noise in the order in which the columns of ``noise`` hold them.
        conditional: whether it takes a class beside the noise, as an index.
        pixels: of the images that come out, (N, C, H, W).
    """

    schema_version: Literal[1] = 1
    made_by: str
    run_id: Name
    train_hash: Digest
    spec: TrainSpec
    weights: Literal["final"] = "final"
    averaged: bool
    sampler: Name
    draws: Annotated[tuple[Draws, ...], Field(max_length=10_000)]
    conditional: bool
    pixels: Pixels = "-1..1"

    @property
    def n_columns(self) -> int:
        """Values of noise for one image."""
        return sum(piece.n for piece in self.draws)

    def text(self) -> str:
        """The record on one line."""
        return self.model_dump_json()


def parse_export(text: str | bytes, where: Path) -> ExportRecord:
    """The record in a file's metadata.

    Raises:
        InvalidInput: it breaks the record's rules, or speaks of another training than it names.
    """
    try:
        record = parse_strictly(text, ExportRecord, EXPORT_VERSIONS)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "record"
        raise _broken(where, f"{place}: {first['msg']}") from error
    except BrokenJson as error:
        raise _broken(where, f"{error.place}: {error}") from error
    if record.train_hash != record.spec.train_hash:
        raise _broken(where, "train_hash: it does not match the spec")
    return record


def parse_folder(text: bytes, where: Path) -> ExportRecord:
    """The record in the ``config.json`` of a hub folder.

    Raises:
        InvalidInput: there is none, or it is broken.
    """
    try:
        found = json.loads(text)[KEY]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _broken(where, f"it has no {KEY} ({error})") from error
    return parse_export(json.dumps(found), where)


def metadata_of(content: bytes) -> dict[str, str]:
    """The metadata in the header of a safetensors file; empty where it is none or has none."""
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 + size or size > MAX_HEADER_BYTES:
        return {}
    try:
        header = json.loads(content[8 : 8 + size])
        found = header.get("__metadata__", {})
        return {str(key): str(value) for key, value in found.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}


def is_exported_file(path: Path) -> bool:
    """Whether a safetensors file was written by ``aigc bench export``."""
    with path.open("rb") as file:
        head = file.read(8)
        size = int.from_bytes(head, "little")
        return size <= MAX_HEADER_BYTES and KEY in metadata_of(head + file.read(size))


def is_exported_folder(path: Path) -> bool:
    """Whether a folder looks like one that ``aigc bench export`` has written."""
    config, weights = path / CONFIG, path / FOLDER_WEIGHTS
    if not (config.is_file() and weights.is_file()) or config.stat().st_size > MAX_HEADER_BYTES:
        return False
    return f'"{KEY}"'.encode() in regular_bytes(config, MAX_HEADER_BYTES)


def _broken(where: Path, why: str) -> InvalidInput:
    return InvalidInput(
        f"{where}: what it says of its training is broken: {why}",
        hint="write it again by aigc bench export",
    )
