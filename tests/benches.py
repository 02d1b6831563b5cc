"""Whole suites of small models in a folder of their own, and processes that hold or wait there."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import STEPS, environment_of, offer_plugin, tiny_registry, tiny_variant, wait_until

from bench.identity.digest import sha256_of_file
from bench.machine.process import ProcessId, this_host
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory
from bench.run.engines.local import Limits
from bench.run.events import Event
from bench.run.plan import Narrowing, Plan, make_plan
from bench.run.runner import Manner, Outcome, run_plan, surroundings
from catalog.read.loader import load_registry

DEAD = ProcessId(pid=1, created_at=0.0, host=this_host())
"""A successor of it is always there, with another start."""
FAULTY = "faulty_models:Faulty"
SAVED = STEPS // 2
"""A step after which a checkpoint has just been saved: a tenth of the budget divides it."""


@dataclasses.dataclass(frozen=True)
class Bench:
    """A registry with one suite, and a runs directory."""

    file: Path
    runs: Path

    def plan(self, **narrowing: Any) -> Plan:
        registry = load_registry(self.file)
        return make_plan(registry, registry.suite("tiny"), self.runs, Narrowing(**narrowing))

    def run(
        self,
        watch: Callable[[Event], None] = lambda _: None,
        *,
        narrowing: dict[str, Any] | None = None,
        n_slots: int = 1,
        timeout_s: float | None = None,
        memory_bytes: int | None = None,
        **manner: Any,
    ) -> Outcome:
        plan = self.plan(**(narrowing or {}))
        around = surroundings(plan, torch.device("cpu"), self.file, None)
        limits = Limits(timeout_s, memory_bytes)
        return run_plan(plan, around, watch, Manner(n_slots, limits, **manner))

    def directory(self, name: str) -> RunDirectory:
        job = next(job for job in self.plan().jobs if job.spec.variant == name)
        return RunDirectory(job.directory)

    def record(self, name: str) -> TrainRecord:
        record = self.directory(name).train_record()
        assert record is not None
        return record

    def weights(self, name: str) -> str:
        return sha256_of_file(self.directory(name).weights)

    def why(self, name: str) -> tuple[str, str]:
        return next((j.state, j.why) for j in self.plan().jobs if j.spec.variant == name)


@pytest.fixture
def bench_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    monkeypatch.syspath_prepend(offer_plugin(tmp_path / "plugin"))

    def make(*variants: Any, runs: str = "runs", **settings: Any) -> Bench:
        file = tiny_registry(tmp_path / "registry.yaml", variants, **settings)
        return Bench(file, tmp_path / runs)

    return make


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """While this file is there, a model told to wait for it waits; its process is beside it."""
    file = tmp_path / "gate"
    file.touch()
    yield file
    file.unlink(missing_ok=True)


def waiting(gate: Path) -> dict[str, Any]:
    return tiny_variant("waiting", FAULTY, fault="wait", at_step=SAVED, gate=str(gate))


def process_at(gate: Path, command: subprocess.Popen[str] | None = None) -> int:
    """The id of the process that waits at a gate, on behalf of a command that has not ended."""
    file = gate.with_name(f"{gate.name}.pid")

    def there() -> bool:
        if command is not None and command.poll() is not None:
            raise AssertionError(f"the command ended: {command.communicate()}")
        return file.exists()

    wait_until(there, "a model at its gate")
    return int(file.read_text())


HOLD = """
import sys
from pathlib import Path
from bench.records.run_directory import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_holder(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds a directory until its stdin is closed."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(directory)],
        env=environment_of(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        if process.poll() is None:
            process.kill()
