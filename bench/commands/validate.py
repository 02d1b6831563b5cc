"""``aigc bench validate``: the registry's recipes against the code that reads them."""

from __future__ import annotations

from bench.commands.options import JsonOption, RegistryOption, emit, emit_items
from catalog.errors import AigcError, InvalidRegistry


def validate(as_json: JsonOption = False, registry_file: RegistryOption = None) -> None:
    """Find every loader and extractor, resolve every recipe; all problems are shown at once."""
    from bench.build import resolve_recipe
    from bench.extractors.base import require_extractor
    from bench.loaders import require_loader
    from catalog.loader import load_registry
    from catalog.locate import find_registry, shown_path

    path = find_registry(registry_file)
    registry = load_registry(path)
    problems = []
    for check, entries in (
        (require_loader, registry.datasets),
        (require_extractor, registry.extractors),
    ):
        for entry in entries:
            try:
                check(entry)
            except AigcError as error:
                problems.append(f"{shown_path(path)}: {error.what}")
    for variant in registry.variants:
        for dataset in registry.datasets:
            try:
                resolve_recipe(registry, variant, dataset.id)
            except AigcError as error:
                problems.append(f"{shown_path(path)}: {error.what} (on {dataset.id})")
    if as_json:
        emit_items(problems)
    if problems:
        raise InvalidRegistry(shown_path(path), problems)
    if not as_json:
        emit(f"{len(registry.variants)} recipes fit their algorithms")
