"""What the jobs of a runs directory are doing now, and what those did that ended just now.

Looking takes no lock, loads no model and disturbs nobody: everything is read from small files that
jobs leave, each of which may be gone the next moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from bench.machine.process import is_alive
from bench.records.curve import Point, newest_curve
from bench.records.files import LATEST_GRID
from bench.records.lease import Holder, read_holder
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory
from bench.run.heartbeat import Sign, read_sign
from catalog.errors import InvalidInput, MissingPrerequisite

State = Literal["running", "elsewhere", "dead", "success", "error", "cancelled", "interrupted"]
"""``elsewhere``: a process on another machine said so; ``interrupted``: nothing says what became
of it."""
RECENT_S = 600.0
"""A job that ended within this time has ended just now."""
SILENT_S = 3600.0
"""A process on another machine that was not heard of for so long is no longer waited for."""


@dataclass(frozen=True)
class LiveJob:
    """One job as its files show it.

    Attributes:
        directory: of the run.
        label: variant and seed, or the directory's name where no record tells them.
        phase: of a job that is not over; of one that failed, the phase in which it did.
        step: updates done, None before the first report.
        images_per_s: at the last report, of a finished training on the whole.
        eta_s: time that the training will still take, None where that is unknown.
        age_s: time since the last word of it.
        losses: means since the report before the last.
        grid: the newest picture of what the model makes, None where there is none.
        message: why it is no success.
    """

    directory: Path
    label: str
    state: State
    age_s: float
    phase: str = ""
    step: int | None = None
    n_steps: int | None = None
    images_per_s: float | None = None
    eta_s: float | None = None
    losses: dict[str, float] | None = None
    curve: tuple[Point, ...] = ()
    grid: Path | None = None
    message: str = ""

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to come, as far as that can be told."""
        far_and_silent = self.state == "elsewhere" and self.age_s > SILENT_S
        return self.state not in ("running", "elsewhere") or far_and_silent

    def as_data(self) -> dict[str, Any]:
        """For programs; paths with forward slashes."""
        return {
            "job": self.label,
            "directory": self.directory.as_posix(),
            "state": self.state,
            "phase": self.phase,
            "step": self.step,
            "n_steps": self.n_steps,
            "images_per_s": self.images_per_s,
            "eta_s": self.eta_s,
            "age_s": self.age_s,
            "losses": self.losses or {},
            "curve": [{"step": step, "losses": losses} for step, losses in self.curve],
            "grid": self.grid.as_posix() if self.grid else None,
            "message": self.message,
        }


@dataclass(frozen=True)
class Frame:
    """A look at a runs directory.

    Attributes:
        jobs: those at work by name, then those that ended, the last one first.
        holder: the command at work there, None where none is.
    """

    jobs: tuple[LiveJob, ...]
    holder: Holder | None

    @property
    def is_over(self) -> bool:
        """Whether nothing is at work."""
        return self.holder is None and all(job.is_over for job in self.jobs)


def look(runs_dir: Path, stems: Collection[str] | None = None) -> Frame:
    """What is going on in a runs directory.

    Where nothing is at work and nothing ended just now, the job that ended last is shown.

    Args:
        runs_dir: as given to ``aigc bench run``.
        stems: beginnings ``variant-dataset`` of the names of the runs in question; None for all.

    Raises:
        MissingPrerequisite: there is no run at all.
    """
    now = datetime.now(UTC)
    holder = read_holder(runs_dir)
    if holder is not None and is_alive(holder.process) is not True:
        holder = None
    signs: list[LiveJob] = []
    ended: list[tuple[float, Path]] = []
    for directory in _runs(runs_dir, stems):
        sign = read_sign(directory)
        if sign is not None:
            signs.append(_at_work(directory, sign, now))
        elif (changed := _changed(directory)) is not None:
            ended.append((changed, directory))
    if not signs and not ended and holder is None:
        raise MissingPrerequisite(
            "there is no run to look at", where=str(runs_dir), hint="aigc bench run SUITE"
        )
    since = _recently(now, holder)
    ended.sort(key=lambda pair: (-pair[0], pair[1].name))
    recent = [directory for changed, directory in ended if changed >= since]
    if not signs and not recent and holder is None:
        recent = [directory for _, directory in ended[:1]]
    return Frame((*signs, *(_over(directory, now) for directory in recent)), holder)


