"""Run directories: their layout, atomic writes, locks and the records inside.

``<runs>/<run id>/`` holds ``train.json`` (what was trained), ``scores/<hash>.json`` (one per scored
image set), ``weights.safetensors`` and ``weights-ema.safetensors``, ``curve.csv`` and
``grid-*.png``; until the end of training also ``checkpoint.pt`` and ``checkpoint-previous.pt``, and
while a job is at work ``progress.json`` and ``.reserve``, the room for the record of a failure. A
run that is not finished also has ``live.csv``, its curve so far, and ``latest.png``, a grid of it.
A run that was loaded instead of trained has ``load.json`` in the place of ``train.json``, scores,
a grid, and ``source.txt``, which says where its file lies on this machine.
``<runs>/calibration/<name>-<key>.json`` are scores of calibration images, with a grid beside each;
further draws are ``<name>-draw-<n>-<key>.json``. ``bench.records.files`` knows all these names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout
from pydantic import ValidationError

from bench.identity.digest import sha256_of_file
from bench.identity.strict_json import MAX_BYTES, BrokenJson
from bench.records.files import (
    CALIBRATION_FOLDER,
    CHECKPOINT,
    CURVE,
    LATEST_GRID,
    LOAD,
    LOCK,
    PROGRESS,
    RESERVE,
    SCORES,
    WEIGHTS,
)
from bench.records.lease import name_of_holder
from bench.records.load_record import LoadRecord, parse_load_record
from bench.records.record import (
    Artifact,
    ArtifactKind,
    Record,
    ScoreRecord,
    TrainRecord,
    parse_score_record,
    parse_train_record,
    to_json,
)
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.files import reason, unlinked_bytes, write_atomically

CALIBRATION = CALIBRATION_FOLDER
RESERVE_BYTES = 32_768
R = TypeVar("R", bound=Record)


@contextmanager
def exclusive(directory: Path, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a directory against other writers; released by the system if this process dies.

    Raises:
        MissingPrerequisite: another process still holds it after ``wait_s`` seconds.
    """
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / LOCK)
    try:
        lock.acquire(timeout=wait_s)
    except Timeout as error:
        raise busy(directory, name_of_holder(directory)) from error
    try:
        yield
    finally:
        lock.release()


def busy(directory: Path, holder: str | None) -> MissingPrerequisite:
    """The refusal of a directory that another process holds, which is named if it is known."""
    return MissingPrerequisite(
        "another process is writing to this directory" + (f": {holder}" if holder else ""),
        where=str(directory),
        hint="wait for it, or name another --output-dir",
    )


class RunDirectory:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.train_json = path / "train.json"
        self.load_json = path / LOAD
        self.checkpoint = path / CHECKPOINT
        self.weights = path / WEIGHTS
        self.weights_ema = path / "weights-ema.safetensors"
        self.curve = path / CURVE
        self.latest_grid = path / LATEST_GRID
        self.scores = path / SCORES
        self.reserve = path / RESERVE

    def train_record(self) -> TrainRecord | None:
        """The train record, or None where there is none.

        Raises:
            InvalidInput: the file breaks the record's rules.
        """
        if not self.train_json.exists():
            return None
        return parsed(self.train_json, parse_train_record)

    def load_record(self) -> LoadRecord | None:
        """The load record, or None where there is none.

        Raises:
            InvalidInput: the file breaks the record's rules.
        """
        if not self.load_json.exists():
            return None
        return parsed(self.load_json, parse_load_record)

    def score_records(self) -> list[ScoreRecord]:
        """All score records, in order of their file names.

        Raises:
            InvalidInput: a file breaks the record's rules.
        """
        return [read_score(path) for path in self.score_files()]

    def score_files(self) -> list[Path]:
        """The files of all score records, in order of their names.

        Raises:
            InvalidInput: their folder is a link, so that they are no part of this run.
        """
        return record_files(self.scores)

    def write_train(self, record: TrainRecord) -> None:
        """Replace the train record; on a full disk, with the room that was kept for it."""
        try:
            write_atomically(self.train_json, to_json(record))
        except OSError:
            if not self.reserve.exists():
                raise
            self.reserve.unlink()
            write_atomically(self.train_json, to_json(record))

    def keep_room(self) -> None:
        """Occupy the room that the record of a failure takes, while there still is some."""
        write_atomically(self.reserve, bytes(RESERVE_BYTES))

    def give_room_back(self) -> None:
        """Undo ``keep_room``."""
        self.reserve.unlink(missing_ok=True)

    def write_score(self, record: ScoreRecord) -> None:
        """Add a score record under its hash."""
        write_atomically(self.scores / f"{record.score_hash[:16]}.json", to_json(record))


def calibration_file(directory: Path, name: str, protocol_key: str, draw: int = 0) -> Path:
    """Where the score of one draw of a calibration set under one protocol stands."""
    which = f"-draw-{draw}" if draw else ""
    return directory / f"{name}{which}-{protocol_key[:8]}.json"


def artifact(kind: ArtifactKind, path: Path, directory: Path) -> Artifact:
    """The description of a finished file of a run directory."""
    return Artifact(
        kind=kind,
        path=path.relative_to(directory).as_posix(),
        sha256=sha256_of_file(path),
        n_bytes=path.stat().st_size,
    )


def record_files(folder: Path) -> list[Path]:
    """The records in the folder of scores or of calibration rows, in order of their names.

    Raises:
        InvalidInput: the folder is a link, which may lead to files of somebody else.
    """
    if folder.is_symlink():
        raise InvalidInput("a folder of records is a link, so it was not read", where=str(folder))
    return sorted(file for file in folder.glob("*.json") if file.name != PROGRESS)


def read_score(path: Path) -> ScoreRecord:
    """The score record in one file.

    Raises:
        InvalidInput: the file breaks the record's rules.
    """
    return parsed(path, parse_score_record)


def parsed(path: Path, parse: Callable[[bytes], R], what: str = "a record file") -> R:
    """The record in one file.

    Args:
        path: of the file.
        parse: of its content.
        what: it is, for the message.

    Raises:
        InvalidInput: the file cannot be read, or breaks the record's rules.
    """
    try:
        return parse(unlinked_bytes(path, MAX_BYTES))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place, message = ".".join(map(str, first["loc"])) or "record", first["msg"]
    except BrokenJson as error:
        place, message = error.place, str(error)
    except OSError as error:
        place, message = "file", reason(error)
    raise InvalidInput(f"{what} is broken", where=f"{path}: {place}: {message}")
