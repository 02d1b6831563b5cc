"""What a loaded row leaves behind: where it came from and how its images are drawn.

A load record stands in the place of a train record: of a generator or of samples that somebody else
made. Score records lie beside it as beside any other. Its hash is a function of everything that
decides the images, so the same file under another convention is another row.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from bench.identity.digest import sha256_of_data
from bench.identity.names import Digest, Name
from bench.identity.strict_json import parse_strictly
from bench.records.ranges import Count, Moment
from bench.records.record import Environment, Provenance, Record
from catalog.schema.benchmark import Channels, Classes, Resolution, Seed
from catalog.schema.loads import Convention

SCHEMA_VERSIONS = (1,)
"""Versions that this release reads; it writes the last one."""

LoadedKind = Literal[
    "state-dict", "torchscript", "torch-export", "onnx", "diffusers", "run", "export", "samples"
]
LONGEST_SAID = 2000
MOST_SAID = 50
Said = Annotated[str, Field(max_length=LONGEST_SAID)]


class LoadedOn(Record):
    """The data set beside whose images a loaded row's are put; nobody says what it learned from."""

    id: Name
    fingerprint: Digest
    resolution: Resolution
    channels: Channels
    n_classes: Classes


class LoadSpec(Record):
    """Everything that decides the images of a loaded row, and the name that it has in tables.

    Attributes:
        sha256: of the file, or of the names and hashes of a folder's files.
        convention: of a generator; None for samples, which are what they are.
        seed: of the noise.
        details: options with which its file opens in the same way again: a variant and its
            settings, renamed tensors, an input's name.
    """

    name: Name
    kind: LoadedKind
    sha256: Digest
    dataset: LoadedOn
    convention: Convention | None = None
    seed: Seed = 0
    details: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def load_hash(self) -> str:
        """Hex sha256 of the spec; the name is left out, since it decides nothing."""
        return sha256_of_data(self.model_dump(mode="json", exclude={"name"}))

    @property
    def run_id(self) -> str:
        """Readable and unique name of the run directory."""
        return f"{self.name}-{self.dataset.id}-loaded-{self.load_hash[:8]}"


class LoadRecord(Record):
    """One loaded row.

    Attributes:
        source: what was loaded, without places of this machine.
        revision: the commit of a repository of the hub.
        licence, url, paper: as the user or the registry states them.
        said: what opening it found out, a sentence each.
        warnings: what looked wrong with its first images.
        n_parameters: scalars in its weights, where that is known.
    """

    schema_version: Literal[1] = 1
    run_id: Name
    load_hash: Digest
    spec: LoadSpec
    source: Said
    revision: Annotated[str, Field(max_length=200)] | None = None
    licence: Said | None = None
    url: Said | None = None
    paper: Name | None = None
    said: Annotated[tuple[Said, ...], Field(max_length=MOST_SAID)] = ()
    warnings: Annotated[tuple[Said, ...], Field(max_length=MOST_SAID)] = ()
    n_parameters: Count | None = None
    created_at: Moment
    environment: Environment
    provenance: Provenance

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.load_hash != self.spec.load_hash:
            raise ValueError("load_hash does not match the spec")
        if self.run_id != self.spec.run_id:
            raise ValueError("run_id does not match the spec")
        if (self.spec.kind == "samples") != (self.spec.convention is None):
            raise ValueError("a generator has a convention, and samples have none")
        return self


def parse_load_record(data: str | bytes) -> LoadRecord:
    """A load record from its file's content; a ValueError, often pydantic's, if it is broken."""
    return parse_strictly(data, LoadRecord, SCHEMA_VERSIONS)
