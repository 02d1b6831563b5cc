"""What TensorBoard reads back is what the run's own files say, also of a run that went on later."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import RECORDS, STEPS, Aigc, files_below, tiny_registry, tiny_variant
from hostile import HOSTILE, Elements, unescaped
from markdown_it import MarkdownIt
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from bench.cli.verbs import options
from bench.records.curve import read_curve
from bench.records.record import parse_score_record, to_json
from bench.records.run_directory import RunDirectory
from bench.run.events import Event, JobEnded, JobStarted, PhaseStarted, TrainProgress
from bench.run.plan import Plan, make_plan
from bench.watch.tensorboard import TensorBoard
from catalog.errors import ExitCode
from catalog.read.loader import load_registry

GAN = {"algorithm": "bench.models.gan:GAN", "ema_decay": 0.9}


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    variants = [tiny_variant("vae"), tiny_variant("gan", **GAN)]
    registry = load_registry(tiny_registry(tmp_path / "registry.yaml", variants))
    return make_plan(registry, registry.suite("tiny"), tmp_path / "runs")


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    found.Reload()
    return found


def scalars(found: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in found.Scalars(tag)]


def texts(found: EventAccumulator, tag: str) -> list[tuple[int, str]]:
    events = found.Tensors(f"{tag}/text_summary")
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in events]


def test_a_run_is_written_as_its_files_say(plan: Plan, tmp_path: Path, aigc: Aigc) -> None:
    command = ["bench", "run", "tiny", "--registry", tmp_path / "registry.yaml", "-o", "runs"]
    done = aigc(*command, "--tensorboard", "board")
    assert done.code == 0, done.stderr
    runs = {job.spec.run_id: RunDirectory(job.directory) for job in plan.jobs}
    assert {folder.name for folder in (tmp_path / "board").iterdir()} == runs.keys()
    for run_id, run in runs.items():
        found = read(tmp_path / "board" / run_id)
        check_losses(found, run)
        check_scores(found, run)
        check_grids(found, run)
        ((step, outcome),) = texts(found, "outcome")
        assert step == STEPS
        assert outcome.startswith("success")


def check_losses(found: EventAccumulator, run: RunDirectory) -> None:
    curve = read_curve(run.curve)
    assert [step for step, _ in curve] == list(range(1, STEPS + 1))
    names = {name for _, losses in curve for name in losses}
    written = {tag for tag in found.Tags()["scalars"] if tag.startswith("loss/")}
    assert written == {f"loss/{name}" for name in names}
    for name in names:
        expected = [(step, losses[name]) for step, losses in curve]
        values = scalars(found, f"loss/{name}")
        assert [step for step, _ in values] == [step for step, _ in expected]
        np.testing.assert_allclose([v for _, v in values], [v for _, v in expected], rtol=1e-5)
    speed = scalars(found, "speed/images per second")
    assert [step for step, _ in speed] == list(range(1, STEPS + 1))
    assert all(rate > 0.0 for _, rate in speed)


def check_scores(found: EventAccumulator, run: RunDirectory) -> None:
    tags = {tag for tag in found.Tags()["scalars"] if tag.startswith("score/")}
    labels = {"fid": "FD[digits-cnn]", "kid": "KD[digits-cnn]", "recall": "recall"}
    records = run.score_records()
    assert len(records) in (2, 3)
    ((step, table),) = texts(found, "scores")
    assert step == STEPS
    for record in records:
        subject: Any = record.subject
        sampler = f"{subject.sampler} (averaged weights)" if subject.ema else subject.sampler
        for name, label in labels.items():
            metric = record.metric(name)  # type: ignore[arg-type]
            assert metric is not None
            assert metric.value is not None
            ((step, value),) = scalars(found, f"score/{sampler}/{label}")
            assert step == STEPS
            assert value == pytest.approx(metric.value, rel=1e-6)
            assert f"| {sampler} | {label} | {metric.value:.6g} |" in re.sub(" +", " ", table)
        assert f"key {record.protocol_key}, n = {record.n_images}" in table
    n_values = sum(m.value is not None for record in records for m in record.metrics)
    assert len(tags) == n_values
    assert not [tag for tag in tags if "fid" in tag or "/FID" in tag]


def check_grids(found: EventAccumulator, run: RunDirectory) -> None:
    grids = sorted(run.path.glob("grid-*.png"))
    assert found.Tags()["images"] == [grid.stem.replace("grid-", "grid/", 1) for grid in grids]
    for tag, grid in zip(found.Tags()["images"], grids, strict=True):
        (event,) = found.Images(tag)
        assert event.step == STEPS
        with Image.open(io.BytesIO(event.encoded_image_string)) as shown, Image.open(grid) as file:
            assert np.array_equal(np.asarray(shown), np.asarray(file.convert("RGB")))


def at(step: int, loss: float) -> TrainProgress:
    return TrainProgress("vae s0", step, STEPS, {"loss": loss}, 100.0 * step)


def test_a_training_that_goes_on_hides_what_it_makes_again(plan: Plan, tmp_path: Path) -> None:
    heard: list[Event] = []
    with TensorBoard(plan, tmp_path, heard.append) as board:
        for step in range(1, 16):
            board(at(step, 1.0))
        board(JobEnded("vae s0", "error", "Killed: by hand"))
    with TensorBoard(plan, tmp_path, heard.append) as board:
        for step in range(11, 21):
            board(at(step, 2.0))
        board(JobEnded("vae s0", "cancelled"))
    folder = tmp_path / plan.jobs[0].spec.run_id
    assert len(list(folder.iterdir())) == 2
    found = read(folder)
    assert scalars(found, "loss/loss") == [(s, 1.0 if s <= 10 else 2.0) for s in range(1, 21)]
    assert scalars(found, "speed/images per second") == [(s, 100.0 * s) for s in range(1, 21)]
    assert texts(found, "outcome") == [(15, "error: Killed: by hand"), (20, "cancelled")]
    assert len(heard) == 15 + 1 + 10 + 1


def test_words_of_a_run_are_text_to_tensorboard(plan: Plan, tmp_path: Path) -> None:
    """It shows texts as Markdown: a message, and reasons why a number is missing."""
    words = [text.encode(errors="ignore").decode() for text in HOSTILE]
    job = plan.jobs[0]
    run = RunDirectory(job.directory)
    run.scores.mkdir(parents=True)
    score = parse_score_record((RECORDS / "score-v1.json").read_bytes())
    n = len(score.metrics)
    for start in range(0, len(words), n):
        part = zip(score.metrics, words[start : start + n], strict=False)
        told = {"value": None, "spread": None}
        made = tuple(one.model_copy(update=told | {"missing_reason": why}) for one, why in part)
        changes = {"metrics": made, "protocol": plan.protocol, "protocol_key": plan.protocol.key}
        (run.scores / f"{start:016}.json").write_text(to_json(score.model_copy(update=changes)))
    with TensorBoard(plan, tmp_path / "board", lambda _: None) as board:
        board(JobEnded("vae s0", "success", "\n\n".join(words)))
    found = read(tmp_path / "board" / job.spec.run_id)
    ((_, outcome),), ((_, scores),) = texts(found, "outcome"), texts(found, "scores")
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    assert Elements(parser.render(outcome)).tags == ["p"]
    assert not unescaped(outcome + scores)
    shown = Elements(parser.render(scores))
    assert set(shown.tags) == {"p", "table", "thead", "tbody", "tr", "th", "td"}
    assert shown.tags.count("tr") == len(words) + 1
    assert not shown.targets


def test_events_of_no_training_write_nothing(plan: Plan, tmp_path: Path) -> None:
    story: list[Event] = [
        JobStarted("calibration"),
        PhaseStarted("calibration", "score"),
        JobEnded("calibration", "success"),
        JobStarted("vae s0"),
        PhaseStarted("vae s0", "data"),
    ]
    heard: list[Event] = []
    with TensorBoard(plan, tmp_path / "board", heard.append) as board:
        for event in story:
            board(event)
    assert heard == story
    assert not (tmp_path / "board").exists()


def test_a_disk_that_refuses_ends_the_writing_and_not_the_run(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def refuse(self: SummaryWriter, tag: str, *_: object) -> None:
        asked.append(tag)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SummaryWriter, "add_scalar", refuse)
    heard: list[Event] = []
    with TensorBoard(plan, tmp_path, heard.append) as board:
        for step in (1, 2, 3):
            board(at(step, 1.0))
    assert heard == [at(step, 1.0) for step in (1, 2, 3)]
    assert asked == ["loss/loss"]
    assert board.problem == "no longer written: No space left on device"


def test_without_tensorboard_nothing_is_started(
    plan: Plan, aigc: Aigc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find: Callable[[str], Any] = options.find_spec
    absent = {"tensorboard"}
    monkeypatch.setattr(options, "find_spec", lambda n: None if n in absent else find(n))
    before = files_below(tmp_path)
    command = ["bench", "run", "tiny", "--registry", tmp_path / "registry.yaml"]
    shown = aigc(*command, "--tensorboard", "board")
    assert shown.code == ExitCode.MISSING_PREREQUISITE
    assert shown.stdout == ""
    assert shown.stderr.splitlines() == [
        "error: TensorBoard is not installed",
        "  do:    pip install 'aigc-bench[tensorboard]'",
    ]
    assert files_below(tmp_path) == before
