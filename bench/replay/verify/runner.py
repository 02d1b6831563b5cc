"""Verifies directories of records, several at once, each in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.records.files import LOAD
from bench.records.record import Failure
from bench.replay.verify.result import Result, Tally
from bench.replay.verify.verification import Verification
from bench.run.engines.local import Limits, LocalEngine
from bench.run.events import Event, JobEnded, Watch
from bench.run.job import Task


@dataclass(frozen=True)
class VerifyJob:
    """Make again what the records of one run, or of the calibration sets, say; and compare.

    Attributes:
        name: of the run's directory, or ``calibration``.
        source: where the records are; nothing in there is written, not even a lock.
        directory: a scratch folder of the job's own, which its maker removes.
        how: to verify.
        stop_grace_s: it has nothing to save.
    """

    name: str
    source: Path
    directory: Path
    how: Verification
    stop_grace_s: float = 1.0

    @property
    def n_threads(self) -> int:
        """CPU threads that it takes."""
        return self.how.n_threads

    def task(self, watch: Watch, should_stop: Callable[[], bool]) -> Task:
        """The work itself."""
        from bench.replay.verify.loaded import LoadedTask
        from bench.replay.verify.task import VerifyTask

        kind = LoadedTask if (self.source / LOAD).is_file() else VerifyTask
        return kind(self.name, self.source, self.directory, self.how, watch, should_stop)

    def bury(self, failure: Failure) -> None:
        """A verifying job that dies leaves no record that would have to be closed."""


def verify(
    sources: Sequence[Path],
    how: Verification,
    report: Callable[[Result], None],
    *,
    n_slots: int,
    timeout_s: float | None = None,
) -> list[Result]:
    """Verify the records of some directories; nothing is written there.

    Args:
        sources: run directories, or the one of calibration scores.
        how: to verify, and what with.
        report: called with each result when it is complete.
        n_slots: jobs at once.
        timeout_s: per job, or None for no limit.

    Raises:
        KeyboardInterrupt: passed on after the running jobs have stopped.
    """
    tally = Tally()

    def watch(event: Event) -> None:
        tally.watch(event)
        if isinstance(event, JobEnded):
            report(tally.results[event.job])

    with tempfile.TemporaryDirectory(prefix="aigc-verify-") as scratch:
        jobs = [
            VerifyJob(source.resolve().name, source, Path(scratch, str(number)), how)
            for number, source in enumerate(sources)
        ]
        LocalEngine(how.device, n_slots, Limits(timeout_s)).run(jobs, watch)
    return list(tally.results.values())
