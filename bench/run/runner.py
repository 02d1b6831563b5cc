"""Carries out a plan: makes its jobs, hands them to an engine and sums up how they ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from bench.data.loaders import require_loader
from bench.data.prepare import is_prepared
from bench.identity.local_registry import not_decoded, pinned_registry, require_made
from bench.identity.spec import TrainSpec
from bench.machine.units import size_text
from bench.records.disk import free_bytes, needed_bytes, size_of
from bench.records.lease import announced
from bench.records.record import Failure, TrainRecord, now
from bench.records.run_directory import CALIBRATION, RunDirectory, exclusive
from bench.run.engines.local import Limits, LocalEngine
from bench.run.events import JobEnded, Watch
from bench.run.job import Job, Surroundings, Task
from bench.run.journal import Journal
from bench.run.plan import Plan, PlannedJob
from bench.run.starting_point import require_start
from catalog.errors import MissingPrerequisite
from catalog.read.loader import registry_sha256
from catalog.read.locate import find_registry

LEAST_FREE = 20_000_000
"""Bytes below which nothing is begun: the records and the weights of one small run."""
SAVING_S = 30.0
"""Time that a training which was asked to stop has to save itself."""
LEAVING_S = 1.0
"""Time for what has nothing to save: each of its scores is on the disk or is made again."""


@dataclass(frozen=True)
class TrainJob:
    """Train one model if that is still to be done, then score what has no score yet.

    Attributes:
        not_comparable_because: reasons that keep its records out of leaderboards.
        start: where the run lies whose weights it goes on from; None if it draws its own.
    """

    spec: TrainSpec
    directory: Path
    around: Surroundings
    not_comparable_because: tuple[str, ...] = ()
    stop_grace_s: float = SAVING_S
    start: Path | None = None

    @property
    def name(self) -> str:
        """What progress displays call it."""
        return self.spec.label

    @property
    def n_threads(self) -> int:
        """CPU threads that it takes."""
        return self.around.n_threads

    def task(self, watch: Watch, should_stop: Callable[[], bool]) -> Task:
        """The work itself."""
        from bench.run.train_job import TrainTask

        return TrainTask(
            self.spec,
            RunDirectory(self.directory),
            self.around,
            self.not_comparable_because,
            watch,
            should_stop,
            start=self.start,
        )

    def bury(self, failure: Failure) -> None:
        """Close its record from outside; a job that died before its first record gets one now."""
        directory = RunDirectory(self.directory)
        record = directory.train_record()
        if record is None:
            reasons = self.not_comparable_because
            record = Journal(directory, self.spec, self.around, reasons).record
        changes = {"status": "error", "error": failure, "updated_at": now()}
        directory.write_train(TrainRecord.model_validate({**dict(record), **changes}))
        directory.give_room_back()


@dataclass(frozen=True)
class CalibrationJob:
    """Score the images that give a table its scale."""

    names: tuple[str, ...]
    directory: Path
    around: Surroundings
    name: str = CALIBRATION
    stop_grace_s: float = LEAVING_S

    @property
    def n_threads(self) -> int:
        """CPU threads that it takes."""
        return self.around.n_threads

    def task(self, watch: Watch, should_stop: Callable[[], bool]) -> Task:
        """The work itself."""
        from bench.run.calibration_job import CalibrationTask

        return CalibrationTask(self.names, self.directory, self.around, watch, should_stop)

    def bury(self, failure: Failure) -> None:
        """A calibration has no record of its own; the suite reports the failure."""


@dataclass(frozen=True)
class Manner:
    """How a plan is carried out.

    Attributes:
        n_slots: jobs at once.
        limits: of every job.
        retry_failed: whether jobs that failed before are tried again.
        fail_fast: whether the first failure stops the others, which save their state.
    """

    n_slots: int = 1
    limits: Limits = field(default_factory=Limits)
    retry_failed: bool = False
    fail_fast: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a run of a suite went.

    Attributes:
        ended: the jobs of this sitting.
        still_failed: jobs that failed in an earlier one and were not tried again.
        n_not_started: jobs that an early failure left untouched.
        results: run directories of the suite that are trained and scored, in order of their names.
    """

    ended: tuple[JobEnded, ...]
    still_failed: tuple[PlannedJob, ...]
    n_not_started: int = 0
    results: tuple[Path, ...] = ()

    @property
    def failures(self) -> list[str]:
        """One line for each job that has no result."""
        now = [f"{end.job}: {end.message}" for end in self.ended if end.status != "success"]
        before = [f"{job.spec.label}: {job.why}" for job in self.still_failed]
        return now + before


