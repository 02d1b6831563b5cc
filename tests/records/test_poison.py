"""A suite of five and some poisoned jobs: five results, a reason each, and nothing else touched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers import (
    environment_of,
    offer_plugin,
    start_aigc,
    tiny_registry,
    tiny_variant,
    whole_registry,
)
from typer.testing import CliRunner

from bench.cli.main import app
from bench.records.record import TrainRecord, parse_train_record
from bench.run.failures import HINTS
from catalog.errors import AigcError

FAULTY = "faulty_models:Faulty"
GAN = "bench.models.gan:GAN"
FIVE = [
    tiny_variant("vae"),
    tiny_variant("vae-5", latent_dim=5),
    tiny_variant("ae", "bench.models.autoencoder:Autoencoder"),
    tiny_variant("gan", GAN, ema_decay=0.9),
    tiny_variant("gan-5", GAN, latent_dim=5),
]
HEALTHY = {variant["id"] for variant in FIVE}
FAULTS = {
    "raise": ("RuntimeError", "the model is broken"),
    "nan": ("Diverged", "is not finite after step 6"),
    "loss": ("Diverged", "has exploded to"),
    "weights": ("Diverged", "the weights have grown"),
    "allocate": ("OutOfMemory", "allocate"),
    "exit": ("Crashed", "exit code 3"),
    "segfault": ("Crashed", "SIGSEGV"),
    "kill": ("Killed", "SIGKILL"),
}
"""What goes wrong in a training by itself: the kind of the error, and a part of its message."""
MEMORY_GROUPS = Path("/sys/fs/cgroup/memory")
ENDED_S = 240.0


@dataclass(frozen=True)
class Ended:
    """A run of the suite in a folder of its own, once it is over."""

    folder: Path
    exit_code: int
    stdout: str
    stderr: str

    @property
    def records(self) -> dict[str, TrainRecord]:
        files = (self.folder / "runs").glob("*/train.json")
        found = [parse_train_record(file.read_bytes()) for file in files]
        return {record.spec.variant: record for record in found}

    def weights(self) -> dict[str, list[str]]:
        """Hashes of all weight files of the five healthy variants."""
        return {
            name: [a.sha256 for a in record.artifacts if a.kind == "weights"]
            for name, record in self.records.items()
            if name in HEALTHY
        }


def prepare(folder: Path, *poisoned: Any) -> list[str]:
    """Make a folder and, beside it, what a run of the five and more needs; returns the command."""
    folder.mkdir(parents=True, exist_ok=True)
    registry = tiny_registry(folder.parent / "six.yaml", [*poisoned, *FIVE])
    runs = folder / "runs"
    command = ["bench", "run", "tiny", "--registry", registry, "-o", runs, "--jobs", "2", "--json"]
    return list(map(str, command))


def run_six(folder: Path, poisoned: Any, *options: str) -> Ended:
    """Run the five and one more."""
    return run(folder, [*prepare(folder, poisoned), *options])


def run(folder: Path, command: list[str]) -> Ended:
    result = CliRunner().invoke(app, command)
    error = result.exception
    if isinstance(error, AigcError):
        return Ended(folder, error.exit_code, result.stdout, "\n".join(error.lines()))
    return Ended(folder, result.exit_code, result.stdout, result.stderr)


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the faulty models lie; this process, and its children, can import them."""
    folder = offer_plugin(tmp_path_factory.mktemp("faulty") / "plugin")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory, plugin: Path) -> Ended:
    usual = signal.getsignal(signal.SIGTERM)  # the command takes it over
    ended = run_six(tmp_path_factory.mktemp("healthy") / "six", tiny_variant("poisoned", FAULTY))
    signal.signal(signal.SIGTERM, usual)
    assert ended.exit_code == 0, ended.stderr
    return ended


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, healthy: Ended) -> Ended:
    """One run of the five beside as many trainings as there are faults, each with its own.

    One of them hangs until its time is over, and one takes more than its share of memory.
    """
    folder = tmp_path_factory.mktemp("faulty") / "six"
    gate = folder.with_name("gate")
    gate.touch()
    poisoned = [
        *(tiny_variant(f"bad-{fault}", FAULTY, fault=fault) for fault in (*FAULTS, "hoard")),
        tiny_variant("bad-wait", FAULTY, fault="wait", gate=str(gate)),
    ]
    usual = signal.getsignal(signal.SIGTERM)
    limits = ["--timeout", "25s", "--memory-limit", "2GB"]
    ended = run(folder, [*prepare(folder, *poisoned), *limits])
    signal.signal(signal.SIGTERM, usual)
    check_others(ended, healthy, {variant["id"] for variant in poisoned})
    assert ended.stderr.startswith(f"error: {len(poisoned)} jobs have no result: ")
    return ended


