"""The digest of definitions: what code computes, whatever it is called and wherever it stands.

A definition is a function, a class or a constant of a module. Starting from some of them, this
module walks to all of our own definitions that they refer to, numbers them in the order of that
walk, and takes one sha256 over their syntax trees, in which every reference stands for the number
of what it refers to. What decides no result is left out first: comments, docstrings, annotations,
positions, names of modules, of definitions and of local variables, and what an error says. So code
may be moved, renamed, split, documented and reformatted, and its digest stays; a changed constant,
operator or default changes the digest of whatever reaches it, and no other.

A table (a module's dictionary from names to code, such as ``LOSSES``) counts only with the entries
that are asked for by name. The walk needs no import: sources are parsed, never run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator

from bench.identity.dump import Entry, Token, dump_of
from bench.identity.sources import Definition, source_of

ELSEWHERE = "elsewhere"
"""Stands for whatever of our own code decides no result, such as records and messages."""


class MissingDefinition(LookupError):
    """There is no such definition to start from."""


def digest(
    roots: Iterable[Definition],
    asked: Collection[str] | None,
    decides: Callable[[str], bool],
) -> str:
    """Hex sha256 over everything that ``roots`` reach.

    Args:
        roots: where to start, in an order that means something.
        asked: names whose entries in tables count; None for all entries.
        decides: whether the definitions of a module (its dotted name) can decide a result; others
            are not looked into.

    Raises:
        MissingDefinition: a root is not there.
    """
    total = hashlib.sha256()
    for _, dump in walk(roots, asked, decides):
        total.update("".join(f"{piece}\0" for piece in dump).encode() + b"\1")
    return total.hexdigest()


def walk(
    roots: Iterable[Definition],
    asked: Collection[str] | None,
    decides: Callable[[str], bool],
) -> Iterator[tuple[Definition, tuple[str, ...]]]:
    """Yield every definition that ``roots`` reach, in the order of the walk, with its dump.

    Arguments and errors are those of ``digest``.
    """
    way = _Walk(asked, decides)
    for root in roots:
        source = source_of(root.module)
        found = source.resolve(root.name) if source else None
        if not isinstance(found, Definition):
            raise MissingDefinition(f"{root.module} defines no {root.name}")
        way.number(found)
    for found in way.waiting:  # grows while it is walked
        yield found, tuple(way.spell(dump_of(found)))


class _Walk:
    """Numbers definitions in the order in which they are first referred to."""

    def __init__(self, asked: Collection[str] | None, decides: Callable[[str], bool]) -> None:
        self.asked = asked
        self.decides = decides
        self.numbers: dict[Definition, int] = {}
        self.waiting: list[Definition] = []

    def number(self, found: Definition) -> str:
        """What stands for a definition."""
        if found not in self.numbers:
            self.numbers[found] = len(self.numbers)
            self.waiting.append(found)
        return f"#{self.numbers[found]}"

    def spell(self, tokens: tuple[Token, ...]) -> Iterator[str]:
        """Tokens as text, with the entries of a table that count."""
        for token in tokens:
            if isinstance(token, str):
                yield token
            elif isinstance(token, Entry):
                counts = self.asked is None or token.key in self.asked
                yield from self.spell(token.tokens) if counts else ()
            else:
                yield self.number(token) if self.decides(token.module) else ELSEWHERE


def forget() -> None:
    """Read sources anew from now on."""
    source_of.cache_clear()
    dump_of.cache_clear()
