"""Which files decide a result, and one hash over them: a number is only as old as its code.

A training depends on the loop, on its algorithm and its backbone, and on whatever these import of
``bench.models``, ``bench.networks`` and ``bench.objectives``; the files of other variants may
change without casting doubt on it. Loaders of data are not covered: the fingerprint of what they
load is part of every spec.
"""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from catalog.rules import is_allowed

PACKAGE = Path(__file__).resolve().parent
DATA = ("data/__init__.py", "data/base.py", "data/digits.py")
"""What stands between loaded pixels and a model; the loader is there for records that name it."""
LOOP = ("batches.py", *DATA, "density.py", "ema.py", "noise.py", "sample.py", "train.py")
"""Decide every training."""
TUNED = ("tuned",)
"""Decides the trainings that go through it, beside the loop."""
PARTS = ("models", "networks", "objectives", "augment", "captions")
"""Decide the trainings whose algorithm imports them."""
EXTRACTORS = (
    *("extractors/__init__.py", "extractors/base.py", "extractors/digits_cnn.py"),
    *("extractors/digits_cnn_training.py", "extractors/inception_v3_compat.py"),
    "extractors/pixel_identity.py",
)
SCORING = (
    *("calibration.py", "copies.py", *DATA, *EXTRACTORS, "features.py", "fidelity.py"),
    *("score.py", "stats"),
)
"""Decide every score; an extractor that is not among them decides its own scores alone."""


def code_of_training(algorithm: str, recipe: Mapping[str, Any], *, tuned: bool = False) -> str:
    """Hex sha256 over the sources that decide what a training produces.

    Args:
        algorithm: ``package.module:Class``; its module is found but not imported. A module that
            cannot be found has no source to cover.
        recipe: its settings; one whose value is the name of a network's module chooses that.
        tuned: whether the training goes through ``bench.tuned``, whose sources then decide too.
    """
    values = (value for value in recipe.values() if isinstance(value, str))
    return _code_of_training(algorithm.partition(":")[0], tuple(sorted(set(values))), tuned)


@functools.cache
def _code_of_training(module: str, settings: tuple[str, ...], tuned: bool) -> str:
    chosen = [f"bench.networks.{value}" for value in settings if value.isidentifier()]
    loop = (*LOOP, *TUNED) if tuned else LOOP
    return _digest([*_files(loop), *_closure([module, *chosen])])


@functools.cache
def code_of_scoring(extractor: str, *, subset: bool = False) -> str:
    """Hex sha256 over the sources that decide a score.

    Args:
        extractor: its id; its module counts, and what that imports of ``bench.extractors``.
        subset: whether the protocol lets some metrics see the first images alone.
    """
    own = _source(f"bench.extractors.{extractor.replace('-', '_')}")
    found = _files((*SCORING, "score_subset.py") if subset else SCORING)
    if own is not None:
        shared = (_source(name) for name in _imports(own) if name.startswith("bench.extractors."))
        found += [own, *(file for file in shared if file is not None)]
    return _digest(dict.fromkeys(found))


def _closure(modules: Iterable[str]) -> list[Path]:
    """The sources of modules, and of all parts that they import directly or not."""
    found: dict[str, Path] = {}
    waiting = list(modules)
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
