"""The training loop: budget, learning rate, averaging, checkpoints, divergence.

It knows nothing of any algorithm beyond ``GenerativeModel``. Data order is a function of the step
and everything else that decides the future of a run is in its checkpoints, so a run that was
interrupted and resumed ends bit-equal on a CPU.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.data.dataset import ImageSplit, to_unit_range
from bench.models.base import Batch, FitsAfterTraining, GenerativeModel, StepContext
from bench.objectives.schedules import learning_rate_factor
from bench.records.checkpoint_file import Identity
from bench.train import checkpoint
from bench.train.batches import ShuffledBatches
from bench.train.divergence import DivergenceGuard
from bench.train.ema import AveragedWeights

N_CURVE_POINTS = 100
N_CHECKPOINTS = 10
NOBODY = Identity()
CHECKPOINT_EVERY_S = 600.0
"""A long training saves more often than its tenths, at the next report after so much time."""


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


class LossMeter:
    """Sums of losses that stay on the device until they are read, and the time they took.

    Args:
        saved: the state of an earlier meter, to go on from.
    """

    def __init__(self, saved: dict[str, Any] | None = None) -> None:
        self._sums: dict[str, Tensor] = dict(saved["sums"]) if saved else {}
        self.n: int = saved["n"] if saved else 0
        self.go_on_from(saved["elapsed_s"] if saved else 0.0)

    def state_dict(self) -> dict[str, Any]:
        """What a meter that goes on from here needs."""
        return {"sums": self._sums, "n": self.n, "elapsed_s": self.elapsed_s()}

    def go_on_from(self, elapsed_s: float) -> None:
        """Count time from now on, with so much counted before."""
        self._elapsed_s = elapsed_s
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
        """Time spent on the updates that were added; read it after ``means``."""
        return self._elapsed_s + time.perf_counter() - self._since


@dataclass(eq=False, repr=False)
class Trainer:
    """Trains one model on one split for a number of updates.

    Args:
        model: freshly initialised, on the device where it shall train; its recipe says batch
            size, schedule and averaging.
        split: training images, on the same device.
        n_steps: generator (or autoencoder) updates.
        seed: decides data order and all noise.
        checkpoint_file: where to resume from and save to, or None for neither.
        identity: of the run; a checkpoint of another run is refused.
    """

    model: GenerativeModel
    split: ImageSplit
    _: KW_ONLY
    n_steps: int
    seed: int
    checkpoint_file: Path | None = None
    identity: Identity = NOBODY

    def __post_init__(self) -> None:
        model = self.model.to(memory_format=torch.channels_last)
        batch_size, decay = model.recipe.batch_size, model.recipe.ema_decay
        self.batches = ShuffledBatches(self.split, batch_size * model.batches_per_step, self.seed)
        self.state = Training()
        self.average = AveragedWeights(model.sampling_modules(), decay) if decay > 0.0 else None
        self._base_rates = [group["lr"] for group in self._groups()]
        self._guard = DivergenceGuard(model.parameters())
        self._saved_at = time.monotonic()

    def run(
        self,
        observe: Callable[[Progress], None] = lambda _: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Training:
        """Train to the end of the budget, from a checkpoint where there is one.

        Args:
            observe: called about a hundred times, when losses are read; its time is not counted.
            should_stop: asked before every update.

        Raises:
            Diverged: losses or weights became infinite, NaN or senselessly large.
            Stopped: ``should_stop`` said so; a checkpoint was saved first.
            InvalidInput: the checkpoint belongs to another run.
        """
        torch.manual_seed(self.seed)
        self._meter = LossMeter()
        self._resume()
        self.model.train()
        report_every = max(1, self.n_steps // N_CURVE_POINTS)
        save_every = math.ceil(self.n_steps / N_CHECKPOINTS)
        while self.state.step < self.n_steps:
            if should_stop():
                self._save()
                raise Stopped
            self._meter.add(self.update())
            step = self.state.step
            saving = step % save_every == 0
            if saving or step % report_every == 0 or step == self.n_steps:
                self._report(observe)
                if saving or time.monotonic() - self._saved_at >= CHECKPOINT_EVERY_S:
                    self._save()
        self._finish()
        return self.state

    def update(self) -> dict[str, Tensor]:
        """One step of the model at the present learning rate."""
        step = self.state.step
        factor = learning_rate_factor(self.model.recipe.lr_schedule, step, self.n_steps)
        for group, base_rate in zip(self._groups(), self._base_rates, strict=True):
            group["lr"] = base_rate * factor
        batch = self.batches.batch(step)
        losses = self._step(batch)
        if self.average is not None:
            self.average.update()
        self.state.step += 1
        self.state.images_seen += len(batch.images)
        return losses

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        return self.model.step(batch, self._context())

    def _context(self) -> StepContext:
        return StepContext(self.state.step, self.n_steps, len(self.split))

    def _groups(self) -> list[dict[str, Any]]:
        # Asked for at every update: resuming replaces the groups of an optimiser.
        optimizers = self.model.optimizers().values()
        return [group for optimizer in optimizers for group in optimizer.param_groups]

    def _report(self, observe: Callable[[Progress], None]) -> None:
        losses = self._meter.means()
        elapsed = self._meter.elapsed_s()
        curve = self.state.curve
        self._guard.check(self.state.step, losses, curve[0][1] if curve else {})
        self.state.wall_s += elapsed
        curve.append((self.state.step, losses))
        rate = self._meter.n * self.batches.batch_size / max(elapsed, 1e-9)
        observe(Progress(self.state.step, self.n_steps, losses, rate))
        self._meter = LossMeter()  # its time begins when whoever looks has looked

    def _save(self) -> None:
        if self.checkpoint_file is None:
            return
        meter = self._meter.state_dict()
        captured = checkpoint.capture(self.model, self.average)
        content = {**vars(self.state), "meter": meter, **captured}
        checkpoint.write(self.checkpoint_file, self.identity, content)
        self._meter.go_on_from(meter["elapsed_s"])  # saving is no update
        self._saved_at = time.monotonic()

    def _resume(self) -> None:
        if self.checkpoint_file is None:
            return
        saved = checkpoint.read(self.checkpoint_file, self.identity, self.split.images.device)
        if saved is not None:
            checkpoint.restore(saved, self.model, self.average)
            self.state = Training(**{name: saved[name] for name in vars(self.state)})
            self.state.resumed_from_step = self.state.step
            self._meter = LossMeter(saved["meter"])

    def _finish(self) -> None:
        self.model.eval()
        if isinstance(self.model, FitsAfterTraining):
            with torch.no_grad():
                self.model.after_training(to_unit_range(self.split.images))
