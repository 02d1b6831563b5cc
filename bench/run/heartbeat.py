"""Signs of life: what a running job last said of itself, in a file that anybody may look at.

``<run>/progress.json`` is there while a job is at work and goes when it ends in an orderly way. If
it stays behind, its process was killed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError

from bench.machine.memory import peak_resident_bytes, resident_bytes
from bench.machine.process import ProcessId, this_process
from bench.records.files import PROGRESS, sweep_drafts
from bench.records.record import Record, to_json
from bench.run.events import Event, PhaseStarted, TrainProgress, Watch
from catalog.files import write_atomically

EVERY_S = 2.0
"""Least time between two signs in a training; the start of a phase is always told."""


class Sign(Record):
    """What a job's process said last.

    Attributes:
        step: of a training; None in other phases and before the first report.
        losses: means since the report before, by name.
        eta_s: how long the training would still take at the pace of this sitting so far; None
            while that is unknown.
        memory_bytes: resident memory of the process at that time.
        peak_memory_bytes: most resident memory that the process ever had.
    """

    schema_version: Literal[1] = 1
    process: ProcessId
    phase: str
    step: int | None = None
    n_steps: int | None = None
    losses: dict[str, float] = Field(default_factory=dict)
    images_per_s: float | None = None
    eta_s: float | None = None
    memory_bytes: int
    peak_memory_bytes: int
    updated_at: AwareDatetime


class SignsOfLife:
    """A watcher of a job's events that leaves signs of life and passes every event on.

    Args:
        directory: of the job; the caller holds it.
        watch: who else wants to know.
    """

    def __init__(self, directory: Path, watch: Watch) -> None:
        self.file = directory / PROGRESS
        self.watch = watch
        self._process = this_process()
        self._phase = ""
        self._next = 0.0
        self._first: tuple[float, int] | None = None

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        if isinstance(event, PhaseStarted):
            self._phase = event.phase
            self._write(None)
            self._next = 0.0  # the first step of a training is told at once
            self._first = None
        elif isinstance(event, TrainProgress) and time.monotonic() >= self._next:
            self._write(event)
            self._next = time.monotonic() + EVERY_S
        self.watch(event)

    def _write(self, at: TrainProgress | None) -> None:
        """Replace the file, without waiting for the disk.

        A sign of life is read while its process lives. After a power failure there is neither a
        process nor a use for it, and a reader takes a file that is cut short for no file. So it is
        not synced, which would make a training wait; and a full disk is no reason to stop one.
        """
        now_bytes = resident_bytes(os.getpid())
        sign = Sign(
            process=self._process,
            phase=self._phase,
            step=at.step if at else None,
            n_steps=at.n_steps if at else None,
            losses=at.losses if at else {},
            images_per_s=at.images_per_s if at else None,
            eta_s=self._eta_s(at) if at else None,
            memory_bytes=now_bytes,
            peak_memory_bytes=max(now_bytes, peak_resident_bytes()),
            updated_at=datetime.now(UTC),
        )
        with suppress(OSError):
            write_atomically(self.file, to_json(sign), synced=False)

    def _eta_s(self, at: TrainProgress) -> float | None:
        """Time left, from all steps since the first report of this sitting."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, at.step
        since, first = self._first
        if at.step == first:
            return None
        return (now - since) / (at.step - first) * (at.n_steps - at.step)


@contextmanager
def tidied(directory: Path) -> Iterator[None]:
    """Remove a dead job's drafts from a directory that the caller holds; later the sign of life."""
    sweep_drafts(directory)
    try:
        yield
    finally:
        (directory / PROGRESS).unlink(missing_ok=True)


def read_sign(directory: Path) -> Sign | None:
    """The last sign of life in a run directory; None where there is no readable one."""
    try:
        return Sign.model_validate_json((directory / PROGRESS).read_bytes())
    except (OSError, ValidationError):
        return None
