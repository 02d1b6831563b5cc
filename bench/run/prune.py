"""What may go from a runs directory: found by rules, shown first, removed only when told.

Nothing that a living process holds, nothing behind a link and nothing with an unknown name is ever
chosen. Records of good results go only with a choice that says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.identity.spec import TrainSpec
from bench.machine.process import is_alive
from bench.records.files import CALIBRATION_FOLDER, LOCK, WEIGHTS, FileKind, walk
from bench.records.lease import RUNNER, announced, name_of_holder, read_holder, read_sign
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory, busy, exclusive
from bench.run.failures import KILLED
from bench.run.plan import difference, planned_specs
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Registry, Suite

Choice = Literal["checkpoints", "drafts", "stale", "failed", "weights", "cache"]
_RUN_NAME = re.compile(r"(?P<stem>.+)-(?:s\d+|loaded)-[0-9a-f]{8}")
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

    def as_data(self) -> dict[str, Any]:
        """For programs; paths with forward slashes."""
        return {
            "choice": self.choice,
            "directory": self.place.as_posix(),
            "files": [file.relative_to(self.place).as_posix() for file in self.files],
            "whole": self.whole,
            "n_bytes": self.n_bytes,
            "reason": self.reason,
        }


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


class Plans:
    """What suites plan, to tell a stale run from one that some suite wants.

    Args:
        registry: of all suites.
        suite: the one in question; None for all.
    """

    def __init__(self, registry: Registry, suite: Suite | None) -> None:
        # Which runs a suite wants is unknown before its pixels are known: none of them is stale.
        known = [one for one in registry.suites if registry.dataset(one.dataset).is_pinned]
        specs = {each.id: planned_specs(registry, each) for each in known}
        everything = [spec for of_suite in specs.values() for spec in of_suite]
        chosen = everything if suite is None else specs.get(suite.id, ())
        self._wanted = {spec.run_id for spec in everything}
        self._chosen = {_address(spec): spec for spec in chosen}
        self._stems = suite and {
            f"{variant.id}-{suite.dataset}" for variant in registry.variants_of(suite)
        }

    def covers(self, directory: Path) -> bool:
        """Whether a directory has the name of a run of the suites in question."""
        named = _RUN_NAME.fullmatch(directory.name)
        return named is not None and (self._stems is None or named["stem"] in self._stems)

    def staleness(self, record: TrainRecord) -> str | None:
        """How a run of the planned seed and budget was trained otherwise; None if it was not."""
        planned = self._chosen.get(_address(record.spec))
        if planned is None or record.run_id in self._wanted:
            return None
        return f"trained otherwise than planned: {difference(record.spec, planned)}"


def find_removals(
    runs_dir: Path, choices: Collection[Choice], plans: Plans, cache: Path
) -> Pruning:
    """Everything in a runs directory, and in the folder of caches, that some choices let go.

    Changes nothing.
    """
    found = [
        one
        for directory in _directories(runs_dir, plans)
        for one in _in_directory(directory, choices, plans)
    ]
    holder = read_holder(runs_dir) if "drafts" in choices else None
    if holder is not None and is_alive(holder.process) is False:
        found.append(_removal("drafts", runs_dir, [runs_dir / RUNNER], f"{holder.label} is dead"))
    features = cache / "features"
    if "cache" in choices and not features.is_symlink():
        cached = [
            f for f in sorted(features.glob("*.safetensors")) if f.is_file() and not f.is_symlink()
        ]
        if cached:
            reason = "the next scoring makes them again"
            found.append(_removal("cache", features, cached, reason))
    return Pruning(
        tuple(one for one in found if isinstance(one, Removal)),
        tuple(one for one in found if isinstance(one, Kept)),
    )


def require_idle(runs_dir: Path) -> None:
    """Refuse a runs directory in which a command is at work.

    Raises:
        MissingPrerequisite: it names the command.
    """
    name = name_of_holder(runs_dir)
    if name is not None:
        raise busy(runs_dir, name)


def find_and_remove(runs_dir: Path, find: Callable[[], Pruning]) -> Pruning:
    """Find and remove while nobody else can write to the runs directory."""
    if not runs_dir.is_dir():
        return remove(find())
    with exclusive(runs_dir):
        found = find()  # before the note of this command takes the place of a dead one's
        with announced(runs_dir, "bench prune"):
            return remove(found)


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
    lock = removal.place / LOCK
    with exclusive(removal.place) if removal.whole or lock.exists() else nullcontext():
        # The main weights first: without them the rest of the weights counts as gone, too.
        for file in sorted(removal.files, key=lambda file: file.name != WEIGHTS):
            file.unlink(missing_ok=True)
    if removal.whole:
        lock.unlink(missing_ok=True)
        for folder in (removal.place / "scores", removal.place):
            with suppress(OSError):  # not empty: somebody put a file there this moment
                folder.rmdir()


def _directories(runs_dir: Path, plans: Plans) -> Iterator[Path]:
    for path in sorted(runs_dir.glob("*")):
        ours = path.name == CALIBRATION_FOLDER or plans.covers(path)
        if ours and path.is_dir() and not path.is_symlink():
            yield path


def _in_directory(
    directory: Path, choices: Collection[Choice], plans: Plans
) -> Iterator[Removal | Kept]:
    files = list(walk(directory))
    try:
        record = RunDirectory(directory).train_record()
    except InvalidInput as error:
        yield Kept(directory, f"its record is broken: {error.where}")
        return
    sign = read_sign(directory)
    if sign is not None and is_alive(sign.process) is not False:
        yield Kept(directory, f"process {sign.process.pid} may be at work in it")
        return
    whole = _whole(record, choices, plans) if record else None
    if whole is not None:
        choice, reason = whole
        strangers = [path.relative_to(directory).as_posix() for path, kind in files if not kind]
        if strangers:
            names = ", ".join(strangers)
            yield Kept(directory, f"{choice}, but it holds unknown files: {names}")
        else:
            known = [path for path, kind in files if kind != "lock"]
            yield _removal(choice, directory, known, reason, whole=True)
        return
    finished = record is not None and record.status == "success"
    rules: tuple[tuple[Choice, FileKind, bool, str], ...] = (
        ("checkpoints", "checkpoint", finished, "the run is finished"),
        ("drafts", "draft", True, "its process died while writing"),
        ("drafts", "live", finished, "the run is finished"),
        ("drafts", "progress", True, "its process is dead"),
        ("weights", "weights", finished, "can't be verified without training again"),
    )
    for choice, wanted, applies, reason in rules:
        chosen = [path for path, kind in files if kind == wanted]
        if choice in choices and applies and chosen:
            yield _removal(choice, directory, chosen, reason)


def _whole(
    record: TrainRecord, choices: Collection[Choice], plans: Plans
) -> tuple[Choice, str] | None:
    """The choice that lets a whole run go, with the reason, if there is one."""
    if "stale" in choices and (how := plans.staleness(record)) is not None:
        return "stale", how
    # The run of a dead process goes on, and a good training is only to be scored.
    error = record.error
    if "failed" in choices and error and error.type != KILLED and not record.is_trained:
        return "failed", f"{error.phase}: {error.message}"
    return None


def _removal(
    choice: Choice, place: Path, files: Iterable[Path], reason: str, *, whole: bool = False
) -> Removal:
    known = tuple(files)
    n_bytes = sum(file.stat().st_size for file in known)
    return Removal(choice, place, known, n_bytes, reason, whole)


def _address(spec: TrainSpec) -> tuple[str, str, int, int]:
    return spec.variant, spec.dataset.id, spec.seed, spec.steps