def surroundings(
    plan: Plan,
    device: torch.device,
    registry_file: Path | None,
    extractor_weights: Path | None,
    *,
    tuned: bool = False,
) -> Surroundings:
    """What the jobs of a plan share; one CPU thread each, as jobs side by side use cores best.

    Raises:
        InvalidInput: the program cannot load the suite's data set.
    """
    registry_path = find_registry(registry_file)
    registry = pinned_registry(registry_path)
    dataset = registry.dataset(plan.suite.dataset)
    require_loader(dataset)
    return Surroundings(
        dataset=dataset,
        protocol=plan.protocol,
        extractor=registry.extractor(plan.protocol.extractor),
        device=str(device),
        n_threads=1,
        registry_sha256=registry_sha256(registry_path),
        extractor_weights=extractor_weights,
        tuned=tuned,
    )


def jobs_of(plan: Plan, around: Surroundings, *, retry_failed: bool) -> list[Job]:
    """What is to be run, calibration first: it fills the cache of reference features."""
    calibration: list[Job] = []
    if plan.calibration:
        directory = plan.runs_dir / CALIBRATION
        calibration = [CalibrationJob(plan.calibration, directory, around)]
    return calibration + [
        TrainJob(job.spec, job.directory, around, plan.not_comparable_because, start=job.start)
        for job in plan.to_run(retry_failed=retry_failed)
    ]


def require_prerequisites(plan: Plan, around: Surroundings, *, retry_failed: bool) -> None:
    """Refuse to begin what could not be finished, before anything is trained.

    Raises:
        MissingPrerequisite: pixels, judge or its weights are not here, or the disk is too full.
        InvalidInput: the weights of the judge are not the registered ones.
    """
    from bench.score.extractors import load_extractor

    if not is_prepared(around.dataset):
        raise not_decoded(around.dataset)
    require_made(around.extractor)
    load_extractor(around.extractor, "cpu", around.extractor_weights)
    to_train = [job for job in plan.to_run(retry_failed=retry_failed) if job.state != "rescore"]
    _require_starts(to_train)
    sizes = {job.spec.run_id: size_of(job.directory) for job in to_train}
    needed, free = needed_bytes(plan.runs_dir, sizes) or 0, free_bytes(plan.runs_dir)
    if free < max(needed, LEAST_FREE):
        raise MissingPrerequisite(
            f"the disk has {size_text(free)} free, and the jobs to run will need about"
            f" {size_text(max(needed, LEAST_FREE))}",
            where=str(plan.runs_dir),
            hint="free some space (aigc bench prune), run fewer rows or name another --output-dir",
        )


def _require_starts(jobs: Iterable[PlannedJob]) -> None:
    """Refuse trainings whose earlier run is not there, or of which nothing would come over."""
    tried: set[str] = set()
    for job in jobs:
        if job.spec.start is None:
            continue
        if job.spec.variant in tried:  # other seeds have the same networks
            require_start(job.spec.start, job.start)
        else:
            from bench.models.build import build_from_spec
            from bench.run.trainee import begin

            begin(build_from_spec(job.spec), job.spec.start, job.start)
            tried.add(job.spec.variant)


def run_plan(plan: Plan, around: Surroundings, watch: Watch, manner: Manner) -> Outcome:
    """Run what a plan says is to be run.

    Raises:
        MissingPrerequisite: another process is writing to the runs directory, or something is
            missing that the jobs would ask for only later.
        InvalidInput: the weights of the judge are not the registered ones.
        KeyboardInterrupt: passed on after the running jobs saved their state.
    """
    engine = LocalEngine(around.device, manner.n_slots, manner.limits, manner.fail_fast)
    jobs = jobs_of(plan, around, retry_failed=manner.retry_failed)
    if jobs:
        require_prerequisites(plan, around, retry_failed=manner.retry_failed)
    command = f"bench run {plan.suite.id}"
    with exclusive(plan.runs_dir), announced(plan.runs_dir, command, manner.n_slots):
        ended = engine.run(jobs, watch)
    still_failed = () if manner.retry_failed else plan.in_state("failed")
    return Outcome(tuple(ended), still_failed, len(jobs) - len(ended), _results(plan, ended))


def _results(plan: Plan, ended: Sequence[JobEnded]) -> tuple[Path, ...]:
    now = {end.job for end in ended if end.status == "success"}
    good = (job for job in plan.jobs if job.state == "done" or job.spec.label in now)
    return tuple(sorted(job.directory for job in good))
