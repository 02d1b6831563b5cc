"""From a registry file to a validated ``Registry``, and the cache that makes the second time fast.

Owns the stages: bytes, YAML, schema, rules. What each stage accepts is decided in
``catalog.document``, ``catalog.schema`` and ``catalog.rules.entries``.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from catalog.errors import InvalidRegistry, MissingPrerequisite
from catalog.files import cache_dir, reason, regular_bytes, write_atomically
from catalog.read.locate import find_registry, shown_path
from catalog.rules.entries import broken_rules, is_built_in
from catalog.schema import Registry

if TYPE_CHECKING:
    from catalog.document import Document, Problem

_DECIDING = ("document.py", "read/*.py", "rules/*.py", "schema/*.py")
"""Sources that decide what is valid; a change to them makes every cached verdict void."""

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
    registry, problems = _validate(json_text, document)
    problems = sorted([*document.problems, *problems], key=lambda problem: problem.line)
    return Examination(file, json_text, None if problems else registry, tuple(problems))


def _validate(json_text: str, document: Document) -> tuple[Registry | None, list[Problem]]:
    from catalog.read.diagnosis import schema_problems

    try:
        # Strict JSON, unlike strict Python data, takes arrays as tuples.
        registry = Registry.model_validate_json(json_text)
    except ValidationError as error:
        return None, schema_problems(error, document)
    return registry, broken_rules(registry, document)


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
