"""When a training has gone wrong for good, and when its images look wrong.

The limits are far outside of what any registered training reaches, so that they end a training that
is lost and never one that is merely rough.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from bench.record import RunSubject, ScoreRecord, Suspicion

LOSS_GROWTH = 1e6
"""A loss has exploded at so many times its first reported size, or 1 if that is larger."""
WEIGHT_GROWTH = 1e3
"""Weights have exploded at so many times their root mean square before training..."""
SMALL_WEIGHT = 0.01
"""... or this, if that is larger: some networks begin at zero."""
LOW_RECALL = 0.05
FEW_DISTINCT = 0.05
"""Share of distinct images below which a sampler repeats itself."""

LOWER_THE_RATE = "lower the learning rate, or choose a variant with a gradient penalty"
LOOK = "look at the grid of samples; a smaller learning rate or a penalty on the critic may help"


class Diverged(Exception):
    """A training has left the region from which it could return.

    Attributes:
        step: updates done when it was noticed.
        losses: the finite ones of the last reported losses.
    """

    def __init__(self, step: int, what: str, losses: Mapping[str, float]) -> None:
        super().__init__(f"{what} after step {step}")
        self.step = step
        self.losses = {name: value for name, value in losses.items() if math.isfinite(value)}
        self.hint = LOWER_THE_RATE


class DivergenceGuard:
    """Compares losses and weights with what they were at the start.

    Args:
        parameters: of the model, freshly initialised.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self._parameters = list(parameters)
        self._initial_rms = max(SMALL_WEIGHT, self._rms())

    def check(self, step: int, losses: Mapping[str, float], first: Mapping[str, float]) -> None:
        """Raise where there is no way back; waits for the device.

        Args:
            step: updates done.
            losses: last means.
            first: means of the first report, empty if these are the first.

        Raises:
            Diverged: a loss is not finite or has exploded, or the weights have.
        """
        bad = [name for name, value in losses.items() if not math.isfinite(value)]
        if bad:
            raise Diverged(step, f"{', '.join(bad)} is not finite", losses)
        for name, value in losses.items():
            limit = LOSS_GROWTH * max(1.0, abs(first.get(name, 0.0)))
            if abs(value) > limit:
                raise Diverged(step, f"{name} has exploded to {value:.3g}", losses)
        growth = self._rms() / self._initial_rms
        if not growth <= WEIGHT_GROWTH:  # NaN fails too
            raise Diverged(step, f"the weights have grown {growth:.3g}-fold", losses)

    @torch.no_grad()
    def _rms(self) -> float:
        norms = torch.stack(torch._foreach_norm(self._parameters)).double()  # noqa: SLF001
        n = sum(parameter.numel() for parameter in self._parameters)
        return float(norms.square().sum().div(n).sqrt())


def suspicions(record: ScoreRecord) -> tuple[Suspicion, ...]:
    """Why the images of a trained model look like those of a collapsed one, if they do.

    Recall is the share of real images that lie near generated ones (arXiv 1904.06991); a generator
    that makes a few images only has little of it, however good they are.
    """
    subject = record.subject
    if not isinstance(subject, RunSubject):
        return ()
    signs = []
    recall = record.metric("recall")
    if recall is not None and recall.value is not None and recall.value < LOW_RECALL:
        signs.append(f"recall is {recall.value:.3f}")
    if record.n_distinct is not None and record.n_distinct < FEW_DISTINCT * record.n_images:
        signs.append(f"{record.n_distinct} of {record.n_images} images are distinct")
    if not signs:
        return ()
    suspicion = Suspicion(
        kind="mode-collapse",
        sampler=subject.sampler,
        ema=subject.ema,
        message="; ".join(signs),
        hint=LOOK,
    )
    return (suspicion,)
