"""A bound on what a constructor may allocate, checked before the memory is asked for.

A recipe is a few numbers in a file that somebody else may have written; a width of a billion has to
end in a sentence, not in a machine without memory. Weights are made as ever, bit for bit: calls
pass through, and only their sizes are looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
    """Within it, new tensors of this thread stay below a number of values in all.

    Args:
        what: is built, for the message.
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
        self.n_values = 0
        self.n_tensors = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        name = func.overloadpacket.__name__
        if name.startswith("new_") or not any(isinstance(item, Tensor) for item in args):
            self._count(_n_values(name, args))
        return func(*args, **(kwargs or {}))

    def _count(self, n_values: int) -> None:
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


def _n_values(name: str, args: Sequence[Any]) -> int:
    """Values of the tensor that an operator of torch makes from sizes; 1 where it has none."""
    for argument in args:
        if isinstance(argument, list | tuple):
            return math.prod(argument)
    if name == "eye":
        return int(args[0] * args[-1])
    if name == "arange":
        start, end, step = (0, *args, 1) if len(args) == 1 else (*args, 1)[:3]
        count: int = math.ceil((end - start) / step)
        return count
    return int(args[2]) if name in ("linspace", "logspace") else 1
