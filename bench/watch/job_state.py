"""State of jobs as the small files in a runs directory show it: one model for every view.

Looking takes no lock, loads no model and disturbs nobody. Whether something is at work is told by
the process that left the last sign of life: it is the same process that still has that number, or
it is dead. Any file may be gone the next moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.machine.process import is_alive
from bench.machine.units import about, clock, size_text
from bench.records.curve import Point, newest_curve
from bench.records.files import LATEST_GRID
from bench.records.lease import Holder, Sign, read_holder, read_sign
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory
from catalog.errors import InvalidInput, MissingPrerequisite

if TYPE_CHECKING:
    from bench.run.plan import PlannedJob

Life = Literal["none", "alive", "dead", "elsewhere"]
"""State of the process that left a note; ``elsewhere``: on another machine, so unknown."""
State = Literal["running", "elsewhere", "dead", "success", "error", "cancelled", "interrupted"]
"""State of a job: the first three if it left a sign of life; ``interrupted``: its end unknown."""
AT_WORK: dict[Life, State] = {"alive": "running", "dead": "dead", "elsewhere": "elsewhere"}
RECENT_S = 600.0
"""Seconds after its end for which a job counts as just ended."""
SILENT_S = 3600.0
"""Seconds of silence after which a process on another machine is no longer waited for."""


@dataclass(frozen=True, kw_only=True)
class JobState:
    """One job as its files show it at one moment.

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
        message: the reason if it is no success.
        sign: its last sign of life; None when it ended in an orderly way.
    """

    directory: Path
    label: str
    state: State
    phase: str = ""
    step: int | None = None
    n_steps: int | None = None
    images_per_s: float | None = None
    eta_s: float | None = None
    age_s: float
    losses: dict[str, float] = field(default_factory=dict)
    curve: tuple[Point, ...] = ()
    grid: Path | None = None
    message: str = ""
    sign: Sign | None = None

    @property
    def life(self) -> Life:
        """Whether the process that left the sign still runs."""
        return next((life for life, state in AT_WORK.items() if state == self.state), "none")

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to come, as far as that can be told."""
        far_and_silent = self.state == "elsewhere" and self.age_s > SILENT_S
        return self.state not in ("running", "elsewhere") or far_and_silent

    @property
    def place(self) -> str:
        """The phase, and of a training the step: ``train, step 7 of 20``."""
        step = "" if self.step is None else f", step {self.step} of {self.n_steps}"
        return f"{self.phase}{step}"

    def as_data(self) -> dict[str, Any]:
        """The state as plain data for programs; paths have forward slashes."""
        told = {"job": self.label} | vars(self) | {
            "directory": self.directory.as_posix(),
            "curve": [{"step": step, "losses": losses} for step, losses in self.curve],
            "grid": self.grid.as_posix() if self.grid else None,
        }  # fmt: skip
        return {name: value for name, value in told.items() if name not in ("label", "sign")}


@dataclass(frozen=True)
class PlannedJobState:
    """A job of a plan, with what is going on in its directory.

    Attributes:
        now: what its files show; None when it is not at work and ended in an orderly way.
        resumes_from: the step of the checkpoint of a training that is not at work, or None.
    """

    job: PlannedJob
    now: JobState | None
    resumes_from: int | None

    @property
    def life(self) -> Life:
        """Whether the process that left the last sign still runs."""
        return self.now.life if self.now else "none"

    @property
    def state(self) -> str:
        """``running`` while it is alive, else the plan's state."""
        return "running" if self.life == "alive" else self.job.state

    @property
    def detail(self) -> str:
        """The job's situation in one line for people."""
        now = self.now
        if now is None or now.sign is None:
            return self.job.why
        ago = f"{about(now.age_s)} ago"
        if self.life == "alive":
            speed = [] if now.images_per_s is None else [speed_text(now.images_per_s)]
            used, peak = size_text(now.sign.memory_bytes), size_text(now.sign.peak_memory_bytes)
            return " · ".join([now.place, *speed, f"{used}, peak {peak}", f"last sign {ago}"])
        if self.life == "elsewhere":
            return f"{self.job.why}; a process on another machine was last heard of {ago}"
        last = f"process {now.sign.process.pid} is dead, last seen {ago} in {now.place}"
        if self.job.state == "resume":
            return f"{last}; goes on from step {self.resumes_from}"
        return (
            f"{last}; trains from the start"
            if self.job.state == "new"
            else f"{self.job.why}; {last}"
        )

    def as_data(self) -> dict[str, Any]:
        """Plain data for programs: details of the last sign of life beyond those in ``detail``."""
        sign = self.now.sign if self.now else None
        told = sign.model_dump(mode="json", exclude={"schema_version", "process"}) if sign else {}
        return {
            "process": self.life,
            "pid": sign.process.pid if sign else None,
            "resumes_from_step": self.resumes_from,
            "last_sign": told | {"age_s": self.now.age_s} if self.now else None,
        }


