"""Grids drawn while a training runs, so that people see what it makes; they change nothing in it.

A sampler takes its noise from counters of its own, so drawing consumes no randomness of the
training. Whatever else drawing could move is put back: modes, buffers, generators, averages that
stood in for weights. Time is bounded, and is not counted as time of training.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bench.data.dataset import quantise, to_unit_range
from bench.models.base import FitsAfterTraining, GenerativeModel, Reconstructs
from bench.models.noise import ImageNoise
from bench.sample.draw import NonFiniteImages, labels_of
from bench.sample.grid import N_COLUMNS, N_ROWS, write_grid
from bench.train.loop import Progress, Trainer

EVERY_S = 60.0
"""Least time between two grids, and before the first."""
LARGEST_SHARE = 0.02
"""Of the time since the training began in this sitting."""
LARGE = 128
"""Images wider than this, in pixels, are shown in a smaller grid."""
FEW_COLUMNS, FEW_ROWS = 6, 2


class TooSlow(Exception):
    """Drawing took all the time that it was given, and was broken off."""


class Deadline(TorchFunctionMode):
    """Within it the first call of torch after a moment raises ``TooSlow``."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self._at = at

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if time.monotonic() > self._at:
            raise TooSlow
        return func(*args, **(kwargs or {}))


class Sketches:
    """Draws a grid at some of the reports of a training.

    The images are the first of those that the final grid shows, from the averaged weights where
    there are any. A sampler that is fitted only after training has nothing to show yet: of such a
    model the first training images are shown as it reconstructs them.

    Args:
        trainer: whose training it is; it has not begun.
        file: the grid, a PNG.
    """

    def __init__(self, trainer: Trainer, file: Path) -> None:
        self.trainer = trainer
        self.file = file
        self._start = self._last = time.monotonic()
        self._spent_s = 0.0
        self._needed_s = 0.0
        self._uncounted_s = 0.0
        self._seen = 0

    def observe(self, progress: Progress) -> Progress:
        """Draw if it is time; returns the report without the time of the drawing before.

        Nothing is drawn at the last report, which the final grids follow.
        """
        told = self._without_drawing(progress)
        if progress.step < progress.n_steps:
            now = time.monotonic()
            allowed = LARGEST_SHARE * (now - self._start) - self._spent_s
            if now - self._last >= EVERY_S and allowed > self._needed_s:
                self._draw(allowed)
        return told

    def _draw(self, allowed_s: float) -> None:
        start = time.monotonic()
        try:
            images = drawn(self.trainer, start + allowed_s)
            if images is not None:
                _write(images, self.file)
            self._needed_s = time.monotonic() - start
        except TooSlow:
            self._needed_s = 2.0 * allowed_s
        except Exception:  # noqa: BLE001 (a look at a training is no reason for it to end)
            self._needed_s = 0.0
        self._last = time.monotonic()
        self._spent_s += self._last - start
        self._uncounted_s += self._last - start

    def _without_drawing(self, progress: Progress) -> Progress:
        """Take the last drawing out of the wall time and the pace that the report speaks of."""
        state = self.trainer.state
        n_images, self._seen = state.images_seen - self._seen, state.images_seen
        drawing_s, self._uncounted_s = self._uncounted_s, 0.0
        if not drawing_s:
            return progress
        state.wall_s -= drawing_s
        training_s = max(n_images / progress.images_per_s - drawing_s, 1e-9)
        return replace(progress, images_per_s=n_images / training_s)


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
    draw = _picture_of(model, trainer)
    if draw is None:
        return None
    with undisturbed(model), average.applied() if average else nullcontext(), Deadline(deadline):
        images = draw()
        if not torch.isfinite(images).all():
            raise NonFiniteImages("the model makes pixels that are not finite")
        return quantise(images).cpu()


def _picture_of(model: GenerativeModel, trainer: Trainer) -> Callable[[], Tensor] | None:
    """What draws images in -1 .. 1 for a grid."""
    n_columns, n_rows = _layout(model.shape.size)
    n = n_columns * n_rows
    device = next(model.parameters()).device
    if not isinstance(model, FitsAfterTraining):
        labels = labels_of(range(n), model.n_classes).to(device)
        return lambda: model.sample(ImageNoise(trainer.seed, range(n), device), labels)
    if isinstance(model, Reconstructs):
        first = trainer.split.images[:n].to(device)
        return lambda: model.reconstruct(to_unit_range(first))
    return None


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Evaluation mode within; modes, buffers and random generators are as before afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    with _same_randomness(next(model.parameters()).device):
        model.eval()
        try:
            yield
        finally:
            for module, training in modes:
                module.training = training
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)


@contextmanager
def _same_randomness(device: torch.device) -> Iterator[None]:
    """Generators that are asked within are put back."""
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 (what others use)
    on_host = torch.get_rng_state()
    on_device = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    try:
        yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
        torch.set_rng_state(on_host)
        # Left alone unless it moved: a recorded update has bound the generator to itself.
        if on_device is not None and not torch.equal(torch.cuda.get_rng_state(device), on_device):
            torch.cuda.set_rng_state(on_device, device)


def _layout(size: int) -> tuple[int, int]:
    """Columns and rows of a grid of square images of some width."""
    return (N_COLUMNS, N_ROWS) if size <= LARGE else (FEW_COLUMNS, FEW_ROWS)


def _write(images: Tensor, file: Path) -> None:
    write_grid(images, file, *_layout(images.shape[-1]), synced=False)
