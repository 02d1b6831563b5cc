"""Passes in bfloat16, with everything that bfloat16 is too coarse for kept in float32.

Weights, gradients of weights, optimiser states and averages stay float32. Within ``autocast`` only
convolutions and matrix products are made in bfloat16, which has the range of float32, so losses
need no scaling. Exceptions, all in float32:

- whatever is differentiated twice: gradient penalties, path lengths, the derivative of a decoder.
  They square small gradients, of which bfloat16 keeps two digits;
- losses: what a network hands out is float32 again;
- modules without weights of their own: codebooks, moving averages, augmentations.

Autocast's cache of converted weights is off. It would outlive the optimiser's steps inside an
update, whose second half would then see the weights of before the first; and a recorded graph would
replay with the converted weights of the day it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from inspect import ismethod
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from bench.spec import Precision

TWICE_DIFFERENTIATED = ("regularise_critic", "regularise_generator")
"""Methods of models that are such terms as a whole."""
LISTS_OF_TERMS = ("penalties", "regularisers")
"""Attributes that hold pairs of a term and its weight, in either order."""
PASSES = ("forward", "features", "head")
"""Methods by which a model takes images through a network or a part of it."""


def autocast(precision: Precision, device: torch.device) -> AbstractContextManager[Any]:
    """Within it networks compute in ``precision``."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False)


def keep_full_precision(model: nn.Module, device: torch.device) -> None:
    """Let the parts of a model that need float32 have it within ``autocast``.

    Only the instance is changed, and nothing that its state or its weights are saved by.
    """
    for name in TWICE_DIFFERENTIATED:
        if hasattr(model, name):
            setattr(model, name, in_full_precision(getattr(model, name), device))
    for name in LISTS_OF_TERMS:
        pairs = getattr(model, name, [])
        if pairs:
            kept = [tuple(_kept(part, device) for part in pair) for pair in pairs]
            setattr(model, name, kept)
    for child in model.children():
        if type(child).forward is nn.Module.forward:  # never called: a container, or a model
            keep_full_precision(child, device)
        else:
            _wrap(child, device)


def in_full_precision(function: Callable[..., Any], device: torch.device) -> Callable[..., Any]:
    """``function`` with autocast off and its floating arguments as float32."""

    def full(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(device.type, enabled=False):
            return function(*tree_map(as_float32, args), **tree_map(as_float32, kwargs))

    return full


def as_float32(value: Any) -> Any:
    """A bfloat16 tensor as float32; everything else as it is."""
    if isinstance(value, Tensor) and value.dtype == torch.bfloat16:
        return value.float()
    return value


def _wrap(network: nn.Module, device: torch.device) -> None:
    if next(network.parameters(), None) is None:
        network.forward = in_full_precision(network.forward, device)
        return
    for name in PASSES:
        method = getattr(network, name, None)
        if ismethod(method):
            setattr(network, name, _with_full_outputs(method))


def _with_full_outputs(method: Callable[..., Any]) -> Callable[..., Any]:
    def full(*args: Any, **kwargs: Any) -> Any:
        return tree_map(as_float32, method(*args, **kwargs))

    return full


def _kept(part: Any, device: torch.device) -> Any:
    return in_full_precision(part, device) if callable(part) else part
