"""What an update depends on besides tensors, seen by watching a real one.

A replayed update repeats the kernels of one recorded update. It is right only where the recorded
Python code would have come to the same kernels again: no position in the budget, no attribute that
moves, no value that came back from the device, no random number drawn on the host.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from bench.models.base import GenerativeModel, StepContext

READS = frozenset(
    {
        "_local_scalar_dense",
        "_unique2",
        "bincount",
        "equal",
        "is_nonzero",
        "linalg_eigh",
        "linalg_svd",
        "masked_select",
        "nonzero",
        "unique_consecutive",
        "unique_dim",
    }
)
"""Operations that wait for a CUDA device: a value, or the size of the result, goes to the host."""


class WatchedContext(StepContext):
    """A context that notes which of its fields an update asks for; ``reads`` holds their names."""

    def __init__(self, ctx: StepContext) -> None:
        super().__init__(ctx.step, ctx.n_steps, ctx.n_train)
        object.__setattr__(self, "reads", set())

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name in ("step", "n_steps", "n_train"):
            super().__getattribute__("reads").add(name)
        return value


class HostReads(TorchDispatchMode):
    """Notes operations that would make the host wait for a CUDA device; works on any device.

    Args:
        exempt: within whose calls nothing is noted.

    Attributes:
        found: their names.
    """

    def __init__(self, exempt: OneHot) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: set[str] = set()
        self._exempt = exempt

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        name = func.overloadpacket.__name__
        if (name in READS or _indexes_by_mask(name, args)) and not self._exempt.active:
            self.found.add(name)
        return func(*args, **(kwargs or {}))


class OneHot(TorchFunctionMode):
    """Knows when ``one_hot`` is at work: it checks its classes on the host, but not on CUDA."""

    active = False

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = dict(kwargs or {})
        n_classes = given.get("num_classes", args[1] if len(args) > 1 else -1)
        self.active = func is one_hot and n_classes != -1
        try:
            return func(*args, **given)
        finally:
            self.active = False


def host_randomness() -> Callable[[], bool]:
    """A question to ask later: whether Python's or NumPy's global generator has moved since."""
    before = random.getstate(), _numpy_state()
    return lambda: (random.getstate(), _numpy_state()) != before


def plain_state(model: GenerativeModel) -> dict[str, Any]:
    """Everything that a model remembers outside of its tensors, by dotted path.

    Tensors stand for themselves: one that is bound anew each time is state too. The settings of
    optimisers are included, gradients and what an optimiser keeps per weight are not.
    """
    state = dict(_walk("model", model, set()))
    for name, optimizer in model.optimizers().items():
        for index, group in enumerate(optimizer.param_groups):
            settings = {key: value for key, value in group.items() if key != "params"}
            state |= dict(_walk(f"{name}.{index}", settings, set()))
    return state


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Paths whose value differs between two states, in order."""
    return sorted(
        path
        for path in before.keys() | after.keys()
        if not _same(before.get(path, moved), after.get(path, moved))
    )


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor) or isinstance(second, Tensor):
        return first is second
    return type(first) is type(second) and bool(first == second)


def _walk(path: str, value: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Tensor | bool | int | float | complex | str | bytes | None):
        yield path, value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, Mapping):
        yield f"{path}.keys", tuple(map(str, value))
        for key, inner in value.items():
            yield from _walk(f"{path}.{key}", inner, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        yield f"{path}.length", len(value)
        for index, inner in enumerate(value):
            yield from _walk(f"{path}.{index}", inner, seen)
    elif isinstance(value, nn.Module) or _is_own(value):
        yield from _walk(path, vars(value), seen)


def _is_own(value: Any) -> bool:
    """Whether a helper object is looked into: plain instances, neither functions nor libraries."""
    module = type(value).__module__
    foreign = module.startswith(("torch.", "numpy", "builtins", "pydantic"))
    return hasattr(value, "__dict__") and not isinstance(value, type) and not foreign


def _indexes_by_mask(name: str, args: tuple[Any, ...]) -> bool:
    """Whether an index is a mask, whose true places must be counted first."""
    if name not in ("index", "index_put", "index_put_") or len(args) < 2:
        return False
    return any(isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1])


def _numpy_state() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 (what a careless model would use)
    return kind, np.asarray(keys).tobytes(), *rest
