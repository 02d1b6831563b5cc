"""What may go from a runs directory: found by rules, shown first, removed only when told.

Nothing that a living process holds, nothing behind a link and nothing with an unknown name is ever
chosen. Records of good results go only with a choice that says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.identity.spec import TrainSpec
from bench.machine.process import is_alive
from bench.records.disk import size_of
from bench.records.files import CALIBRATION_FOLDER, LOCK, WEIGHTS, FileKind, walk
from bench.records.lease import RUNNER, read_holder, read_sign
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory, exclusive
from bench.run.failures import KILLED
from bench.run.plan import difference, planned_specs
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Registry, Suite

Choice = Literal["checkpoints", "drafts", "stale", "failed", "weights", "cache"]
Address = tuple[str, str, int, int]
_RUN_NAME = re.compile(r"(?P<stem>.+)-s\d+-[0-9a-f]{8}")
USELESS: tuple[Choice, ...] = ("checkpoints", "drafts")
"""What can never be used again; removing it is the default."""


@dataclass(frozen=True)
class Removal:
    """Files that go together, or stay together.

    Attributes:
        place: the run directory, or the folder of the cache.
        files: all regular files with known names, below ``place``.
        whole: the directory goes with them.
    """

    choice: Choice
    place: Path
    files: tuple[Path, ...]
    n_bytes: int
    reason: str
    whole: bool = False

    @property
    def what(self) -> str:
        """The files by name, or their number where they are many."""
        if self.whole:
            return "the whole run"
        names = [file.relative_to(self.place).as_posix() for file in self.files]
        return ", ".join(names) if len(names) <= 2 else f"{len(names)} files"


@dataclass(frozen=True)
class Kept:
    """Something that was chosen by its kind and stays all the same, and why."""

    place: Path
    reason: str


@dataclass(frozen=True)
class Pruning:
    """What would go and what stays although it was asked for."""

    removals: tuple[Removal, ...]
    kept: tuple[Kept, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes that removing everything gives back."""
        return sum(removal.n_bytes for removal in self.removals)


@dataclass(frozen=True)
class Plans:
    """What suites plan, to tell a stale run from one that some suite wants.

    Attributes:
        run_ids: of everything that any suite of the registry plans.
        chosen: what the suites in question plan, by variant, data set, seed and steps.
        stems: beginnings of the names of run directories in question; None for all.
    """

    run_ids: frozenset[str]
    chosen: dict[Address, TrainSpec]
    stems: frozenset[str] | None

    def covers(self, directory: Path) -> bool:
        """Whether a directory has the name of a run of the suites in question."""
        named = _RUN_NAME.fullmatch(directory.name)
        return named is not None and (self.stems is None or named["stem"] in self.stems)

    def staleness(self, record: TrainRecord) -> str | None:
        """How a run of the planned seed and budget was trained otherwise; None if it was not."""
        planned = self.chosen.get(_address(record.spec))
        if planned is None or record.run_id in self.run_ids:
            return None
        return f"trained otherwise than planned: {difference(record.spec, planned)}"


def plans_of(registry: Registry, suite: Suite | None) -> Plans:
    """What one suite plans, or all of them, against what all of them plan."""
    specs = {each.id: planned_specs(registry, each) for each in registry.suites}
    everything = [spec for of_suite in specs.values() for spec in of_suite]
    chosen = everything if suite is None else specs[suite.id]
    stems = frozenset(spec.run_id.rpartition("-s")[0] for spec in chosen)
    return Plans(
        run_ids=frozenset(spec.run_id for spec in everything),
        chosen={_address(spec): spec for spec in chosen},
        stems=None if suite is None else stems,
    )


def find_removals(runs_dir: Path, choices: Collection[Choice], plans: Plans) -> Pruning:
    """Everything in a runs directory that some choices let go; changes nothing."""
    removals: list[Removal] = []
    kept: list[Kept] = []
    for directory in _directories(runs_dir, plans):
        found = _in_directory(directory, choices, plans)
        removals += found.removals
        kept += found.kept
    if "drafts" in choices:
        removals += _dead_runner(runs_dir)
    return Pruning(tuple(removals), tuple(kept))


def remove(pruning: Pruning) -> Pruning:
    """Remove what was found, directory by directory; returns what went and what stayed.

    The caller holds the runs directory; a run directory that a job without a runner still holds
    stays as it is.
    """
    gone: list[Removal] = []
    kept = list(pruning.kept)
    for removal in pruning.removals:
        try:
            _remove(removal)
        except MissingPrerequisite as error:
            kept.append(Kept(removal.place, error.what))
        else:
            gone.append(removal)
    return Pruning(tuple(gone), tuple(kept))


