"""Finding records: which runs and calibration scores lie below a directory.

Reads and checks files; decides nothing about what a table shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from bench.record import (
    CalibrationSubject,
    RunSubject,
    ScoreRecord,
    TrainRecord,
    parse_score_record,
    parse_train_record,
)
from catalog.errors import InvalidInput, MissingPrerequisite

CALIBRATION = "calibration"
"""The folder beside the run directories that holds the scores of calibration images."""

R = TypeVar("R", TrainRecord, ScoreRecord)


@dataclass(frozen=True)
class ScoreFile:
    """A score record and the file that it was read from."""

    path: Path
    record: ScoreRecord


@dataclass(frozen=True)
class Run:
    """A run directory: its train record and every score of the trained model."""

    directory: Path
    train: TrainRecord
    scores: tuple[ScoreFile, ...]


@dataclass(frozen=True)
class Found:
    """Everything that a report can be made from, in a fixed order."""

    runs: tuple[Run, ...]
    calibration: tuple[ScoreFile, ...]


def find_records(runs_dir: Path) -> Found:
    """Reads ``*/train.json``, ``*/scores/*.json`` and ``calibration/*.json`` below a directory.

    Raises:
        MissingPrerequisite: there is no such directory.
        InvalidInput: a file is no valid record, a score belongs to another run, or two
            directories hold the same run.
    """
    if not runs_dir.is_dir():
        raise MissingPrerequisite(
            "there are no runs to report on",
            where=str(runs_dir),
            hint="make some with: aigc bench run SUITE",
        )
    runs: dict[str, Run] = {}
    for file in sorted(runs_dir.glob("*/train.json")):
        run = _read_run(file)
        other = runs.setdefault(run.train.run_id, run)
        if other is not run:
            raise InvalidInput(
                f"run {run.train.run_id} is there twice",
                where=f"{other.directory} and {run.directory}",
                hint="remove one of the two directories",
            )
    calibration = [_read_score(file) for file in sorted((runs_dir / CALIBRATION).glob("*.json"))]
    for score in calibration:
        if not isinstance(score.record.subject, CalibrationSubject):
            raise InvalidInput("a calibration score is of a trained model", where=str(score.path))
    return Found(tuple(runs[name] for name in sorted(runs)), tuple(calibration))


def _read_run(file: Path) -> Run:
    train = _read(file, parse_train_record)
    scores = [_read_score(path) for path in sorted((file.parent / "scores").glob("*.json"))]
    for score in scores:
        subject = score.record.subject
        if not isinstance(subject, RunSubject) or subject.train_hash != train.train_hash:
            raise InvalidInput(
                f"a score does not belong to run {train.run_id}", where=str(score.path)
            )
    return Run(file.parent, train, tuple(scores))


def _read_score(file: Path) -> ScoreFile:
    return ScoreFile(file, _read(file, parse_score_record))


def _read(file: Path, parse: Callable[[bytes], R]) -> R:
    try:
        return parse(file.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidInput(
            f"{file.name} is not a valid record: {field + ': ' if field else ''}{first['msg']}",
            where=str(file),
            hint="remove the file, or make it again with: aigc bench run SUITE",
        ) from error
