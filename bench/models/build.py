"""Models made from names: algorithm classes, resolved recipes and initialised networks."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import torch
from pydantic import ValidationError

from bench.identity.names import present_name
from bench.identity.spec import TrainSpec, inherited_recipe, merge
from bench.machine.allocation import bounded
from bench.models.base import GenerativeModel, Recipe
from bench.networks.shape import ImageShape
from catalog.errors import InvalidInput
from catalog.names import suggestion
from catalog.rules.entries import BUILT_IN_MODELS, PLUGIN_GROUP, is_allowed, is_import_string
from catalog.schema import Registry, Variant

BROKEN_CONSTRUCTION = (
    ArithmeticError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Exceptions of a constructor whose settings or image shape do not go together."""

LARGEST_SETTING = 10**6
"""Largest width, depth, count or period in a recipe; a longer list would fill the memory."""


def algorithm_class(algorithm: str) -> type[GenerativeModel]:
    """The class that an import string ``package.module:Class`` names.

    Import strings also come with the run directories of strangers, so what is not allowed is not
    imported.

    Raises:
        InvalidInput: it is no import string, its module is neither in ``bench.models`` nor named
            by an installed entry point, there is no such class, or it is not a GenerativeModel.
    """
    algorithm = present_name("algorithm", algorithm)
    if not is_import_string(algorithm):
        raise InvalidInput(f"algorithm {algorithm!r} is not written package.module:Class")
    if not is_allowed(algorithm):
        raise InvalidInput(
            f"algorithm '{algorithm}' is not allowed, so it was not imported",
            hint=f"use {BUILT_IN_MODELS}*, or install a package with an entry point {PLUGIN_GROUP}",
        )
    module_name, _, class_name = algorithm.partition(":")
    try:
        found = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"algorithm '{algorithm}' does not exist", where=str(error)) from error
    if not (isinstance(found, type) and issubclass(found, GenerativeModel)):
        raise InvalidInput(f"algorithm '{algorithm}' is not a GenerativeModel")
    if inspect.isabstract(found) or not hasattr(found, "recipe_type"):
        raise InvalidInput(f"algorithm '{algorithm}' cannot be built: it is only a base class")
    return found


def resolve_recipe(registry: Registry, variant: Variant, dataset: str) -> Recipe:
    """Every setting of a variant on a data set: inherited, overridden, defaulted and checked.

    Raises:
        InvalidInput: the variant cannot be trained on the data set, a key is unknown or a value
            breaks its type; all problems of a recipe at once.
    """
    if not variant.fits(dataset):
        raise InvalidInput(
            f"variant '{variant.id}' cannot be trained on '{dataset}'",
            hint=f"it can be trained on: {', '.join(variant.datasets or ())}",
        )
    model = algorithm_class(variant.algorithm)
    settings = inherited_recipe(registry, variant, dataset)
    return parse_recipe(model, settings, f"variant '{variant.id}'")


def parse_recipe(model: type[GenerativeModel], settings: dict[str, Any], owner: str) -> Recipe:
    """Typed settings of ``model`` from plain data; ``owner`` names them in an error.

    Raises:
        InvalidInput: a key is unknown, a value breaks its type or a whole number is out of bounds.
    """
    for path, number in _whole_numbers(settings, ""):
        if abs(number) > LARGEST_SETTING:
            raise InvalidInput(
                f"{owner} has a broken recipe: {path}: at most {LARGEST_SETTING:,} is possible"
            )
    try:
        complete = merge(model.recipe_type().model_dump(mode="json"), settings)
        return model.recipe_type.model_validate_json(json.dumps(complete))
    except ValidationError as error:
        problems = "; ".join(_explain(problem, model.recipe_type) for problem in error.errors())
        raise InvalidInput(f"{owner} has a broken recipe: {problems}") from error


def _whole_numbers(value: Any, path: str) -> Iterator[tuple[str, int]]:
    if isinstance(value, int):
        yield path, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _whole_numbers(inner, f"{path}.{key}" if path else str(key))


def _explain(problem: Any, recipe: type[Recipe]) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    near = ""
    if problem["type"] == "extra_forbidden":
        near = suggestion(path, recipe.model_fields)
    return f"{path or 'recipe'}: {problem['msg'].removeprefix('Value error, ')}{near}"


def build_model(
    model: type[GenerativeModel], recipe: Recipe, shape: ImageShape, n_classes: int, seed: int
) -> GenerativeModel:
    """A model on the CPU whose initial weights are a function of ``seed``.

    The global random state is the same before and after.

    Raises:
        InvalidInput: it would be larger than ``bench.machine.allocation`` allows.
    """
    with torch.random.fork_rng(devices=[]), bounded("the model"):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would reseed GPUs too
        return model(recipe, shape, n_classes)


def build_from_spec(spec: TrainSpec) -> GenerativeModel:
    """The freshly initialised model that a spec describes, on the CPU.

    Raises:
        InvalidInput: the algorithm is not allowed, or no model can be built from these settings.
    """
    model = algorithm_class(spec.algorithm)
    recipe = parse_recipe(model, dict(spec.recipe), f"run '{spec.run_id}'")
    shape = ImageShape(spec.dataset.channels, spec.dataset.resolution)
    try:
        return build_model(model, recipe, shape, spec.dataset.n_classes, spec.seed)
    except BROKEN_CONSTRUCTION as error:
        raise InvalidInput(
            f"no {spec.algorithm} can be built from the recipe of run '{spec.run_id}'",
            where=f"{type(error).__name__}: {error}",
        ) from error


def load_variant(variant: str, dataset: str, seed: int, device: str) -> GenerativeModel:
    """See ``bench.load_variant``."""
    from bench.identity.local_registry import pinned_registry

    registry = pinned_registry()
    entry, data = registry.variant(variant), registry.dataset(dataset)
    recipe = resolve_recipe(registry, entry, dataset)
    shape = ImageShape(data.channels, data.resolution)
    model = build_model(algorithm_class(entry.algorithm), recipe, shape, data.n_classes, seed)
    return model.to(device)
