"""Our own sources as syntax trees, and what each name in them means; nothing is imported or run."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The folder that holds our packages."""


@dataclass(frozen=True)
class Definition:
    """A function, class or constant: the module that defines it, and its name there."""

    module: str
    name: str


@dataclass(frozen=True)
class Module:
    """Another module as a whole, ours or not."""

    name: str


Reference = Definition | Module | str
"""What a name means: our own definition, a module, or the dotted name of foreign code."""


@functools.cache
def source_of(module: str) -> Source | None:
    """The parsed source of one of our modules, or None where there is none to read."""
    file = file_of(module)
    return Source(module, ast.parse(file.read_bytes())) if file else None


def file_of(module: str) -> Path | None:
    """The file of a module, found without importing it; None where there is none."""
    parts = module.split(".")
    if parts[0] in ("bench", "catalog"):
        place = ROOT.joinpath(*parts)
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return file
        return None
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    origin = Path(spec.origin) if spec is not None and spec.origin else None
    return origin if origin is not None and origin.suffix == ".py" else None


class Source:
    """One module: what its names mean.

    Attributes:
        statements: by name, the statements at its top level that bind it to a definition.
    """

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name = name
        self.statements: dict[str, list[ast.stmt]] = {}
        self.imports: dict[str, tuple[str, str | None]] = {}
        for statement in _top_level(tree.body):
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self.imports.update(imported(statement))
            else:
                for bound in bound_by(statement):
                    self.statements.setdefault(bound, []).append(statement)

    def resolve(self, name: str) -> Reference | None:
        """What a name of this module means; None for one that it does not bind."""
        if name in self.statements:
            return Definition(self.name, name)
        if name in self.imports:
            return follow(*self.imports[name])
        return None


def imported(statement: ast.Import | ast.ImportFrom) -> dict[str, tuple[str, str | None]]:
    """By local name: the module an import statement takes from, and the name it takes, if any."""
    if isinstance(statement, ast.ImportFrom):
        return {
            alias.asname or alias.name: (statement.module or "", alias.name)
            for alias in statement.names
        }
    return {
        alias.asname or alias.name.partition(".")[0]: (
            alias.name if alias.asname else alias.name.partition(".")[0],
            None,
        )
        for alias in statement.names
    }


def follow(module: str, name: str | None) -> Reference:
    """What a name in another module means, wherever that module has it from."""
    if name is None:
        return Module(module)
    source = source_of(module) if is_ours(module) else None
    if source is None:
        return f"{module}.{name}"
    found = source.resolve(name)
    if found is not None:
        return found
    inner = f"{module}.{name}"
    return Module(inner) if file_of(inner) else inner


_PLUG_INS: set[str] = set()


def include(package: str) -> None:
    """Look into an installed package as into our own: an algorithm comes from there."""
    _PLUG_INS.add(package)


def is_ours(module: str) -> bool:
    """Whether a module is looked into."""
    return module.partition(".")[0] in {"bench", "catalog", *_PLUG_INS}


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of a module, those inside ``if`` and ``try`` included."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _top_level([*statement.body, *statement.orelse])
        elif isinstance(statement, ast.Try):
            yield from _top_level([*statement.body, *statement.orelse, *statement.finalbody])
        else:
            yield statement


def bound_by(statement: ast.stmt) -> Iterator[str]:
    """Names that a statement defines in its module or class."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.AnnAssign) and statement.value is None:
        return
    elif isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            yield from (n.id for n in ast.walk(target) if isinstance(n, ast.Name))
