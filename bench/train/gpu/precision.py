"""Passes through networks in bfloat16, and float32 for all else.

Within a pass, autocast makes convolutions and matrix products in bfloat16, which has the range of
float32, so losses need no scaling. What a pass hands out is float32 again, so losses, their
regularisers and whatever a model computes besides its networks are float32, and so are weights,
their gradients, optimiser states and averages. Passes that stay in float32:

- under whatever is differentiated twice: gradient penalties, path lengths, the derivative of a
  decoder. They square small gradients, of which bfloat16 keeps two digits;
- of modules without weights of their own: codebooks, moving averages, augmentations;
- of weights through their parametrisations, such as spectral normalisation.

Autocast's cache of converted weights is off. Within a recorded update it would be filled once, and
every replay would see the converted weights of the day of recording.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import ismethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import ParametrizationList
from torch.utils._pytree import tree_map

TWICE_DIFFERENTIATED = ("regularise_critic", "regularise_generator")
"""Methods of models that are such terms as a whole."""
LISTS_OF_TERMS = ("penalties", "regularisers")
"""Attributes that hold pairs of a term and its weight, in either order."""
PARTIAL_PASSES = ("features", "head")
"""Methods by which a batch goes through a part of a network, which may lie within another."""
PASSES = ("forward", "synthesise", *PARTIAL_PASSES)
"""Methods by which a model takes a batch through a network or a part of it."""


def use_bfloat16(model: nn.Module, device: torch.device) -> None:
    """Let the networks of a model compute in bfloat16 from now on, in training mode.

    In evaluation they are as ever: what is drawn right after a training is what its stored weights
    draw later.

    Only the instance is changed, and nothing that its state or its weights are saved by.
    """
    Passes(device).take_over(model)


class Passes:
    """The passes through the networks of one model, and whether they are in bfloat16 just now."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._n_terms_in_full = 0

    def take_over(self, model: nn.Module) -> None:
        """Replace the methods of a model's networks, and its terms that need float32."""
        for name in TWICE_DIFFERENTIATED:
            if hasattr(model, name):
                setattr(model, name, self.in_full()(getattr(model, name)))
        for name in LISTS_OF_TERMS:
            pairs = getattr(model, name, [])
            if pairs:
                in_full = [
                    tuple(self.in_full()(part) if callable(part) else part for part in pair)
                    for pair in pairs
                ]
                setattr(model, name, in_full)
        for child in model.children():
            if type(child).forward is nn.Module.forward:  # never called: a container, or a model
                self.take_over(child)
            elif next(child.parameters(), None) is not None:
                self._take_over_network(child)

    def _take_over_network(self, network: nn.Module) -> None:
        self._lower(network, PASSES)
        for module in network.modules():
            if isinstance(module, ParametrizationList):
                out_of_bfloat16 = torch.autocast(self._device.type, enabled=False)
                module.forward = out_of_bfloat16(module.forward)  # type: ignore[method-assign]
            elif module is not network:
                self._lower(module, PARTIAL_PASSES)

    def _lower(self, module: nn.Module, names: tuple[str, ...]) -> None:
        for name in names:
            method = getattr(module, name, None)
            if ismethod(method):
                setattr(module, name, self.in_bfloat16(method, module))

    @contextmanager
    def in_full(self) -> Iterator[None]:
        """Within it, or within what it decorates, all passes are in float32."""
        self._n_terms_in_full += 1
        try:
            yield
        finally:
            self._n_terms_in_full -= 1

    def in_bfloat16(self, method: Callable[..., Any], module: nn.Module) -> Callable[..., Any]:
        """A method whose matrix products are in bfloat16 while ``module`` is in training mode."""

        def low(*args: Any, **kwargs: Any) -> Any:
            if self._n_terms_in_full or not module.training:
                return method(*args, **kwargs)
            with torch.autocast(self._device.type, dtype=torch.bfloat16, cache_enabled=False):
                return tree_map(as_float32, method(*args, **kwargs))

        return low


def as_float32(value: Any) -> Any:
    """A bfloat16 tensor as float32; everything else as it is."""
    if isinstance(value, Tensor) and value.dtype == torch.bfloat16:
        return value.float()
    return value
