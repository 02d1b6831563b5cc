"""Which trainer a training gets, and where its images are kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from bench.data.dataset import ImageSplit
from bench.identity.code import Loop
from bench.identity.spec import TrainSpec
from bench.models.base import GenerativeModel
from bench.records.checkpoint_file import Identity
from bench.train.gpu.streaming import StreamingTrainer, fits_on
from bench.train.gpu.trainer import TunedTrainer
from bench.train.loop import NOBODY, Trainer


def placed(split: ImageSplit, device: torch.device) -> ImageSplit:
    """The split on the device if it fits there, else as it is, on the host."""
    return split.to(device) if fits_on(device, split) else split


def loop_of(spec: TrainSpec, split: ImageSplit, device: torch.device, *, graphs: bool) -> Loop:
    """Which loop a training goes through.

    Args:
        spec: says with which precision.
        split: where it is placed.
        device: where the model trains.
        graphs: whether updates may be replayed as CUDA graphs.
    """
    if graphs or spec.precision != "fp32":
        return "tuned"
    return "plain" if split.images.device == device else "streamed"


def trainer_of(
    spec: TrainSpec,
    model: GenerativeModel,
    split: ImageSplit,
    *,
    graphs: bool = False,
    checkpoint_file: Path | None = None,
    identity: Identity = NOBODY,
) -> Trainer:
    """The trainer for a spec: ``Trainer`` itself unless something asks for another.

    Args:
        spec: says for how long, with which seed and precision.
        model: on the device where it shall train.
        split: there as well, or on the host.
        graphs: whether updates may be replayed as CUDA graphs.
        checkpoint_file: as for ``Trainer``.
        identity: likewise.
    """
    kinds: dict[Loop, Callable[..., Trainer]] = {
        "plain": Trainer,
        "streamed": StreamingTrainer,
        "tuned": partial(TunedTrainer, precision=spec.precision, graphs=graphs),
    }
    return kinds[loop_of(spec, split, next(model.parameters()).device, graphs=graphs)](
        model,
        split,
        n_steps=spec.steps,
        seed=spec.seed,
        checkpoint_file=checkpoint_file,
        identity=identity,
    )
