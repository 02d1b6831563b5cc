"""``aigc bench validate``: the registry's recipes against the code that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from bench.cli.verbs.options import JsonOption, RegistryOption
from bench.cli.verbs.output import emit, emit_items
from catalog.errors import AigcError, InvalidRegistry

if TYPE_CHECKING:
    from catalog.schema import Registry


def validate(as_json: JsonOption = False, registry_file: RegistryOption = None) -> None:
    """Find every loader and extractor, resolve every recipe; all problems are shown at once."""
    from catalog.read.loader import load_registry
    from catalog.read.locate import find_registry, shown_path

    path = find_registry(registry_file)
    registry = load_registry(path)
    problems = []
    for check, where in _checks(registry):
        try:
            check()
        except AigcError as error:
            problems.append(f"{shown_path(path)}: {error.what}{where}")
    if as_json:
        emit_items(problems)
    if problems:
        raise InvalidRegistry(shown_path(path), problems)
    if not as_json:
        emit(f"{len(registry.variants)} recipes fit their algorithms")


def _checks(registry: Registry) -> Iterator[tuple[Callable[[], object], str]]:
    """What may raise, each with where it was asked."""
    from bench.data.loaders import require_loader
    from bench.models.build import resolve_recipe
    from bench.score.extractors import require_extractor

    for dataset in registry.datasets:
        yield partial(require_loader, dataset), ""
    for extractor in registry.extractors:
        yield partial(require_extractor, extractor), ""
    for variant in registry.variants:
        for dataset in registry.datasets:
            if variant.fits(dataset.id):
                yield partial(resolve_recipe, registry, variant, dataset.id), f" (on {dataset.id})"
