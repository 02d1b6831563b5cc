"""Files that a train record names: found, held against their sha256, and copied for use.

Copies are what is hashed and what is loaded, so that nothing can change in between, and only files
on record can take part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bench.records.files import MAX_WEIGHTS_BYTES
from bench.records.record import Artifact, TrainRecord
from bench.replay.verify.comparison import Comparison
from catalog.errors import InvalidInput
from catalog.files import unlinked_bytes

NO_WEIGHTS = "no weights"
NOT_THERE = "is not there"


@dataclass(frozen=True)
class RunFolder:
    """A directory that may hold the files of a run.

    Attributes:
        binding: whether other bytes there contradict the record; they do in the run itself, while
            another directory of that name may be of another training.
    """

    directory: Path
    binding: bool


@dataclass(frozen=True)
class Found:
    """What became of the files on record.

    Attributes:
        checks: one for each file that was found.
        missing: a sentence for each file that was not, weights aside.
        no_model: why the target directory does not hold all weights, with the recorded bytes;
            empty if it does.
    """

    checks: tuple[Comparison, ...]
    missing: tuple[str, ...]
    no_model: str


def collect(train: TrainRecord, places: Sequence[RunFolder], target: Path) -> Found:
    """Copy the files of a run into ``target``, each from the first place that has it.

    Raises:
        InvalidInput: the record names a file outside of the run.
    """
    target.mkdir(parents=True, exist_ok=True)
    found = {artifact: _collect(artifact, places, target) for artifact in train.artifacts}
    weights = [found[artifact] for artifact in train.artifacts if artifact.kind == "weights"]
    return Found(
        checks=tuple(check for check in found.values() if isinstance(check, Comparison)),
        missing=tuple(
            sentence
            for artifact, sentence in found.items()
            if isinstance(sentence, str) and artifact.kind != "weights"
        ),
        no_model=_no_model(weights),
    )


def _no_model(weights: Sequence[Comparison | str]) -> str:
    missing = [sentence for sentence in weights if isinstance(sentence, str)]
    if len(missing) == len(weights) and all(text.endswith(NOT_THERE) for text in missing):
        return NO_WEIGHTS
    if missing:
        return f"{NO_WEIGHTS}: {'; '.join(missing)}"
    damaged = any(isinstance(check, Comparison) and not check.passed for check in weights)
    return f"{NO_WEIGHTS} that are those on record" if damaged else ""


def _collect(artifact: Artifact, places: Sequence[RunFolder], target: Path) -> Comparison | str:
    parts = PurePosixPath(artifact.path).parts
    if ".." in parts or PurePosixPath(artifact.path).is_absolute() or not parts:
        raise InvalidInput(f"the record names '{artifact.path}', which is not inside the run")
    copy = target / artifact.path
    passed_over = ""
    for place in places:
        file = place.directory / artifact.path
        if not file.is_file():
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = unlinked_bytes(file, MAX_WEIGHTS_BYTES)
        copy.write_bytes(content)
        found = hashlib.sha256(content).hexdigest()
        if place.binding or found == artifact.sha256:
            return Comparison("file", artifact.path, artifact.sha256, found)
        passed_over = f"{file.as_posix()} has another sha256"
        copy.unlink()
    return passed_over or f"{artifact.path} {NOT_THERE}"