@dataclass(frozen=True)
class CommandState:
    """Whether a command is at work in a runs directory, by the note that it leaves there."""

    holder: Holder | None
    life: Life

    @classmethod
    def of(cls, runs_dir: Path) -> CommandState:
        """Look at a runs directory."""
        holder = read_holder(runs_dir)
        return cls(holder, _life(holder))

    def sentence(self, last_sign: datetime | None = None, now: datetime | None = None) -> str:
        """Sentence for a user; ``last_sign`` is the newest sign of life of any job."""
        if self.holder is None:
            return "no command is at work"
        if self.life == "alive":
            return f"{self.holder.label} is at work"
        if self.life == "dead":
            return f"{self.holder.label} is dead; the same command goes on from here"
        heard = last_sign or self.holder.started_at
        silence = about(((now or datetime.now(UTC)) - heard).total_seconds())
        return (
            f"{self.holder.label} runs or ran on another machine, which can't be told from here; "
            f"last sign of life {clock(heard)}, {silence} ago"
        )

    def as_data(self, last_sign: datetime | None) -> dict[str, Any]:
        """The state as plain data for programs."""
        holder = self.holder
        return {
            "state": self.life,
            "command": holder.command if holder else None,
            "pid": holder.process.pid if holder else None,
            "n_slots": holder.n_slots if holder else None,
            "started_at": holder.started_at.isoformat() if holder else None,
            "last_sign_at": last_sign.isoformat() if last_sign else None,
        }


@dataclass(frozen=True)
class WorkInProgress:
    """A look at a runs directory: jobs at work by name, then those that ended, the last first."""

    jobs: tuple[JobState, ...]
    command: CommandState

    @property
    def is_over(self) -> bool:
        """Whether nothing is at work."""
        return self.command.life != "alive" and all(job.is_over for job in self.jobs)


def work_in_progress(runs_dir: Path, stems: Collection[str] | None = None) -> WorkInProgress:
    """Jobs at work and jobs that just ended in a runs directory.

    Where nothing is at work and nothing ended just now, the job that ended last is shown.

    Args:
        runs_dir: as given to ``aigc bench run``.
        stems: beginnings ``variant-dataset`` of the names of the runs in question; None for all.

    Raises:
        MissingPrerequisite: there is no run at all.
    """
    now, command = datetime.now(UTC), CommandState.of(runs_dir)
    at_work: list[JobState] = []
    ended: list[tuple[float, Path]] = []
    for directory in sorted(runs_dir.iterdir()) if runs_dir.is_dir() else ():
        named = stems is None or directory.name.rpartition("-s")[0] in stems
        if not named or not directory.is_dir() or directory.is_symlink():
            continue
        job = job_at_work(directory, now)
        if job is not None:
            at_work.append(job)
        elif changed := _changed(RunDirectory(directory).train_json):
            ended.append((changed, directory))
    if not at_work and not ended and command.life != "alive":
        raise MissingPrerequisite(
            "there is no run to look at", where=str(runs_dir), hint="aigc bench run SUITE"
        )
    ended.sort(key=lambda pair: (-pair[0], pair[1].name))
    present = now.timestamp()
    since = present - RECENT_S
    if command.holder is not None and command.life == "alive":
        since = min(since, command.holder.started_at.timestamp())
    recent = [pair for pair in ended if pair[0] >= since]
    if not at_work and not recent and command.life != "alive":
        recent = ended[:1]
    shown = (_ended(directory, present - changed) for changed, directory in recent)
    return WorkInProgress((*at_work, *shown), command)