def _runs(runs_dir: Path, stems: Collection[str] | None) -> Iterator[Path]:
    for path in sorted(runs_dir.iterdir()) if runs_dir.is_dir() else ():
        named = stems is None or path.name.rpartition("-s")[0] in stems
        if named and path.is_dir() and not path.is_symlink():
            yield path


def _changed(directory: Path) -> float | None:
    """When the record of a run was last written, in seconds since 1970; None where it has none."""
    try:
        return RunDirectory(directory).train_json.stat().st_mtime
    except OSError:
        return None


def _recently(now: datetime, holder: Holder | None) -> float:
    """From when on the end of a job is news, in seconds since 1970."""
    recent = now.timestamp() - RECENT_S
    return min(recent, holder.started_at.timestamp()) if holder else recent


def _at_work(directory: Path, sign: Sign, now: datetime) -> LiveJob:
    """A job that left a sign of life, whose process may be dead."""
    alive = is_alive(sign.process)
    age_s = max(0.0, (now - sign.updated_at).total_seconds())
    curve = newest_curve(directory) if sign.phase in ("train", "sample", "score") else ()
    return LiveJob(
        directory=directory,
        label=_label(directory, _record(directory)),
        state="elsewhere" if alive is None else "running" if alive else "dead",
        age_s=age_s,
        phase=sign.phase,
        step=sign.step,
        n_steps=sign.n_steps,
        images_per_s=sign.images_per_s,
        eta_s=None if sign.eta_s is None else max(0.0, sign.eta_s - age_s),
        losses=sign.losses,
        curve=curve,
        grid=_grid(directory),
    )


def _over(directory: Path, now: datetime) -> LiveJob:
    """A job that ended in an orderly way, or whose record says that it was killed."""
    record, curve = _record(directory), newest_curve(directory)
    if record is None:
        label, changed = _label(directory, None), _changed(directory)
        age_s = max(0.0, now.timestamp() - changed) if changed else 0.0
        return LiveJob(directory, label, "interrupted", age_s, message="its record is broken")
    step, losses = curve[-1] if curve else (None, record.health.last_losses)
    error, cost = record.error, record.cost
    return LiveJob(
        directory=directory,
        label=_label(directory, record),
        state="interrupted" if record.status == "started" else record.status,
        age_s=max(0.0, (now - record.updated_at).total_seconds()),
        phase=error.phase if error else "",
        step=step,
        n_steps=record.spec.steps,
        images_per_s=cost.images_per_s if cost else None,
        losses=losses,
        curve=curve,
        grid=_grid(directory),
        message=error.message.strip().partition("\n")[0] if error else "",
    )


def _record(directory: Path) -> TrainRecord | None:
    try:
        return RunDirectory(directory).train_record()
    except InvalidInput:
        return None


def _label(directory: Path, record: TrainRecord | None) -> str:
    return record.spec.label if record else directory.name


def _grid(directory: Path) -> Path | None:
    """The newest of the grid so far and the final one of the model's own sampler."""
    finals = sorted(directory.glob("grid-*.png"), key=_rank)
    times: list[tuple[float, Path]] = []
    for file in (directory / LATEST_GRID, *finals[:1]):
        try:
            times.append((file.stat().st_mtime, file))
        except OSError:
            continue
    return max(times)[1] if times else None


def _rank(file: Path) -> tuple[bool, bool, bool, str]:
    """Own samplers before the mixture and reconstructions, averaged weights before raw ones."""
    name = file.stem
    return "reconstruction" in name, "gmm" in name, name.endswith("-raw"), name
