"""What a registry rule is: a function from a sourced registry to places and what is wrong there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from catalog.read.document import Document, Loc
    from catalog.schema import Registry

    Finding = tuple[Loc, str]
    Rule = Callable[["Sourced"], Iterator[Finding]]


@dataclass(frozen=True)
class Sourced:
    """What a rule looks at: valid entries, and the document that they were written in."""

    registry: Registry
    document: Document


def repeats(items: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """Index of each item that came before, with the index where it came first; None is no item."""
    first: dict[Any, int] = {}
    for index, item in enumerate(items):
        if item is not None and first.setdefault(item, index) != index:
            yield index, first[item]
