"""The curve of a running training: complete, cheap, gone when the finished one stands there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bench.records.curve import curve_csv, newest_curve, parse_curve, read_curve
from bench.run import heartbeat
from bench.run.events import Event, PhaseStarted, TrainProgress
from bench.run.heartbeat import Heartbeat


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: now[0])
    return now


def at(step: int, loss: float = 0.5) -> TrainProgress:
    return TrainProgress("job", step, 100, {"loss": loss}, 1234.5)


def ignored(_: Event) -> None:
    """Nobody else listens."""


def steps(directory: Path) -> list[int]:
    return [step for step, _ in read_curve(directory / "live.csv")]


def fail_after(directory: Path, *events: Event) -> None:
    """A job that fails when it has told some events."""

    def work() -> None:
        with Heartbeat(directory, ignored) as curve:
            for event in events:
                curve(event)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()


def test_text_and_points_are_two_forms_of_one_curve() -> None:
    points = ((1, {"a": 0.5}), (20, {"a": 1e-7, "b": -2.0}), (30, {"b": 123456.0}))
    assert parse_curve(curve_csv(points)) == points
    assert curve_csv([]) == "step\n"
    assert parse_curve("step\n") == ()


@pytest.mark.parametrize("text", ["", "loss\n1\n", "step,loss\n1\n", "step,loss\n1,x\n", "step\nx"])
def test_other_text_is_no_curve(text: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_curve(text)
    (tmp_path / "curve.csv").write_text(text)
    assert newest_curve(tmp_path) == ()


def test_points_are_written_at_once_then_now_and_then_and_at_the_end_of_a_phase(
    tmp_path: Path, clock: list[float]
) -> None:
    heard: list[Event] = []
    curve = Heartbeat(tmp_path, heard.append)
    seen = []
    for step in range(1, 9):
        curve(at(step))
        seen.append(steps(tmp_path)[-1])
        clock[0] += 0.75
    assert seen == [1, 1, 1, 4, 4, 4, 7, 7]
    curve(PhaseStarted("job", "sample"))
    assert steps(tmp_path) == list(range(1, 9))
    assert heard == [*map(at, range(1, 9)), PhaseStarted("job", "sample")]


def test_a_training_that_goes_on_replaces_what_it_makes_again(
    tmp_path: Path, clock: list[float]
) -> None:
    fail_after(tmp_path, *(at(step, 1.0) for step in range(1, 8)))
    (tmp_path / "latest.png").touch()
    assert steps(tmp_path) == list(range(1, 8))
    Heartbeat(tmp_path, ignored)(at(5, 2.0))
    points = read_curve(tmp_path / "live.csv")
    assert points == (*((step, {"loss": 1.0}) for step in range(1, 5)), (5, {"loss": 2.0}))
    assert (tmp_path / "latest.png").exists()
    Heartbeat(tmp_path, ignored)(at(1, 3.0))
    assert read_curve(tmp_path / "live.csv") == ((1, {"loss": 3.0}),)
    assert not (tmp_path / "latest.png").exists()  # of a training that was given up


def test_after_a_success_only_the_finished_curve_is_left(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text(curve_csv([(9, {"loss": 9.0})]))
    with Heartbeat(tmp_path, ignored) as curve:
        curve(at(1))
        assert newest_curve(tmp_path) == ((1, {"loss": 0.5}),)
        (tmp_path / "latest.png").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["curve.csv"]
    assert newest_curve(tmp_path) == ((9, {"loss": 9.0}),)


def test_a_job_that_does_not_train_leaves_no_curve(tmp_path: Path) -> None:
    fail_after(tmp_path, PhaseStarted("job", "score"))
    assert list(tmp_path.iterdir()) == []


def test_writing_does_not_wait_for_the_disk_and_survives_a_full_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync(handle: int) -> None:
        raise AssertionError("a curve in the making was synced")

    def refuse(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", sync)
    heard: list[Event] = []
    curve = Heartbeat(tmp_path, heard.append)
    curve(at(1))
    assert steps(tmp_path) == [1]
    monkeypatch.setattr(Path, "write_bytes", refuse)
    curve(at(2))
    curve(PhaseStarted("job", "sample"))
    assert heard == [at(1), at(2), PhaseStarted("job", "sample")]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["live.csv", "progress.json"]
