"""Finding records: which runs and calibration scores lie below a directory.

Reads and checks files; decides nothing about what a table shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.records.load_record import LoadRecord
from bench.records.record import (
    CalibrationSubject,
    LoadedSubject,
    RunSubject,
    ScoreRecord,
    Subject,
    TrainRecord,
)
from bench.records.run_directory import CALIBRATION, RunDirectory, read_score, record_files
from catalog.errors import InvalidInput, MissingPrerequisite


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

    def final_scores(self) -> list[tuple[RunSubject, ScoreFile]]:
        """Of the last weights, raw or averaged; the best of several is another protocol."""
        scores = [(score.record.subject, score) for score in self.scores]
        return [(s, f) for s, f in scores if isinstance(s, RunSubject) and s.weights == "final"]


@dataclass(frozen=True)
class LoadedRun:
    """A directory of something that somebody else made: its load record and its scores."""

    directory: Path
    load: LoadRecord
    scores: tuple[ScoreFile, ...]


@dataclass(frozen=True)
class Found:
    """Everything in a directory that a report can be made from, in a fixed order."""

    directory: Path
    runs: tuple[Run, ...]
    calibration: tuple[ScoreFile, ...]
    loaded: tuple[LoadedRun, ...] = ()


def find_records(runs_dir: Path) -> Found:
    """Reads ``*/train.json``, ``*/load.json``, ``*/scores/*.json`` and ``calibration/*.json``.

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
    for run in filter(None, map(read_run, sorted(runs_dir.iterdir()))):
        other = runs.setdefault(run.train.run_id, run)
        if other is not run:
            raise InvalidInput(
                f"run {run.train.run_id} is there twice",
                where=f"{other.directory} and {run.directory}",
                hint="remove one of the two directories",
            )
    calibration = [_read_score(file) for file in record_files(runs_dir / CALIBRATION)]
    for score in calibration:
        if not isinstance(score.record.subject, CalibrationSubject):
            raise InvalidInput("a calibration score is of a trained model", where=str(score.path))
    loaded = filter(None, map(read_loaded, sorted(runs_dir.iterdir())))
    in_order = tuple(runs[name] for name in sorted(runs))
    return Found(runs_dir, in_order, tuple(calibration), tuple(loaded))


def read_run(directory: Path) -> Run | None:
    """The run in a directory, or None where there is no train record.

    Raises:
        InvalidInput: a file is no valid record, or a score belongs to another run.
    """
    stored = RunDirectory(directory)
    train = stored.train_record()
    if train is None:
        return None

    def is_own(subject: Subject) -> bool:
        return isinstance(subject, RunSubject) and subject.train_hash == train.train_hash

    return Run(directory, train, _own_scores(stored, f"run {train.run_id}", is_own))


def read_loaded(directory: Path) -> LoadedRun | None:
    """The loaded row in a directory, or None where there is no load record.

    Raises:
        InvalidInput: a file is no valid record, or a score belongs to another row.
    """
    stored = RunDirectory(directory)
    load = stored.load_record()
    if load is None:
        return None

    def is_own(subject: Subject) -> bool:
        return isinstance(subject, LoadedSubject) and subject.load_hash == load.load_hash

    return LoadedRun(directory, load, _own_scores(stored, load.run_id, is_own))


def _own_scores(
    stored: RunDirectory, owner: str, is_own: Callable[[Subject], bool]
) -> tuple[ScoreFile, ...]:
    """The scores in a directory, each of images that are its own."""
    scores = tuple(_read_score(path) for path in stored.score_files())
    for score in scores:
        if not is_own(score.record.subject):
            raise InvalidInput(f"a score does not belong to {owner}", where=str(score.path))
    return scores


def _read_score(path: Path) -> ScoreFile:
    return ScoreFile(path, read_score(path))
