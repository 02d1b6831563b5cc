"""``aigc bench list`` and ``show``: what can be run, without torch."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from bench.cli.verbs.options import JsonOption, RegistryOption
from bench.cli.verbs.output import emit, emit_items, print_rows

ListedSection = Literal["variants", "suites", "datasets", "protocols", "extractors", "claims"]
"""Sections of the registry that the harness uses."""


def list_entries(
    section: Annotated[ListedSection, typer.Option("--kind", help="What to list.")] = "variants",
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """List variants, suites, data sets, protocols, extractors or claims."""
    from bench.identity.local_registry import pinned_registry

    registry = pinned_registry(registry_file)
    entries = registry.all_suites if section == "suites" else getattr(registry, section)
    if as_json:
        emit_items([entry.model_dump(mode="json") for entry in entries])
        return
    print_rows([_summary(section, entry) for entry in entries])


def show(
    name: Annotated[str, typer.Argument(help="A variant or a suite.")],
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Show a variant with all its settings, or a suite with its rows."""
    from bench.identity.local_registry import pinned_registry
    from bench.identity.settings import flatten
    from bench.identity.spec import inherited_recipe
    from catalog.browse.vocabulary import number_text

    registry = pinned_registry(registry_file)
    suite = next((suite for suite in registry.all_suites if suite.id == name), None)
    if suite is not None:
        facts = suite.model_dump(mode="json")
        facts["variants"] = [variant.id for variant in registry.variants_of(suite)]
    else:
        variant = registry.variant(name)
        paper = registry.resource(variant.paper)
        facts = variant.model_dump(mode="json")
        facts["paper"] = f"{paper.title.en} ({paper.year}) {paper.url}"
        facts["settings"] = inherited_recipe(registry, variant, "")
        facts["suites"] = [s.id for s in registry.all_suites if variant in registry.variants_of(s)]
    if as_json:
        emit_items([facts])
        return
    if suite is None:
        texts = (number_text(number, "en") for number in variant.reported)
        facts["reported"] = {str(place): text for place, text in enumerate(texts, 1)}
    for key, value in flatten(facts).items():
        if text := _spelled(value):
            emit(f"{key:<24} {text}")


def _summary(section: ListedSection, entry: Any) -> dict[str, str]:
    if section == "variants":
        return {
            "id": entry.id,
            "family": entry.family,
            "parent": entry.parent or "",
            "what it is": entry.summary.en,
        }
    if section == "suites":
        rows = "all" if entry.variants == "all" else str(len(entry.variants))
        return {
            "id": entry.id,
            "data set": entry.dataset,
            "variants": rows,
            "seeds": str(len(entry.seeds)),
            "steps": str(entry.steps),
            "protocol": entry.protocol,
            "hours a run, core": _hours(entry.cpu_hours),
            "GPU": _hours(entry.gpu_hours),
        }
    if section == "datasets":
        size = f"{entry.resolution}x{entry.resolution}x{entry.channels}"
        splits = ", ".join(f"{name} {n}" for name, n in entry.splits.items())
        return {"id": entry.id, "images": size, "splits": splits, "licence": entry.licence}
    if section == "protocols":
        return {
            "id": entry.id,
            "data set": entry.dataset,
            "reference": entry.reference_split,
            "fakes": str(entry.n_fake),
            "extractor": entry.extractor,
        }
    if section == "claims":
        tested = dict.fromkeys(name for test in entry.tests for name in test.rows)
        return {"id": entry.id, "rows": ", ".join(tested), "the article says": entry.claim_en}
    return {"id": entry.id, "name": entry.name.en, "weights": entry.weights or "none"}


def _hours(expected: float | None) -> str:
    return "" if expected is None else f"{expected:g}"


def _spelled(value: Any) -> str:
    if isinstance(value, list):
        sentences = any(str(item).endswith(".") for item in value)
        return (" " if sentences else ", ").join(map(str, value))
    return "" if value is None or value == {} else str(value)
