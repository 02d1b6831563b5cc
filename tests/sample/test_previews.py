"""Grids drawn during a training: within their time, not counted, and without any effect on it."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import STEPS, files_below, tiny_variant
from PIL import Image
from torch import Tensor

from bench.data import ImageSplit
from bench.data.dataset import quantise
from bench.identity.digest import sha256_of_file
from bench.models.base import GenerativeModel
from bench.models.gan import GAN
from bench.models.noise import ImageNoise
from bench.models.vae import VAE
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory
from bench.run.runner import TrainJob
from bench.run.worker import run_job
from bench.sample import previews
from bench.sample.previews import EVERY_S, LARGEST_SHARE, Previews, drawn
from bench.train.gpu.trainer import TunedTrainer
from bench.train.loop import Progress, Trainer

ModelOf = Callable[..., GenerativeModel]
SplitOf = Callable[..., ImageSplit]
SMALL = {"width": 4, "latent_dim": 4, "batch_size": 4}


class Clock:
    """Time that passes only when it is told to, or when something is drawn."""

    def __init__(self) -> None:
        self.now = 0.0
        self.drawing_s = 0.0
        self.drawn_at: list[float] = []

    def draw(self, _: Trainer, deadline: float) -> Tensor:
        """Take the time that drawing takes, but stop at the deadline."""
        self.drawn_at.append(self.now)
        if self.now + self.drawing_s > deadline:
            self.now = deadline
            raise previews.TooSlow
        self.now += self.drawing_s
        return torch.zeros(60, 1, 8, 8, dtype=torch.uint8)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(previews.time, "monotonic", lambda: made.now)
    monkeypatch.setattr(previews, "drawn", made.draw)
    return made


@pytest.fixture
def trainer(model_of: ModelOf, split_of: SplitOf) -> Trainer:
    return Trainer(model_of(VAE, **SMALL), split_of(40), n_steps=1000, seed=3)


def reports(clock: Clock, made: Previews, n: int, every_s: float) -> None:
    """Reports of a training."""
    for step in range(1, n + 1):
        clock.now += every_s
        made.observe(Progress(step, 1000, {}, 1.0))


@pytest.mark.parametrize("drawing_s", [0.0, 0.3, 5.0])
def test_grids_keep_to_their_time(
    drawing_s: float, trainer: Trainer, clock: Clock, tmp_path: Path
) -> None:
    clock.drawing_s = drawing_s
    reports(clock, Previews(trainer, tmp_path / "latest.png"), 990, every_s=10.0)
    times = clock.drawn_at
    assert times[0] == EVERY_S
    assert all(later - sooner >= EVERY_S for sooner, later in pairwise(times))
    spent = clock.now - 9900.0
    assert spent <= LARGEST_SHARE * clock.now
    if drawing_s <= 0.3:
        assert len(times) == pytest.approx(9900.0 / EVERY_S, rel=0.2)
        assert spent == pytest.approx(drawing_s * len(times))
    else:  # broken off once or more, then every few minutes
        assert spent >= 0.8 * LARGEST_SHARE * clock.now
    assert (tmp_path / "latest.png").exists()


def test_a_sampler_that_is_too_slow_is_broken_off_and_given_twice_the_time(
    trainer: Trainer, clock: Clock, tmp_path: Path
) -> None:
    clock.drawing_s = 5.0
    file = tmp_path / "latest.png"
    made = Previews(trainer, file)
    reports(clock, made, 6, every_s=10.0)
    assert clock.drawn_at == [60.0]
    assert not file.exists()
    assert clock.now == pytest.approx(60.0 * (1.0 + LARGEST_SHARE))
    reports(clock, made, 30, every_s=10.0)
    assert len(clock.drawn_at) == 2
    # What is allowed is two per cent less what was spent, and must be twice what did not do.
    assert clock.drawn_at[1] >= 3 * 60.0


def test_the_last_report_draws_nothing(trainer: Trainer, clock: Clock, tmp_path: Path) -> None:
    made = Previews(trainer, tmp_path / "latest.png")
    clock.now = 1000.0
    made.observe(Progress(1000, 1000, {}, 1.0))
    assert clock.drawn_at == []
    made.observe(Progress(999, 1000, {}, 1.0))
    assert clock.drawn_at == [1000.0]


def test_the_grid_holds_the_first_images_of_the_final_one(
    model_of: ModelOf, split_of: SplitOf
) -> None:
    model = model_of(GAN, ema_decay=0.9, **SMALL)
    trainer = Trainer(model, split_of(40), n_steps=6, seed=3)
    trainer.run()
    images = drawn(trainer, time.monotonic() + 600.0)
    assert trainer.average is not None
    with torch.no_grad(), trainer.average.applied():
        labels = torch.arange(60) % 10
        expected = quantise(model.sample(ImageNoise(3, range(60)), labels))
    assert images is not None
    assert torch.equal(images, expected)


def test_large_images_are_shown_in_a_small_grid(model_of: ModelOf, split_of: SplitOf) -> None:
    trainer = Trainer(model_of(VAE, size=256, **SMALL), split_of(4, size=256), n_steps=6, seed=3)
    images = drawn(trainer, time.monotonic() + 600.0)
    assert images is not None
    assert images.shape == (12, 1, 256, 256)


def broken(*_: Any) -> Tensor:
    raise RuntimeError("a sampler that is broken")


def not_finite(noise: ImageNoise, labels: Tensor) -> Tensor:
    return torch.full((len(noise), 1, 8, 8), float("nan"))


@pytest.mark.parametrize("sampler", [broken, not_finite])
def test_a_grid_that_cannot_be_drawn_stops_no_training(
    sampler: Any,
    trainer: Trainer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[int] = []

    def sample(*arguments: Any) -> Tensor:
        asked.append(trainer.state.step)
        images: Tensor = sampler(*arguments)
        return images

    monkeypatch.setattr(trainer.model, "sample", sample)
    always(monkeypatch)
    trainer.n_steps = 6
    made = Previews(trainer, tmp_path / "latest.png")
    trainer.run(made.observe)
    assert asked == [1, 2, 3, 4, 5]
    assert list(tmp_path.iterdir()) == []


def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw at every report but the last."""
    monkeypatch.setattr(previews, "EVERY_S", 0.0)
    monkeypatch.setattr(previews, "LARGEST_SHARE", 1e9)