@pytest.fixture(autouse=True)
def usual_signals(healthy: Ended) -> Iterator[None]:
    usual = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, usual)


@pytest.fixture
def check(healthy: Ended) -> Callable[..., TrainRecord]:
    """Asserts five results like those of the healthy suite and one reason; returns its record."""

    def checked(ended: Ended, kind: str, phase: str, message: str) -> TrainRecord:
        check_others(ended, healthy, {"poisoned"})
        assert ended.stderr.startswith("error: 1 job has no result: poisoned s0: ")
        return check_reason(ended, "poisoned", kind, phase, message)

    return checked


def check_others(ended: Ended, healthy: Ended, poisoned: set[str]) -> None:
    """The five have the results of the healthy suite, all others an error, and that is all."""
    assert ended.exit_code == 1
    assert "Traceback" not in ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["exit_code"] == 1
    assert {name: record.status for name, record in ended.records.items()} == {
        **dict.fromkeys(poisoned, "error"),
        **dict.fromkeys(HEALTHY, "success"),
    }, ended.stderr
    assert ended.weights() == healthy.weights()
    assert [path.name for path in ended.folder.iterdir()] == ["runs"]
    check_table(ended, poisoned)


def check_reason(ended: Ended, name: str, kind: str, phase: str, message: str) -> TrainRecord:
    """The record of a poisoned job says why it has no result, as do command and table."""
    record = ended.records[name]
    assert record.error is not None
    assert (record.error.type, record.error.phase) == (kind, phase)
    assert message in record.error.message
    assert record.error.hint
    assert f"{name} s0: {kind}: {record.error.message}" in ended.stderr
    table = pd.read_csv(ended.folder.parent / "report" / "tiny" / "results.csv")
    reasons = table[table.variant == name].reason
    assert any(record.error.message in str(said) for said in reasons)
    return record


def check_table(ended: Ended, poisoned: set[str]) -> None:
    registry, out = ended.folder.parent / "six.yaml", ended.folder.parent / "report"
    runs = ended.folder / "runs"
    command = ["report", "leaderboard", "tiny", "--registry", registry, "--runs", runs, "-o", out]
    assert CliRunner().invoke(app, list(map(str, command))).exit_code == 0
    table = pd.read_csv(out / "tiny" / "results.csv")
    generated = table[table.kind == "generated"]
    assert set(generated[generated.status == "success"].variant) == HEALTHY
    failed = table[table.status == "error"]
    assert set(failed.variant) == poisoned


@pytest.mark.parametrize("fault", FAULTS)
def test_a_poisoned_training(fault: str, faulty: Ended) -> None:
    kind, message = FAULTS[fault]
    record = check_reason(faulty, f"bad-{fault}", kind, "train", message)
    assert record.error is not None
    assert record.error.peak_memory_bytes is None or record.error.peak_memory_bytes > 50e6
    ended_by_itself = kind not in ("Crashed", "Killed")
    assert [(p.name, p.status) for p in record.phases] == [
        ("data", "success"),
        ("model", "success"),
        *([("train", "error")] if ended_by_itself else []),
    ]


def test_a_job_that_hangs(faulty: Ended) -> None:
    record = check_reason(faulty, "bad-wait", "Timeout", "train", "took longer than 25 s")
    assert record.error is not None
    assert record.error.peak_memory_bytes is not None
    assert record.error.peak_memory_bytes > 50e6


def test_a_job_that_takes_more_than_its_share(faulty: Ended) -> None:
    said = "more than the limit of 2.0 GB"
    record = check_reason(faulty, "bad-hoard", "OutOfMemory", "train", said)
    assert record.error is not None
    assert record.error.peak_memory_bytes is not None
    assert record.error.peak_memory_bytes > 2e9


@pytest.fixture
def small_memory() -> Iterator[Path]:
    """A control group that allows 1.5 GB; the file that takes a process in."""
    group = MEMORY_GROUPS / f"aigc-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("1500M")
    except OSError:
        with suppress(OSError):
            group.rmdir()
        pytest.skip("this system lets nobody make a group of bounded memory here")
    yield group / "cgroup.procs"
    with suppress(OSError):
        group.rmdir()


