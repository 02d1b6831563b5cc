"""The settings in which a variant is special: beside the defaults, and beside its parent's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.identity.settings import flatten
from bench.models.facts import algorithm_facts, complete_recipe
from catalog.schema import Registry, Variant

SettingOrigin = Literal["own", "inherited", "default"]
"""``own``: the variant's entry says it; ``default``: only the parent's differs."""


@dataclass(frozen=True)
class SpecialSetting:
    """One setting, as texts; None where a side has no such setting.

    Attributes:
        name: dotted path in the recipe.
        values: by data set id.
        parent: the parent's by data set id; empty where it has another algorithm.
    """

    name: str
    values: Mapping[str, str | None]
    default: str | None
    parent: Mapping[str, str | None]
    origin: SettingOrigin

    @property
    def is_new(self) -> bool:
        """Whether the parent has it otherwise, on any data set."""
        return any(self.values[name] != value for name, value in self.parent.items())


@dataclass(frozen=True)
class RecipeFacts:
    """What a recipe says that its defaults do not.

    Attributes:
        datasets: ids of those that the values are of.
        settings: that differ from the default or from the parent's, in the recipe's order.
        has_parents_algorithm: whether parent and variant share one, so that settings pass down.
    """

    algorithm: str
    datasets: tuple[str, ...]
    settings: tuple[SpecialSetting, ...]
    has_parents_algorithm: bool


def recipe_facts(variant: Variant, registry: Registry, datasets: Sequence[str]) -> RecipeFacts:
    """Compare the resolved settings of a variant on some data sets.

    Args:
        variant: of the registry.
        registry: holds its ancestors.
        datasets: ids; the variant can be trained on each.

    Raises:
        InvalidInput: a recipe is broken.
    """
    parent = registry.variant(variant.parent) if variant.parent else None
    shares = parent is not None and parent.algorithm == variant.algorithm
    defaults = _spelled(algorithm_facts(variant.algorithm).defaults)
    values = {name: _resolved(variant, registry, name) for name in datasets}
    parents = {
        name: _resolved(parent, registry, name)
        for name in datasets
        if parent is not None and shares and parent.fits(name)
    }
    said = {*flatten(variant.recipe)}.union(*map(flatten, variant.per_dataset.values()))
    names = dict.fromkeys(key for side in (*values.values(), *parents.values()) for key in side)
    settings = [
        SpecialSetting(
            name=name,
            values={dataset: found.get(name) for dataset, found in values.items()},
            default=defaults.get(name),
            parent={dataset: found.get(name) for dataset, found in parents.items()},
            origin=_origin(name, said, [v.get(name) for v in values.values()], defaults.get(name)),
        )
        for name in names
    ]
    return RecipeFacts(
        algorithm=variant.algorithm,
        datasets=tuple(datasets),
        settings=tuple(one for one in settings if one.origin != "default" or one.is_new),
        has_parents_algorithm=shares,
    )


def _resolved(variant: Variant, registry: Registry, dataset: str) -> dict[str, str]:
    return _spelled(complete_recipe(registry, variant, dataset))


def _origin(
    name: str, said: set[str], values: Sequence[str | None], default: str | None
) -> SettingOrigin:
    parts = name.split(".")
    prefixes = {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
    if prefixes & said or any(other.startswith(f"{name}.") for other in said):
        return "own"
    return "default" if all(value == default for value in values) else "inherited"


def _spelled(settings: dict[str, Any]) -> dict[str, str]:
    """Leaves by their dotted names, as JSON without quotes."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in flatten(settings).items()
    }
