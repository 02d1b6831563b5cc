"""What plans and reports ask of an algorithm, remembered so that they need not load torch.

Only an algorithm's own module knows its settings, and importing it imports torch. What it said is
kept in the cache folder, one file an algorithm, under the sha256 of all sources that it can depend
on: after an edit, it is asked again. Refusals are never kept, and neither is what a plug-in says.
"""

from __future__ import annotations

import functools
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from bench.identity.digest import sha256_of_data
from bench.identity.names import present_name
from bench.identity.sources import ROOT
from bench.identity.spec import inherited_recipe
from catalog.errors import InvalidInput
from catalog.files import cache_dir, regular_bytes, write_atomically
from catalog.rules.entries import is_built_in, is_import_string
from catalog.schema import Registry, Variant

if TYPE_CHECKING:
    from bench.models.base import GenerativeModel

DEPENDS_ON = ("models", "networks", "objectives", "augment", "identity")
"""Rooms of which a change may change what an algorithm says."""
MAX_BYTES = 16_000_000
_KNOWN: dict[Path, AlgorithmFacts] = {}


class AlgorithmFacts(BaseModel):
    """What an algorithm's class says.

    Attributes:
        conditional: whether it always draws the class that is asked for.
        samplers: its own.
        encodes: whether a density can be fitted to its latents.
        reconstructs: whether it can pass an image through itself.
        defaults: of all its settings.
        recipes: complete settings by the digest of those that were given.
    """

    model_config = ConfigDict(strict=True, extra="forbid")

    conditional: bool
    samplers: tuple[str, ...]
    encodes: bool
    reconstructs: bool
    defaults: dict[str, JsonValue]
    recipes: dict[str, dict[str, JsonValue]] = {}


def algorithm_facts(algorithm: str) -> AlgorithmFacts:
    """What the class that an import string names says of itself.

    Raises:
        As ``bench.models.build.algorithm_class`` does.
    """
    algorithm = present_name("algorithm", algorithm)
    if not (is_built_in(algorithm) and is_import_string(algorithm)):
        return _asked(algorithm)
    file = _file(algorithm)
    found = _KNOWN.get(file) or _read(file)
    if found is None:
        found = _asked(algorithm)
        _keep(algorithm, found)
    _KNOWN[file] = found
    return found


def complete_recipe(registry: Registry, variant: Variant, dataset: str) -> dict[str, Any]:
    """Every setting of a variant on a data set as plain data.

    Raises:
        As ``bench.models.build.resolve_recipe`` does.
    """
    algorithm = present_name("algorithm", variant.algorithm)
    given = sha256_of_data(inherited_recipe(registry, variant, dataset))
    facts = algorithm_facts(algorithm) if variant.fits(dataset) else None
    if facts is not None and given in facts.recipes:
        return dict(facts.recipes[given])
    from bench.models.build import resolve_recipe

    recipe = resolve_recipe(registry, variant, dataset).model_dump(mode="json")
    if facts is not None and is_built_in(algorithm):
        facts.recipes[given] = recipe
        _keep(algorithm, facts)
    return recipe


def says(model: type[GenerativeModel]) -> AlgorithmFacts:
    """What a class says of itself."""
    from bench.models.base import LatentModel, Reconstructs

    return AlgorithmFacts(
        conditional=bool(model.conditional),
        samplers=model.samplers,
        encodes=_has_methods(model, LatentModel),
        reconstructs=_has_methods(model, Reconstructs),
        defaults=model.recipe_type().model_dump(mode="json"),
    )


def _has_methods(model: type[GenerativeModel], protocol: type) -> bool:
    needed = [name for name in vars(protocol) if not name.startswith("_")]
    return all(hasattr(model, name) for name in needed)


def _asked(algorithm: str) -> AlgorithmFacts:
    from bench.models.build import algorithm_class

    return says(algorithm_class(algorithm))


def _read(file: Path) -> AlgorithmFacts | None:
    try:
        return AlgorithmFacts.model_validate_json(regular_bytes(file, MAX_BYTES))
    except (OSError, InvalidInput, ValidationError):
        return None  # as if nobody had ever asked


def _keep(algorithm: str, facts: AlgorithmFacts) -> None:
    file = _file(algorithm)
    with suppress(OSError):  # a cache that cannot be written costs time, nothing else
        write_atomically(file, facts.model_dump_json(), synced=False)
        for old in file.parent.glob(f"{_stem(algorithm)}-*.json"):
            if old != file:
                old.unlink(missing_ok=True)


def _file(algorithm: str) -> Path:
    return cache_dir() / "algorithms" / f"{_stem(algorithm)}-{_sources()[:16]}.json"


def _stem(algorithm: str) -> str:
    return algorithm.replace(":", ".")


@functools.cache
def _sources() -> str:
    """Hex sha256 of everything that what an algorithm says can depend on."""
    content = sha256(f"pydantic {version('pydantic')}".encode())
    for room in DEPENDS_ON:
        for file in sorted((ROOT / "bench" / room).rglob("*.py")):
            content.update(f"\n{file.relative_to(ROOT).as_posix()}\n".encode() + file.read_bytes())
    return content.hexdigest()
