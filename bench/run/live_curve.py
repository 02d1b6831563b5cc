"""The curve of a training that is still running, in a file that anybody may look at."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType

from bench.records.curve import Point, curve_csv, read_curve
from bench.records.files import LATEST_GRID, LIVE_CURVE
from bench.run.events import Event, PhaseStarted, TrainProgress, Watch
from catalog.files import write_atomically

EVERY_S = 2.0
"""Least time between two writes in a training; what is left is written when the phase is over."""


class LiveCurve(AbstractContextManager["LiveCurve"]):
    """A watcher of a job's events that keeps ``live.csv`` and passes every event on.

    A training that goes on from a checkpoint goes on with the curve as well; points beyond the
    checkpoint are made again. As a context it is the time of the job: after a success the finished
    curve and the final grids stand in the directory, so ``live.csv`` and ``latest.png`` go. After
    anything else they stay.

    Args:
        directory: of the job; the caller holds it while the context lasts.
        watch: who else wants to know.
    """

    def __init__(self, directory: Path, watch: Watch) -> None:
        self.directory = directory
        self.file = directory / LIVE_CURVE
        self.watch = watch
        self._points: list[Point] | None = None
        self._n_written = 0
        self._next = 0.0

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        if isinstance(event, TrainProgress):
            self._known(event.step).append((event.step, event.losses))
            if time.monotonic() >= self._next:
                self._write()
        elif isinstance(event, PhaseStarted):
            self._write()
        self.watch(event)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave what the way in which the job ended asks for."""
        if kind is not None:
            self._write()
            return
        for name in (LIVE_CURVE, LATEST_GRID):
            with suppress(OSError):
                (self.directory / name).unlink(missing_ok=True)

    def _known(self, step: int) -> list[Point]:
        """The points so far, at the first report of a sitting those from before it."""
        if self._points is None:
            self._points = [point for point in read_curve(self.file) if point[0] < step]
            self._n_written = len(self._points)
            if not self._points:  # another training of this run began and was given up
                with suppress(OSError):
                    (self.directory / LATEST_GRID).unlink(missing_ok=True)
        return self._points

    def _write(self) -> None:
        """Replace the file if there is news.

        Like a sign of life it is not synced, and a disk without room does not stop a training.
        """
        if self._points is None or len(self._points) == self._n_written:
            return
        with suppress(OSError):
            write_atomically(self.file, curve_csv(self._points), synced=False)
        self._n_written = len(self._points)
        self._next = time.monotonic() + EVERY_S
