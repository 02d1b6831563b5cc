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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Literal

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from bench.data import ImageSplit, load_dataset
from bench.data.dataset import to_unit_range
from bench.machine.memory import peak_memory_bytes
from bench.models.base import Batch, GenerativeModel, StepContext
from bench.models.build import algorithm_class, build_model, resolve_recipe
from bench.networks.shape import ImageShape
from bench.run.failures import diagnose
from bench.train.gpu.graphs import judge
from bench.train.gpu.trainer import ON_SIDE_STREAM, WATCHED, TunedTrainer
from bench.train.loop import Trainer
from catalog.errors import InvalidInput
from catalog.schema import Dataset, Registry, Variant

Kind = Literal["textbook", "plain", "tuned"]
WARM_UP = WATCHED + ON_SIDE_STREAM + 4
"""Updates before any is timed: enough to have recorded one, and replayed it."""
A_BUDGET = 10**6
"""Updates that models and schedules are told of: more than are ever made."""


@dataclass(frozen=True)
class Workload:
    """A variant on a data set for a number of updates; enough to rebuild it in any process."""

    registry: Registry
    variant: Variant
    dataset: Dataset
    steps: int
    device: str

    def model(self) -> GenerativeModel:
        """A fresh model on the device, in training mode."""
        recipe = resolve_recipe(self.registry, self.variant, self.dataset.id)
        shape = ImageShape(self.dataset.channels, self.dataset.resolution)
        model_class = algorithm_class(self.variant.algorithm)
        model = build_model(model_class, recipe, shape, self.dataset.n_classes, 0)
        return model.to(self.device).train()

    def split(self) -> ImageSplit:
        """Training images on the device."""
        return load_dataset(self.dataset)["train"].to(self.device)


@dataclass(frozen=True)
class Ready:
    """A loop is warm; ``graph`` says whether its updates are, or could be, replayed."""

    graph: str


@dataclass(frozen=True)
class Turn:
    """One measurement: images per second, and the most memory in bytes up to now."""

    images_per_s: float
    peak_bytes: int


@dataclass(frozen=True)
class Broken:
    """A loop that failed, and why."""

    reason: str


def serve(kind: Kind, work: Workload, pipe: Connection) -> None:
    """Warm a loop up, answer ``Ready``, then a ``Turn`` to every True until there is a False."""
    try:
        if kind == "tuned" and work.device == "cpu":
            torch.set_num_threads(1)
        graph, n_images, advance = LOOPS[kind](work)
        advance(WARM_UP)
        pipe.send(Ready(graph()))
        while pipe.recv():
            start = time.perf_counter()
            advance(work.steps)
            rate = work.steps * n_images / (time.perf_counter() - start)
            pipe.send(Turn(rate, peak_memory_bytes(torch.device(work.device))))
    except EOFError:  # nobody asks any more
        return
    except Exception as error:  # noqa: BLE001 (whatever it is becomes a row of the table)
        diagnosis = diagnose(error)
        pipe.send(Broken(f"{diagnosis.kind}: {diagnosis.message}"))


Advance = Callable[[int], None]
Loop = tuple[Callable[[], str], int, Advance]
"""What is known of graphs, real images per update, and how to make so many updates."""


def _textbook(work: Workload) -> Loop:
    model, split = work.model(), work.split()
    batch_size = model.recipe.batch_size * model.batches_per_step
    images = TensorDataset(to_unit_range(split.images.cpu()), split.labels.cpu())
    batches = _endless(DataLoader(images, batch_size, shuffle=True, drop_last=True))
    done = 0

    def advance(n: int) -> None:
        nonlocal done
        for _ in range(n):
            real, labels = next(batches)
            context = StepContext(done, A_BUDGET, len(images))
            _wait(model.step(Batch(real.to(work.device), labels.to(work.device)), context))
            done += 1

    return str, batch_size, advance


def _plain(work: Workload) -> Loop:
    trainer = Trainer(work.model(), work.split(), n_steps=A_BUDGET, seed=0)
    return str, trainer.batches.batch_size, _advance(trainer)


def _tuned(work: Workload) -> Loop:
    if work.device == "cpu":
        _, n_images, advance = _plain(work)
        return lambda: _verdict(work), n_images, advance
    trainer = TunedTrainer(
        work.model(), work.split(), n_steps=A_BUDGET, seed=0, precision="bf16", graphs=True
    )
    return lambda: str(trainer.verdict), trainer.batches.batch_size, _advance(trainer)


LOOPS: dict[Kind, Callable[[Workload], Loop]] = {
    "textbook": _textbook,
    "plain": _plain,
    "tuned": _tuned,
}


def _advance(trainer: Trainer) -> Advance:
    def advance(n: int) -> None:
        losses: dict[str, Tensor] = {}
        for _ in range(n):
            losses = trainer.update()
        _wait(losses)

    return advance


def _verdict(work: Workload) -> str:
    """What watching an update says here, where nothing is ever replayed."""
    trainer = Trainer(work.model(), work.split(), n_steps=A_BUDGET, seed=0)
    images, labels = trainer.batches.batch(0)
    return str(judge(trainer.model, images, labels, A_BUDGET, len(trainer.split)))


def _endless(loader: DataLoader[tuple[Tensor, ...]]) -> Iterator[tuple[Tensor, ...]]:
    if not len(loader):
        raise InvalidInput("a batch is larger than the training split")
    while True:
        yield from loader


def _wait(losses: dict[str, Tensor]) -> None:
    for loss in losses.values():
        float(loss)
