"""Whether a model's update can be recorded once as a CUDA graph and replayed.

The verdict is reached by watching an update that the training needs anyway, on any device. Only
the second update of a sitting counts: the first one makes what is made once.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.models.base import Batch, GenerativeModel, StepContext
from bench.train.gpu.watch import (
    HostReads,
    OneHot,
    WatchedContext,
    host_randomness,
    moved,
    plain_state,
)

WAITED = "called a synchronizing"
"""What torch warns of; it also warns once, of synchronizing in general, when it is asked to."""
SHOWN = 3
"""Moving attributes that a reason names."""


@dataclass(frozen=True)
class Verdict:
    """Whether an update can be replayed.

    Attributes:
        graphable: yes or no.
        reasons: what stands against it, in words; empty if nothing does.
        reads: fields of the context that the update asked for. Only ``step`` stands against
            replaying it: the others are the same throughout a training.
    """

    graphable: bool
    reasons: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return "yes" if self.graphable else f"no: {'; '.join(self.reasons)}"


def refused(reason: str) -> Verdict:
    """A verdict against replaying."""
    return Verdict(graphable=False, reasons=(reason,))


def watched_step(
    model: GenerativeModel, images: Tensor, labels: Tensor, ctx: StepContext
) -> tuple[dict[str, Tensor], Verdict]:
    """One update of ``model.step`` as ever, and what watching it tells.

    Args:
        model: in training mode, with an update behind it.
        images: (N, C, H, W) in -1 .. 1.
        labels: (N,) classes.
        ctx: where in the budget the update stands.
    """
    watched, exempt, waits = WatchedContext(ctx), OneHot(), set[str]()
    reads = HostReads(exempt)
    before, host_moved = plain_state(model), host_randomness()
    host_draws = torch.get_rng_state()
    with exempt, reads, _noting_waits(images.device, waits):
        losses = model.step(Batch(images, labels), watched)
    reasons = _reasons(watched, reads.found, moved(before, plain_state(model)))
    if waits and not reads.found:
        reasons.append("waits for the device")
    on_host = images.device.type == "cuda" and not torch.equal(host_draws, torch.get_rng_state())
    if on_host or host_moved():
        reasons.append("draws random numbers on the host")
    asked = frozenset(vars(watched)["reads"])
    return losses, Verdict(not reasons, tuple(reasons), asked)


def judge(
    model: GenerativeModel, images: Tensor, labels: Tensor, n_steps: int, n_train: int
) -> Verdict:
    """Update a model twice on one batch, and say whether such updates can be replayed."""
    model.train()
    model.step(Batch(images, labels), StepContext(0, n_steps, n_train))
    return watched_step(model, images, labels, StepContext(1, n_steps, n_train))[1]


def _reasons(ctx: WatchedContext, reads: set[str], changed: list[str]) -> list[str]:
    reasons = []
    if "step" in vars(ctx)["reads"]:
        reasons.append("depends on the step")
    if reads:
        reasons.append(f"reads back from the device ({', '.join(sorted(reads))})")
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        reasons.append(f"changes {', '.join(changed[:SHOWN])}{more}")
    return reasons


@contextmanager
def _noting_waits(device: torch.device, waits: set[str]) -> Iterator[None]:
    """Add to ``waits`` whatever torch itself sees waiting for a CUDA device; nothing elsewhere."""
    if device.type != "cuda":
        yield
        return
    mode = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(mode)
    waits |= {str(w.message) for w in caught if WAITED in str(w.message)}
