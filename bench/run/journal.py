"""Keeps the train record of a running job on disk in step with what happens."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import torch

from bench.identity.code import Loop, code_of_spec
from bench.identity.spec import TrainSpec
from bench.machine.memory import peak_memory_bytes
from bench.records.environment import environment, provenance
from bench.records.record import (
    Failure,
    Phase,
    PhaseName,
    PhaseStatus,
    Provenance,
    TrainRecord,
    now,
)
from bench.records.redaction import anonymous
from bench.records.run_directory import RunDirectory
from bench.run.failures import diagnose
from bench.run.job import Surroundings


class Journal:
    """The record of one job; every change is on disk before the job goes on.

    Args:
        directory: of the run; the caller holds it.
        spec: what is trained.
        around: device and registry.
        not_comparable_because: reasons that keep the record out of leaderboards.

    Attributes:
        record: its present state.
    """

    def __init__(
        self,
        directory: RunDirectory,
        spec: TrainSpec,
        around: Surroundings,
        not_comparable_because: tuple[str, ...],
    ) -> None:
        self.directory = directory
        self.spec = spec
        self.around = around
        self.device = torch.device(around.device)
        self._enter("data")
        tuned = around.tuned or spec.precision != "fp32"
        earlier = directory.train_record()
        self.record = TrainRecord(
            run_id=spec.run_id,
            train_hash=spec.train_hash,
            status="started",
            spec=spec,
            comparable=not not_comparable_because,
            not_comparable_because=not_comparable_because,
            created_at=earlier.created_at if earlier else now(),
            updated_at=now(),
            environment=environment(self.device),
            provenance=self._provenance("tuned" if tuned else "plain"),
        )
        if earlier and earlier.is_trained and directory.weights.exists():
            self.update(**{name: getattr(earlier, name) for name in _kept_when_scoring(earlier)})
        else:
            self.update()

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
        self.update(provenance=self._provenance(loop))

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

    def _provenance(self, loop: Loop) -> Provenance:
        return provenance(self.around.registry_sha256, code_of_spec(self.spec, loop))

    def _public(self, text: str) -> str:
        return anonymous(text, runs_dir=self.directory.path.parent)


def _kept_when_scoring(earlier: TrainRecord) -> tuple[str, ...]:
    """Fields that tell of the training itself, which a later sitting only scores."""
    told = (
        *("phases", "parameters", "taken_over", "cost", "health", "measures"),
        *("artifacts", "environment", "provenance"),
    )
    # A limit on the scored images casts no doubt on a training that was beyond doubt before.
    return (*told, "comparable", "not_comparable_because") if earlier.comparable else told
