"""Whether a model's update can be recorded once as a CUDA graph and replayed.

A replayed update repeats the kernels of one recorded update. It is right only where the recorded
Python code would have come to the same kernels again: no position in the budget, no attribute that
moves, no value that came back from the device, no random number drawn on the host.

The verdict is reached by watching an update that the training needs anyway, on any device. Only
the second update of a sitting counts: the first one makes what is made once.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from bench.models.base import Batch, GenerativeModel, StepContext

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
    model: GenerativeModel, batch: Batch, ctx: StepContext
) -> tuple[dict[str, Tensor], Verdict]:
    """One update of ``model.step`` as ever, and what watching it tells.

    The model is in training mode and has an update behind it.
    """
    on_cuda = batch.images.device.type == "cuda"
    watched, exempt, waits = WatchedContext(ctx), OneHot(), set[str]()
    reads = HostReads(exempt)
    before, host_moved = plain_state(model), host_randomness()
    host_draws = torch.get_rng_state()
    with exempt, reads, _noting_waits(waits, on_cuda=on_cuda):
        losses = model.step(batch, watched)
    reasons = _reasons(watched, reads.found, moved(before, plain_state(model)))
    if waits and not reads.found:
        reasons.append("waits for the device")
    if host_moved() or (on_cuda and not torch.equal(host_draws, torch.get_rng_state())):
        reasons.append("draws random numbers on the host")
    asked = frozenset(vars(watched)["reads"])
    return losses, Verdict(not reasons, tuple(reasons), asked)


def judge(model: GenerativeModel, batch: Batch, n_steps: int, n_train: int) -> Verdict:
    """Update a model twice on one batch, and say whether such updates can be replayed."""
    model.train()
    model.step(batch, StepContext(0, n_steps, n_train))
    return watched_step(model, batch, StepContext(1, n_steps, n_train))[1]


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
def _noting_waits(waits: set[str], *, on_cuda: bool) -> Iterator[None]:
    """Add to ``waits`` whatever torch itself sees waiting for a CUDA device; nothing elsewhere."""
    if not on_cuda:
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

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if (name in READS or _indexes_by_mask(name, args)) and not self._exempt.active:
            self.found.add(name)
        return func(*args, **(kwargs or {}))


class OneHot(TorchFunctionMode):
    """Knows when ``one_hot`` is at work: it checks its classes on the host, but not on CUDA."""

    active = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
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
    indexes = name in ("index", "index_put", "index_put_") and len(args) > 1
    return indexes and any(
        isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1]
    )


def _numpy_state() -> tuple[Any, ...]:
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002 (what a careless model would use)
    return kind, np.asarray(keys).tobytes(), *rest