def test_a_job_that_the_system_kills_for_memory(
    tmp_path: Path, check: Callable[..., TrainRecord], small_memory: Path
) -> None:
    hoarding = tiny_variant("poisoned", FAULTY, fault="hoard", gate=str(small_memory))
    ended = run_six(tmp_path / "six", hoarding)
    record = check(ended, "OutOfMemory", "train", "the system killed the process for its memory")
    assert record.error is not None
    assert record.error.hint == HINTS["OutOfMemory"]


FULL = """
job=runs/$1; mkdir -p $job && mount -t tmpfs -o size=128k tmpfs $job || exit 99
shift; "$@"; code=$?; cp -r $job ../full; exit $code
"""


def test_a_job_whose_disk_is_full(
    tmp_path: Path, healthy: Ended, plugin: Path, check: Callable[..., TrainRecord]
) -> None:
    """The poisoned job's directory is a real file system of 128 kB."""
    wrap = ("unshare", "-rm", "sh", "-c", FULL, "sh")
    probe = tmp_path / "probe" / "here"
    probe.mkdir(parents=True)
    if shutil.which("unshare") is None or subprocess.call([*wrap, "job", "true"], cwd=probe) != 0:
        pytest.skip("this system lets nobody mount a small file system")
    name = next(p.name for p in (healthy.folder / "runs").iterdir() if "poisoned" in p.name)
    folder = tmp_path / "six"
    command = prepare(folder, tiny_variant("poisoned", FAULTY))
    env = environment_of(plugin)
    process = start_aigc(*command, cwd=folder, env=env, wrap=(*wrap, name))
    ended = Ended(folder, *process_end(process))
    place = ended.folder / "runs" / name
    place.rmdir()  # the mount point, empty without the mount
    (tmp_path / "full").replace(place)
    record = check(ended, "DiskFull", "train", "No space left on device")
    assert not any(artifact.kind == "weights" for artifact in record.artifacts)


def process_end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    stdout, stderr = process.communicate(timeout=ENDED_S)
    return process.returncode, stdout, stderr


def test_data_that_are_not_those_of_the_registry(tmp_path: Path) -> None:
    """Every job that needs the data fails with the same reason, and leaves a record of it."""
    command = prepare(tmp_path / "six", tiny_variant("poisoned", FAULTY))
    registry = tmp_path / "six.yaml"
    fingerprint = whole_registry()["datasets"][0]["fingerprint"]
    registry.write_text(registry.read_text().replace(fingerprint, "ab" * 32))
    result = CliRunner().invoke(app, command)
    assert isinstance(result.exception, AigcError)
    assert result.exception.exit_code == 1
    records = Ended(tmp_path / "six", 1, "", "").records
    assert set(records) == {"poisoned", *(variant["id"] for variant in FIVE)}
    for record in records.values():
        assert record.error is not None
        assert record.error.phase == "data"
        assert record.error.hint
        assert "fingerprint" in record.error.message


def test_a_collapsed_generator_has_a_row_with_a_warning(tmp_path: Path) -> None:
    collapsed = tiny_variant("poisoned", FAULTY, fault="collapse")
    ended = run_six(tmp_path / "six", collapsed)
    assert ended.exit_code == 0
    record = ended.records["poisoned"]
    assert record.status == "success"
    suspected = {suspicion.sampler: suspicion.message for suspicion in record.health.suspicions}
    assert "1 of 60 images are distinct" in suspected["prior"]
    said = [json.loads(line) for line in ended.stdout.splitlines()]
    (message,) = [e["message"] for e in said if e.get("job") == "poisoned s0" and "message" in e]
    assert "suspected mode-collapse of prior" in message


def test_fail_fast_stops_the_rest_and_the_same_command_goes_on(
    tmp_path: Path, healthy: Ended
) -> None:
    broken = tiny_variant("poisoned", FAULTY, fault="raise", at_step=1)
    ended = run_six(tmp_path / "six", broken, "--fail-fast", "--jobs", "1")
    assert ended.exit_code == 1
    assert "(5 not started)" in ended.stderr
    assert set(ended.records) == {"poisoned"}
    again = run_six(tmp_path / "six", broken, "--keep-going")
    assert again.exit_code == 1
    assert again.weights() == healthy.weights()