def _remove(removal: Removal) -> None:
    if not removal.whole:
        if (removal.place / LOCK).exists():
            with exclusive(removal.place):
                _unlink(removal.files)
        else:
            _unlink(removal.files)
        return
    with exclusive(removal.place):
        _unlink(removal.files)
    (removal.place / LOCK).unlink(missing_ok=True)
    for folder in (removal.place / "scores", removal.place):
        with suppress(OSError):  # not empty: somebody put a file there this moment
            folder.rmdir()


def _unlink(files: Sequence[Path]) -> None:
    # The main weights first: without them the rest of the weights counts as gone, too.
    for file in sorted(files, key=lambda file: file.name != WEIGHTS):
        file.unlink(missing_ok=True)


def _directories(runs_dir: Path, plans: Plans) -> Iterator[Path]:
    if runs_dir.is_dir():
        for path in sorted(runs_dir.iterdir()):
            ours = path.name == CALIBRATION_FOLDER or plans.covers(path)
            if ours and path.is_dir() and not path.is_symlink():
                yield path


def _in_directory(directory: Path, choices: Collection[Choice], plans: Plans) -> Pruning:
    files = list(walk(directory))
    try:
        record = RunDirectory(directory).train_record()
    except InvalidInput as error:
        return Pruning((), (Kept(directory, f"its record is broken: {error.where}"),))
    sign = read_sign(directory)
    if sign is not None and is_alive(sign.process) is not False:
        return Pruning((), (Kept(directory, f"process {sign.process.pid} may be at work in it"),))
    whole = _whole(record, choices, plans) if record else None
    if whole is not None:
        return _all_of(directory, files, *whole)
    return Pruning(tuple(_parts(directory, files, record, choices)), ())


def _whole(
    record: TrainRecord, choices: Collection[Choice], plans: Plans
) -> tuple[Choice, str] | None:
    """The choice that lets a whole run go, with the reason, if there is one."""
    if "stale" in choices and (how := plans.staleness(record)) is not None:
        return "stale", how
    if "failed" in choices and _is_lost(record):
        error = record.error
        return "failed", f"{error.phase}: {error.message}" if error else "failed"
    return None


def _is_lost(record: TrainRecord) -> bool:
    """Whether a run failed for good: a dead process goes on, a good training is only to score."""
    failed = record.error is not None and record.error.type != KILLED
    return failed and not record.is_trained


def _all_of(
    directory: Path, files: list[tuple[Path, FileKind | None]], choice: Choice, reason: str
) -> Pruning:
    strangers = [path.relative_to(directory).as_posix() for path, kind in files if kind is None]
    if strangers:
        names = ", ".join(strangers)
        return Pruning((), (Kept(directory, f"{choice}, but it holds unknown files: {names}"),))
    known = tuple(path for path, kind in files if kind != "lock")
    removal = Removal(choice, directory, known, size_of(directory), reason, whole=True)
    return Pruning((removal,), ())


def _parts(
    directory: Path,
    files: list[tuple[Path, FileKind | None]],
    record: TrainRecord | None,
    choices: Collection[Choice],
) -> Iterator[Removal]:
    """Files that go from a run directory that stays."""
    finished = record is not None and record.status == "success"
    rules: tuple[tuple[Choice, FileKind, bool, str], ...] = (
        ("checkpoints", "checkpoint", finished, "the run is finished"),
        ("drafts", "draft", True, "its process died while writing"),
        ("drafts", "live", finished, "the run is finished"),
        ("drafts", "progress", True, "its process is dead"),
        ("weights", "weights", finished, "can't be verified without training again"),
    )
    for choice, wanted, applies, reason in rules:
        chosen = tuple(path for path, kind in files if kind == wanted)
        if choice in choices and applies and chosen:
            yield _removal(choice, directory, chosen, reason)


def _dead_runner(runs_dir: Path) -> list[Removal]:
    holder = read_holder(runs_dir)
    if holder is None or is_alive(holder.process) is not False:
        return []
    return [_removal("drafts", runs_dir, (runs_dir / RUNNER,), f"{holder.label} is dead")]


def cached_features(cache: Path) -> list[Removal]:
    """The cache of reference features, which the next scoring makes again."""
    folder = cache / "features"
    if folder.is_symlink() or not folder.is_dir():
        return []
    files = tuple(
        path
        for path in sorted(folder.glob("*.safetensors"))
        if path.is_file() and not path.is_symlink()
    )
    reason = "the next scoring makes them again"
    return [_removal("cache", folder, files, reason)] if files else []


def _removal(choice: Choice, place: Path, files: tuple[Path, ...], reason: str) -> Removal:
    return Removal(choice, place, files, sum(file.stat().st_size for file in files), reason)


def _address(spec: TrainSpec) -> Address:
    return spec.variant, spec.dataset.id, spec.seed, spec.steps
