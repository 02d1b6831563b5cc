"""How fast a variant trains: a plain loop on the whole machine against the harness on the same.

The plain loop is what one writes first: a ``DataLoader`` over float images, default memory layout,
one process with all threads. The harness keeps uint8 images on the device, lays convolutions out
channels-last and, on a CPU, runs one single-threaded job per core. Both call the same
``GenerativeModel.step``, so the ratio is the harness's own doing.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch.utils.data import DataLoader, TensorDataset

from bench.build import algorithm_class, build_model, resolve_recipe
from bench.data import ImageSplit, load_dataset
from bench.data.base import to_unit_range
from bench.models.base import GenerativeModel, StepContext
from bench.networks.shape import ImageShape
from bench.train import Trainer
from catalog.schema import Dataset, Registry, Variant

WARM_UP = 5


@dataclass(frozen=True)
class Measurement:
    """Real images per second of one variant on one machine."""

    variant: str
    plain_images_per_s: float
    harness_images_per_s: float
    n_jobs: int

    @property
    def ratio(self) -> float:
        """How many times as many images the harness shows in the same time."""
        return self.harness_images_per_s / self.plain_images_per_s

    def as_data(self) -> dict[str, Any]:
        """Plain data, the ratio included."""
        return {**asdict(self), "ratio": self.ratio}

    def as_row(self) -> dict[str, str]:
        """Text for a table."""
        return {
            "variant": self.variant,
            "plain loop, images/s": f"{self.plain_images_per_s:,.0f}",
            f"harness ({self.n_jobs} at once), images/s": f"{self.harness_images_per_s:,.0f}",
            "ratio": f"{self.ratio:.2f}x",
        }


@dataclass(frozen=True)
class Workload:
    """A variant on a data set for a number of updates; enough to rebuild it in any process."""

    registry: Registry
    variant: Variant
    dataset: Dataset
    steps: int
    device: str

    def model(self) -> GenerativeModel:
        """A fresh model on the device."""
        recipe = resolve_recipe(self.registry, self.variant, self.dataset.id)
        shape = ImageShape(self.dataset.channels, self.dataset.resolution)
        model_class = algorithm_class(self.variant.algorithm)
        return build_model(model_class, recipe, shape, self.dataset.n_classes, 0).to(self.device)

    def split(self) -> ImageSplit:
        """Training images on the device."""
        return load_dataset(self.dataset)["train"].to(self.device)


def measure(
    registry: Registry, variant: Variant, dataset: str, steps: int, device: torch.device
) -> Measurement:
    """Train a variant both ways, one after the other."""
    work = Workload(registry, variant, registry.dataset(dataset), steps, str(device))
    n_jobs = os.cpu_count() or 1 if device.type == "cpu" else 1
    return Measurement(variant.id, _plain(work), _harness(work, n_jobs), n_jobs)


def _plain(work: Workload) -> float:
    model, split = work.model().train(), work.split()
    batch_size = model.recipe.batch_size * model.batches_per_step
    images = TensorDataset(to_unit_range(split.images.cpu()), split.labels.cpu())
    loader = DataLoader(images, batch_size, shuffle=True, drop_last=True)
    done, start = 0, time.perf_counter()
    while done < WARM_UP + work.steps:
        for real, labels in islice(loader, WARM_UP + work.steps - done):
            if done == WARM_UP:
                start = time.perf_counter()
            context = StepContext(done, work.steps, len(images))
            losses = model.step(real.to(work.device), labels.to(work.device), context)
            _wait(losses)
            done += 1
    return work.steps * batch_size / (time.perf_counter() - start)


def _harness(work: Workload, n_jobs: int) -> float:
    context = multiprocessing.get_context("spawn")
    pipes = []
    processes = []
    for _ in range(n_jobs):
        here, there = context.Pipe()
        process = context.Process(target=_job, args=(work, there))
        process.start()
        pipes.append(here)
        processes.append(process)
    for pipe in pipes:
        pipe.recv()  # until every job is warm
    for pipe in pipes:
        pipe.send("go")
    rates = [float(pipe.recv()) for pipe in pipes]
    for process in processes:
        process.join()
    return sum(rates)


def _job(work: Workload, pipe: Connection) -> None:
    if work.device == "cpu":
        torch.set_num_threads(1)
    trainer = Trainer(work.model(), work.split(), n_steps=WARM_UP + work.steps, seed=0)
    trainer.model.train()
    for _ in range(WARM_UP):
        _wait(trainer.update())
    pipe.send("warm")
    pipe.recv()
    start = time.perf_counter()
    losses = {}
    for _ in range(work.steps):
        losses = trainer.update()
    _wait(losses)
    pipe.send(work.steps * trainer.batches.batch_size / (time.perf_counter() - start))


def _wait(losses: dict[str, torch.Tensor]) -> None:
    for loss in losses.values():
        float(loss)