def test_the_tuned_trainer_is_not_disturbed_either(
    model_of: ModelOf, split_of: SplitOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(monkeypatch)

    def trained(*, drawing: bool) -> dict[str, Tensor]:
        model = model_of(GAN, ema_decay=0.9, **SMALL)
        trainer = TunedTrainer(model, split_of(40), n_steps=8, seed=3, precision="bf16")
        made = Previews(trainer, tmp_path / "latest.png")
        trainer.run(made.observe if drawing else lambda _: None)  # type: ignore[arg-type]
        return {**model.state_dict(), **trainer.average.average}  # type: ignore[union-attr]

    looked_at, alone = trained(drawing=True), trained(drawing=False)
    assert (tmp_path / "latest.png").exists()
    assert all(torch.equal(looked_at[name], alone[name]) for name in alone)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_replayed_training_is_not_disturbed(
    model_of: ModelOf, split_of: SplitOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    always(monkeypatch)

    def trained(*, drawing: bool) -> dict[str, Tensor]:
        model = model_of(GAN, ema_decay=0.9, **SMALL).to("cuda")
        trainer = TunedTrainer(model, split_of(40).to("cuda"), n_steps=40, seed=3)  # type: ignore[arg-type]
        made = Previews(trainer, tmp_path / "latest.png")
        trainer.run(made.observe if drawing else lambda _: None)  # type: ignore[arg-type]
        assert trainer._recorded is not None
        return {**model.state_dict(), **trainer.average.average}  # type: ignore[union-attr]

    looked_at, alone = trained(drawing=True), trained(drawing=False)
    assert (tmp_path / "latest.png").exists()
    assert all(torch.equal(looked_at[name], alone[name]) for name in alone)


# ---- whole jobs -----------------------------------------------------------------------------


def record_of(job: TrainJob) -> TrainRecord:
    record = RunDirectory(job.directory).train_record()
    assert record is not None
    return record


def test_a_job_with_grids_ends_as_one_without_also_when_it_was_stopped(
    job_of: Callable[..., TrainJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = tiny_variant("gan", "bench.models.gan:GAN", ema_decay=0.9)
    alone = job_of(variant, "alone")
    assert run_job(alone, lambda _: None, lambda: False).status == "success"
    always(monkeypatch)
    looked_at = job_of(variant, "looked-at")
    asked: list[int] = []

    def stop_midway() -> bool:
        asked.append(len(asked))
        return len(asked) > STEPS // 2

    assert run_job(looked_at, lambda _: None, stop_midway).status == "cancelled"
    left = files_below(looked_at.directory)
    assert left.keys() >= {"live.csv", "latest.png", "checkpoint.pt"}
    with Image.open(looked_at.directory / "latest.png") as grid:
        assert grid.size == (12 * 34 + 2, 5 * 34 + 2)
    assert run_job(looked_at, lambda _: None, lambda: False).status == "success"

    names = [files_below(job.directory).keys() for job in (alone, looked_at)]
    assert names[0] == names[1]
    assert "live.csv" not in names[0]
    assert "latest.png" not in names[0]
    for name in ("weights.safetensors", "weights-ema.safetensors", "curve.csv"):
        first, second = (sha256_of_file(job.directory / name) for job in (alone, looked_at))
        assert first == second, name
    train = next(phase for phase in record_of(looked_at).phases if phase.name == "train")
    assert train.resumed_from_step == STEPS // 2
