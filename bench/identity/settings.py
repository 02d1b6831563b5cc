"""Settings in groups, such as recipes and specs: leaves with dotted names, and how two differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Settings(BaseModel):
    """Typed settings of a recipe: frozen, and strict about keys and types."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


def flatten(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves by their dotted names, in order; an empty group of settings is a leaf.

    Args:
        settings: plain values, lists (which are leaves) and mappings (which are groups).
        prefix: stands before every name.
    """
    leaves: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[prefix + key] = value
    return leaves


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Old and new value of every leaf that differs, by its dotted name, the old ones' order first.

    None stands for a leaf that one side lacks; an empty group is no leaf here.
    """
    before, after = ({k: v for k, v in flatten(s).items() if v != {}} for s in (old, new))
    return {
        key: (before.get(key), after.get(key))
        for key in before | after
        if before.get(key) != after.get(key)
    }
