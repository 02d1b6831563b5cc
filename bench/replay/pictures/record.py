"""What is on record of the pictures of one variant, and where they lie.

``reports/SUITE/pictures/VARIANT/`` holds ``training.png``, ``interpolation.png`` (where the model
allows one), ``neighbours.png`` and ``pictures.json``. There are no dates in it, so drawing again
on the same machine writes the same bytes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from bench.identity.names import Digest, Name
from bench.identity.strict_json import parse_strictly
from bench.records.ranges import Amount, Count
from bench.records.record import Environment, Record, to_json
from bench.records.run_directory import parsed
from catalog.files import write_atomically
from catalog.schema.benchmark import Seed

PICTURES_FOLDER = "pictures"
RECORD = "pictures.json"
SCHEMA_VERSIONS = (1,)

PictureName = Literal["training", "interpolation", "neighbours"]
Between = Literal["slerp", "slerp-held", "none-choices", "none-chain"]
"""How an interpolation was drawn, or why there is none.

- ``slerp``: every normal draw of the sampler lies on the great circle between two images' draws;
- ``slerp-held``: so do they, and what the sampler chooses by uniform draws stays as on the left;
- ``none-choices``: the sampler draws nothing but choices, and between those nothing lies;
- ``none-chain``: the sampler draws fresh noise at every step of a long chain.
"""


class Weights(Record):
    """A file of weights that pictures were drawn from, and its sha256 in the train record."""

    path: Name
    sha256: Digest
    recorded_sha256: Digest | None


class Neighbour(Record):
    """A training image by its place in the training split, and how far away it is."""

    index: Count
    distance: Amount


class Column(Record):
    """A generated image by its place in the sample, and the training images nearest to it."""

    image: Count
    by_pixels: Neighbour
    by_features: Neighbour


class Pictures(Record):
    """What pictures were drawn from, and what they show.

    Attributes:
        run_id: of the recorded run that was trained again.
        sampler: what drew the images; ``ema`` tells whether from averaged weights.
        environment: where the model was trained again.
        same_machine: whether machine and versions are those on record, so that weights have to be
            equal.
        equal_to_record: whether every file of weights is equal to the recorded one.
        moments: updates behind each row of ``training.png``, from the top; the last is the end.
        n_images: how many generated images the nearest ones were chosen from.
        extractor: whose features are compared, in its layer ``layer``.
        first: the first generated images, in their order.
        nearest: those of ``n_images`` whose features are nearest to a training image's.
        files: hex sha256 of each picture.
    """

    schema_version: Literal[1] = 1
    suite: Name
    variant: Name
    run_id: Name
    train_hash: Digest
    seed: Seed
    sampler: Name
    ema: bool
    environment: Environment
    same_machine: bool
    equal_to_record: bool
    weights: Annotated[tuple[Weights, ...], Field(min_length=1)]
    moments: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    between: Between
    n_images: PositiveInt
    extractor: Name
    layer: Name
    first: tuple[Column, ...]
    nearest: tuple[Column, ...]
    files: dict[PictureName, Digest]

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        equal = all(file.sha256 == file.recorded_sha256 for file in self.weights)
        if equal != self.equal_to_record:
            raise ValueError("equal_to_record does not match the hashes of the weights")
        if list(self.moments) != sorted(set(self.moments)):
            raise ValueError("moments rise from row to row")
        if ("interpolation" in self.files) == self.between.startswith("none"):
            raise ValueError("an interpolation is there, or the reason why there is none")
        return self


def pictures_folder(output_dir: Path, suite: str, variant: str) -> Path:
    """Where the pictures of a variant lie, below the folder of all reports."""
    return output_dir / suite / PICTURES_FOLDER / variant


def read_pictures(folder: Path) -> Pictures | None:
    """The record of a folder of pictures, or None where there is none.

    Raises:
        InvalidInput: the file breaks the record's rules.
    """
    file = folder / RECORD
    if not file.exists():
        return None
    return parsed(
        file,
        lambda content: parse_strictly(content, Pictures, SCHEMA_VERSIONS),
        "a record of pictures",
    )


def write_pictures(folder: Path, pictures: Pictures) -> None:
    """Write the record beside its pictures, last of all: it says that they are complete."""
    write_atomically(folder / RECORD, to_json(pictures))
