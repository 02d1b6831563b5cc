"""The loop: budget, rates, averaging, reports, stopping, divergence and resuming."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.data import ImageSplit
from bench.models.base import (
    AdamSettings,
    Batch,
    GenerativeModel,
    Recipe,
    StepContext,
    adam,
    descend,
)
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.objectives.schedules import learning_rate_factor
from bench.records.checkpoint_file import Identity
from bench.train import checkpoint
from bench.train import loop as train
from bench.train.divergence import Diverged
from bench.train.loop import Progress, Stopped, Trainer
from catalog.errors import InvalidInput

SplitOf = Callable[..., ImageSplit]


class Scribe(GenerativeModel):
    """Moves one weight towards the mean of the images and some noise, and writes all down."""

    recipe_type = Recipe
    latent_dim = 1

    def __init__(self, recipe: Recipe, diverge_at: int | None = None, batches: int = 1) -> None:
        super().__init__(recipe, ImageShape(1, 8), 10)
        self.network = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.network.weight)
        self.batches_per_step = batches
        self.diverge_at = diverge_at
        self.contexts: list[StepContext] = []
        self.sizes: list[int] = []
        self.rates: list[float] = []
        self.modes: list[bool] = []
        self.fitted: list[tuple[Tensor, bool, bool]] = []
        self.noises: list[float] = []
        self.means: list[float] = []
        self._optimizer = adam(recipe.optimizer, self.network)

    def optimizers(self) -> dict[str, Optimizer]:
        return {"network": self._optimizer}

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        images, labels = batch
        assert len(labels) == len(images)
        self.contexts.append(ctx)
        self.sizes.append(len(images))
        self.rates.append(self._optimizer.param_groups[0]["lr"])
        self.modes.append(self.training)
        noise = torch.randn(())
        self.noises.append(noise.item())
        self.means.append(images.mean().item())
        target = images.mean() + noise
        loss = (self.network.weight - target).square().sum()
        descend(loss, self._optimizer)
        bad = ctx.step == self.diverge_at
        return {"loss": loss.detach() * (math.nan if bad else 1.0), "step": torch.tensor(ctx.step)}

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    def sampling_modules(self) -> dict[str, nn.Module]:
        return {"network": self.network}

    def after_training(self, images: Tensor) -> None:
        self.fitted.append((images, self.training, torch.is_grad_enabled()))


def scribe(**changes: Any) -> Scribe:
    recipe = {"batch_size": 4, "optimizer": AdamSettings(lr=0.1), **changes}
    extra = {name: recipe.pop(name) for name in ("diverge_at", "batches") if name in recipe}
    return Scribe(Recipe(**recipe), **extra)


def trainer_of(model: Scribe, split: ImageSplit, n_steps: int = 20, **arguments: Any) -> Trainer:
    return Trainer(model, split, n_steps=n_steps, seed=arguments.pop("seed", 0), **arguments)


def stop_before(step: int, trainer: Trainer) -> Callable[[], bool]:
    return lambda: trainer.state.step >= step


def weight(model: Scribe) -> float:
    return model.network.weight.item()


@pytest.mark.parametrize(
    ("schedule", "step", "factor"),
    [
        ("constant", 0, 1.0),
        ("constant", 99, 1.0),
        ("linear", 0, 1.0),
        ("linear", 25, 0.75),
        ("linear", 50, 0.5),
        ("linear", 99, 0.01),
        ("linear", 100, 0.0),
    ],
)
def test_learning_rate_factor(schedule: str, step: int, factor: float) -> None:
    assert learning_rate_factor(schedule, step, 100) == pytest.approx(factor)


@pytest.mark.parametrize("schedule", ["constant", "linear"])
def test_every_update_has_the_rate_of_its_step(schedule: str, split_of: SplitOf) -> None:
    model = scribe(lr_schedule=schedule)
    trainer_of(model, split_of(10), n_steps=5).run()
    expected = [0.1] * 5 if schedule == "constant" else [0.1, 0.08, 0.06, 0.04, 0.02]
    assert model.rates == pytest.approx(expected)


def test_a_resumed_run_keeps_the_rates_of_the_whole_budget(
    tmp_path: Path, split_of: SplitOf
) -> None:
    rates: list[float] = []
    for stop in (3, 5):
        model = scribe(lr_schedule="linear")
        trainer = trainer_of(model, split_of(10), 5, checkpoint_file=tmp_path / "c.pt")
        try:
            trainer.run(should_stop=stop_before(stop, trainer))
        except Stopped:
            assert stop == 3
        rates += model.rates
    assert rates == pytest.approx([0.1, 0.08, 0.06, 0.04, 0.02])


@pytest.mark.parametrize("batches", [1, 3])
def test_the_budget_is_spent_exactly(batches: int, split_of: SplitOf) -> None:
    model = scribe(batches=batches)
    training = trainer_of(model, split_of(10), n_steps=7).run()
    assert [context.step for context in model.contexts] == list(range(7))
    assert {(context.n_steps, context.n_train) for context in model.contexts} == {(7, 10)}
    assert model.sizes == [4 * batches] * 7
    assert all(model.modes)
    assert training.step == 7
    assert training.images_seen == 7 * 4 * batches
    assert training.wall_s > 0.0
    assert training.resumed_from_step is None


@pytest.mark.parametrize("n_steps", [1, 7, 100, 250])
def test_the_curve_covers_every_update_once(n_steps: int, split_of: SplitOf) -> None:
    seen: list[Progress] = []
    training = trainer_of(scribe(), split_of(10), n_steps).run(seen.append)
    steps = [step for step, _ in training.curve]
    assert steps == [progress.step for progress in seen]
    assert steps[-1] == n_steps
    assert min(n_steps, 80) <= len(steps) <= 130
    sums = [
        losses["step"] * (step - before)
        for (step, losses), before in zip(training.curve, [0, *steps], strict=False)
    ]
    assert sum(sums) == pytest.approx(n_steps * (n_steps - 1) / 2)


def test_what_an_observer_takes_is_not_counted(
    split_of: SplitOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(train.time, "perf_counter", lambda: now[0])

    class Slow(Scribe):
        def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
            now[0] += 2.0
            return super().step(batch, ctx)

    seen: list[Progress] = []

    def observe(progress: Progress) -> None:
        seen.append(progress)
        now[0] += 100.0

    model = Slow(Recipe(batch_size=4))
    training = trainer_of(model, split_of(10), 6).run(observe)
    assert training.wall_s == pytest.approx(12.0)
    assert [progress.images_per_s for progress in seen] == pytest.approx([2.0] * 6)


def test_what_is_fitted_after_training_is_fitted_once(split_of: SplitOf) -> None:
    model, split = scribe(), split_of(10)
    trainer_of(model, split).run()
    ((images, training, with_gradients),) = model.fitted
    assert not training
    assert not with_gradients
    torch.testing.assert_close(images, split.images.float() / 127.5 - 1.0)
    assert not model.training


def test_averages_move_once_an_update(split_of: SplitOf) -> None:
    model = scribe(ema_decay=0.9)
    trainer = trainer_of(model, split_of(10), n_steps=6)
    expected = [weight(model)]
    for n_updates in range(6):
        trainer.update()
        decay = min(0.9, (1 + n_updates) / (10 + n_updates))
        expected.append(decay * expected[-1] + (1.0 - decay) * weight(model))
    assert trainer.average is not None
    assert trainer.average.n_updates == 6
    actual = trainer.average.average["network.weight"].item()
    assert actual == pytest.approx(expected[-1], rel=1e-5)
    assert actual != pytest.approx(weight(model))
    assert trainer_of(scribe(), split_of(10)).average is None


def test_the_seed_decides_noise_and_order(split_of: SplitOf) -> None:
    def trained(seed: int, before: int = 0) -> Scribe:
        torch.manual_seed(before)  # what was drawn before does not matter
        model = scribe()
        trainer_of(model, split_of(10), seed=seed).run()
        return model

    first, again = trained(0, before=1), trained(0, before=2)
    assert (first.noises, first.means) == (again.noises, again.means)
    assert weight(first) == weight(again)
    models = [trained(seed) for seed in range(4)]
    assert len({tuple(model.noises) for model in models}) == 4
    assert len({tuple(model.means) for model in models}) == 4


@pytest.mark.parametrize(("n_steps", "stop"), [(20, 0), (20, 1), (20, 10), (20, 15), (300, 47)])
def test_stopping_and_resuming_changes_nothing(
    n_steps: int, stop: int, tmp_path: Path, split_of: SplitOf
) -> None:
    straight = scribe(ema_decay=0.9)
    whole = trainer_of(straight, split_of(10), n_steps)
    expected = whole.run()
    file = tmp_path / "run" / "checkpoint.pt"
    first = trainer_of(scribe(ema_decay=0.9), split_of(10), n_steps, checkpoint_file=file)
    with pytest.raises(Stopped):
        first.run(should_stop=stop_before(stop, first))
    assert first.state.step == stop
    resumed = scribe(ema_decay=0.9)
    second = trainer_of(resumed, split_of(10), n_steps, checkpoint_file=file)
    training = second.run()
    assert [context.step for context in resumed.contexts] == list(range(stop, n_steps))
    assert training.resumed_from_step == stop
    assert training.images_seen == expected.images_seen
    assert training.curve == expected.curve
    assert weight(resumed) == weight(straight)
    assert whole.average is not None
    assert second.average is not None
    assert whole.average.state_dict() == second.average.state_dict()


def test_a_crash_costs_at_most_a_tenth(tmp_path: Path, split_of: SplitOf) -> None:
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(Diverged):
        trainer_of(scribe(diverge_at=47), split_of(10), 50, checkpoint_file=file).run()
    resumed = scribe()
    trainer_of(resumed, split_of(10), 50, checkpoint_file=file).run()
    assert 40 <= resumed.contexts[0].step <= 47


@pytest.mark.parametrize("n_steps", [20, 400])
def test_divergence_is_noticed_and_not_saved(
    n_steps: int, tmp_path: Path, split_of: SplitOf
) -> None:
    file = tmp_path / "checkpoint.pt"
    model = scribe(diverge_at=n_steps // 2 + 1)
    with pytest.raises(Diverged, match="loss is not finite after step") as caught:
        trainer_of(model, split_of(10), n_steps, checkpoint_file=file).run()
    assert n_steps // 2 + 1 <= caught.value.step <= n_steps // 2 + 1 + max(1, n_steps // 100)
    content = checkpoint.read(file, Identity(), torch.device("cpu"))
    assert content is not None
    assert content["step"] <= n_steps // 2


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path, split_of: SplitOf) -> None:
    file = tmp_path / "checkpoint.pt"
    trainer_of(scribe(), split_of(10), checkpoint_file=file, identity=Identity("a")).run()
    other = trainer_of(scribe(), split_of(10), checkpoint_file=file, identity=Identity("b"))
    with pytest.raises(InvalidInput, match="belongs to another run"):
        other.run()


def test_without_a_file_nothing_is_written(
    tmp_path: Path, split_of: SplitOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trainer_of(scribe(), split_of(10)).run()
    assert list(tmp_path.iterdir()) == []


def test_a_long_training_saves_between_its_tenths(
    tmp_path: Path, split_of: SplitOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def last_saved(folder: Path) -> int:
        model = scribe(diverge_at=249)
        file = folder / "checkpoint.pt"
        with pytest.raises(Diverged):
            trainer_of(model, split_of(10), 1000, checkpoint_file=file).run()
        content = checkpoint.read(file, Identity(), torch.device("cpu"))
        assert content is not None
        return int(content["step"])

    assert last_saved(tmp_path / "short") == 200
    monkeypatch.setattr(train, "CHECKPOINT_EVERY_S", 0.0)
    assert last_saved(tmp_path / "long") == 240


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def perf_counter(self) -> float:
        return self.now

    monotonic = perf_counter


def test_only_updates_count_as_time_of_training(
    tmp_path: Path, split_of: SplitOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(train, "time", clock)
    save = checkpoint.write

    def slow_write(*arguments: Any) -> None:
        clock.now += 1000.0
        save(*arguments)

    def observe(_: Progress) -> None:
        clock.now += 500.0

    monkeypatch.setattr(checkpoint, "write", slow_write)
    trainers = []
    for stop_after in (7, 100):
        model = Scribe(Recipe(batch_size=4))
        trainer = Trainer(model, split_of(8), n_steps=10, seed=0, checkpoint_file=tmp_path / "c")
        step = trainer._step

        def timed(batch: Batch, step: Callable[[Batch], dict[str, Tensor]] = step) -> Any:
            clock.now += 2.0
            return step(batch)

        monkeypatch.setattr(trainer, "_step", timed)
        clock.now += 300.0  # between making a trainer and running it
        trainers.append(trainer)
        try:
            trainer.run(observe, lambda t=trainer, n=stop_after: t.state.step >= n)
        except Stopped:
            clock.now += 10_000.0
    assert trainers[0].state.step == 7
    assert trainers[1].state.resumed_from_step == 7
    assert trainers[1].state.wall_s == pytest.approx(10 * 2.0)
