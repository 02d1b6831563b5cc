"""Strict YAML: text becomes plain data that remembers the line of every value.

Owns the dialect and knows nothing about the registry. Scalars are those of YAML 1.2's core schema
without octal, hexadecimal, infinity and NaN, so ``NO``, ``012``, ``12:30:45`` and dates stay
strings and ``2e-4`` is a number. Keys are always text. Refused: a key given twice, anchors,
aliases and merge keys (a reader should not have to look elsewhere, and none can grow without
bound), tags, keys that are not scalars, more than one document, and very deep nesting.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.reader import ReaderError

Loc = tuple[str | int, ...]
"""Keys and indices that lead from the top of a document to one value."""

MAX_DEPTH = 64

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a file: the line, the dotted path of the value, and what to change."""

    line: int
    path: str
    message: str

    def shown(self, file: str) -> str:
        """The problem as one line that editors and terminals can jump to."""
        where = f"{self.path}: " if self.path else ""
        return f"{file}:{self.line}: {where}{self.message}"


class UnreadableError(Exception):
    """The text cannot be read to its end; ``problem`` says where it stopped."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(line, "", message)


@dataclass(frozen=True)
class Document:
    """What a YAML text says and where it says it.

    Attributes:
        text: the whole source.
        data: dicts with text keys, lists, strings, numbers, booleans and None.
        lines: 1-based line of the key or list item by location; every value has one.
        written: source of each unquoted scalar that was not read as a string.
        problems: constructs that the dialect refuses but that could be read past.
    """

    text: str
    data: Any
    lines: dict[Loc, int]
    written: dict[Loc, str]
    problems: tuple[Problem, ...]

    def nearest(self, loc: Loc) -> Loc:
        """``loc`` without the parts that lead nowhere in this document."""
        known: Loc = ()
        for part in loc:
            if (*known, part) in self.lines:
                known = (*known, part)
        return known

    def line(self, loc: Loc) -> int:
        """1-based line of the deepest value that ``loc`` still reaches."""
        while loc not in self.lines:
            loc = loc[:-1]
        return self.lines[loc]

    def problem(self, loc: Loc, message: str) -> Problem:
        """A problem with the value at ``loc``, which may be missing."""
        return Problem(self.line(loc), dotted(loc), message)


def dotted(loc: Loc) -> str:
    """A location as people read it: ``variants.3.paper``."""
    return ".".join(str(part) for part in loc)


def decode(content: bytes) -> str:
    """The text of a UTF-8 file, with or without a byte order mark.

    Raises:
        UnreadableError: the bytes are not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise UnreadableError(line, f"byte 0x{byte:02x} is not UTF-8") from None


def parse(text: str) -> Document:
    """Read one YAML document.

    Raises:
        UnreadableError: a syntax error, an empty file, a second document, a key that is not a
            scalar, or nesting deeper than ``MAX_DEPTH``.
    """
    builder = _Builder()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise UnreadableError(mark.line + 1 if mark else 1, message) from None
    except ReaderError as error:
        line = text.encode().count(b"\n", 0, error.position) + 1
        raise UnreadableError(line, error.reason) from None
    if not builder.documents:
        raise UnreadableError(1, "the file is empty")
    return Document(
        text, builder.documents[0], builder.lines, builder.written, tuple(builder.problems)
    )


@dataclass
class _Open:
    """A mapping or list whose end has not been read; ``key`` waits for its value."""

    loc: Loc
    items: dict[str, Any] | list[Any]
    key: str | None = None


@dataclass
class _Builder:
    """Turns parser events into data without recursion, so that depth cannot exhaust the stack."""

    documents: list[Any] = field(default_factory=list)
    lines: dict[Loc, int] = field(default_factory=dict)
    written: dict[Loc, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    stack: list[_Open] = field(default_factory=list)

    def take(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.CollectionEndEvent):
            self.stack.pop()
        elif isinstance(event, yaml.NodeEvent):
            line = _line_of(event)
            if self.stack and isinstance(self.stack[-1].items, dict) and self.stack[-1].key is None:
                self._key(self.stack[-1], event, line)
            else:
                self._value(event, line)
        elif isinstance(event, yaml.DocumentStartEvent) and self.documents:
            line = _line_of(event)
            raise UnreadableError(line, "a second document starts here; keep one per file")

    def _key(self, mapping: _Open, event: yaml.NodeEvent, line: int) -> None:
        if not isinstance(event, yaml.ScalarEvent):
            raise UnreadableError(line, "a key must be text, not a list, mapping or alias")
        key, loc = event.value, (*mapping.loc, event.value)
        self._refuse_indirection(event, loc, line)
        if key == "<<" and event.implicit[0]:
            self._refuse(loc, line, "merge keys are not supported; write the keys out")
        if key in mapping.items:
            first = self.lines[loc]
            self._refuse(loc, line, f"key '{key}' is given twice (first at line {first})")
        self.lines.setdefault(loc, line)
        mapping.key = key

    def _value(self, event: yaml.NodeEvent, line: int) -> None:
        loc = self._next_loc()
        self.lines.setdefault(loc, line)
        self._refuse_indirection(event, loc, line)
        if isinstance(event, yaml.CollectionStartEvent):
            if len(self.stack) >= MAX_DEPTH:
                raise UnreadableError(line, f"nested deeper than {MAX_DEPTH} levels")
            opened = _Open(loc, {} if isinstance(event, yaml.MappingStartEvent) else [])
            self._place(opened.items)
            self.stack.append(opened)
        else:
            self._place(self._scalar(event, loc, line))

    def _scalar(self, event: yaml.NodeEvent, loc: Loc, line: int) -> Any:
        if not isinstance(event, yaml.ScalarEvent):
            return None  # an alias: already refused, and never followed
        if not event.implicit[0]:
            return event.value
        try:
            value = _plain(event.value)
        except ValueError:
            self._refuse(loc, line, "the number is out of range")
            return None
        if not isinstance(value, str):
            self.written[loc] = event.value
        return value

    def _next_loc(self) -> Loc:
        if not self.stack:
            return ()
        parent = self.stack[-1]
        return (*parent.loc, len(parent.items) if parent.key is None else parent.key)

    def _place(self, value: Any) -> None:
        if not self.stack:
            self.documents.append(value)
            return
        parent = self.stack[-1]
        if isinstance(parent.items, list):
            parent.items.append(value)
        elif parent.key is not None:
            parent.items[parent.key] = value
            parent.key = None

    def _refuse_indirection(self, event: yaml.NodeEvent, loc: Loc, line: int) -> None:
        if event.anchor is not None:
            self._refuse(loc, line, "anchors and aliases are not supported; write the value out")
        if getattr(event, "tag", None) is not None:
            self._refuse(loc, line, "tags are not supported; quote what is meant as text")

    def _refuse(self, loc: Loc, line: int, message: str) -> None:
        self.problems.append(Problem(line, dotted(loc), message))


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _plain(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means; ValueError for a number that no machine holds."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise ValueError(text)
        return number
    return text
