"""Grids drawn while a training runs, so that people see what it makes; they change nothing in it.

A sampler takes its noise from counters of its own, so drawing consumes no randomness of the
training. Whatever else drawing could move is put back: modes, buffers, generators, averages that
stood in for weights. Time is bounded, and a trainer counts none that its observers take.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bench.data.dataset import to_unit_range
from bench.models.base import FitsAfterTraining, Reconstructs
from bench.models.noise import ImageNoise
from bench.sample.draw import labels_of, to_uint8
from bench.sample.grid import N_COLUMNS, N_ROWS, write_grid
from bench.train.loop import Progress, Trainer

EVERY_S = 60.0
"""Least seconds between two grids, and before the first."""
LARGEST_SHARE = 0.02
"""Largest share of the time since this sitting of the training began that drawing may take."""
LARGE = 128
"""Images wider than this, in pixels, are shown in a smaller grid."""
FEW_COLUMNS, FEW_ROWS = 6, 2


class TooSlow(Exception):
    """Drawing took all the time that it was given, and was broken off."""


class Deadline(TorchFunctionMode):
    """Context in which the first call of torch after the deadline raises ``TooSlow``."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self._at = at

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if time.monotonic() > self._at:
            raise TooSlow
        return func(*args, **(kwargs or {}))


class Previews:
    """Draws a grid at some of the reports of a training.

    The images are the first of those that the final grid shows, from the averaged weights where
    there are any. A sampler that is fitted only after training has nothing to show yet: of such a
    model the first training images are shown as it reconstructs them.

    Args:
        trainer: whose training it is; it has not begun.
        file: the grid, a PNG.
    """

    def __init__(self, trainer: Trainer, file: Path) -> None:
        self.trainer, self.file = trainer, file
        self._start = self._last = time.monotonic()
        self._spent_s = self._needed_s = 0.0

    def observe(self, progress: Progress) -> None:
        """Draw if it is time, but not at the last report, which the final grids follow."""
        now = time.monotonic()
        allowed_s = LARGEST_SHARE * (now - self._start) - self._spent_s
        is_time = now - self._last >= EVERY_S and allowed_s > self._needed_s
        if is_time and progress.step < progress.n_steps:
            self._needed_s = self._draw(now, allowed_s)
            self._last = time.monotonic()
            self._spent_s += self._last - now

    def _draw(self, start: float, allowed_s: float) -> float:
        """Draw within the time allowed; returns how much the next drawing must be allowed."""
        try:
            images = drawn(self.trainer, start + allowed_s)
            if images is not None:
                write_grid(images, self.file, *_layout(images.shape[-1]), synced=False)
            return time.monotonic() - start
        except TooSlow:
            return 2.0 * allowed_s
        except Exception:  # noqa: BLE001 (a look at a training is no reason for it to end)
            return 0.0


@torch.no_grad()
def drawn(trainer: Trainer, deadline: float) -> Tensor | None:
    """The images of a grid as the model stands now, (N, C, H, W) uint8 on the CPU.

    Args:
        trainer: between two updates; bit for bit as before when this returns or raises.
        deadline: by ``time.monotonic``.

    Returns:
        None where the model can show nothing before its training is over.

    Raises:
        TooSlow: the deadline has passed.
        NonFiniteImages: a pixel is NaN or infinite.
    """
    model, average = trainer.model, trainer.average
    device = next(model.parameters()).device
    n_columns, n_rows = _layout(model.shape.size)
    n = n_columns * n_rows
    with undisturbed(model), average.applied() if average else nullcontext(), Deadline(deadline):
        if not isinstance(model, FitsAfterTraining):
            labels = labels_of(range(n), model.n_classes).to(device)
            return to_uint8(model.sample(ImageNoise(trainer.seed, range(n), device), labels))
        if isinstance(model, Reconstructs):
            first = trainer.split.images[:n].to(device)
            return to_uint8(model.reconstruct(to_unit_range(first)))
        return None


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Context in evaluation mode; modes, buffers and random generators are restored after it."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    device = next(model.parameters()).device
    of_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (what others use)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        model.eval()
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
            for buffer, before in buffers:
                buffer.copy_(before)
            random.setstate(of_python)
            np.random.set_state(of_numpy)  # noqa: NPY002
            # Left alone unless it moved: a recorded update has bound the generator to itself.
            if of_device is not None and not of_device.equal(torch.cuda.get_rng_state(device)):
                torch.cuda.set_rng_state(of_device, device)


def _layout(size: int) -> tuple[int, int]:
    """Columns and rows of a grid of square images of some width."""
    return (N_COLUMNS, N_ROWS) if size <= LARGE else (FEW_COLUMNS, FEW_ROWS)
