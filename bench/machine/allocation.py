"""A bound on what a constructor may allocate, checked before the memory is asked for.

A recipe is a few numbers in a file that somebody else may have written; a width of a billion has to
end in a sentence, not in a machine without memory. Weights are made as ever, bit for bit: calls
pass through, and only their sizes are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from catalog.errors import InvalidInput

MAX_VALUES = 2**28
"""Numbers in all tensors of a model, fixed ones included: 1 GiB as float32. The largest model of
the registry has about half a million, for images of 16 x 16."""
MAX_TENSORS = 20_000
"""Tensors that a constructor makes; a depth of a million layers ends here."""


@contextmanager
def bounded(
    what: str, max_values: int = MAX_VALUES, max_tensors: int = MAX_TENSORS
) -> Iterator[None]:
    """Context in which new tensors of this thread stay below a number of values in all.

    Args:
        what: name of the thing that is built, for the message.
        max_values: numbers in all tensors together.
        max_tensors: how many tensors.

    Raises:
        InvalidInput: the next tensor would go beyond a bound; it is not made.
    """
    with _Counter(what, max_values, max_tensors):
        yield


class _Counter(TorchDispatchMode):
    """Adds up what is created from sizes; tensors computed from others follow from those."""

    def __init__(self, what: str, max_values: int, max_tensors: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.what = what
        self.max_values = max_values
        self.max_tensors = max_tensors
        self.n_values = 0.0
        self.n_tensors = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        made_by = func.overloadpacket.__name__
        if made_by.startswith("new_") or not any(map(_holds_tensors, args)):
            self._count(_n_values(func, args, kwargs))
        return func(*args, **kwargs)

    def _count(self, n_values: float) -> None:
        self.n_values += n_values
        self.n_tensors += 1
        if self.n_values > self.max_values:
            raise InvalidInput(
                f"{self.what} would hold more than {self.max_values:,} numbers",
                hint="its recipe or image size is out of proportion; make them smaller",
            )
        if self.n_tensors > self.max_tensors:
            raise InvalidInput(
                f"{self.what} would have more than {self.max_tensors:,} tensors",
                hint="its recipe is out of proportion; make it smaller",
            )


def _holds_tensors(value: Any) -> bool:
    """Whether an argument is a tensor, or a list of some as of ``torch.stack``."""
    return isinstance(value, Tensor) or (
        isinstance(value, list) and any(map(_holds_tensors, value))
    )


def _n_values(func: Any, args: Any, kwargs: dict[str, Any]) -> float:
    """Values of the tensor that an operator of torch makes from sizes, as its meta device says.

    There an operator computes shapes alone: it takes no memory and draws no random numbers.
    """
    without_generator = {"generator": None} if "generator" in kwargs else {}
    try:
        return int(func(*args, **{**kwargs, **without_generator, "device": "meta"}).numel())
    except NotImplementedError:
        return 1
    except RuntimeError:  # its bytes cannot be counted in 64 bits
        return math.inf
