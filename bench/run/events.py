"""What running jobs tell their watcher. Events are small, picklable and complete in themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bench.records.record import PhaseName, RunSubject, ScoreRecord
from bench.replay.verify.check import Check


@dataclass(frozen=True)
class JobStarted:
    """A job has begun in a process of its own."""

    job: str


@dataclass(frozen=True)
class PhaseStarted:
    """A job has entered one of its phases."""

    job: str
    phase: PhaseName


@dataclass(frozen=True)
class TrainProgress:
    """A training has come some way; losses are means since the last event."""

    job: str
    step: int
    n_steps: int
    losses: dict[str, float] = field(default_factory=dict)
    images_per_s: float = 0.0


@dataclass(frozen=True)
class Scored:
    """One image set of a job has its score."""

    job: str
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
class Verified:
    """One record was made again and compared; ``exact`` says whether nothing may differ."""

    job: str
    record: str
    exact: bool
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class NotVerified:
    """One record could not be compared; ``exit_code`` is that of the reason."""

    job: str
    record: str
    reason: str
    exit_code: int


@dataclass(frozen=True)
class JobEnded:
    """A job is over; ``message`` says why when it is not a success, or what is odd about it."""

    job: str
    status: str
    message: str = ""
    hint: str = ""


Event = JobStarted | PhaseStarted | TrainProgress | Scored | Verified | NotVerified | JobEnded
Watch = Callable[[Event], None]
