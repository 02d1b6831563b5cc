"""Verifies directories of records, several at once, each in a process of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.records.record import Failure
from bench.replay.verify.result import Result, Tally
from bench.run.engines.local import Limits, LocalEngine
from bench.run.events import Event, JobEnded
from bench.run.job import Comparison, Installation, Job, VerifyJob
from catalog.schema import Registry


def installation_of(
    registry: Registry,
    registry_sha256: str,
    device: str,
    n_threads: int,
    extractor_weights: Path | None,
) -> Installation:
    """What the registry and this machine offer to verify with."""
    return Installation(
        datasets=registry.datasets,
        extractors=registry.extractors,
        device=device,
        n_threads=n_threads,
        registry_sha256=registry_sha256,
        extractor_weights=extractor_weights,
    )


def verify(
    sources: Sequence[Path],
    installation: Installation,
    report: Callable[[Result], None],
    *,
    n_slots: int,
    timeout_s: float | None = None,
    runs_dir: Path | None = None,
    retrain: bool = False,
    comparison: Comparison = "auto",
) -> list[Result]:
    """Verify the records of some directories; nothing is written there.

    Args:
        sources: run directories, or the one of calibration scores.
        installation: what to verify with.
        report: called with each result when it is complete.
        n_slots: jobs at once.
        timeout_s: per job, or None for no limit.
        runs_dir: where weights may lie that a source does not have.
        retrain: whether to train again instead of reading weights.
        comparison: how strictly to compare.

    Raises:
        KeyboardInterrupt: passed on after the running jobs have stopped.
    """
    tally = Tally()

    def watch(event: Event) -> None:
        tally.watch(event)
        if isinstance(event, JobEnded):
            report(tally.results[event.job])

    with tempfile.TemporaryDirectory(prefix="aigc-verify-") as scratch:
        jobs: list[Job] = [
            VerifyJob(
                name=source.resolve().name,
                source=source,
                directory=Path(scratch, str(number)),
                around=installation,
                runs_dir=runs_dir,
                retrain=retrain,
                comparison=comparison,
            )
            for number, source in enumerate(sources)
        ]
        engine = LocalEngine(installation.device, n_slots, Limits(timeout_s), _nothing_to_bury)
        engine.run(jobs, watch)
    return list(tally.results.values())


def _nothing_to_bury(job: Job, failure: Failure) -> None:
    """A verifying job that dies leaves no record that would have to be closed."""
