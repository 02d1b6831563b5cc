"""Signs of life: written while a job works, gone when it ends, worthless when unreadable."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from helpers import wait_until

from bench.machine.process import this_process
from bench.records.lease import read_sign
from bench.run import heartbeat as progress
from bench.run.events import Event, JobStarted, PhaseStarted, TrainProgress
from bench.run.heartbeat import Heartbeat

HEX = "0123456789abcdef" * 2


def at(step: int) -> TrainProgress:
    return TrainProgress("job", step, 100, {"loss": 0.5}, 1234.5)


def test_a_sign_says_phase_step_speed_memory_and_process(tmp_path: Path) -> None:
    heard: list[Event] = []
    signs = Heartbeat(tmp_path, heard.append)
    signs(PhaseStarted("job", "train"))
    first = read_sign(tmp_path)
    assert first is not None
    assert (first.phase, first.step, first.losses) == ("train", None, {})
    signs(at(7))
    sign = read_sign(tmp_path)
    assert sign is not None
    assert (sign.phase, sign.step, sign.n_steps) == ("train", 7, 100)
    assert (sign.losses, sign.images_per_s) == ({"loss": 0.5}, 1234.5)
    assert sign.process == this_process()
    assert 10_000_000 < sign.memory_bytes <= sign.peak_memory_bytes
    assert sign.updated_at >= first.updated_at
    assert heard == [PhaseStarted("job", "train"), at(7)]


def test_a_training_is_told_at_once_and_then_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock[0])
    signs = Heartbeat(tmp_path, lambda _: None)
    signs(PhaseStarted("job", "train"))
    seen = []
    for step in range(1, 9):
        signs(at(step))
        sign = read_sign(tmp_path)
        assert sign is not None
        seen.append(sign.step)
        clock[0] += 0.75
    assert seen == [1, 1, 1, 4, 4, 4, 7, 7]
    signs(PhaseStarted("job", "sample"))
    after = read_sign(tmp_path)
    assert after is not None
    assert (after.phase, after.step) == ("sample", None)


def test_a_sign_does_not_wait_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise AssertionError("a sign of life was synced")

    monkeypatch.setattr(os, "fsync", refuse)
    Heartbeat(tmp_path, lambda _: None)(PhaseStarted("job", "data"))
    assert read_sign(tmp_path) is not None


def test_a_full_disk_does_not_stop_a_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Event] = []
    signs = Heartbeat(tmp_path, heard.append)

    def refuse(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    signs(PhaseStarted("job", "train"))
    signs(at(1))
    assert heard == [PhaseStarted("job", "train"), at(1)]
    assert list(tmp_path.iterdir()) == []


def test_other_events_are_passed_on_without_a_sign(tmp_path: Path) -> None:
    heard: list[Event] = []
    Heartbeat(tmp_path, heard.append)(JobStarted("job"))
    assert heard == [JobStarted("job")]
    assert read_sign(tmp_path) is None


@pytest.mark.parametrize("content", ["", "{", '{"schema_version": 2}', "[]"])
def test_an_unreadable_sign_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "progress.json").write_text(content)
    assert read_sign(tmp_path) is None


@pytest.mark.parametrize("fails", [False, True])
def test_a_job_sweeps_the_drafts_of_the_one_before_and_its_own_sign(
    tmp_path: Path, fails: bool
) -> None:
    run = tmp_path / "run"
    (run / "scores").mkdir(parents=True)
    draft = f".checkpoint.pt-{HEX}"
    stay = [run / f".samples.png-{HEX}", run / ".checkpoint.pt-12", tmp_path / draft]
    go = [run / draft, run / "scores" / f".{'0' * 16}.json-{HEX}", run / f".train.json-{HEX}"]
    for file in (*stay, *go):
        file.touch()
    (run / f".curve.csv-{HEX}").symlink_to(stay[0])

    def work() -> None:
        with Heartbeat(run, lambda _: None) as heartbeat:
            heartbeat(PhaseStarted("job", "data"))
            assert read_sign(run) is not None
            if fails:
                raise ZeroDivisionError

    if fails:
        with pytest.raises(ZeroDivisionError):
            work()
    else:
        work()
    assert read_sign(run) is None
    assert not [file for file in go if file.exists()]
    assert all(file.exists() for file in stay)
    assert (run / f".curve.csv-{HEX}").is_symlink()


def test_signs_come_again_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_S", 0.05)
    signs = Heartbeat(tmp_path, lambda _: None)
    signs(PhaseStarted("job", "train"))
    signs(at(1))

    def second() -> bool:
        signs(at(2))
        sign = read_sign(tmp_path)
        return sign is not None and sign.step == 2

    wait_until(second, "a second sign")
