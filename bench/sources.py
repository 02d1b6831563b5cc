"""Which files decide a result, and one hash over them: a number is only as old as its code.

A training depends on the loop, on its algorithm and on whatever of ``bench.models``,
``bench.networks`` and ``bench.objectives`` that algorithm imports; the files of other variants may
change without casting doubt on it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from catalog.rules import is_allowed

PACKAGE = Path(__file__).resolve().parent
LOOP = ("batches.py", "data", "density.py", "ema.py", "noise.py", "sample.py", "train.py")
"""Decide every training."""
PARTS = ("models", "networks", "objectives")
"""Decide the trainings whose algorithm imports them."""
SCORING = (
    *("calibration.py", "copies.py", "data", "extractors", "features.py", "fidelity.py"),
    *("score.py", "stats"),
)


@functools.cache
def code_of_training(algorithm: str) -> str:
    """Hex sha256 over the sources that decide what an algorithm's training produces.

    Args:
        algorithm: ``package.module:Class``; its module is found but not imported. A module that
            cannot be found has no source to cover.
    """
    parts = _closure(algorithm.partition(":")[0])
    return _digest([*_files(LOOP), *parts])


@functools.cache
def code_of_scoring() -> str:
    """Hex sha256 over the sources that decide the score of a set of images."""
    return _digest(_files(SCORING))


def _closure(module: str) -> list[Path]:
    """The source of a module, and of all parts that it imports directly or not."""
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        source = _source(name)
        if name in found or source is None:
            continue
        found[name] = source
        waiting += [other for other in _imports(source) if _is_part(other)]
    return list(found.values())


def _imports(source: Path) -> Iterator[str]:
    """Names that may be modules: everything that an import statement mentions."""
    for node in ast.walk(ast.parse(source.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_part(module: str) -> bool:
    return module.startswith(tuple(f"bench.{part}." for part in PARTS))


def _source(module: str) -> Path | None:
    if module.startswith("bench."):
        file = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
        return file if file.is_file() else None
    if not is_allowed(module):  # looking for a module imports the packages around it
        return None
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    origin = Path(spec.origin) if spec is not None and spec.origin else None
    return origin if origin is not None and origin.suffix == ".py" else None


def _files(names: Iterable[str]) -> list[Path]:
    places = [PACKAGE / name for name in names]
    return [file for place in places for file in ([place] if place.is_file() else _below(place))]


def _below(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for name, file in sorted((_name(file), file) for file in files):
        digest.update(name.encode() + b"\0")
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _name(file: Path) -> str:
    inside = file.is_relative_to(PACKAGE)
    return file.relative_to(PACKAGE).as_posix() if inside else file.name
