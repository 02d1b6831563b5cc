"""The engine that runs jobs in processes: what it makes of children that fall silent."""

from __future__ import annotations

import multiprocessing
import os
import struct
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from bench.records.record import Failure
from bench.run.engines.local import Limits, LocalEngine, _Child
from bench.run.events import Event, JobEnded, JobStarted, PhaseStarted
from bench.run.failures import HINTS


class Mortal:
    """A job that remembers what an engine wrote into its last record."""

    def __init__(self) -> None:
        self.name = "vae s0"
        self.stop_grace_s = 0.3
        self.buried: list[tuple[str, str, str]] = []

    def bury(self, failure: Failure) -> None:
        assert failure.hint
        self.buried.append((failure.phase, failure.type, failure.message))


def listening(exit_code: int | None) -> tuple[LocalEngine, Connection, Mortal]:
    """An engine with one child whose end of the pipe the test holds."""
    job: Any = Mortal()
    engine = LocalEngine("cpu", 1, Limits())
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process: Any = SimpleNamespace(
        join=lambda: None, exitcode=exit_code, pid=None, terminate=Mock(), kill=Mock()
    )
    engine._running[receiver] = _Child(job, process, float("inf"))
    return engine, sender, job


def listen(engine: LocalEngine) -> tuple[list[JobEnded], list[Event]]:
    """Everything that is said until the child is over."""
    events: list[Event] = []
    while not (ended := engine._listen(events.append)):
        pass
    return ended, events


def close(sender: Connection) -> None:
    sender.close()


def close_in_the_middle_of_a_message(sender: Connection) -> None:
    os.write(sender.fileno(), struct.pack("!i", 1000) + b"half of it")
    sender.close()


@pytest.mark.parametrize("fall_silent", [close, close_in_the_middle_of_a_message])
@pytest.mark.parametrize(
    ("exit_code", "kind", "message"),
    [
        (-9, "Killed", "the process was killed by SIGKILL"),
        (-15, "Killed", "the process was killed by SIGTERM"),
        (-11, "Crashed", "the process was killed by SIGSEGV"),
        (3, "Crashed", "the process ended with exit code 3 and no result"),
        (0, "Crashed", "the process ended with exit code 0 and no result"),
    ],
)
def test_a_child_that_falls_silent_is_buried_with_its_phase(
    exit_code: int, kind: str, message: str, fall_silent: Callable[[Connection], None]
) -> None:
    engine, sender, job = listening(exit_code)
    sender.send(PhaseStarted("vae s0", "train"))
    fall_silent(sender)
    ended, events = listen(engine)
    assert ended == [JobEnded("vae s0", "error", f"{kind}: {message}", HINTS[kind])]
    assert events == [PhaseStarted("vae s0", "train"), *ended]
    assert job.buried == [("train", kind, message)]
    assert engine._running == {}


def test_a_child_that_says_how_it_ended_is_believed() -> None:
    engine, sender, job = listening(None)
    sender.send(JobStarted("vae s0"))
    sender.send(JobEnded("vae s0", "success"))
    sender.close()
    ended, events = listen(engine)
    assert ended == [JobEnded("vae s0", "success")]
    assert events == [JobStarted("vae s0"), *ended]
    assert job.buried == []


def test_a_child_that_outlives_its_grace_is_ended_and_buried() -> None:
    engine, sender, job = listening(None)
    (child,) = engine._running.values()
    sender.send(PhaseStarted("vae s0", "train"))
    events: list[Event] = []
    ended = engine._stop_all(events.append)
    message = "went on for more than 0.3 s after it was asked to stop"
    assert ended == [JobEnded("vae s0", "error", f"Killed: {message}", HINTS["Killed"])]
    assert job.buried == [("train", "Killed", message)]
    assert events == [PhaseStarted("vae s0", "train"), *ended]
    for asked in (child.process.terminate, child.process.kill):
        asked.assert_called_once_with()  # type: ignore[attr-defined]


def test_a_child_that_stops_within_its_grace_says_so_itself() -> None:
    engine, sender, job = listening(None)
    (child,) = engine._running.values()
    said = JobEnded("vae s0", "cancelled", "stopped")
    sender.send(said)
    assert engine._stop_all(lambda _: None) == [said]
    assert job.buried == []
    child.process.kill.assert_not_called()  # type: ignore[attr-defined]
