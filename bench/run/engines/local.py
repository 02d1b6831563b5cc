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
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

from bench.machine.memory import kills_for_memory, resident_bytes
from bench.machine.units import size_text
from bench.records.record import Failure, PhaseName
from bench.run.events import Event, JobEnded, JobStarted, PhaseStarted, Watch
from bench.run.failures import CRASHED, HINTS, KILLED, OUT_OF_MEMORY, TIMEOUT
from bench.run.job import Job

PRELOADED = [
    *("bench.run.worker", "bench.run.train_job", "bench.run.calibration_job"),
    *("bench.score.scoring_bench", "sklearn.datasets", "sklearn.mixture"),
    "bench.run.engines.frozen",
]
LISTEN_S = 0.2
"""How long children that were asked to stop are waited for before their grace is looked at."""
LOOK_EVERY_S = 1.0
"""How often the memory of running children is read."""

FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})


@dataclass(frozen=True)
class Limits:
    """What a job may take before it is ended, each None for no limit.

    Attributes:
        timeout_s: wall-clock time.
        memory_bytes: resident memory of its process.
    """

    timeout_s: float | None = None
    memory_bytes: int | None = None


def warm_up(device: str) -> None:
    """Start loading torch in the fork server while the caller is still busy with other things."""
    if not device.startswith("cuda"):
        process_context(device)
        from multiprocessing import forkserver

        forkserver.ensure_running()


def process_context(device: str) -> BaseContext:
    """How processes are started that compute on a device."""
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
    phase: PhaseName = "data"
    peak_memory_bytes: int = 0
    ended: JobEnded | None = None


@dataclass
class LocalEngine:
    """One child per slot.

    Attributes:
        n_slots: jobs at once.
        limits: of every job.
        fail_fast: whether the first failure stops everything else, which saves its state.
    """

    device: str
    n_slots: int
    limits: Limits
    fail_fast: bool = False
    _running: dict[Connection, _Child] = field(default_factory=dict)
    _kills_for_memory: int = field(default_factory=kills_for_memory)

    def run(self, jobs: Sequence[Job], watch: Watch) -> list[JobEnded]:
        """Run all jobs to their end, in order of their start.

        A KeyboardInterrupt stops the children, which save their state first, and is passed on.
        """
        waiting = deque(jobs)
        ended: list[JobEnded] = []
        context = process_context(self.device)
        try:
            while waiting or self._running:
                while waiting and len(self._running) < self.n_slots:
                    self._start(context, waiting.popleft(), watch)
                ended += self._listen(watch)
                if self.fail_fast and any(end.status == "error" for end in ended):
                    ended += self._stop_all(watch)
                    break
        except KeyboardInterrupt:
            self._stop_all(watch)
            raise
        return ended

    def _start(self, context: BaseContext, job: Job, watch: Watch) -> None:
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(target=child_main, args=(job, sender))  # type: ignore[attr-defined]
        process.start()
        sender.close()
        timeout_s = self.limits.timeout_s
        limit = time.monotonic() + timeout_s if timeout_s else float("inf")
        self._running[receiver] = _Child(job, process, limit)
        watch(JobStarted(job.name))

    def _listen(self, watch: Watch) -> list[JobEnded]:
        """Pass on what children say; returns the jobs that are over."""
        nearest = min(child.deadline for child in self._running.values())
        patience = min(LOOK_EVERY_S, max(0.0, nearest - time.monotonic()))
        for connection in wait(list(self._running), patience):
            self._hear(connection, watch)  # type: ignore[arg-type]
        for child in self._running.values():
            if child.ended is None:
                self._hold_to_limits(child)
        over = [c for c, child in self._running.items() if child.ended is not None]
        return [self._close(connection, watch) for connection in over]

    def _hear(self, connection: Connection, watch: Watch) -> None:
        child = self._running[connection]
        try:
            event: Event = connection.recv()
        except (EOFError, OSError):  # OSError: killed in the middle of a message
            child.process.join()
            child.ended = self._bury(child, *self._cause(child))
            return
        if isinstance(event, JobEnded):
            child.ended = event
        else:
            if isinstance(event, PhaseStarted):
                child.phase = event.phase
            watch(event)

    def _hold_to_limits(self, child: _Child) -> None:
        taken = resident_bytes(child.process.pid) if child.process.pid else 0
        child.peak_memory_bytes = max(child.peak_memory_bytes, taken)
        allowed = self.limits.memory_bytes
        if time.monotonic() >= child.deadline:
            excess = (TIMEOUT, f"took longer than {self.limits.timeout_s:g} s")
        elif allowed is not None and taken > allowed:
            limit = f"took {size_text(taken)}, more than the limit of {size_text(allowed)}"
            excess = (OUT_OF_MEMORY, limit)
        else:
            return
        self._end(child, *excess)

    def _end(self, child: _Child, kind: str, message: str) -> None:
        """Kill a child, and say so on its record."""
        child.process.kill()
        child.process.join()  # its last write must not follow the record of its death
        child.ended = self._bury(child, kind, message)

    def _cause(self, child: _Child) -> tuple[str, str]:
        """Kind and message for a child that fell silent."""
        exit_code = child.process.exitcode
        if exit_code is None or exit_code >= 0:
            return CRASHED, f"the process ended with exit code {exit_code} and no result"
        number = signal.Signals(-exit_code)
        seen = child.peak_memory_bytes
        last_seen = f", last seen with {size_text(seen)} of memory" if seen else ""
        if number == signal.SIGKILL and kills_for_memory() > self._kills_for_memory:
            self._kills_for_memory = kills_for_memory()
            return OUT_OF_MEMORY, f"the system killed the process for its memory{last_seen}"
        kind = KILLED if number in FROM_OUTSIDE else CRASHED
        return kind, f"the process was killed by {number.name}{last_seen}"

    def _bury(self, child: _Child, kind: str, message: str) -> JobEnded:
        failure = Failure(
            phase=child.phase,
            type=kind,
            message=message,
            hint=HINTS[kind],
            peak_memory_bytes=child.peak_memory_bytes or None,
        )
        said = f"{kind}: {message}"
        try:
            child.job.bury(failure)
        except OSError as refusal:  # a full disk must not take the other jobs along
            said += f"; there is no record of it: {refusal.strerror}"
        return JobEnded(child.job.name, "error", said, HINTS[kind])

    def _close(self, connection: Connection, watch: Watch) -> JobEnded:
        child = self._running.pop(connection)
        child.process.join()
        connection.close()
        if child.ended is None:
            raise RuntimeError("only a job that is over is closed")
        watch(child.ended)
        return child.ended

    def _stop_all(self, watch: Watch) -> list[JobEnded]:
        """Ask all children to stop, and end those that do not listen within their grace."""
        ended: list[JobEnded] = []
        asked_at = time.monotonic()
        for child in self._running.values():
            child.process.terminate()
        while self._running:
            for connection in wait(list(self._running), LISTEN_S):
                self._hear(connection, watch)  # type: ignore[arg-type]
            waited_s = time.monotonic() - asked_at
            for child in self._running.values():
                grace_s = child.job.stop_grace_s
                if child.ended is None and waited_s >= grace_s:
                    message = f"went on for more than {grace_s:g} s after it was asked to stop"
                    self._end(child, KILLED, message)
            over = [c for c, child in self._running.items() if child.ended]
            ended += [self._close(connection, watch) for connection in over]
        return ended


def child_main(job: Job, connection: Connection) -> None:
    """Entry of a child process: do the job, report through the pipe, stop when told or orphaned."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's Ctrl-C reaches children too
    from bench.run.worker import run_job

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
