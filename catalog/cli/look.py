"""Commands that look things up: list, search, show, errata, stats, browse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli.options import (
    JsonOption,
    LangOption,
    RegistryOption,
    chosen_language,
    emit,
    emit_json,
    emit_table,
    read_registry,
    say,
)

if TYPE_CHECKING:
    from catalog.schema import Registry, Resource


def list_entries(
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind.")] = None,
    family: Annotated[str | None, typer.Option("--family", help="Only this family.")] = None,
    modality: Annotated[str | None, typer.Option("--modality", help="Only this modality.")] = None,
    origin: Annotated[
        str | None, typer.Option("--origin", metavar="article|added", help="Only this origin.")
    ] = None,
    year: Annotated[int | None, typer.Option("--year", help="Only this year.")] = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """List the entries of the catalogue, all of them or by kind, family, modality, origin, year."""
    from catalog.browse.items import brief
    from catalog.browse.search import select

    language = chosen_language(lang)
    found = select(
        read_registry(registry).resources,
        kind=kind,
        family=family,
        modality=modality,
        origin=origin,
        year=year,
    )
    if as_json:
        emit_json(map(brief, found))
        return
    _emit_entries(found, language)
    say(f"{len(found)} entries" if len(found) != 1 else "1 entry")


def search(
    text: Annotated[list[str], typer.Argument(metavar="TEXT", help="Words in either language.")],
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most so many.")] = 20,
    lang: LangOption = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Find entries by words in English or Chinese; typos are forgiven."""
    from catalog.browse.items import brief
    from catalog.browse.search import search as find

    language = chosen_language(lang)
    words = " ".join(text)
    hits = find(read_registry(registry).resources, words, limit)
    found = [hit.resource for hit in hits]
    if found and not hits[0].exact:
        say(f"nothing contains '{words}'; did you mean: {', '.join(r.id for r in found[:3])}?")
    if as_json:
        emit_json(map(brief, found))
    elif found:
        _emit_entries(found, language)
    if not found:
        say(f"nothing contains '{words}', and nothing is spelt like it")


def show(
    name: Annotated[str, typer.Argument(metavar="ID", help="Id of an entry.")],
    lang: LangOption = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Show one entry: what the article says, what is wrong, what to read, whether it runs."""
    from dataclasses import asdict

    from catalog.browse.items import full
    from catalog.browse.page import Page
    from catalog.browse.rankings import best_ranks
    from catalog.browse.table import available_width
    from catalog.read.locate import find_registry

    language = chosen_language(lang)
    catalogue = read_registry(registry)
    resource = _resource(catalogue, name)
    ranks = best_ranks(find_registry(registry))
    if as_json:
        item = full(catalogue, resource)
        shown = (*item["variants"], *item["nearest_variants"])
        item["ranks"] = {name: asdict(ranks[name]) for name in shown if name in ranks}
        emit_json([item])
        return
    emit(Page(catalogue, resource, language, available_width(), ranks).lines())


def errata(
    severity: Annotated[str | None, typer.Option("--severity", help="Only this severity.")] = None,
    lang: LangOption = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """List what the article gets wrong, worst first, with corrections and sources."""
    from catalog.browse.items import erratum_item
    from catalog.browse.table import available_width, wrap
    from catalog.browse.vocabulary import SEVERITIES, VERDICTS
    from catalog.names import require_known

    require_known("severity", severity, SEVERITIES)
    language = chosen_language(lang)
    ranking = list(SEVERITIES)
    found = [item for item in read_registry(registry).errata if severity in (None, item.severity)]
    found.sort(key=lambda item: ranking.index(item.severity))
    if as_json:
        emit_json(map(erratum_item, found))
        return
    width = available_width()
    for item in found:
        marks = (SEVERITIES[item.severity], VERDICTS[item.verdict])
        words = " · ".join(mark.in_language(language) for mark in marks)
        lines = ", ".join(map(str, item.lines))
        emit(wrap(f"{item.id} · {words} · L{lines} · {', '.join(item.resources)}", width))
        emit(wrap(f"「{item.claim_zh}」", width, "  "))
        emit(wrap(item.correction(language), width, "  "))
        emit(wrap(" ".join(item.sources), width, "  "))
    say(f"{len(found)} errata")


def stats(as_json: JsonOption = False, registry: RegistryOption = None) -> None:
    """Count the entries by origin, kind, family, modality, and the errata by severity."""
    from catalog.browse.items import counts

    found = counts(read_registry(registry))
    if as_json:
        emit_json([found])
        return
    rows = [
        [term, name, str(number)]
        for term, numbers in found.items()
        for name, number in numbers.items()
    ]
    emit_table(["by", "value", "entries"], rows)


def browse(
    text: Annotated[
        list[str] | None, typer.Argument(metavar="[TEXT]", help="First search.")
    ] = None,
    lang: LangOption = None,
    registry: RegistryOption = None,
) -> None:
    """Browse full-screen with live search: type to search, Enter opens, Esc goes back."""
    from catalog.browse.browser import Browser
    from catalog.browse.rankings import best_ranks
    from catalog.browse.terminal import run
    from catalog.read.locate import find_registry

    language = chosen_language(lang)
    ranks = best_ranks(find_registry(registry))
    run(Browser(read_registry(registry), ranks, language, query=" ".join(text or [])))


def _resource(catalogue: Registry, name: str) -> Resource:
    """By id in any case, or by an alias or title that only one entry has."""
    from catalog.browse.search import fold

    wanted = fold(name)
    named = [
        one
        for one in catalogue.resources
        if wanted in map(fold, (one.id, one.title.en, one.title.zh, *one.aliases))
    ]
    exact = [resource for resource in named if resource.id == wanted]
    if exact or len(named) == 1:
        return (exact or named)[0]
    return catalogue.resource(name)


def _emit_entries(found: Sequence[Resource], language: str) -> None:
    from catalog.browse.vocabulary import COLUMNS, KINDS, SHORT_ORIGINS

    rows = [
        [
            resource.id,
            KINDS[resource.kind].in_language(language),
            SHORT_ORIGINS[resource.origin].in_language(language),
            str(resource.sure_year or ""),
            resource.title.in_language(language),
        ]
        for resource in found
    ]
    emit_table([words.in_language(language) for words in COLUMNS.values()], rows)
