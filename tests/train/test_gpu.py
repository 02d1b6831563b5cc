"""What only a CUDA device shows of the tuned path; ``tests/conformance`` has the variants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.data import ImageSplit
from bench.machine.device import MOST_JOBS_ON_A_GPU, jobs_that_fit
from bench.machine.memory import peak_memory_bytes
from bench.models.base import Batch, GenerativeModel, Recipe, StepContext, adam, descend
from bench.models.gan import GAN
from bench.models.noise import ImageNoise
from bench.models.vae import VAE
from bench.networks.shape import ImageShape
from bench.train.batches import ShuffledBatches
from bench.train.gpu.graphs import Verdict
from bench.train.gpu.streaming import ResidentBatches, StreamedBatches, fits_on
from bench.train.gpu.trainer import TunedTrainer
from bench.train.loop import Stopped, Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
SplitOf = Callable[..., ImageSplit]
ModelOf = Callable[..., GenerativeModel]
CUDA = torch.device("cuda", 0)


@pytest.fixture
def images(split_of: SplitOf) -> ImageSplit:
    return split_of(40, channels=3, size=16)


def gan(model_of: ModelOf, **settings: Any) -> GenerativeModel:
    return model_of(GAN, 3, 16, **{"width": 8, "batch_size": 8, **settings}).to(CUDA)


def tuned(model: GenerativeModel, split: ImageSplit, **arguments: Any) -> TunedTrainer:
    return TunedTrainer(model, split, **{"n_steps": 20, "seed": 0, **arguments})


def test_batches_are_the_same_wherever_they_wait(images: ImageSplit) -> None:
    usual = ShuffledBatches(images, 8, 0)
    there = images.to(CUDA)
    for batches in (ResidentBatches(there, 8, 0), StreamedBatches(images, 8, 0, CUDA)):
        for step in range(12):
            for ours, theirs in zip(batches.batch(step), usual.batch(step), strict=True):
                assert ours.device == CUDA
                torch.testing.assert_close(ours.cpu(), theirs, rtol=0, atol=1e-6)


def test_batches_wait_for_nothing(images: ImageSplit) -> None:
    kinds = (ResidentBatches(images.to(CUDA), 8, 0), StreamedBatches(images, 8, 0, CUDA))
    torch.cuda.set_sync_debug_mode("error")
    try:
        sizes = [len(batches.batch(step)[0]) for batches in kinds for step in range(12)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert sizes == [8] * 24


def test_a_falling_rate_reaches_a_replayed_update(images: ImageSplit, model_of: ModelOf) -> None:
    split = images.to(CUDA)
    trainer = tuned(gan(model_of, lr_schedule="linear"), split)
    plain = Trainer(gan(model_of, lr_schedule="linear"), split, n_steps=20, seed=0)
    for each in (trainer, plain):
        each.run()
    assert trainer._recorded is not None
    for ours, theirs in zip(
        trainer.model.state_dict().values(), plain.model.state_dict().values(), strict=True
    ):
        torch.testing.assert_close(ours, theirs, rtol=5e-2, atol=5e-3)
    assert all(isinstance(group["lr"], float) for group in trainer._groups())


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_training_is_recorded_anew(
    precision: str, images: ImageSplit, model_of: ModelOf, tmp_path: Path
) -> None:
    def trainer(name: str) -> TunedTrainer:
        model, split = gan(model_of, ema_decay=0.9), images.to(CUDA)
        return tuned(model, split, precision=precision, checkpoint_file=tmp_path / name)

    whole = trainer("whole")
    whole.run()
    first = trainer("parts")
    with pytest.raises(Stopped):
        first.run(should_stop=lambda: first.state.step >= 12)
    second = trainer("parts")
    second.run()
    assert second._recorded is not None
    assert second.state.resumed_from_step == 12
    for name, tensor in second.model.state_dict().items():
        torch.testing.assert_close(tensor, whole.model.state_dict()[name], rtol=5e-2, atol=5e-3)


class Waits(GenerativeModel):
    """An update that cannot be recorded, which nobody has noticed."""

    recipe_type = Recipe
    latent_dim = 1

    def __init__(self) -> None:
        super().__init__(Recipe(batch_size=8), ImageShape(3, 16), 10)
        self.network = nn.Linear(1, 1)
        self._optimizer = adam(self.recipe.optimizer, self.network)

    def optimizers(self) -> dict[str, Optimizer]:
        return {"network": self._optimizer}

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:  # noqa: ARG002
        noise = torch.randn(8, 1, device=batch.images.device)
        loss = self.network(noise).square().mean() * (1.0 + 0.0 * float(batch.images.mean()))
        descend(loss, self._optimizer)
        return {"loss": loss.detach()}

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        raise NotImplementedError

    def sampling_modules(self) -> dict[str, nn.Module]:
        return {"network": self.network}


def test_waiting_is_noticed(images: ImageSplit) -> None:
    trainer = tuned(Waits().to(CUDA), images.to(CUDA))
    trainer.run()
    assert trainer._recorded is None
    assert "reads back from the device" in str(trainer.verdict)


def test_a_refused_recording_leaves_a_training_that_goes_on(
    images: ImageSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def approve(model: GenerativeModel, *given: Any) -> tuple[dict[str, Tensor], Verdict]:
        return model.step(*given), Verdict(graphable=True)

    monkeypatch.setattr("bench.train.gpu.trainer.watched_step", approve)
    torch.manual_seed(0)
    model = Waits().to(CUDA)
    before = model.network.weight.clone()
    trainer = tuned(model, images.to(CUDA))
    trainer.run()
    assert "CUDA refuses" in str(trainer.verdict)
    assert trainer.state.step == 20
    assert not torch.equal(model.network.weight, before)
    assert model.network.weight.isfinite().all()
    assert torch.randn(3, device=CUDA).isfinite().all()


@pytest.mark.parametrize("graphs", [True, False])
def test_a_split_on_the_host_trains_the_same(
    graphs: bool, images: ImageSplit, model_of: ModelOf
) -> None:
    def weights(split: ImageSplit) -> dict[str, Tensor]:
        model = model_of(VAE, 3, 16, width=8, batch_size=8).to(CUDA)
        trainer = tuned(model, split, graphs=graphs)
        trainer.run()
        assert trainer.streamed == (split.images.device.type == "cpu")
        return trainer.model.state_dict()

    on_host = weights(images)
    for name, tensor in weights(images.to(CUDA)).items():
        torch.testing.assert_close(on_host[name], tensor, rtol=5e-2, atol=5e-3)


def test_memory_is_counted_and_shared_out(images: ImageSplit, model_of: ModelOf) -> None:
    torch.cuda.reset_peak_memory_stats()
    tuned(gan(model_of), images.to(CUDA)).run()
    weights = sum(p.numel() * 4 for p in gan(model_of).parameters())
    assert 3 * weights < peak_memory_bytes(CUDA) < 20e9
    assert fits_on(CUDA, images)
    assert 1 <= jobs_that_fit(CUDA) <= MOST_JOBS_ON_A_GPU