def job_at_work(directory: Path, now: datetime) -> JobState | None:
    """A job that left a sign of life, whose process may be dead; None where there is no sign."""
    sign = read_sign(directory)
    if sign is None:
        return None
    record = _record(directory)
    age_s = max(0.0, (now - sign.updated_at).total_seconds())
    has_curve = sign.phase in ("train", "sample", "score")
    return JobState(
        directory=directory,
        label=record.spec.label if record else directory.name,
        state=AT_WORK[_life(sign)],
        age_s=age_s,
        phase=sign.phase,
        step=sign.step,
        n_steps=sign.n_steps,
        images_per_s=sign.images_per_s,
        eta_s=None if sign.eta_s is None else max(0.0, sign.eta_s - age_s),
        losses=sign.losses,
        curve=newest_curve(directory) if has_curve else (),
        grid=_grid(directory),
        sign=sign,
    )


def planned_job_state(job: PlannedJob, now: datetime | None = None) -> PlannedJobState:
    """Look at one job of a plan."""
    at_work, step = job_at_work(job.directory, now or datetime.now(UTC)), None
    if job.state == "resume" and not (at_work and at_work.life == "alive"):
        from bench.run.plan import saved_step

        step = saved_step(job.spec, RunDirectory(job.directory))
    return PlannedJobState(job, at_work, step)


def newest_sign(jobs: Iterable[JobState | None]) -> datetime | None:
    """Time of the newest sign of life of some jobs, None without any."""
    return max((job.sign.updated_at for job in jobs if job and job.sign), default=None)


def speed_text(images_per_s: float) -> str:
    """Speed of a training in words: ``1,234 images/s``."""
    return f"{images_per_s:,.0f} images/s"


def _life(note: Sign | Holder | None) -> Life:
    if note is None:
        return "none"
    alive = is_alive(note.process)
    return "elsewhere" if alive is None else "alive" if alive else "dead"


def _ended(directory: Path, age_s: float) -> JobState:
    """A job that ended in an orderly way, or whose record says that it was killed."""
    record, curve = _record(directory), newest_curve(directory)
    error, cost = (record.error, record.cost) if record else (None, None)
    step, losses = curve[-1] if curve else (None, record.health.last_losses if record else None)
    told = error.message.strip().partition("\n")[0] if error else ""
    return JobState(
        directory=directory,
        label=record.spec.label if record else directory.name,
        state="interrupted" if record is None or record.status == "started" else record.status,
        phase=error.phase if error else "",
        step=step,
        n_steps=record.spec.steps if record else None,
        images_per_s=cost.images_per_s if cost else None,
        age_s=max(0.0, age_s),
        losses=losses or {},
        curve=curve,
        grid=_grid(directory),
        message=told if record else "its record is broken",
    )


def _record(directory: Path) -> TrainRecord | None:
    try:
        return RunDirectory(directory).train_record()
    except InvalidInput:
        return None


def _changed(file: Path) -> float | None:
    """Time of a file's last change, in seconds since 1970; None where there is no file."""
    try:
        return file.stat().st_mtime
    except OSError:
        return None


def _grid(directory: Path) -> Path | None:
    """The newest of the grid so far and the final one of the model's own sampler."""
    finals = sorted(directory.glob("grid-*.png"), key=_rank)
    times = [(_changed(file), file) for file in (directory / LATEST_GRID, *finals[:1])]
    return max(((time, file) for time, file in times if time is not None), default=(0, None))[1]


def _rank(file: Path) -> tuple[bool, bool, bool, str]:
    """Sort key: own samplers before mixture and reconstructions, averaged before raw weights."""
    name = file.stem
    return "reconstruction" in name, "gmm" in name, name.endswith("-raw"), name
