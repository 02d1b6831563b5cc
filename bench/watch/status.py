"""Where the jobs of a suite stand: what the plan says, and which processes are at work now.

Looking takes no lock and disturbs nobody. Whether something runs is told by the process that left
the last sign of life: it is the same process that still has that number, or it is dead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bench.machine.memory import in_words
from bench.machine.process import is_alive
from bench.records.lease import Holder, clock, read_holder
from bench.records.run_directory import RunDirectory
from bench.run.heartbeat import Sign, read_sign
from bench.run.plan import Plan, PlannedJob, saved_step

Life = Literal["none", "alive", "dead", "elsewhere"]
"""``elsewhere``: another machine's process, of which nothing can be said from here."""


@dataclass(frozen=True)
class JobStatus:
    """One job, as it is now.

    Attributes:
        sign: its last sign of life; None when it is not at work and ended in an orderly way.
        life: whether the process that left the sign still runs.
        resumes_from: the step of the checkpoint of a training that is not at work, or None.
    """

    job: PlannedJob
    sign: Sign | None
    life: Life
    resumes_from: int | None

    @property
    def state(self) -> str:
        """The plan's state, or that it is running."""
        return "running" if self.life == "alive" else self.job.state

    def detail(self, now: datetime) -> str:
        """What there is to say about it, in one line."""
        if self.sign is None:
            return self.job.why
        if self.life == "alive":
            return _at_work(self.sign, now)
        if self.life == "elsewhere":
            seen = f"a process on another machine was last heard of {ago(self.sign, now)}"
            return f"{self.job.why}; {seen}"
        return self._dead(self.sign, now)

    def _dead(self, sign: Sign, now: datetime) -> str:
        seen = f"last seen {ago(sign, now)} in {_place(sign)}"
        last = f"process {sign.process.pid} is dead, {seen}"
        if self.job.state == "resume":
            return f"{last}; goes on from step {self.resumes_from}"
        if self.job.state == "new":
            return f"{last}; trains from the start"
        return f"{self.job.why}; {last}"


@dataclass(frozen=True)
class RunnerStatus:
    """Whether a command is at work in a runs directory."""

    holder: Holder | None
    life: Life

    def sentence(self, now: datetime, last_sign: datetime | None) -> str:
        """What to tell a user; ``last_sign`` is the newest sign of life of any job."""
        if self.holder is None:
            return "no run is under way"
        label = self.holder.label
        if self.life == "alive":
            return f"{label} is at work"
        if self.life == "dead":
            return f"{label} is dead; the same command goes on from here"
        heard = last_sign or self.holder.started_at
        return (
            f"{label} runs or ran on another machine, which can't be told from here; "
            f"last sign of life {clock(heard)}, {_duration((now - heard).total_seconds())} ago"
        )


def job_status(job: PlannedJob) -> JobStatus:
    """Look at one job's signs of life."""
    sign = read_sign(job.directory)
    life = _life(sign)
    step = None
    if life != "alive" and job.state == "resume":
        step = saved_step(job.spec, RunDirectory(job.directory))
    return JobStatus(job, sign, life, step)


def suite_status(plan: Plan) -> tuple[JobStatus, ...]:
    """All jobs of a plan."""
    return tuple(map(job_status, plan.jobs))


def runner_status(runs_dir: Path) -> RunnerStatus:
    """Look at the note that a running command leaves in its runs directory."""
    holder = read_holder(runs_dir)
    return RunnerStatus(holder, _life(holder))


def newest_sign(jobs: tuple[JobStatus, ...]) -> datetime | None:
    """When any of some jobs was last heard of."""
    return max((job.sign.updated_at for job in jobs if job.sign), default=None)


def age_s(sign: Sign, now: datetime) -> float:
    """Seconds since a sign of life, never negative."""
    return max(0.0, (now - sign.updated_at).total_seconds())


def ago(sign: Sign, now: datetime) -> str:
    """How long ago a sign of life was given, in words."""
    return f"{_duration(age_s(sign, now))} ago"


def _life(note: Sign | Holder | None) -> Life:
    if note is None:
        return "none"
    alive = is_alive(note.process)
    return "elsewhere" if alive is None else "alive" if alive else "dead"


def _at_work(sign: Sign, now: datetime) -> str:
    parts = [_place(sign)]
    if sign.images_per_s is not None:
        parts.append(f"{sign.images_per_s:,.0f} images/s")
    peak = in_words(sign.peak_memory_bytes)
    parts.append(f"{in_words(sign.memory_bytes)}, peak {peak}")
    parts.append(f"last sign {ago(sign, now)}")
    return " · ".join(parts)


def _place(sign: Sign) -> str:
    step = f", step {sign.step} of {sign.n_steps}" if sign.step is not None else ""
    return f"{sign.phase}{step}"


def _duration(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def now_utc() -> datetime:
    """The present, for ``detail`` and ``sentence``."""
    return datetime.now(UTC)
