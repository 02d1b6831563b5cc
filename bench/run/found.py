"""Every run that lies in a runs directory, whatever budget, images or precision it was made with.

A plan finds only runs that its suite asks for. Records alone are read here: neither a registry, nor
a judge, nor torch is needed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.identity.names import registered_variant
from bench.machine.process import is_alive
from bench.records.disk import size_of
from bench.records.files import CALIBRATION_FOLDER
from bench.records.lease import read_sign
from bench.records.load_record import LoadRecord
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory
from catalog.errors import InvalidInput

STATES = {"success": "done", "error": "failed", "cancelled": "stopped", "started": "interrupted"}
"""What the status of a record is called where no process is at work in its directory."""


@dataclass(frozen=True)
class FoundRun:
    """One run as its records tell it; what a broken record does not tell is empty or zero.

    Attributes:
        scored: images of each scored set, by protocol: ``digits-1797 x 10000``.
        why: what went wrong, or why it stands in no leaderboard.
        n_bytes: of all its files.
    """

    variant: str
    dataset: str
    seed: int | None
    steps: int | None
    precision: str
    state: str
    scored: tuple[str, ...]
    why: str
    n_bytes: int
    directory: Path

    def as_data(self) -> dict[str, Any]:
        """For programs; paths with forward slashes."""
        return asdict(self) | {"scored": [*self.scored], "directory": self.directory.as_posix()}


def found_runs(runs_dir: Path, without: Collection[Path] = ()) -> Iterator[FoundRun]:
    """Every run below a directory that has a record, in order of names; no link is followed.

    Args:
        runs_dir: the directory.
        without: run directories that are passed over.
    """
    passed_over = {CALIBRATION_FOLDER, *(path.name for path in without)}
    for path in sorted(runs_dir.iterdir()) if runs_dir.is_dir() else ():
        if path.name not in passed_over and path.is_dir() and not path.is_symlink():
            directory = RunDirectory(path)
            try:
                record, loaded = directory.train_record(), directory.load_record()
                scored = _scored(directory)
            except InvalidInput as broken:
                why = f"{broken.what}: {broken.where}"
                size = size_of(path)
                yield FoundRun(path.name, "", None, None, "", "broken", (), why, size, path)
                continue
            if record is not None:
                yield _told(record, scored, path)
            elif loaded is not None:
                yield _told_loaded(loaded, scored, path)


@dataclass(frozen=True)
class Planned:
    """What a plan asks for, by which other runs of its rows are told from its own.

    Attributes:
        variants: of the plan.
        dataset: id of its images.
        seeds: of each variant.
        steps: of each run.
        directories: of its own runs.
    """

    variants: Collection[str]
    dataset: str
    seeds: Collection[int]
    steps: int
    precision: str
    directories: Collection[Path] = ()

    def others(self, runs_dir: Path) -> tuple[FoundRun, ...]:
        """Runs of the same rows on the same images that were made otherwise."""
        return tuple(
            run
            for run in found_runs(runs_dir, self.directories)
            if registered_variant(run.variant) in self.variants and run.dataset == self.dataset
        )

    def loaded(self, runs_dir: Path, wanted: Collection[str] = ()) -> str:
        """Which rows of these images were loaded instead of trained, and which will be.

        Args:
            runs_dir: the directory.
            wanted: names that the registry loads.
        """
        found = found_runs(runs_dir, self.directories)
        names = [
            run.variant for run in found if run.state == "loaded" and run.dataset == self.dataset
        ]
        missing = [name for name in wanted if name not in names]
        told = [f"loaded from elsewhere: {', '.join(names)}"] if names else []
        told += [f"to be loaded: {', '.join(missing)}"] if missing else []
        return "; ".join(told)

    def sentence(self, others: Collection[FoundRun]) -> str:
        """How many other runs there are, and how they were made; empty where there are none."""
        if not others:
            return ""
        kinds = Counter(", ".join(self._otherwise(run)) or "other settings" for run in others)
        told = "; ".join(f"{n} with {kind}" for kind, n in kinds.items())
        n = "1 more run" if len(others) == 1 else f"{len(others)} more runs"
        return f"{n} of these rows here, made otherwise: {told}; aigc bench status lists every run"

    def _otherwise(self, run: FoundRun) -> Iterator[str]:
        if run.steps != self.steps:
            yield f"{run.steps} steps"
        if run.precision != self.precision:
            yield run.precision
        if run.seed not in self.seeds:
            yield f"seed {run.seed}"
        if run.variant not in self.variants:
            yield run.variant


def _told_loaded(record: LoadRecord, scored: tuple[str, ...], path: Path) -> FoundRun:
    licence = record.licence or "licence not stated"
    return FoundRun(
        variant=record.spec.name,
        dataset=record.spec.dataset.id,
        seed=None,
        steps=None,
        precision="",
        state="loaded",
        scored=scored,
        why=f"{record.source}; {licence}",
        n_bytes=size_of(path),
        directory=path,
    )


def _told(record: TrainRecord, scored: tuple[str, ...], path: Path) -> FoundRun:
    spec, sign = record.spec, read_sign(path)
    alive = sign is not None and is_alive(sign.process)
    error = record.error
    why = [] if error is None else [f"{error.phase}: {error.message}"]
    return FoundRun(
        variant=spec.variant,
        dataset=spec.dataset.id,
        seed=spec.seed,
        steps=spec.steps,
        precision=spec.precision,
        state="running" if alive else STATES[record.status],
        scored=scored,
        why="; ".join([*why, *record.not_comparable_because]),
        n_bytes=size_of(path),
        directory=path,
    )


def _scored(directory: RunDirectory) -> tuple[str, ...]:
    """Under which protocols a run was scored, each with the number of images, told once."""
    told = (f"{one.protocol.id} x {one.n_images}" for one in directory.score_records())
    return tuple(dict.fromkeys(told))
