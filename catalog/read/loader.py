"""From a registry file to a validated ``Registry``, and the cache that makes the second time fast.

Owns the stages (bytes, YAML, schema, rules) and the wording of what the schema refuses. What each
stage accepts is decided in ``catalog.document``, ``catalog.schema`` and ``catalog.rules.entries``.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel, ValidationError

from catalog.errors import InvalidRegistry, MissingPrerequisite
from catalog.files import cache_dir, reason, regular_bytes, write_atomically
from catalog.names import suggestion
from catalog.read.locate import find_registry, shown_path
from catalog.rules.entries import broken_rules, is_built_in
from catalog.schema import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic_core import ErrorDetails

    from catalog.document import Document, Loc, Problem

_DECIDING = ("document.py", "read/*.py", "rules/*.py", "schema/*.py")
"""Sources that decide what is valid; a change to them makes every cached verdict void."""

_LONGEST_VALUE = 60
MAX_BYTES = 4 * 2**20
"""No registry is larger, so that one of nonsense is refused at once; ours has 0.3 MB."""


@dataclass(frozen=True)
class Examination:
    """What came of reading one file: a registry, or the problems that keep it from being one.

    Attributes:
        file: the name of the file as messages show it.
        json_text: the data as JSON, from which ``registry`` was validated.
        problems: in the order of the file.
    """

    file: str
    json_text: str
    registry: Registry | None
    problems: tuple[Problem, ...]


def load_registry(path: Path | None = None) -> Registry:
    """The validated registry of ``path``, or of the file that ``find_registry`` finds.

    A file that was valid before, byte for byte, is not parsed or checked again.

    Raises:
        MissingPrerequisite: the file is not there or cannot be read.
        InvalidInput: it is no regular file, or far too large.
        InvalidRegistry: it breaks the schema or a rule; all problems are listed.
    """
    found = find_registry(path)
    content = _bytes_of(found)
    slot = _slot(found)
    remembered = _recall(slot, content)
    if remembered is not None:
        return remembered
    examination = _examine(content, shown_path(found))
    if examination.registry is None:
        shown = [problem.shown(examination.file) for problem in examination.problems]
        raise InvalidRegistry(examination.file, shown)
    # What plug-ins allow changes without the file, so that verdict must not be remembered.
    if all(is_built_in(variant.algorithm) for variant in examination.registry.variants):
        _remember(slot, content, examination.json_text)
    return examination.registry


def examine(path: Path) -> Examination:
    """Check a registry file in full, without the cache.

    Raises:
        MissingPrerequisite: the file cannot be read.
    """
    return _examine(_bytes_of(path), shown_path(path))


def registry_sha256(path: Path) -> str:
    """Hex sha256 of a registry file's bytes, which identifies it in records.

    Raises:
        MissingPrerequisite: the file cannot be read.
    """
    return hashlib.sha256(_bytes_of(path)).hexdigest()


def _bytes_of(path: Path) -> bytes:
    try:
        return regular_bytes(path, MAX_BYTES)
    except OSError as error:
        raise MissingPrerequisite(f"cannot read {shown_path(path)}: {reason(error)}") from error


def _examine(content: bytes, file: str) -> Examination:
    # Imported here because a remembered registry needs no YAML parser.
    from catalog.document import UnreadableError, decode, parse

    try:
        document = parse(decode(content))
    except UnreadableError as error:
        return Examination(file, "", None, (error.problem,))
    json_text = json.dumps(document.data)
    registry, problems = None, list(document.problems)
    try:
        # Strict JSON, unlike strict Python data, takes arrays as tuples.
        registry = Registry.model_validate_json(json_text)
    except ValidationError as error:
        problems += _schema_problems(error, document)
    else:
        problems += broken_rules(registry, document)
    problems.sort(key=lambda problem: problem.line)
    return Examination(file, json_text, None if problems else registry, tuple(problems))


def _schema_problems(error: ValidationError, document: Document) -> list[Problem]:
    """Every complaint of one failed validation; alternatives for the same value share a line."""
    messages: dict[Loc, list[str]] = {}
    for detail in error.errors(include_url=False):
        loc = document.nearest(detail["loc"])
        if _is_unmeant_alternative(detail, loc):
            continue
        if detail["type"] == "missing":
            loc = (*loc, detail["loc"][-1])
        messages.setdefault(loc, []).append(_message(detail, loc, document))
    return [
        document.problem(loc, " or ".join(dict.fromkeys(said))) for loc, said in messages.items()
    ]


def _is_unmeant_alternative(detail: ErrorDetails, loc: Loc) -> bool:
    """Whether the file gives a list where a union would also have taken a fixed word.

    Only a union adds parts to a location that the document lacks, and its list branch has failed
    too, so the real complaint is reported.
    """
    is_word_for_list = detail["type"] == "literal_error" and isinstance(detail["input"], list)
    return is_word_for_list and loc != detail["loc"]


def _message(detail: ErrorDetails, loc: Loc, document: Document) -> str:
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return "this key is required"
    if kind == "extra_forbidden":
        return f"unknown key{suggestion(str(loc[-1]), _keys_beside(loc))}"
    if kind == "string_type" and loc in document.written:
        read = "true or false" if isinstance(value, bool) else "a number"
        read = "null" if value is None else read
        written = document.written[loc] or "nothing"
        return f"{detail['msg']} (quote it: {written} is read as {read})"
    if not isinstance(value, str | int | float):
        return detail["msg"]
    shown = repr(value)
    cut = shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}…"
    return f"{detail['msg']}, not {cut}"


def _keys_beside(loc: Loc) -> Sequence[str]:
    """The keys that the model around ``loc`` knows."""
    model: type[BaseModel] = Registry
    for part in loc[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_within(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_within(argument) for argument in get_args(annotation))
    return next((model for model in found if model), None)


def _slot(path: Path) -> Path:
    """One cache file per registry path, so that edits replace each other and nothing piles up."""
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:16]
    return cache_dir() / "registry" / f"{name}.json"


def _stamp(content: bytes, data: bytes) -> bytes:
    """Ties cached data to the registry's bytes, to the code that accepted them and to itself."""
    digest = hashlib.sha256()
    package = Path(__file__).parent.parent
    sources = [source.read_bytes() for glob in _DECIDING for source in sorted(package.glob(glob))]
    for part in (*sources, content, data):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest().encode()


def _recall(slot: Path, content: bytes) -> Registry | None:
    try:
        stamp, _, data = slot.read_bytes().partition(b"\n")
    except OSError:
        return None
    if stamp != _stamp(content, data):
        return None
    try:
        return Registry.model_validate_json(data)
    except ValidationError:
        return None  # whoever wrote it did not check it


def _remember(slot: Path, content: bytes, json_text: str) -> None:
    data = json_text.encode()
    # A cache that cannot be written costs time, never the result.
    with suppress(OSError):
        write_atomically(slot, _stamp(content, data) + b"\n" + data)
