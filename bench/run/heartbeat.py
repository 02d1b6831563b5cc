"""What a running job leaves for whoever looks: a sign of life, and the curve of its training.

Both files are replaced every few seconds without waiting for the disk. They are read while the
job's process lives: after a power failure there is neither a process nor a use for them, and a
reader takes a file that is cut short for no file. A disk without room does not stop a training.
"""

from __future__ import annotations

import os
import time
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.machine.memory import peak_resident_bytes, resident_bytes
from bench.machine.process import this_process
from bench.records.curve import Point, curve_csv, read_curve
from bench.records.files import LATEST_GRID, LIVE_CURVE, PROGRESS, sweep_drafts
from bench.records.lease import Sign
from bench.records.record import to_json
from bench.run.events import Event, PhaseStarted, TrainProgress, Watch
from catalog.files import write_atomically

EVERY_S = 2.0
"""Least time between two writes in a training; the start of a phase is always told."""


class Heartbeat(AbstractContextManager["Heartbeat"]):
    """A watcher of a job's events that keeps ``progress.json`` and ``live.csv``, and passes all on.

    A training that goes on from a checkpoint goes on with the curve as well; points beyond the
    checkpoint are made again. As a context it is the time of the job: a dead job's drafts go before
    it and its own sign after it. After a success the finished curve and the final grids stand in
    the directory, so ``live.csv`` and ``latest.png`` go too; after anything else they stay.

    Args:
        directory: of the job; the caller holds it while the context lasts.
        watch: who else wants to know.
    """

    def __init__(self, directory: Path, watch: Watch) -> None:
        self.directory = directory
        self.watch = watch
        self._process = this_process()
        self._phase = ""
        self._next = 0.0
        self._first: tuple[float, int] | None = None
        self._points: list[Point] | None = None
        self._n_written = 0

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        if isinstance(event, PhaseStarted):
            self._phase = event.phase
            self._write_sign(None)
            self._write_curve()
            self._next = 0.0  # the first step of a training is told at once
            self._first = None
        elif isinstance(event, TrainProgress):
            self._known(event.step).append((event.step, event.losses))
            if time.monotonic() >= self._next:
                self._write_sign(event)
                self._write_curve()
                self._next = time.monotonic() + EVERY_S
        self.watch(event)

    def __enter__(self) -> Self:
        """Remove what a process that was killed while writing left."""
        sweep_drafts(self.directory)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what the way in which the job ended asks for."""
        if kind is not None:
            self._write_curve()
        else:
            self._remove(LIVE_CURVE, LATEST_GRID)
        (self.directory / PROGRESS).unlink(missing_ok=True)

    def _remove(self, *names: str) -> None:
        for name in names:
            with suppress(OSError):
                (self.directory / name).unlink(missing_ok=True)

    def _known(self, step: int) -> list[Point]:
        """The points so far, at the first report of a sitting those from before it."""
        if self._points is None:
            before = read_curve(self.directory / LIVE_CURVE)
            self._points = [point for point in before if point[0] < step]
            self._n_written = len(self._points)
            if not self._points:  # another training of this run began and was given up
                self._remove(LATEST_GRID)
        return self._points

    def _write_curve(self) -> None:
        """Replace the curve if there is news."""
        if self._points is not None and len(self._points) > self._n_written:
            self._replace(LIVE_CURVE, curve_csv(self._points))
            self._n_written = len(self._points)

    def _write_sign(self, at: TrainProgress | None) -> None:
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
        self._replace(PROGRESS, to_json(sign))

    def _replace(self, name: str, text: str) -> None:
        with suppress(OSError):
            write_atomically(self.directory / name, text, synced=False)

    def _eta_s(self, at: TrainProgress) -> float | None:
        """Time left, from all steps since the first report of this sitting."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, at.step
        since, first = self._first
        if at.step == first:
            return None
        return (now - since) / (at.step - first) * (at.n_steps - at.step)
