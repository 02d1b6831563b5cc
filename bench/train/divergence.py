"""When a training has gone wrong for good.

The limits are far outside of what any registered training reaches, so that they end a training that
is lost and never one that is merely rough.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

LOSS_GROWTH = 1e6
"""A loss has exploded at so many times its first reported size, or 1 if that is larger."""
WEIGHT_GROWTH = 1e3
"""Weights have exploded at so many times their root mean square before training..."""
SMALL_WEIGHT = 0.01
"""... or this, if that is larger: some networks begin at zero."""
LOWER_THE_RATE = "lower the learning rate, or choose a variant with a gradient penalty"


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
