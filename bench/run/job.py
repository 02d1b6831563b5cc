"""A unit of work that a process can be handed, and what the worker makes of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.identity.protocol import ScoringProtocol
from bench.records.record import Failure
from bench.run.events import Watch
from catalog.schema import Dataset, Extractor

if TYPE_CHECKING:
    from bench.data import ImageData
    from bench.score.scoring_bench import ScoringBench


@dataclass(frozen=True)
class Surroundings:
    """What all jobs of a run share.

    Attributes:
        device: torch device string.
        n_threads: CPU threads of one job.
        registry_sha256: of the registry file that the jobs come from.
        extractor_weights: a weight file to use instead of looking for one, or None.
        tuned: whether trainings are replayed as CUDA graphs where they can be.
    """

    dataset: Dataset
    protocol: ScoringProtocol
    extractor: Extractor
    device: str
    n_threads: int
    registry_sha256: str
    extractor_weights: Path | None = None
    tuned: bool = False

    def scoring_bench(self, data: ImageData) -> ScoringBench:
        """The means to score what jobs make, which only a process that scores has to load."""
        import torch

        from bench.score.scoring_bench import ScoringBench

        return ScoringBench(
            data,
            self.protocol,
            self.extractor,
            torch.device(self.device),
            registry_sha256=self.registry_sha256,
            extractor_weights=self.extractor_weights,
        )


class Task(ABC):
    """A job at work, in the process that does it."""

    @abstractmethod
    def run(self) -> str:
        """Do everything that is still to be done; returns what is odd about it, if anything."""

    def stopped(self) -> None:  # noqa: B027 (most leave nothing half written)
        """Leave things in order after ``run`` was asked to stop."""

    def failed(self, error: Exception) -> None:  # noqa: B027 (most keep no record of their own)
        """Leave things in order after ``run`` has failed.

        Raises:
            OSError: the record of the failure cannot be written.
        """


class Job(Protocol):
    """Everything that a task needs, with nothing to look up; a small frozen value."""

    @property
    def name(self) -> str:
        """What progress displays call it."""

    @property
    def directory(self) -> Path:
        """Where it writes, which no other process may do at the same time."""

    @property
    def n_threads(self) -> int:
        """CPU threads that it takes."""

    @property
    def stop_grace_s(self) -> float:
        """How long its process may go on after it was asked to stop, before it is ended."""

    def task(self, watch: Watch, should_stop: Callable[[], bool]) -> Task:
        """The work itself; what it needs is imported here, so that a job costs its maker little."""

    def bury(self, failure: Failure) -> None:
        """Close the record of the job, whose process is gone, from outside; if it has one.

        Raises:
            OSError: the record cannot be written.
        """
