"""The canonical dump of a definition: what it computes, without what decides nothing.

Left out are comments, docstrings, annotations, positions, the names of local variables, and what an
error says. References to our own definitions stay references, to be numbered by whoever reads them.
"""

from __future__ import annotations

import ast
import builtins
import functools
from collections.abc import Iterator
from dataclasses import dataclass

from bench.identity.sources import (
    Definition,
    Module,
    Reference,
    Source,
    bound_by,
    follow,
    imported,
    is_ours,
    source_of,
)


@dataclass(frozen=True)
class Entry:
    """One entry of a table, which counts only if ``key`` is asked for."""

    key: str
    tokens: tuple[Token, ...]


Token = str | Definition | Entry
"""A piece of a canonical dump: text, a reference to be numbered, or an entry of a table."""


@functools.cache
def dump_of(definition: Definition) -> tuple[Token, ...]:
    """The canonical dump of one definition."""
    source = source_of(definition.module)
    if source is None:
        raise LookupError(f"there is no module {definition.module}")
    return tuple(Dump(source).definition(source.statements[definition.name]))


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.Lambda, ast.ClassDef)
SAID_ONLY = frozenset({"overload", "override", "runtime_checkable", "abstractmethod"})
"""Decorators that change nothing of what is computed."""
CHECKS = frozenset({"field_validator", "model_validator"})
"""Decorators of checks on settings: they refuse, and what they let through is in the spec."""


class Names(dict[str, str]):
    """The names of one scope, with what stands for each.

    Attributes:
        imports: names that the scope imports.
    """

    def __init__(self) -> None:
        super().__init__()
        self.imports: dict[str, tuple[str, str | None]] = {}


class Members(Names):
    """The names of a class."""


