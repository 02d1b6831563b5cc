"""The three loops that ``aigc bench speed`` compares, each in a process of its own.

- ``textbook`` is what one writes first: a ``DataLoader`` over float images, default memory layout,
  all threads, losses read after every update.
- ``plain`` is the harness: uint8 images on the device, channels-last, losses read at reports.
- ``tuned`` is the harness at its best: on CUDA bfloat16 passes and replayed updates, on a CPU one
  thread, since one such job runs on every core.

All call the same ``GenerativeModel.step``, so ratios are the loops' own doing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain, count, repeat
from multiprocessing.connection import Connection
from typing import Literal

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from bench.data import ImageSplit, load_dataset
from bench.data.dataset import to_unit_range
from bench.machine.memory import peak_memory_bytes
from bench.models.base import Batch, GenerativeModel, Recipe, StepContext
from bench.models.build import algorithm_class, build_model
from bench.networks.shape import ImageShape
from bench.run.failures import diagnose
from bench.train.gpu.graphs import judge
from bench.train.gpu.trainer import ON_SIDE_STREAM, WATCHED, TunedTrainer
from bench.train.loop import Trainer
from catalog.errors import InvalidInput
from catalog.schema import Dataset

Kind = Literal["textbook", "plain", "tuned"]
WARM_UP = WATCHED + ON_SIDE_STREAM + 4
"""Updates before the timed ones: enough to record one and replay it."""
A_BUDGET = 10**6
"""Budget of updates that models and schedules are told: more than are ever made."""


@dataclass(frozen=True)
class Workload:
    """A model on a data set for a number of updates; enough to build it in any process."""

    algorithm: str
    recipe: Recipe
    dataset: Dataset
    steps: int
    device: str

    def model(self) -> GenerativeModel:
        """A fresh model on the device, in training mode."""
        shape = ImageShape(self.dataset.channels, self.dataset.resolution)
        algorithm = algorithm_class(self.algorithm)
        model = build_model(algorithm, self.recipe, shape, self.dataset.n_classes, seed=0)
        return model.to(self.device).train()

    def split(self) -> ImageSplit:
        """Training images on the device."""
        return load_dataset(self.dataset)["train"].to(self.device)


@dataclass(frozen=True)
class Turn:
    """One measurement.

    Attributes:
        images_per_s: real images per second.
        peak_bytes: peak memory so far.
        graph: whether updates are, or could be, replayed.
    """

    images_per_s: float
    peak_bytes: int
    graph: str


def serve(kind: Kind, work: Workload, pipe: Connection) -> None:
    """Answer every True with a ``Turn`` or the reason for a failure, until there is a False.

    The first turn warms the loop up.
    """
    try:
        if kind == "tuned" and work.device == "cpu":
            torch.set_num_threads(1)
        loop = LOOPS[kind](work)
        n_updates = WARM_UP
        while pipe.recv():
            start = time.perf_counter()
            for _ in range(n_updates):
                losses = loop.update()
            for loss in losses.values():
                float(loss)  # waits for the device
            rate = n_updates * loop.n_images / (time.perf_counter() - start)
            pipe.send(Turn(rate, peak_memory_bytes(torch.device(work.device)), loop.graph()))
            n_updates = work.steps
    except (EOFError, BrokenPipeError):  # nobody asks any more
        return
    except Exception as error:  # noqa: BLE001 (whatever it is becomes a row of the table)
        diagnosis = diagnose(error)
        pipe.send(f"{diagnosis.kind}: {diagnosis.message}")


@dataclass(frozen=True)
class Loop:
    """A way to update a model, with the real images of an update and what is known of graphs."""

    update: Callable[[], dict[str, Tensor]]
    n_images: int
    graph: Callable[[], str] = str


def _textbook(work: Workload) -> Loop:
    model, split = work.model(), work.split()
    batch_size = model.recipe.batch_size * model.batches_per_step
    images = TensorDataset(to_unit_range(split.images.cpu()), split.labels.cpu())
    loader = DataLoader(images, batch_size, shuffle=True, drop_last=True)
    if not len(loader):
        raise InvalidInput("a batch is larger than the training split")
    batches, steps = chain.from_iterable(repeat(loader)), count()

    def update() -> dict[str, Tensor]:
        batch = Batch(*(tensor.to(work.device) for tensor in next(batches)))
        losses = model.step(batch, StepContext(next(steps), A_BUDGET, len(images)))
        for loss in losses.values():
            float(loss)
        return losses

    return Loop(update, batch_size)


def _plain(work: Workload) -> Loop:
    trainer = Trainer(work.model(), work.split(), n_steps=A_BUDGET, seed=0)
    return Loop(trainer.update, trainer.batches.batch_size)


def _tuned(work: Workload) -> Loop:
    if work.device == "cpu":  # where nothing is ever replayed
        trainer = Trainer(work.model(), work.split(), n_steps=A_BUDGET, seed=0)
        batch, n_train = trainer.batches.batch(0), len(trainer.split)
        verdict = judge(trainer.model, batch, A_BUDGET, n_train)
        return replace(_plain(work), graph=lambda: str(verdict))
    tuned = TunedTrainer(work.model(), work.split(), n_steps=A_BUDGET, seed=0, precision="bf16")
    return Loop(tuned.update, tuned.batches.batch_size, lambda: str(tuned.verdict))


LOOPS: dict[Kind, Callable[[Workload], Loop]] = {
    "textbook": _textbook,
    "plain": _plain,
    "tuned": _tuned,
}
