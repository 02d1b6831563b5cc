"""What running jobs tell their watcher. Events are small, picklable and complete in themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.records.record import PhaseName, RunSubject, ScoreRecord


@dataclass(frozen=True)
class Event:
    """Something that a job tells; jobs of other rooms have kinds of their own."""

    job: str


@dataclass(frozen=True)
class JobStarted(Event):
    """A job has begun in a process of its own."""


@dataclass(frozen=True)
class PhaseStarted(Event):
    """A job has entered one of its phases."""

    phase: PhaseName


@dataclass(frozen=True)
class TrainProgress(Event):
    """A training has come some way; losses are means since the last event."""

    step: int
    n_steps: int
    losses: dict[str, float] = field(default_factory=dict)
    images_per_s: float = 0.0


@dataclass(frozen=True)
class Scored(Event):
    """One image set of a job has its score."""

    what: str
    distance: float | None

    @classmethod
    def of(cls, job: str, record: ScoreRecord) -> Scored:
        """The event that announces a new score record."""
        subject = record.subject
        what = subject.sampler if isinstance(subject, RunSubject) else subject.name
        distance = record.metric("fid")
        return cls(job, what, distance.value if distance else None)


@dataclass(frozen=True)
class JobEnded(Event):
    """A job is over; ``message`` says why when it is not a success, or what is odd about it."""

    status: str
    message: str = ""
    hint: str = ""


Watch = Callable[[Event], None]
