"""Runs jobs on this machine: each in a process of its own, a few at a time.

On a CPU, children are forked from a server process that has already imported torch, which makes a
job start in milliseconds; CUDA cannot be used after a fork, so there they are spawned. A child that
crashes, runs too long or is killed costs its own job and nothing else.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from bench.events import Event, JobEnded, JobStarted, PhaseStarted, Watch
from bench.job import Job

PRELOADED = ["bench.worker", "sklearn.datasets", "sklearn.mixture"]
STOP_GRACE_S = 30.0

Buried = Callable[[Job, str, str, str], None]
"""(job, phase, error type, message): called for a job whose process cannot speak for itself."""


def warm_up(device: str) -> None:
    """Start loading torch in the fork server while the caller is still busy with other things."""
    if not device.startswith("cuda"):
        _context(device)
        from multiprocessing import forkserver

        forkserver.ensure_running()


def _context(device: str) -> BaseContext:
    if device.startswith("cuda"):
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


@dataclass
class _Child:
    job: Job
    process: BaseProcess
    deadline: float
    phase: str = "data"
    ended: JobEnded | None = None


@dataclass
class LocalEngine:
    """One child per slot.

    Attributes:
        n_slots: jobs at once.
        timeout_s: per job, or None for no limit.
        bury: writes the record of a job whose process died or was killed for its time.
    """

    device: str
    n_slots: int
    timeout_s: float | None
    bury: Buried
    _running: dict[Connection, _Child] = field(default_factory=dict)

    def run(self, jobs: Sequence[Job], watch: Watch) -> list[JobEnded]:
        """Run all jobs to their end, in order of their start.

        A KeyboardInterrupt stops the children, which save their state first, and is passed on.
        """
        waiting = deque(jobs)
        ended: list[JobEnded] = []
        context = _context(self.device)
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self.n_slots:
                    self._start(context, waiting.popleft(), watch)
                ended += self._listen(watch)
        except KeyboardInterrupt:
            self._stop_all(watch)
            raise
        return ended

    def _start(self, context: BaseContext, job: Job, watch: Watch) -> None:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=child_main, args=(job, sender))  # type: ignore[attr-defined]
        process.start()
        sender.close()
        limit = time.monotonic() + self.timeout_s if self.timeout_s else float("inf")
        self._running[receiver] = _Child(job, process, limit)
        watch(JobStarted(job.name))

    def _listen(self, watch: Watch) -> list[JobEnded]:
        """Pass on what children say; returns the jobs that are over."""
        nearest = min(child.deadline for child in self._running.values())
        patience = None if nearest == float("inf") else max(0.0, nearest - time.monotonic())
        for connection in wait(list(self._running), patience):
            self._hear(connection, watch)  # type: ignore[arg-type]
        for child in self._running.values():
            if child.ended is None and time.monotonic() >= child.deadline:
                child.process.kill()
                child.process.join()  # its last write must not follow the record of its death
                message = f"took longer than {self.timeout_s:g} s"
                child.ended = self._bury(child, "Timeout", message)
        over = [c for c, child in self._running.items() if child.ended is not None]
        return [self._close(connection, watch) for connection in over]

    def _hear(self, connection: Connection, watch: Watch) -> None:
        child = self._running[connection]
        try:
            event: Event = connection.recv()
        except (EOFError, OSError):  # OSError: killed in the middle of a message
            child.process.join()
            child.ended = self._bury(child, "ProcessDied", _cause(child.process.exitcode))
            return
        if isinstance(event, JobEnded):
            child.ended = event
        else:
            if isinstance(event, PhaseStarted):
                child.phase = event.phase
            watch(event)

    def _bury(self, child: _Child, kind: str, message: str) -> JobEnded:
        self.bury(child.job, child.phase, kind, message)
        return JobEnded(child.job.name, "error", f"{kind}: {message}")

    def _close(self, connection: Connection, watch: Watch) -> JobEnded:
        child = self._running.pop(connection)
        child.process.join()
        connection.close()
        if child.ended is None:
            raise RuntimeError("only a job that is over is closed")
        watch(child.ended)
        return child.ended

    def _stop_all(self, watch: Watch) -> None:
        for child in self._running.values():
            child.process.terminate()
        give_up = time.monotonic() + STOP_GRACE_S
        while self._running and time.monotonic() < give_up:
            for connection in wait(list(self._running), 0.5):
                self._hear(connection, watch)  # type: ignore[arg-type]
            for connection in [c for c, child in self._running.items() if child.ended]:
                self._close(connection, watch)
        for child in self._running.values():
            child.process.kill()
        self._running.clear()


def _cause(exit_code: int | None) -> str:
    if exit_code is None or exit_code >= 0:
        return f"the process ended with exit code {exit_code} and no result"
    name = signal.Signals(-exit_code).name
    why = "; the system does that when memory runs out" if name == "SIGKILL" else ""
    return f"the process was killed by {name}{why}"


def child_main(job: Job, connection: Connection) -> None:
    """Entry of a child process: do the job, report through the pipe, stop when told or orphaned."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C reaches children too
    from bench.worker import run_job

    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: told.append(number))
    parent = os.getppid()

    def watch(event: Event) -> None:
        try:
            connection.send(event)
        except (BrokenPipeError, ConnectionResetError):
            told.append(signal.SIGPIPE)

    def should_stop() -> bool:
        return bool(told) or os.getppid() != parent

    watch(run_job(job, watch, should_stop))
    connection.close()
