"""The tuned path, as far as a CPU can show it: verdicts, precision, streaming, order of events."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.nn.utils.parametrize import register_parametrization
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
from bench.models.gan import GAN
from bench.models.noise import ImageNoise
from bench.models.vae import VAE
from bench.networks.shape import ImageShape
from bench.objectives.penalties import r1_penalty
from bench.run.plan import Narrowing, planned_specs
from bench.train.batches import ShuffledBatches
from bench.train.gpu import trainer as tuned_trainer
from bench.train.gpu.choice import placed, trainer_of
from bench.train.gpu.graphs import judge, plain_state
from bench.train.gpu.precision import Passes, use_bfloat16
from bench.train.gpu.streaming import StreamedBatches, StreamingTrainer, fits_on, n_bytes
from bench.train.gpu.trainer import TunedTrainer
from bench.train.loop import Stopped, Trainer
from catalog.read.loader import load_registry

CPU = torch.device("cpu")
SplitOf = Callable[..., ImageSplit]
ModelOf = Callable[..., GenerativeModel]
ImagesOf = Callable[..., Tensor]


class Counter:
    """A helper object with memory."""

    def __init__(self) -> None:
        self.seen: list[int] = []


class Habit(GenerativeModel):
    """Learns one weight, and has one habit that may stand against replaying its updates."""

    recipe_type = Recipe
    latent_dim = 1

    def __init__(self, habit: Callable[[Habit, Tensor, Tensor, StepContext], Any]) -> None:
        recipe = Recipe(batch_size=4, optimizer=AdamSettings(lr=0.1), lr_schedule="linear")
        super().__init__(recipe, ImageShape(1, 8), 10)
        self.network = nn.Linear(1, 1, bias=False)
        self.habit = habit
        self.counter = Counter()
        self.count = 0
        self.last = torch.zeros(())
        self.settings: dict[str, Any] = {}
        self._optimizer = adam(recipe.optimizer, self.network)

    def optimizers(self) -> dict[str, Optimizer]:
        return {"network": self._optimizer}

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        images, labels = batch
        self.habit(self, images, labels, ctx)
        loss = (self.network.weight - images.mean() - torch.randn(())).square().sum()
        descend(loss, self._optimizer)
        return {"loss": loss.detach()}

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    def sampling_modules(self) -> dict[str, nn.Module]:
        return {"network": self.network}


def nothing(*_: Any) -> None:
    """The habit of a model that has none."""


def counts(model: Habit, *_: Any) -> None:
    model.count += 1


def remembers(model: Habit, *_: Any) -> None:
    model.counter.seen.append(1)


def rebinds(model: Habit, images: Tensor, *_: Any) -> None:
    model.last = images.mean()


def adds_a_key(model: Habit, *_: Any) -> None:
    model.settings[str(len(model.settings))] = None


def moves_the_rate(model: Habit, *_: Any) -> None:
    model.optimizers()["network"].param_groups[0]["lr"] *= 0.5


def in_place(model: Habit, images: Tensor, *_: Any) -> None:
    model.last.copy_(images.mean())


def and_back(model: Habit, *_: Any) -> None:
    model.count += 1
    model.count -= 1


HARMLESS = {
    "nothing": nothing,
    "asks for constants": lambda _model, _images, _labels, ctx: ctx.n_train * ctx.n_steps,
    "writes in place": in_place,
    "changes and changes back": and_back,
    "labels of known number": lambda _model, _images, labels, _ctx: one_hot(labels, 10),
    "gathers by position": lambda _model, images, labels, _ctx: images[labels % 4],
}
HARMFUL = {
    "depends on the step": lambda _model, _images, _labels, ctx: ctx.step,
    "reads back from the device (_local_scalar_dense)": lambda _m, x, _y, _c: x.sum().item(),
    "reads back from the device (nonzero)": lambda _m, x, _y, _c: x.nonzero(),
    "reads back from the device (index)": lambda _m, x, _y, _c: x[x > 0.0],
    "reads back from the device (bincount)": lambda _m, _x, y, _c: torch.bincount(y),
    "(_local_scalar_dense)": lambda _m, _x, y, _c: one_hot(y),
    "changes model.count": counts,
    "changes model.counter.seen": remembers,
    "changes model.last": rebinds,
    "changes model.settings": adds_a_key,
    "changes network.0.lr": moves_the_rate,
    "draws random numbers on the host": lambda *_: random.getrandbits(8),
    "random numbers on the host": lambda *_: np.random.bytes(1),  # noqa: NPY002
}


def verdict_of(habit: Callable[..., Any], images_of: ImagesOf) -> Any:
    return judge(Habit(habit), Batch(images_of(4), torch.arange(4)), 6, 40)


@pytest.mark.parametrize("name", HARMLESS)
def test_what_stands_not_against_a_graph(name: str, images_of: ImagesOf) -> None:
    verdict = verdict_of(HARMLESS[name], images_of)
    assert verdict.graphable
    assert str(verdict) == "yes"
    assert verdict.reads == ({"n_train", "n_steps"} if "constants" in name else set())


@pytest.mark.parametrize("reason", HARMFUL)
def test_what_stands_against_a_graph(reason: str, images_of: ImagesOf) -> None:
    verdict = verdict_of(HARMFUL[reason], images_of)
    assert not verdict.graphable
    assert len(verdict.reasons) == 1
    assert reason in str(verdict)


def test_what_is_made_once_does_not_count(images_of: ImagesOf) -> None:
    def starts(model: Habit, *_: Any) -> None:
        model.settings.setdefault("started", True)

    assert verdict_of(starts, images_of).graphable


def test_watching_changes_nothing(images_of: ImagesOf) -> None:
    weights = []
    for watch in (False, True):
        torch.manual_seed(0)
        torch.nn.init.zeros_((model := Habit(nothing)).network.weight)
        batch = Batch(images_of(4), torch.arange(4))
        if watch:
            judge(model, batch, 6, 40)
        else:
            for step in range(2):
                model.train().step(batch, StepContext(step, 6, 40))
        weights.append(model.network.weight.item())
    assert weights[0] == weights[1] != 0.0


def test_a_state_sees_settings_and_not_gradients(model_of: ModelOf) -> None:
    state = plain_state(model_of(GAN, width=4, batch_size=4))
    assert state["critic.0.lr"] == 2e-4
    assert "model.batches_per_step" in state
    assert not any(path.endswith((".grad", ".params")) for path in state)


class Fake:
    """In the place of a recorded update: takes the very update, and notes how it was made."""

    made: list[Fake]

    def __init__(self, update: Callable[..., Any], *_: Any) -> None:
        self.update = update
        self.rates: list[list[float]] = []
        self.made.append(self)

    def __call__(self, batch: Batch, rates: list[float]) -> Any:
        self.rates.append(rates)
        return self.update(batch)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    """Let updates on a CPU be recorded by ``Fake``, and run none on a side stream."""
    monkeypatch.setattr(Fake, "made", [], raising=False)
    monkeypatch.setattr(tuned_trainer, "RecordedUpdate", Fake)
    monkeypatch.setattr(TunedTrainer, "_on_side_stream", Trainer._step)
    forget = TunedTrainer._forget_recording

    def as_on_cuda(trainer: TunedTrainer) -> None:
        forget(trainer)
        trainer.verdict = None

    monkeypatch.setattr(TunedTrainer, "_forget_recording", as_on_cuda)
    return Fake


def tuned(model: GenerativeModel, split: ImageSplit, **arguments: Any) -> TunedTrainer:
    return TunedTrainer(model, split, **{"n_steps": 12, "seed": 0, **arguments})


def weights_after(trainer: Trainer) -> dict[str, Tensor]:
    trainer.run()
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def equal(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(tensor, second[name]) for name, tensor in first.items()
    )


def test_an_update_is_recorded_after_a_few_and_never_lost(
    recorded: type[Fake], split_of: SplitOf
) -> None:
    trainer = tuned(Habit(nothing), split_of(10))
    trainer.run()
    (made,) = recorded.made
    expected = [0.1 * (1 - step / 12) for step in range(5, 12)]
    assert [rates[0] for rates in made.rates] == pytest.approx(expected)
    assert trainer.state.step == 12
    assert str(trainer.verdict) == "yes"


def test_a_recorded_training_is_the_plain_one(
    recorded: type[Fake], split_of: SplitOf, model_of: ModelOf
) -> None:
    def model() -> GenerativeModel:
        return model_of(GAN, width=4, batch_size=4, ema_decay=0.9, lr_schedule="linear")

    split = split_of(10)
    plain = weights_after(Trainer(model(), split, n_steps=12, seed=0))
    assert equal(weights_after(tuned(model(), split)), plain)
    assert len(recorded.made) == 1


def test_what_stands_against_it_is_never_recorded(recorded: type[Fake], split_of: SplitOf) -> None:
    trainer = tuned(Habit(counts), split_of(10))
    trainer.run()
    assert not recorded.made
    assert str(trainer.verdict) == "no: changes model.count"


def test_a_refusal_of_cuda_is_noted_and_the_training_goes_on(
    recorded: type[Fake], split_of: SplitOf, monkeypatch: pytest.MonkeyPatch, model_of: ModelOf
) -> None:
    def refuse(*_: Any) -> None:
        raise RuntimeError("not permitted when stream is capturing\nmore")

    monkeypatch.setattr(tuned_trainer, "RecordedUpdate", refuse)
    split = split_of(10)
    plain = weights_after(Trainer(model_of(VAE, width=4, batch_size=4), split, n_steps=9, seed=0))
    trainer = tuned(model_of(VAE, width=4, batch_size=4), split, n_steps=9)
    assert equal(weights_after(trainer), plain)
    assert str(trainer.verdict) == "no: CUDA refuses: not permitted when stream is capturing"


def test_a_resumed_training_is_recorded_anew(
    recorded: type[Fake], split_of: SplitOf, model_of: ModelOf, tmp_path: Path
) -> None:
    def trainer(file: Path) -> TunedTrainer:
        return tuned(model_of(VAE, width=4, batch_size=4), split_of(10), checkpoint_file=file)

    whole = weights_after(trainer(tmp_path / "whole"))
    first = trainer(tmp_path / "parts")
    with pytest.raises(Stopped):
        first.run(should_stop=lambda: first.state.step >= 6)
    second = trainer(tmp_path / "parts")
    assert equal(weights_after(second), whole)
    assert second.state.resumed_from_step == 6
    assert [len(made.rates) for made in recorded.made] == [7, 1, 1]


def test_a_trainer_that_is_run_again_records_anew(
    recorded: type[Fake], split_of: SplitOf, tmp_path: Path
) -> None:
    trainer = tuned(Habit(nothing), split_of(10), checkpoint_file=tmp_path / "file")
    with pytest.raises(Stopped):
        trainer.run(should_stop=lambda: trainer.state.step >= 6)
    trainer.run()  # optimisers have other states now
    assert [len(made.rates) for made in recorded.made] == [1, 1]


def test_on_a_cpu_nothing_is_recorded_and_nothing_differs(
    split_of: SplitOf, model_of: ModelOf
) -> None:
    split = split_of(10)
    plain = Trainer(model_of(GAN, width=4, batch_size=4), split, n_steps=8, seed=0)
    trainer = tuned(model_of(GAN, width=4, batch_size=4), split, n_steps=8)
    assert equal(weights_after(trainer), weights_after(plain))
    assert str(trainer.verdict) == "no: not a CUDA device"
    assert str(tuned(Habit(nothing), split, graphs=False).verdict) == "no: not asked for"


def test_bfloat16_trains_other_weights_and_resumes_to_the_same(
    split_of: SplitOf, model_of: ModelOf, tmp_path: Path
) -> None:
    def trainer(file: Path, precision: str = "bf16") -> TunedTrainer:
        model = model_of(GAN, width=4, batch_size=4, critic_norm="none", penalty={"r1": 1.0})
        split = split_of(10)
        return tuned(model, split, precision=precision, checkpoint_file=file)

    exact, whole = (weights_after(trainer(tmp_path / p, p)) for p in ("fp32", "bf16"))
    assert not equal(exact, whole)
    for name, tensor in whole.items():
        assert tensor.dtype == exact[name].dtype
        assert tensor.isfinite().all()
        torch.testing.assert_close(tensor, exact[name], rtol=0.05, atol=0.02)
    first = trainer(tmp_path / "parts")
    with pytest.raises(Stopped):
        first.run(should_stop=lambda: first.state.step >= 7)
    assert equal(weights_after(trainer(tmp_path / "parts")), whole)


def test_a_second_pass_sees_weights_that_the_first_half_of_an_update_moved() -> None:
    model = nn.Module()
    model.layer = nn.Linear(1, 1, bias=False)
    seen = []
    use_bfloat16(model, CPU)
    with torch.autocast("cpu", dtype=torch.bfloat16):  # whose cache outlives a pass
        for value in (1.0, 2.0):
            with torch.no_grad():
                model.layer.weight.fill_(value)
            seen.append(model.layer(torch.ones(1, 1)).item())
    assert seen == [1.0, 2.0]


def test_a_penalty_is_that_of_float32(model_of: ModelOf, images_of: ImagesOf) -> None:
    settings = {"width": 8, "critic_norm": "none", "penalty": {"r1": 2.0}}
    model, bare = (model_of(GAN, **settings) for _ in range(2))
    assert isinstance(model, GAN)
    assert isinstance(bare, GAN)
    use_bfloat16(model, CPU)
    real, fake = images_of(6), images_of(6, seed=1)
    ((penalty, weight),) = model.penalties
    exact = r1_penalty(bare.critic, real, fake).item()
    assert weight == 2.0
    assert penalty(model.critic, real, fake).item() == exact
    assert r1_penalty(model.critic, real, fake).item() != exact


def test_passes_are_in_bfloat16_and_outputs_in_float32(
    model_of: ModelOf, images_of: ImagesOf
) -> None:
    model, bare = (model_of(GAN, width=8) for _ in range(2))
    assert isinstance(model, GAN)
    assert isinstance(bare, GAN)
    keys = list(model.state_dict())
    use_bfloat16(model, CPU)
    assert list(model.state_dict()) == keys
    images = images_of(6)
    exact, scores = bare.critic(images), model.critic(images)
    assert scores.dtype == torch.float32
    assert not torch.equal(scores, exact)
    torch.testing.assert_close(scores, exact, rtol=0.05, atol=0.05)


def test_parametrised_weights_are_made_in_float32() -> None:
    seen: list[bool] = []

    class Noting(nn.Module):
        def forward(self, weight: Tensor) -> Tensor:
            seen.append(torch.is_autocast_enabled("cpu"))
            return weight

    model = nn.Module()
    model.network = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    register_parametrization(model.network[0], "weight", Noting())
    use_bfloat16(model, CPU)
    del seen[:]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert model.network(torch.ones(1, 2)).dtype == torch.float32
    assert seen == [False]


def test_a_term_that_fails_leaves_passes_in_bfloat16() -> None:
    passes = Passes(CPU)
    module = nn.Module()
    low = passes.in_bfloat16(lambda: torch.is_autocast_enabled("cpu"), module)
    with pytest.raises(ZeroDivisionError):
        passes.in_full()(lambda: 1 / 0)()
    assert low()
    assert not passes.in_full()(low)()
    module.eval()
    assert not low()


def test_after_training_a_model_draws_what_its_weights_draw(
    split_of: SplitOf, model_of: ModelOf
) -> None:
    trained, loaded = (model_of(VAE, width=4, batch_size=4) for _ in range(2))
    loaded.load_state_dict(weights_after(tuned(trained, split_of(10), precision="bf16")))
    first, second = (
        model.to(memory_format=torch.channels_last).eval().sample(ImageNoise(0, range(5)))
        for model in (trained, loaded)
    )
    assert torch.equal(first, second)


def test_streamed_batches_are_the_shuffled_ones(split_of: SplitOf) -> None:
    split = split_of(10, channels=3)
    usual = ShuffledBatches(split, 4, seed=3)
    streamed = StreamedBatches(split, 4, 3, CPU)
    for step in range(9):
        assert torch.equal(streamed.indices(step), usual.indices(step))
        for ours, theirs in zip(streamed.batch(step), usual.batch(step), strict=True):
            assert torch.equal(ours, theirs)
            assert (ours.dtype, ours.stride()) == (theirs.dtype, theirs.stride())


def test_a_streamed_training_is_the_usual_one(split_of: SplitOf, model_of: ModelOf) -> None:
    split = split_of(10)
    usual = Trainer(model_of(VAE, width=4, batch_size=4), split, n_steps=8, seed=0)
    trainer = StreamingTrainer(model_of(VAE, width=4, batch_size=4), split, n_steps=8, seed=0)
    trainer.batches = StreamedBatches(split, 4, 0, CPU)
    assert equal(weights_after(trainer), weights_after(usual))


def test_a_split_fits_up_to_its_share_of_free_memory(
    split_of: SplitOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    split = split_of(10)
    assert n_bytes(split) == 10 * 64 + 10 * 8
    assert fits_on(CPU, split)
    device = torch.device("cuda", 0)
    for free, fits in ((4 * 720, True), (4 * 720 - 1, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _device, free=free: (free, 10**9))
        assert fits_on(device, split) == fits
    monkeypatch.setattr("bench.train.gpu.choice.fits_on", lambda *_: False)
    assert placed(split, device) is split


def test_the_trainer_is_the_plain_one_unless_asked(split_of: SplitOf, model_of: ModelOf) -> None:
    split = split_of(10)
    registry = load_registry()
    (spec, *_) = planned_specs(registry, registry.suite("digits"), Narrowing(variants=("vae",)))

    def kind(precision: str = "fp32", place: str = "cpu", **arguments: Any) -> type[Trainer]:
        chosen = spec.model_copy(update={"precision": precision, "seed": 3})
        model = model_of(VAE, width=4, batch_size=4)
        trainer = trainer_of(chosen, model, split.to(torch.device(place)), **arguments)
        assert (trainer.n_steps, trainer.seed, trainer.batches.seed) == (spec.steps, 3, 3)
        return type(trainer)

    assert kind() is Trainer
    assert kind(place="meta") is StreamingTrainer
    assert kind(graphs=True) is TunedTrainer
    assert kind("bf16") is TunedTrainer