class Dump:
    """Writes the canonical dump of a definition of ``source``."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.scopes: list[Names] = []
        self.n_locals = 0

    def definition(self, statements: list[ast.stmt]) -> Iterator[Token]:
        """The dump of whatever a name is bound to at the top level of a module."""
        for statement in statements:
            if isinstance(statement, FUNCTIONS):
                yield from self._function(statement)
            elif isinstance(statement, ast.ClassDef):
                yield from self._class(statement)
            elif isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value:
                yield from self._constant(statement.value)
            else:
                yield from self._node(statement)

    def _constant(self, value: ast.expr) -> Iterator[Token]:
        table = self._table(value)
        yield "constant" if table is None else "table"
        yield from self._node(value) if table is None else table

    def _table(self, value: ast.expr) -> list[Entry] | None:
        """The entries of a dictionary from names to code, in the order of their names."""
        if not isinstance(value, ast.Dict) or not value.keys:
            return None
        keys = [key.value for key in value.keys if isinstance(key, ast.Constant)]
        names = [key for key in keys if isinstance(key, str)]
        if len(names) != len(value.keys):
            return None
        entries = [
            Entry(name, (name, *self._node(code)))
            for name, code in zip(names, value.values, strict=True)
        ]
        is_code = any(not isinstance(token, str) for entry in entries for token in entry.tokens)
        return sorted(entries, key=lambda entry: entry.key) if is_code else None

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Token]:
        yield "def"
        yield from self._decorators(node.decorator_list)
        yield from self._arguments(node.args, keep_names=True)
        yield from self._body(node.body)
        self.scopes.pop()
        yield "end"

    def _arguments(self, arguments: ast.arguments, *, keep_names: bool) -> Iterator[Token]:
        """Parameters with their defaults; opens the scope of the function."""
        defaults = [*arguments.defaults, *arguments.kw_defaults]
        for default in defaults:
            yield from ("no default",) if default is None else self._node(default)
        self.scopes.append(Names())
        positional = [*arguments.posonlyargs, *arguments.args]
        for group, parameters in (
            ("positional", positional),
            ("*", [arguments.vararg] if arguments.vararg else []),
            ("keyword", arguments.kwonlyargs),
            ("**", [arguments.kwarg] if arguments.kwarg else []),
        ):
            yield group
            for parameter in parameters:
                shown = f"parameter {parameter.arg}" if keep_names else self._new_local()
                self.scopes[-1][parameter.arg] = shown
                yield shown

    def _body(self, body: list[ast.stmt]) -> Iterator[Token]:
        """Statements in a function, whose names become local to it first."""
        nodes = list(_inside(body))
        declared = (node.names for node in nodes if isinstance(node, ast.Nonlocal | ast.Global))
        elsewhere = set().union(*declared)
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self.scopes[-1].imports.update(imported(node))
            for name in _stored_by(node):
                if name not in self.scopes[-1] and name not in elsewhere:
                    self.scopes[-1][name] = self._new_local()
        yield from self._statements(body)

    def _new_local(self) -> str:
        self.n_locals += 1
        return f"local {self.n_locals}"

    def _statements(self, body: list[ast.stmt]) -> Iterator[Token]:
        yield "body"
        for statement in body:
            if not _decides_nothing(statement):
                yield from self._node(statement)
        yield "end"

    def _class(self, node: ast.ClassDef) -> Iterator[Token]:
        yield "class"
        yield from self._decorators(node.decorator_list)
        for base in node.bases:
            yield from self._node(base)
        for keyword in node.keywords:
            yield from self._node(keyword)
        is_settings = "pydantic.BaseModel" in _ancestry(self.source, node)
        self.scopes.append(Members())
        for statement in node.body:
            yield from self._member(statement, is_settings=is_settings)
        self.scopes.pop()
        yield "end"

    def _member(self, statement: ast.stmt, *, is_settings: bool) -> Iterator[Token]:
        if isinstance(statement, FUNCTIONS):
            names = {_last_name(decorator) for decorator in statement.decorator_list}
            if not names & CHECKS:
                yield f"method {statement.name}"
                yield from self._function(statement)
        elif isinstance(statement, ast.ClassDef):
            yield f"class {statement.name}"
            yield from self._class(statement)
        elif isinstance(statement, ast.AnnAssign):
            yield from self._field(statement, is_settings=is_settings)
        elif not _decides_nothing(statement):
            for name in bound_by(statement):
                self.scopes[-1][name] = f"member {name}"
            yield from self._node(statement)

    def _field(self, statement: ast.AnnAssign, *, is_settings: bool) -> Iterator[Token]:
        """An annotated name of a class.

        The values of settings are in the spec that they are part of, defaults included; what counts
        of them is the code of their types.
        """
        name = ast.unparse(statement.target)
        self.scopes[-1][name] = f"member {name}"
        if is_settings:
            yield from (
                token
                for node in ast.walk(statement.annotation)
                if isinstance(node, ast.Name)
                for token in self._reference(self._meaning(node.id), node.id)
                if isinstance(token, Definition) and _is_class(token)
            )
        elif statement.value is not None:
            yield f"field {name}"
            yield from self._node(statement.value)
        else:
            yield f"field {name}"

    def _decorators(self, decorators: list[ast.expr]) -> Iterator[Token]:
        for decorator in decorators:
            if _last_name(decorator) not in SAID_ONLY:
                yield "@"
                yield from self._node(decorator)

    def _node(self, node: ast.AST) -> Iterator[Token]:
        special = getattr(self, f"_{type(node).__name__}", None)
        if special is not None:
            yield from special(node)
            return
        yield type(node).__name__
        for name, value in ast.iter_fields(node):
            if name in ("ctx", "type_comment", "kind", "type_params"):
                continue
            if isinstance(value, ast.AST):
                yield from self._node(value)
            elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield from self._statements(value)
            elif isinstance(value, list):
                yield "["
                for item in value:
                    yield from self._node(item) if isinstance(item, ast.AST) else (repr(item),)
                yield "]"
            else:
                yield repr(value)

    def _FunctionDef(self, node: ast.FunctionDef) -> Iterator[Token]:  # noqa: N802
        yield self._name_of(node.name)
        yield from self._function(node)

    def _ClassDef(self, node: ast.ClassDef) -> Iterator[Token]:  # noqa: N802
        yield self._name_of(node.name)
        yield from self._class(node)

    def _Lambda(self, node: ast.Lambda) -> Iterator[Token]:  # noqa: N802
        yield "lambda"
        yield from self._arguments(node.args, keep_names=False)
        yield from self._node(node.body)
        self.scopes.pop()

    def _AnnAssign(self, node: ast.AnnAssign) -> Iterator[Token]:  # noqa: N802
        if node.value is not None:
            assign = ast.Assign(targets=[node.target], value=node.value)
            yield from self._node(assign)

    def _Raise(self, node: ast.Raise) -> Iterator[Token]:  # noqa: ARG002, N802
        yield "raise"

    def _ExceptHandler(self, node: ast.ExceptHandler) -> Iterator[Token]:  # noqa: N802
        yield "except"
        if node.type is not None:
            yield from self._node(node.type)
        if node.name is not None:
            yield self._name_of(node.name)
        yield from self._statements(node.body)

    def _Call(self, node: ast.Call) -> Iterator[Token]:  # noqa: N802
        named = node.func.id if isinstance(node.func, ast.Name) else ""
        if named and self._meaning(named) == "typing.cast":
            yield from self._node(node.args[1])
            return
        yield "Call"
        yield from self._node(node.func)
        for argument in node.args:
            yield from self._node(argument)
        for keyword in node.keywords:
            yield from self._node(keyword)
        yield "end"

    def _Name(self, node: ast.Name) -> Iterator[Token]:  # noqa: N802
        local = self._local(node.id)
        if local is not None:
            yield local
        else:
            yield from self._reference(self._meaning(node.id), node.id)

    def _Attribute(self, node: ast.Attribute) -> Iterator[Token]:  # noqa: N802
        found = self._dotted(node)
        if found is None:
            yield f".{node.attr}"
            yield from self._node(node.value)
        else:
            yield from self._reference(found, node.attr)

    def _dotted(self, node: ast.expr) -> Reference | None:
        """What a chain of attributes of an imported module means; None for any other."""
        if isinstance(node, ast.Name):
            if self._local(node.id) is not None:
                return None
            found = self._meaning(node.id)
            return found if isinstance(found, Module) else None
        if not isinstance(node, ast.Attribute):
            return None
        owner = self._dotted(node.value)
        if isinstance(owner, Module):
            return follow(owner.name, node.attr) if is_ours(owner.name) else _outside(owner, node)
        return f"{owner}.{node.attr}" if isinstance(owner, str) else None

    def _local(self, name: str) -> str | None:
        for depth, scope in enumerate(reversed(self.scopes)):
            if depth and isinstance(scope, Members):
                continue  # methods do not see the names of their class
            if name in scope:
                return scope[name]
        return None

    def _name_of(self, name: str) -> str:
        return self._local(name) or name

    def _meaning(self, name: str) -> Reference | None:
        for scope in reversed(self.scopes):
            if name in scope.imports:
                return follow(*scope.imports[name])
        return self.source.resolve(name)

    def _reference(self, found: Reference | None, name: str) -> Iterator[Token]:
        if found is None:
            yield f"builtin {name}" if hasattr(builtins, name) else f"name {name}"
        elif isinstance(found, Module):
            yield "module" if is_ours(found.name) else f"module {found.name}"
        else:
            yield found


def _outside(owner: Module, node: ast.Attribute) -> str:
    return f"{owner.name}.{node.attr}"


def _decides_nothing(statement: ast.stmt) -> bool:
    """Docstrings and other strings that stand for themselves, imports, ``pass``, declarations."""
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant)
    declared = (ast.Import, ast.ImportFrom, ast.Pass, ast.Nonlocal, ast.Global)
    return isinstance(statement, declared)


def _inside(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Every node of a function's body in order, but for those of functions and classes in it."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, SCOPES):
            waiting += reversed(list(ast.iter_child_nodes(node)))


def _stored_by(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
        yield node.id
    elif isinstance(
        node, (*FUNCTIONS, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
    ):
        yield from (node.name,) if node.name else ()


def _last_name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")


def _is_class(definition: Definition) -> bool:
    source = source_of(definition.module)
    found = source.statements.get(definition.name, []) if source else []
    return any(isinstance(statement, ast.ClassDef) for statement in found)


def _ancestry(source: Source, node: ast.ClassDef) -> set[str]:
    """Dotted names of the foreign classes that a class descends from."""
    found: set[str] = set()
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else ""
        meaning = source.resolve(name) if name else None
        if isinstance(meaning, str):
            found.add(meaning)
        elif isinstance(meaning, Definition):
            home = source_of(meaning.module)
            statements = home.statements[meaning.name] if home else []
            for statement in statements:
                if home is not None and isinstance(statement, ast.ClassDef):
                    found |= _ancestry(home, statement)
    return found
