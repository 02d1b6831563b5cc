"""Exponential moving average of the weights that sampling uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class AveragedWeights:
    """Averages of every floating tensor (weights and running statistics) of some modules.

    The decay starts small and rises to ``decay`` as (1 + t) / (10 + t), so that the first, random
    weights are forgotten quickly.
    """

    def __init__(self, modules: Mapping[str, nn.Module], decay: float) -> None:
        self.decay = decay
        self.n_updates = 0
        self._live = {
            f"{name}.{key}": tensor
            for name, module in modules.items()
            for key, tensor in module.state_dict(keep_vars=True).items()
            if tensor.is_floating_point()
        }
        self.average = {key: tensor.detach().clone() for key, tensor in self._live.items()}

    @torch.no_grad()
    def update(self) -> None:
        """Move the averages towards the present weights."""
        decay = min(self.decay, (1 + self.n_updates) / (10 + self.n_updates))
        live = [tensor.detach() for tensor in self._live.values()]
        torch._foreach_lerp_(list(self.average.values()), live, 1.0 - decay)
        self.n_updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the averages in the place of the live weights, and the live weights back after."""
        kept = {key: tensor.detach().clone() for key, tensor in self._live.items()}
        self._write(self.average)
        try:
            yield
        finally:
            self._write(kept)

    def state_dict(self) -> dict[str, Tensor | int]:
        """Averages and the number of updates behind them."""
        return {"n_updates": self.n_updates, **self.average}

    def load_state_dict(self, state: Mapping[str, Tensor | int]) -> None:
        """Continue from what ``state_dict`` gave."""
        self.n_updates = int(state["n_updates"])
        for key, tensor in self.average.items():
            saved = state[key]
            if isinstance(saved, Tensor):
                tensor.copy_(saved)

    @torch.no_grad()
    def _write(self, values: Mapping[str, Tensor]) -> None:
        for key, tensor in self._live.items():
            tensor.copy_(values[key])
