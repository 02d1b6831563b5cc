"""Training a recorded run again to see it: its end, what it was before, and whether it is the same.

A published run has no weights beside it, so they are made again, on the same machine bit by bit.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch

from bench.data import ImageData
from bench.identity.spec import TrainSpec
from bench.models.build import build_from_spec
from bench.records.environment import environment
from bench.records.machine import Environment
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory, artifact
from bench.replay.pictures.record import Weights
from bench.replay.pictures.snapshots import SnapshotTaker, model_at
from bench.replay.verify.compare import same_machine
from bench.sample import trained_model as trained
from bench.sample.trained_model import TrainedModel
from bench.train.gpu.choice import placed, trainer_of


@dataclass(frozen=True)
class Trained:
    """A model at the end of its training and at moments before, each with its step."""

    final: TrainedModel
    earlier: tuple[tuple[int, TrainedModel], ...]


@dataclass(frozen=True)
class Sameness:
    """How a model that was trained again stands to the recorded one.

    Attributes:
        environment: of the training that was done again.
        same_machine: whether its weights have to be equal to the recorded ones.
        weights: every file of weights, in order of the names.
    """

    environment: Environment
    same_machine: bool
    weights: tuple[Weights, ...]

    @property
    def equal(self) -> bool:
        """Whether every file has the recorded bytes."""
        return all(file.sha256 == file.recorded_sha256 for file in self.weights)


def train_watched(spec: TrainSpec, data: ImageData, device: torch.device) -> Trained:
    """Train what ``spec`` describes, and keep what the model was at some moments before the end.

    Raises:
        Diverged: a loss became infinite or NaN.
    """
    model = build_from_spec(spec).to(device)
    split = placed(data[spec.dataset.split], device)
    trainer = trainer_of(spec, model, split)
    taker = SnapshotTaker(trainer)
    trainer.run(taker.observe)
    final = trained.finish(spec, model, trainer.average, split)
    earlier = tuple((shot.step, model_at(shot, spec, split, device)) for shot in taker.snapshots)
    return Trained(final, earlier)


def sameness(train: TrainRecord, model: TrainedModel) -> Sameness:
    """Compare the files that saving a model makes with those of a train record."""
    with tempfile.TemporaryDirectory(prefix="aigc-pictures-") as scratch:
        directory = RunDirectory(Path(scratch))
        saved = [
            artifact("weights", file, directory.path) for file in trained.save(model, directory)
        ]
    recorded = {file.path: file.sha256 for file in train.artifacts}
    here = environment(model.device)
    return Sameness(
        environment=here,
        same_machine=same_machine(train.environment, here, set(os.environ)),
        weights=tuple(
            Weights(path=file.path, sha256=file.sha256, recorded_sha256=recorded.get(file.path))
            for file in sorted(saved, key=lambda file: file.path)
        ),
    )
