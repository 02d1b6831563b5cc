"""A variant explained: its settings with where each comes from, its formulas, and what to read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.identity.code import reached_by_model
from bench.identity.settings import flatten
from bench.identity.sources import ROOT, Definition, file_of, source_of
from bench.identity.spec import recipe_layers
from bench.models.build import resolve_recipe
from catalog.schema import Registry, Variant

CITED = re.compile(r"\b\d{4}\.\d{4,5}\b|\b\d{4}, (?:eq|algorithm|section)")
"""A docstring that names a paper: by its arXiv number, or by the place in it."""


@dataclass(frozen=True)
class Setting:
    """One resolved setting.

    Attributes:
        name: dotted.
        origin: ``default``, or the variant whose entry sets it, perhaps for one data set.
    """

    name: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Formula:
    """Something that is computed: every objective, and whatever names a paper.

    Attributes:
        name: of the function or class.
        says: the first sentence of its docstring, and what is said of the source.
        place: file and line, relative to the checkout.
    """

    name: str
    says: str
    place: str


@dataclass(frozen=True)
class Page:
    """A file to read, and what of it the variant uses."""

    file: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """What there is to know of a variant before running it; pages come in reading order."""

    settings: tuple[Setting, ...]
    formulas: tuple[Formula, ...]
    pages: tuple[Page, ...]


def explain(registry: Registry, variant: Variant, dataset: str) -> Explanation:
    """Explain a variant on a data set.

    Raises:
        InvalidInput: the variant cannot be trained on the data set, or its recipe is broken.
    """
    recipe = resolve_recipe(registry, variant, dataset).model_dump(mode="json")
    reached = reached_by_model(variant.algorithm, recipe)
    return Explanation(
        settings=tuple(_settings(registry, variant, dataset, recipe)),
        formulas=tuple(_formulas(reached)),
        pages=tuple(_pages(reached)),
    )


def _settings(
    registry: Registry, variant: Variant, dataset: str, recipe: dict[str, Any]
) -> Iterator[Setting]:
    origins: dict[str, str] = {}
    for layer in recipe_layers(registry, variant, dataset):
        place = layer.variant if layer.dataset is None else f"{layer.variant} on {layer.dataset}"
        for name, value in flatten(layer.settings).items():
            origins[name] = "default" if value is None else place
    for name, value in flatten(recipe).items():
        yield Setting(name, value, origins.get(name, "default"))


def _formulas(reached: list[Definition]) -> Iterator[Formula]:
    for definition in reached:
        node = _node(definition)
        text = ast.get_docstring(node) if node is not None else None
        is_formula = definition.module.startswith("bench.objectives.") and definition.name[0] != "_"
        if node is not None and text and (is_formula or CITED.search(text)):
            first, *others = text.split("\n\n")
            said = " ".join([first, *(part for part in others if CITED.search(part))])
            place = f"{_file(definition.module)}:{node.lineno}"
            yield Formula(definition.name, " ".join(said.split()), place)


def _pages(reached: list[Definition]) -> Iterator[Page]:
    names: dict[str, list[str]] = {}
    for definition in reached:
        names.setdefault(_file(definition.module), []).append(definition.name)
    for file, used in names.items():
        yield Page(file, tuple(used))


def _node(definition: Definition) -> ast.FunctionDef | ast.ClassDef | None:
    source = source_of(definition.module)
    found = source.statements.get(definition.name, []) if source else []
    return next((n for n in found if isinstance(n, ast.FunctionDef | ast.ClassDef)), None)


def _file(module: str) -> str:
    file = file_of(module)
    if file is None:
        return module
    return file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
