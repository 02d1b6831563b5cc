"""A model at several moments of its training, without touching the training.

While the model trains, its tensors are copied and nothing else happens; images are drawn from the
copies when training is over. So a watched training ends bit-equal to one that nobody watches.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.data import ImageData
from bench.data.dataset import ImageSplit, to_unit_range
from bench.identity.spec import TrainSpec
from bench.models.base import FitsAfterTraining
from bench.models.build import build_from_spec
from bench.run.trainee import Trainee
from bench.sample.trained_model import TrainedModel
from bench.train.ema import AveragedWeights
from bench.train.loop import Progress, Trainer

PERCENTS = (3, 10, 25, 50, 75)
"""Moments before the end, in per cent of the budget: images change most at first, or, where a prior
is learned after its codes, in the second half."""


@dataclass(frozen=True)
class Snapshot:
    """Copies of a model's tensors, and of the averages, after ``step`` updates."""

    step: int
    state: dict[str, Tensor]
    average: dict[str, Tensor] | None


@dataclass(frozen=True)
class WatchedTraining:
    """A model at the end of its training and at moments before, each with its step."""

    final: TrainedModel
    earlier: tuple[tuple[int, TrainedModel], ...]


def train_watched(
    spec: TrainSpec, data: ImageData, device: torch.device, start: Path | None = None
) -> WatchedTraining:
    """Train what ``spec`` describes, and keep what the model was at some moments before the end.

    Args:
        spec: says what is trained.
        data: the data set of the spec.
        device: where to train.
        start: where the run lies whose weights the spec goes on from, if it does.

    Raises:
        Diverged: a loss became infinite or NaN.
    """
    trainee = Trainee(spec, data, device, start=start)
    taker = SnapshotTaker(trainee.trainer)
    _, final = trainee.train(taker.observe)
    shots = taker.snapshots
    earlier = tuple((shot.step, model_at(shot, spec, trainee.split, device)) for shot in shots)
    return WatchedTraining(final, earlier)


class SnapshotTaker:
    """Watches a trainer: pass ``observe`` to its ``run``.

    Losses are reported about a hundred times, and a moment is taken at the first report that comes
    at it or after it, so a very short training has fewer moments.
    """

    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._waiting = list(PERCENTS)
        self.snapshots: list[Snapshot] = []

    def observe(self, progress: Progress) -> None:
        """Copy the model if a moment has come; the end of the training is not one."""
        due = [p for p in self._waiting if progress.step * 100 >= p * progress.n_steps]
        if not due or progress.step >= progress.n_steps:
            return
        self._waiting = self._waiting[len(due) :]
        average = self._trainer.average
        self.snapshots.append(
            Snapshot(
                progress.step,
                _copied(self._trainer.model.state_dict()),
                None if average is None else _copied(average.average),
            )
        )


@torch.no_grad()
def model_at(
    snapshot: Snapshot, spec: TrainSpec, split: ImageSplit, device: torch.device
) -> TrainedModel:
    """The model of a moment as it would have been if training had ended there.

    Its own sampler is fitted where it is fitted after training; the ex-post mixture is not.

    Args:
        snapshot: of a training of ``spec``.
        spec: says how the model is built.
        split: what it trained on.
        device: where it is to draw.
    """
    model = build_from_spec(spec)
    model.load_state_dict(snapshot.state)
    # The layout in which it was trained: in another one, convolutions may round otherwise.
    model.to(device).to(memory_format=torch.channels_last).eval()
    if isinstance(model, FitsAfterTraining):
        model.after_training(to_unit_range(split.images.to(device)))
    average = None
    if snapshot.average is not None:
        average = AveragedWeights(model.sampling_modules(), 0.0)
        average.load_state_dict({"n_updates": 0, **snapshot.average})
    return TrainedModel(spec, model, average, {}, device)


def _copied(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
