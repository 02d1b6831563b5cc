"""The training loop: budget, learning rate, averaging, checkpoints, divergence.

It knows nothing of any algorithm beyond ``GenerativeModel``. Data order is a function of the step
and everything else that decides the future of a run is in its checkpoints, so a run that was
interrupted and resumed ends bit-equal on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench import checkpoint
from bench.batches import ShuffledBatches
from bench.data.base import ImageSplit, to_unit_range
from bench.ema import AveragedWeights
from bench.models.base import FitsAfterTraining, GenerativeModel, StepContext

N_CURVE_POINTS = 100
N_CHECKPOINTS = 10


@dataclass(frozen=True)
class Progress:
    """Where a running training stands; losses are means since the last report."""

    step: int
    n_steps: int
    losses: dict[str, float]
    images_per_s: float


@dataclass
class Training:
    """State of a training while it runs, and its outcome when it is over.

    Attributes:
        wall_s: time spent in updates, over all sittings.
        images_seen: real images shown, repeats included.
        curve: (step, mean losses since the previous point).
    """

    step: int = 0
    wall_s: float = 0.0
    images_seen: int = 0
    resumed_from_step: int | None = None
    curve: list[tuple[int, dict[str, float]]] = field(default_factory=list)


class Stopped(Exception):
    """The training was asked to stop; its state is in the checkpoint."""


class Diverged(Exception):
    """A loss stopped being a finite number."""

    def __init__(self, step: int, losses: dict[str, float]) -> None:
        bad = ", ".join(name for name, value in losses.items() if not math.isfinite(value))
        super().__init__(f"{bad} is not finite after step {step}")
        self.step = step


def learning_rate_factor(schedule: str, step: int, n_steps: int) -> float:
    """What the base rate is multiplied by: 1 throughout, or falling linearly from 1 to 0."""
    return 1.0 - step / n_steps if schedule == "linear" else 1.0


class LossMeter:
    """Sums of losses that stay on the device until they are read."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self.n = 0
        self._since = time.perf_counter()

    def add(self, losses: dict[str, Tensor]) -> None:
        """Count one update."""
        for name, loss in losses.items():
            self._sums[name] = self._sums[name] + loss if name in self._sums else loss
        self.n += 1

    def means(self) -> dict[str, float]:
        """Mean losses per update; waits for the device."""
        return {name: float(total) / self.n for name, total in self._sums.items()}

    def elapsed_s(self) -> float:
        """Time since the meter was made; read it after ``means``."""
        return time.perf_counter() - self._since


class Trainer:
    """Trains one model on one split for a number of updates.

    Args:
        model: freshly initialised, on the device where it shall train; its recipe says batch
            size, schedule and averaging.
        split: training images, on the same device.
        n_steps: generator (or autoencoder) updates.
        seed: decides data order and all noise.
        checkpoint_file: where to resume from and save to, or None for neither.
        fingerprint: identifies the run; a checkpoint of another run is refused.
    """

    def __init__(
        self,
        model: GenerativeModel,
        split: ImageSplit,
        *,
        n_steps: int,
        seed: int,
        checkpoint_file: Path | None = None,
        fingerprint: str = "",
    ) -> None:
        self.model = model.to(memory_format=torch.channels_last)
        self.split = split
        self.n_steps = n_steps
        self.seed = seed
        self.checkpoint_file = checkpoint_file
        self.fingerprint = fingerprint
        recipe = model.recipe
        self.batches = ShuffledBatches(split, recipe.batch_size * model.batches_per_step, seed)
        self.state = Training()
        self.average = (
            AveragedWeights(model.sampling_modules(), recipe.ema_decay)
            if recipe.ema_decay > 0.0
            else None
        )
        self._base_rates = [group["lr"] for group in self._groups()]

    def run(
        self,
        observe: Callable[[Progress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Training:
        """Train to the end of the budget, from a checkpoint where there is one.

        Args:
            observe: called about a hundred times, whenever losses are read.
            should_stop: asked before every update.

        Raises:
            Diverged: a loss became infinite or NaN.
            Stopped: ``should_stop`` said so; a checkpoint was saved first.
            InvalidInput: the checkpoint belongs to another run.
        """
        torch.manual_seed(self.seed)
        self._resume()
        self.model.train()
        report_every = max(1, self.n_steps // N_CURVE_POINTS)
        save_every = math.ceil(self.n_steps / N_CHECKPOINTS)
        meter = LossMeter()
        while self.state.step < self.n_steps:
            if should_stop():
                self._save()
                raise Stopped
            meter.add(self.update())
            step = self.state.step
            saving = step % save_every == 0
            if saving or step % report_every == 0 or step == self.n_steps:
                self._report(meter, observe)
                if saving:
                    self._save()
                meter = LossMeter()
        self._finish()
        return self.state

    def update(self) -> dict[str, Tensor]:
        """One step of the model at the present learning rate."""
        step = self.state.step
        factor = learning_rate_factor(self.model.recipe.lr_schedule, step, self.n_steps)
        for group, base_rate in zip(self._groups(), self._base_rates, strict=True):
            group["lr"] = base_rate * factor
        images, labels = self.batches.batch(step)
        losses = self.model.step(images, labels, StepContext(step, self.n_steps, len(self.split)))
        if self.average is not None:
            self.average.update()
        self.state.step += 1
        self.state.images_seen += len(images)
        return losses

    def _groups(self) -> list[dict[str, Any]]:
        # Asked for at every update: resuming replaces the groups of an optimiser.
        optimizers = self.model.optimizers().values()
        return [group for optimizer in optimizers for group in optimizer.param_groups]

    def _report(self, meter: LossMeter, observe: Callable[[Progress], None]) -> None:
        losses = meter.means()
        elapsed = meter.elapsed_s()
        self.state.wall_s += elapsed
        if not all(map(math.isfinite, losses.values())):
            raise Diverged(self.state.step, losses)
        self.state.curve.append((self.state.step, losses))
        rate = meter.n * self.batches.batch_size / max(elapsed, 1e-9)
        observe(Progress(self.state.step, self.n_steps, losses, rate))

    def _save(self) -> None:
        if self.checkpoint_file is not None:
            content = {**vars(self.state), **checkpoint.capture(self.model, self.average)}
            checkpoint.write(self.checkpoint_file, self.fingerprint, content)

    def _resume(self) -> None:
        if self.checkpoint_file is None:
            return
        saved = checkpoint.read(self.checkpoint_file, self.fingerprint, self.split.images.device)
        if saved is not None:
            checkpoint.restore(saved, self.model, self.average)
            self.state = Training(**{name: saved[name] for name in vars(self.state)})
            self.state.resumed_from_step = self.state.step

    def _finish(self) -> None:
        self.model.eval()
        if isinstance(self.model, FitsAfterTraining):
            with torch.no_grad():
                self.model.after_training(to_unit_range(self.split.images))
