"""Training a run again from its spec, which needs no stored weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from bench.data import ImageData
from bench.identity.spec import TrainSpec
from bench.models.build import build_from_spec
from bench.records.run_directory import RunDirectory
from bench.sample import trained_model as trained
from bench.train.gpu.choice import placed, trainer_of
from bench.train.loop import Progress


def train_again(
    spec: TrainSpec,
    data: ImageData,
    directory: Path,
    device: torch.device,
    observe: Callable[[Progress], None],
    should_stop: Callable[[], bool],
) -> None:
    """Train what ``spec`` describes and write its weights, but no record, into ``directory``.

    Raises:
        Diverged: a loss became infinite or NaN.
        Stopped: ``should_stop`` said so.
    """
    model = build_from_spec(spec).to(device)
    split = placed(data[spec.dataset.split], device)
    trainer = trainer_of(spec, model, split)
    trainer.run(observe, should_stop)
    directory.mkdir(parents=True, exist_ok=True)
    trained.save(trained.finish(spec, model, trainer.average, split), RunDirectory(directory))
