"""A disk that fills up at any write of a job: what is there is whole, and the job can be repeated.

The first tests count the writes of a whole job and let the disk fill up at each of them in turn, as
a file system does that finds out late: the draft is cut and the system's ``fsync`` refuses. The
last one has a real file system without room; ``test_poison`` has one that fills up on the way.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import files_below, tiny_registry, tiny_variant
from typer.testing import CliRunner

from bench.cli.main import app
from bench.identity.digest import sha256_of_file
from bench.records.checkpoint_file import Identity, files
from bench.records.run_directory import RunDirectory, read_score
from bench.run.events import JobEnded
from bench.run.job import Job
from bench.run.plan import Plan, make_plan
from bench.run.runner import TrainJob, jobs_of, surroundings
from bench.run.worker import run_job
from bench.train import checkpoint
from catalog.read.loader import load_registry

GAN = {"algorithm": "bench.models.gan:GAN", "ema_decay": 0.9}
N_STEPS = 10


@dataclass
class Disk:
    """Counts synced files, and is full from write ``full_at`` on for so many writes."""

    full_at: int | None = None
    for_writes: int = 1
    n_writes: int = 0

    def sync(self, handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode):  # a folder: no bytes of its own
            return
        self.n_writes += 1
        if self.full_at is not None and 0 <= self.n_writes - self.full_at < self.for_writes:
            os.ftruncate(handle, os.fstat(handle).st_size // 2)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@dataclass(frozen=True)
class Place:
    """A suite of one variant in a runs directory of its own."""

    registry: Path
    runs: Path

    def plan(self) -> Plan:
        registry = load_registry(self.registry)
        return make_plan(registry, registry.suite("tiny"), self.runs)

    def jobs(self) -> list[Job]:
        plan = self.plan()
        around = surroundings(plan, torch.device("cpu"), self.registry, None)
        return jobs_of(plan, around, retry_failed=True)

    def run(self) -> list[JobEnded]:
        return [run_job(job, lambda _: None, lambda: False) for job in self.jobs()]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    found = Disk()
    monkeypatch.setattr(os, "fsync", found.sync)
    return found


@pytest.fixture
def place_of(tmp_path: Path) -> Callable[[str], Place]:
    variant = tiny_variant("gan", **GAN)
    file = tiny_registry(tmp_path / "registry.yaml", [variant], steps=N_STEPS)
    return lambda name: Place(file, tmp_path / name)


def results(runs: Path) -> dict[str, Any]:
    """What must not depend on accidents: weights, images and metrics by file."""
    found: dict[str, Any] = {
        path.relative_to(runs).as_posix(): sha256_of_file(path)
        for pattern in ("*/*.safetensors", "*/curve.csv", "*/*.png")
        for path in sorted(runs.glob(pattern))
    }
    for path in sorted([*runs.glob("*/scores/*.json"), *runs.glob("calibration/*.json")]):
        score = read_score(path)
        found[path.relative_to(runs).as_posix()] = (score.images_sha256, score.metrics)
    return found


def check_whole(place: Place) -> None:
    """Nothing that is there is a part of something."""
    for path in place.runs.glob("*/train.json"):
        directory = RunDirectory(path.parent)
        record = directory.train_record()
        assert record is not None
        for artifact in record.artifacts:
            assert sha256_of_file(directory.path / artifact.path) == artifact.sha256
        identity = Identity.of(record.spec)
        for file in files(directory.checkpoint):
            assert checkpoint.read(file, identity, torch.device("cpu")) is not None
    assert not [path for path in place.runs.rglob(".*-*") if path.is_file()]  # drafts
    results(place.runs)  # every score can be read
    place.plan()


@pytest.mark.parametrize("for_writes", [1, 3, 1000])
def test_the_disk_fills_up_at_every_write_of_a_job(
    for_writes: int, disk: Disk, place_of: Callable[[str], Place]
) -> None:
    calm = place_of("calm")
    assert {end.status for end in calm.run()} == {"success"}
    expected, n_writes = results(calm.runs), disk.n_writes
    assert n_writes > 2 * N_STEPS  # checkpoints, records, weights, grids, scores
    chosen = range(1, n_writes + 1) if for_writes == 1 else range(1, n_writes + 1, 7)
    place = place_of("full")
    n_failed = 0
    for full_at in chosen:
        disk.n_writes, disk.full_at, disk.for_writes = 0, full_at, for_writes
        ended = place.run()
        failed = [end for end in ended if end.status == "error"]
        n_failed += len(failed) > 0
        assert all(end.message.startswith("DiskFull: the disk is full") for end in failed)
        assert all("aigc bench prune" in end.hint for end in failed)
        check_whole(place)
        disk.full_at = None
        assert {end.status for end in place.run()} <= {"success"}
        assert results(place.runs) == expected, full_at
        for path in sorted(place.runs.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    # A single refusal of the train record is made good by the room that was kept for it.
    assert n_failed >= (0.5 if for_writes == 1 else 1.0) * len(chosen)


def test_without_room_for_any_record_the_job_says_so(
    disk: Disk, place_of: Callable[[str], Place]
) -> None:
    disk.full_at, disk.for_writes = 1, 1000
    place = place_of("full")
    job = next(job for job in place.jobs() if isinstance(job, TrainJob))
    ended = run_job(job, lambda _: None, lambda: False)
    assert ended.status == "error"
    assert ended.message.startswith("DiskFull: ")
    assert RunDirectory(job.directory).train_record() is None


def test_the_disk_fills_up_at_every_write_of_a_report(
    disk: Disk, place_of: Callable[[str], Place], tmp_path: Path
) -> None:
    place = place_of("calm")
    assert {end.status for end in place.run()} == {"success"}
    out = tmp_path / "reports"
    options = ["--registry", place.registry, "--runs", place.runs, "-o", out]
    command = list(map(str, ["report", "leaderboard", "tiny", *options]))
    disk.n_writes = 0
    assert CliRunner().invoke(app, command).exit_code == 0
    n_writes, whole = disk.n_writes, files_below(out)
    assert n_writes == len(whole) >= 10
    for full_at in range(1, n_writes + 1):
        for path in out.rglob("*"):
            if path.is_file() and full_at % 2:  # over an earlier report, and into an empty folder
                path.unlink()
        disk.n_writes, disk.full_at = 0, full_at
        error = CliRunner().invoke(app, command).exception
        assert isinstance(error, OSError)
        assert error.errno == errno.ENOSPC
        assert files_below(out).items() <= whole.items(), full_at
    disk.full_at = None
    assert CliRunner().invoke(app, command).exit_code == 0
    assert files_below(out) == whole
