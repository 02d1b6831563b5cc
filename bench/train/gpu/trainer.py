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

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.identity.spec import Precision
from bench.models.base import Batch
from bench.train.gpu.graphs import Verdict, refused, watched_step
from bench.train.gpu.precision import use_bfloat16
from bench.train.gpu.replay import RecordedUpdate
from bench.train.gpu.streaming import StreamingTrainer

WATCHED = 1
"""The update of a sitting that is watched, from 0."""
ON_SIDE_STREAM = 3
"""Updates between watching and recording."""


@dataclass(eq=False, repr=False, kw_only=True)
class TunedTrainer(StreamingTrainer):
    """``Trainer`` for a GPU; on a CPU only ``precision`` makes a difference.

    Args:
        precision: of the passes through networks.
        graphs: whether updates may be replayed.

    Attributes:
        verdict: whether updates are replayed, or why not; None before it is known.
    """

    precision: Precision = "fp32"
    graphs: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        self.verdict: Verdict | None = None
        self._recorded: RecordedUpdate | None = None
        self._side: torch.cuda.Stream | None = None
        self._n_updates = 0
        if self.precision == "bf16":
            use_bfloat16(self.model, self.device)
        self._forget_recording()

    def _step(self, batch: Batch) -> dict[str, Tensor]:
        """One update, replayed where that is possible."""
        n, self._n_updates = self._n_updates, self._n_updates + 1
        if self._graphable() and self._recorded is None and n > WATCHED + ON_SIDE_STREAM:
            self._record(batch)
        if self._recorded is not None:
            return self._recorded(batch, [group["lr"] for group in self._groups()])
        if self.verdict is None and n == WATCHED:
            losses, self.verdict = watched_step(self.model, batch, self._context())
            return losses
        return self._on_side_stream(batch) if self._graphable() else super()._step(batch)

    def _graphable(self) -> bool:
        return self.verdict is not None and self.verdict.graphable

    def _on_side_stream(self, batch: Batch) -> dict[str, Tensor]:
        self._side = self._side or torch.cuda.Stream(self.device)
        main, side = torch.cuda.current_stream(self.device), self._side
        side.wait_stream(main)
        with torch.cuda.stream(side):
            losses = super()._step(batch)
        main.wait_stream(side)
        for tensor in batch:
            tensor.record_stream(side)  # its memory is not handed out again before side is done
        for loss in losses.values():
            loss.record_stream(main)
        return losses

    def _record(self, batch: Batch) -> None:
        for parameter in self.model.parameters():
            parameter.grad = None  # a recorded backward pass shall own the gradients it writes
        try:
            self._recorded = RecordedUpdate(super()._step, batch, self._groups())
        except RuntimeError as error:
            self.verdict = refused(f"CUDA refuses: {str(error).partition(chr(10))[0]}")
            for parameter in self.model.parameters():
                parameter.grad = None

    def _forget_recording(self) -> None:
        self._recorded, self._n_updates = None, 0
        if not self.graphs:
            self.verdict = refused("not asked for")
        else:
            on_cuda = self.device.type == "cuda"
            self.verdict = None if on_cuda else refused("not a CUDA device")

    def _resume(self) -> None:
        super()._resume()
        self._forget_recording()
