"""A finished run for code: its model, and a function that draws from it as scores do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.identity.local_registry import pinned_registry
from bench.outside.stored import stored_row
from bench.records.load_record import LoadRecord
from bench.records.run_directory import RunDirectory
from bench.sample import trained_model as trained
from catalog.errors import UsageError


class OpenedRun(NamedTuple):
    """A model and its sampler.

    Attributes:
        model: a ``GenerativeModel`` in evaluation mode; of a loaded row what draws its images, or
            None for a set of samples.
        sample: (n) to images 0 .. n - 1, (n, C, H, W) uint8 on the CPU, the same that are scored;
            of a trained run also ``sampler=``, ``seed=`` and ``ema=``.
        record: the train record or the load record.
    """

    model: Any
    sample: Callable[..., Tensor]
    record: Any


def open_run(path: str | Path, device: str = "cpu") -> OpenedRun:
    """See ``bench.open_run``."""
    directory, place = RunDirectory(Path(path)), torch.device(device)
    loaded = directory.load_record()
    if loaded is not None:
        return _open_loaded(directory, loaded, place)
    run = trained.load(directory, place)
    first = type(run.model).samplers[0]

    def sample(
        n: int, sampler: str = first, *, seed: int | None = None, ema: bool | None = None
    ) -> Tensor:
        averaged = run.average is not None if ema is None else ema
        return run.sample(sampler, n, seed=run.spec.seed if seed is None else seed, ema=averaged)

    return OpenedRun(run.model, sample, directory.train_record())


def _open_loaded(directory: RunDirectory, record: LoadRecord, device: torch.device) -> OpenedRun:
    row = stored_row(record, directory.path, pinned_registry(), device)

    def sample(n: int) -> Tensor:
        if n < 1:
            raise UsageError(f"{n} images cannot be drawn")
        return row.images(n)

    return OpenedRun(row.settled and row.settled.generator, sample, record)
