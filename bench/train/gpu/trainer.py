"""The training loop with updates that cost the host less, and passes that cost the device less.

The order of images, the rates, the averages, reports and checkpoints are those of ``Trainer``.
Choices, and why:

- Layout stays channels-last, which tensor cores want.
- An update is replayed as a CUDA graph where watching it finds nothing against that: small networks
  are bound by launching kernels. The first updates of a sitting run as ever, since a graph needs
  optimiser states and library workspaces to be there: one unwatched, one watched, and some on a
  side stream, as recording runs on one. All of them count; no update is spent on warming up.
- If CUDA refuses to record, the training goes on as it was, and ``verdict`` says why.
- Averages are kept outside of the graph: their decay changes with every update.
- Rates reach a recorded update as float32; otherwise Adam computes with the double. This is the one
  difference in arithmetic, besides libraries that choose other kernels.
- A graph holds addresses of optimiser states, which resuming replaces: it is recorded anew then.
- Losses stay on the device until the loop reports.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from bench.data.dataset import ImageSplit
from bench.identity.spec import Precision
from bench.models.base import Batch, GenerativeModel, StepContext
from bench.train.checkpoint import Identity
from bench.train.gpu.graphs import Verdict, refused, watched_step
from bench.train.gpu.precision import use_bfloat16
from bench.train.gpu.replay import RecordedUpdate
from bench.train.gpu.streaming import StreamingTrainer
from bench.train.loop import NOBODY, learning_rate_factor

WATCHED = 1
"""The update of a sitting that is watched, from 0."""
ON_SIDE_STREAM = 3
"""Updates between watching and recording."""


class TunedTrainer(StreamingTrainer):
    """``Trainer`` for a GPU; on a CPU only ``precision`` makes a difference.

    Args:
        model: as for ``Trainer``, and so are n_steps, seed, checkpoint_file and identity.
        split: on the model's device, or on the host.
        precision: of the passes through networks.
        graphs: whether updates may be replayed.

    Attributes:
        verdict: whether updates are replayed, or why not; None before it is known.
    """

    def __init__(
        self,
        model: GenerativeModel,
        split: ImageSplit,
        *,
        n_steps: int,
        seed: int,
        checkpoint_file: Path | None = None,
        identity: Identity = NOBODY,
        precision: Precision = "fp32",
        graphs: bool = True,
    ) -> None:
        super().__init__(
            model,
            split,
            n_steps=n_steps,
            seed=seed,
            checkpoint_file=checkpoint_file,
            identity=identity,
        )
        self.verdict: Verdict | None = None
        self._recorded: RecordedUpdate | None = None
        self._side: torch.cuda.Stream | None = None
        self._n_updates = 0
        self._graphs = graphs
        if precision == "bf16":
            use_bfloat16(self.model, self.device)
        self._forget_recording()

    def update(self) -> dict[str, Tensor]:
        """One step of the model at the present learning rate, replayed where that is possible."""
        step = self.state.step
        factor = learning_rate_factor(self.model.recipe.lr_schedule, step, self.n_steps)
        rates = [rate * factor for rate in self._base_rates]
        for group, rate in zip(self._groups(), rates, strict=True):
            group["lr"] = rate
        images, labels = self.batches.batch(step)
        losses = self._updated(images, labels, rates)
        if self.average is not None:
            self.average.update()
        self.state.step += 1
        self.state.images_seen += len(images)
        self._n_updates += 1
        return losses

    def _updated(self, images: Tensor, labels: Tensor, rates: list[float]) -> dict[str, Tensor]:
        if self._recorded is None and self._may_record():
            self._record(images, labels)
        if self._recorded is not None:
            return self._recorded(images, labels, rates)
        if self.verdict is None and self._n_updates == WATCHED:
            losses, self.verdict = watched_step(self.model, images, labels, self._context())
            return losses
        if self.verdict is not None and self.verdict.graphable:
            return self._updated_on_side_stream(images, labels)
        return self._stepped(images, labels)

    def _stepped(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return self.model.step(Batch(images, labels), self._context())

    def _updated_on_side_stream(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        self._side = self._side or torch.cuda.Stream(self.device)
        main, side = torch.cuda.current_stream(self.device), self._side
        side.wait_stream(main)
        with torch.cuda.stream(side):
            losses = self._stepped(images, labels)
        main.wait_stream(side)
        for tensor in (images, labels):
            tensor.record_stream(side)  # its memory is not handed out again before side is done
        for loss in losses.values():
            loss.record_stream(main)
        return losses

    def _may_record(self) -> bool:
        ready = self._n_updates > WATCHED + ON_SIDE_STREAM
        return ready and self.verdict is not None and self.verdict.graphable

    def _record(self, images: Tensor, labels: Tensor) -> None:
        for parameter in self.model.parameters():
            parameter.grad = None  # a recorded backward pass shall own the gradients it writes
        try:
            self._recorded = RecordedUpdate(self._stepped, images, labels, self._groups())
        except RuntimeError as error:
            self.verdict = refused(f"CUDA refuses: {str(error).partition(chr(10))[0]}")
            for parameter in self.model.parameters():
                parameter.grad = None

    def _context(self) -> StepContext:
        return StepContext(self.state.step, self.n_steps, len(self.split))

    def _forget_recording(self) -> None:
        self._recorded, self._n_updates = None, 0
        if not self._graphs:
            self.verdict = refused("not asked for")
        else:
            on_cuda = self.device.type == "cuda"
            self.verdict = None if on_cuda else refused("not a CUDA device")

    def _resume(self) -> None:
        super()._resume()
        self._forget_recording()
