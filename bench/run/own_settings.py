"""Settings of one's own: what ``--set`` and ``--sweep`` make of a suite's variants.

A variant with other settings is a variant of its own. Its name says what is special:
``dcgan.width-64``. No registered name has a dot, so the part before it is the variant that it comes
from.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import JsonValue

from bench.identity.names import OWN_SETTINGS
from catalog.errors import UsageError
from catalog.schema import Recipe, Variant

MOST_COMBINATIONS = 1000
LONGEST_NAME = 120
"""Characters of a derived name, which becomes part of a folder's name."""
_KEY = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_COMMA_OUTSIDE = re.compile(r",(?![^\[{]*[\]}])")
REASON = "settings of one's own"
"""Why records of derived variants stand in no leaderboard."""


@dataclass(frozen=True)
class Setting:
    """One setting of a recipe.

    Attributes:
        key: where it stands, with dots: ``optimizer.lr``.
        value: what it is; None takes an inherited setting back to its default.
    """

    key: str
    value: JsonValue

    def __str__(self) -> str:
        """As a part of a name: ``optimizer.lr-0.0001``."""
        value = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return f"{self.key}-{re.sub(r'[^A-Za-z0-9._-]+', '-', value).strip('-')}"


def parse_setting(text: str) -> Setting:
    """A setting from ``optimizer.lr=1e-4``; what is no JSON is a word.

    Raises:
        UsageError: the text is not of that form.
    """
    key, value = _halves(text, "write KEY=VALUE, such as optimizer.lr=1e-4")
    return Setting(key, _value(value))


def parse_sweep(text: str) -> tuple[Setting, ...]:
    """Settings from ``width=32,64``; commas within brackets belong to a value.

    Raises:
        UsageError: the text is not of that form, or names a value twice.
    """
    how = "write KEY=VALUE,VALUE, such as width=32,64"
    key, values = _halves(text, how)
    settings = tuple(Setting(key, _value(one)) for one in _COMMA_OUTSIDE.split(values))
    if "" in _COMMA_OUTSIDE.split(values) or len({str(one) for one in settings}) < len(settings):
        raise UsageError(f"'{text}' has an empty value, or one of them twice", hint=how)
    return settings


def combinations(
    settings: Sequence[Setting], sweeps: Sequence[tuple[Setting, ...]]
) -> tuple[tuple[Setting, ...], ...]:
    """Every combination of the sweeps' values, each with all of ``settings``; () if none is given.

    Raises:
        UsageError: a key is given twice, or there are too many combinations.
    """
    if not settings and not sweeps:
        return ()
    keys = [one.key for one in settings] + [sweep[0].key for sweep in sweeps]
    for key in keys:
        if keys.count(key) > 1 or any(other.startswith(f"{key}.") for other in keys):
            raise UsageError(f"'{key}' is set twice", hint="give each setting once")
    found = tuple((*settings, *swept) for swept in product(*sweeps))
    if len(found) > MOST_COMBINATIONS:
        raise UsageError(
            f"the sweeps have {len(found):,} combinations", hint=f"at most {MOST_COMBINATIONS:,}"
        )
    return found


def derived(variant: Variant, dataset: str, settings: Sequence[Setting]) -> Variant:
    """``variant`` with other settings on a data set, under a name that says which.

    Raises:
        UsageError: the name would be too long.
    """
    name = OWN_SETTINGS.join((variant.id, *map(str, settings)))
    if len(name) > LONGEST_NAME:
        raise UsageError(
            f"'{name}' is too long for the name of a folder",
            hint="write these settings as a variant of a registry file: --registry",
        )
    return special(variant, name, dataset, _as_entry(settings))


def special(variant: Variant, name: str, dataset: str, settings: Recipe) -> Variant:
    """``variant`` under another name, with settings over everything that holds on a data set."""
    own = laid_over(variant.per_dataset.get(dataset, {}), settings)
    update = {"id": name, "per_dataset": {**variant.per_dataset, dataset: own}}
    return variant.model_copy(update=update)


def laid_over(base: Recipe, settings: Recipe) -> Recipe:
    """``settings`` over ``base``, key by key; ``null`` stays, to reach what is inherited."""
    merged = dict(base)
    for key, value in settings.items():
        old = merged.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            value = laid_over(old, value)
        merged[key] = value
    return merged


def all_derived(
    variants: Sequence[Variant], dataset: str, chosen: Sequence[Sequence[Setting]]
) -> Iterator[Variant]:
    """Each variant with each combination of settings; the variants themselves if there is none."""
    for variant in variants:
        if not chosen:
            yield variant
        for settings in chosen:
            yield derived(variant, dataset, settings)


def _as_entry(settings: Sequence[Setting]) -> Recipe:
    """Settings as the entry of a registry would hold them."""
    recipe: Recipe = {}
    for one in settings:
        *path, last = one.key.split(".")
        at: dict[str, Any] = recipe
        for part in path:
            at = at.setdefault(part, {})
        at[last] = one.value
    return recipe


def _halves(text: str, how: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not value or _KEY.fullmatch(key) is None:
        raise UsageError(f"'{text}' is not a setting", hint=how)
    return key, value


def _value(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(
            text,
            parse_constant=_finite,
            parse_float=_finite,
            object_pairs_hook=_without_repeats,
        )
    except (ValueError, RecursionError):
        return text
    return value


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise UsageError(f"{text} is not a number that a recipe can hold")
    return number


def _without_repeats(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UsageError("a value names one of its keys twice", hint="give each setting once")
    return found
