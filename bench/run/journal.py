"""Keeps the train record of a running job on disk in step with what happens."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

import torch

from bench.identity.code import Loop, code_of_training
from bench.machine.memory import peak_memory_bytes
from bench.records.environment import environment, provenance
from bench.records.record import Failure, Phase, PhaseName, PhaseStatus, Provenance, TrainRecord
from bench.records.redaction import anonymous
from bench.records.run_directory import RunDirectory
from bench.run.failures import diagnose
from bench.run.job import TrainJob


def now() -> datetime:
    """The present in UTC, to the second: records need no more."""
    return datetime.now(UTC).replace(microsecond=0)


class Journal:
    """The record of one job; every change is on disk before the job goes on.

    Attributes:
        record: its present state.
    """

    def __init__(self, job: TrainJob, directory: RunDirectory, device: torch.device) -> None:
        self.job = job
        self.directory = directory
        self.device = device
        self._enter("data")
        earlier = directory.train_record()
        self.record = TrainRecord(
            run_id=job.spec.run_id,
            train_hash=job.spec.train_hash,
            status="started",
            spec=job.spec,
            comparable=not job.not_comparable_because,
            not_comparable_because=job.not_comparable_because,
            created_at=earlier.created_at if earlier else now(),
            updated_at=now(),
            environment=environment(device),
            provenance=_provenance(job, "tuned" if job.tuned else "plain"),
        )
        if earlier and self.training_is_done(earlier) and directory.weights.exists():
            self.update(**{name: getattr(earlier, name) for name in _kept_when_scoring(earlier)})
        else:
            self.update()

    @staticmethod
    def training_is_done(record: TrainRecord) -> bool:
        """Whether the final weights of a run are there, whatever became of its scores."""
        return any(artifact.kind == "weights" for artifact in record.artifacts)

    def update(self, **changes: Any) -> None:
        """Change fields of the record and write it."""
        self.record = TrainRecord.model_validate(
            {**dict(self.record), **changes, "updated_at": now()}
        )
        self.directory.write_train(self.record)
        if self.record.status != "started":
            self.directory.give_room_back()

    def looped(self, loop: Loop) -> None:
        """Note by which loop the training goes: its code is part of what decides the result."""
        self.update(provenance=_provenance(self.job, loop))

    @contextmanager
    def phase(self, name: PhaseName) -> Iterator[None]:
        """Time a phase and add it to the record; an earlier phase of that name is replaced."""
        self._enter(name)
        yield
        self.update(phases=self._phases("success"))

    def resumed_from(self, step: int) -> None:
        """Note in the training phase that it went on from a checkpoint."""
        self.update(
            phases=tuple(
                phase.model_copy(update={"resumed_from_step": step})
                if phase.name == "train"
                else phase
                for phase in self.record.phases
            )
        )

    def fail(self, error: BaseException) -> Failure:
        """Close the record with an error and return what it says."""
        diagnosis = diagnose(error)
        failure = Failure(
            phase=self._phase_name,
            type=diagnosis.kind,
            message=self._public(diagnosis.message),
            hint=self._public(diagnosis.hint),
            traceback=self._public("".join(traceback.format_exception(error))),
            peak_memory_bytes=peak_memory_bytes(self.device),
        )
        self.update(status="error", error=failure, phases=self._phases("error"))
        return failure

    def stop(self) -> None:
        """Close the record of a job that was asked to stop."""
        self.update(status="cancelled", phases=self._phases("cancelled"))

    def _enter(self, name: PhaseName) -> None:
        self._phase_name: PhaseName = name
        self._entered_at, self._start = now(), perf_counter()

    def _phases(self, status: PhaseStatus) -> tuple[Phase, ...]:
        """All phases so far, the present one ended; an earlier one of its name is replaced."""
        name, wall_s = self._phase_name, perf_counter() - self._start
        ended = Phase(name=name, status=status, started_at=self._entered_at, wall_s=wall_s)
        return (*(phase for phase in self.record.phases if phase.name != name), ended)

    def _public(self, text: str) -> str:
        return anonymous(text, runs_dir=self.directory.path.parent)


def _provenance(job: TrainJob, loop: Loop) -> Provenance:
    code = code_of_training(job.spec.algorithm, job.spec.recipe, loop)
    return provenance(job.around.registry_sha256, code)


def _kept_when_scoring(earlier: TrainRecord) -> tuple[str, ...]:
    """Fields that tell of the training itself, which a later sitting only scores."""
    told = (
        *("phases", "parameters", "cost", "health", "measures"),
        *("artifacts", "environment", "provenance"),
    )
    # A limit on the scored images casts no doubt on a training that was beyond doubt before.
    return (*told, "comparable", "not_comparable_because") if earlier.comparable else told


def record_death(job: TrainJob, failure: Failure) -> None:
    """Close the record of a job whose process is gone, from outside.

    A job that died before its first record gets one now.
    """
    directory = RunDirectory(job.directory)
    record = directory.train_record()
    if record is None:
        record = Journal(job, directory, torch.device(job.around.device)).record
    changes = {"status": "error", "error": failure, "updated_at": now()}
    directory.write_train(TrainRecord.model_validate({**dict(record), **changes}))
    directory.give_room_back()
