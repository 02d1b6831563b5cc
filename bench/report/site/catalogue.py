"""Entries, corrections and quotes of the catalogue as pages show them, in one language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.report.site.places import Place
from catalog.browse.items import errata_of, variants_of
from catalog.browse.vocabulary import number_text
from catalog.browse.search import searchable
from catalog.browse.vocabulary import (
    FAMILIES,
    KINDS,
    ORIGINS,
    RELATIONS,
    SEVERITIES,
    STATES,
    UNCONFIRMED,
    VERDICTS,
)
from catalog.schema import Erratum, Registry, Resource

MAX_AUTHORS = 4


@dataclass(frozen=True)
class Named:
    """A link within the site."""

    href: str
    text: str


@dataclass(frozen=True)
class Correction:
    """An erratum.

    Attributes:
        anchor: its address on the page of corrections.
        rows: rows of ours that show what it is about.
    """

    id: str
    anchor: str
    severity: str
    severity_text: str
    verdict: str
    unsure: str
    lines: str
    claim: str
    truth: str
    sources: tuple[str, ...]
    entries: tuple[Named, ...]
    rows: tuple[Place, ...]


@dataclass(frozen=True)
class Quote:
    """A place of the article, word for word."""

    line: int
    section: str
    text: str
    english: str
    entry: Named
    corrections: tuple[Correction, ...]


@dataclass(frozen=True)
class Entry:
    """A resource.

    Attributes:
        tags: kind, family, origin, year, authors, in words.
        facts: label and text.
        links: addresses outside the site.
        search: folded text in both languages that a search looks into.
    """

    id: str
    title: str
    other_title: str
    kind: str
    origin: str
    family: str
    tags: tuple[str, ...]
    summary: str
    links: tuple[str, ...]
    quotes: tuple[Quote, ...]
    corrections: tuple[Correction, ...]
    instead: tuple[Named, ...]
    related: tuple[tuple[str, tuple[Named, ...]], ...]
    notes: tuple[str, ...]
    numbers: tuple[str, ...]
    rows: tuple[Place, ...]
    not_runnable: str
    search: str


class Views:
    """Makes what pages show of the catalogue.

    Args:
        registry: the catalogue.
        language: of the pages.
        places: lines of our tables by variant.
    """

    def __init__(self, registry: Registry, language: str, places: Mapping[str, Place]) -> None:
        self.registry = registry
        self.language = language
        self.places = places
        self._corrections = {one.id: self._correction(one) for one in registry.errata}

    def corrections(self) -> list[Correction]:
        """All, the worst first, otherwise in the order of the registry."""
        worst = list(SEVERITIES)
        return sorted(self._corrections.values(), key=lambda one: worst.index(one.severity))

    def entries(self) -> list[Entry]:
        """All, by kind in the order of the vocabulary."""
        kinds = list(KINDS)
        ordered = sorted(self.registry.resources, key=lambda one: kinds.index(one.kind))
        return [self._entry(resource) for resource in ordered]

    def quotes(self) -> list[Quote]:
        """Every quoted place of the article, in its order."""
        found = [quote for resource in self.registry.resources for quote in self._quotes(resource)]
        return sorted(found, key=lambda quote: quote.line)

    def _named(self, name: str) -> Named:
        title = self.registry.resource(name).title.in_language(self.language)
        return Named(f"catalogue.html#{name}", title)

    def _rows(self, names: Sequence[str]) -> tuple[Place, ...]:
        variants = [variant for name in names for variant in variants_of(self.registry, name)]
        return tuple(self.places[one.id] for one in variants if one.id in self.places)

    def _correction(self, erratum: Erratum) -> Correction:
        language = self.language
        return Correction(
            id=erratum.id,
            anchor=erratum.id.lower(),
            severity=erratum.severity,
            severity_text=SEVERITIES[erratum.severity].in_language(language),
            verdict=VERDICTS[erratum.verdict].in_language(language),
            unsure=UNCONFIRMED.in_language(language) if erratum.certainty == "unsure" else "",
            lines=", ".join(map(str, erratum.lines)),
            claim=erratum.claim_zh,
            truth=erratum.correction(language),
            sources=erratum.sources,
            entries=tuple(self._named(name) for name in erratum.resources),
            rows=self._rows(erratum.resources),
        )

    def _quotes(self, resource: Resource) -> Iterator[Quote]:
        errata = errata_of(self.registry, resource.id)
        for mention in resource.article:
            touching = [one for one in errata if mention.line in one.lines]
            exact = [one for one in touching if one.claim_zh in mention.quote]
            yield Quote(
                line=mention.line,
                section=mention.section,
                text=mention.quote,
                english=(mention.en or "") if self.language == "en" else "",
                entry=self._named(resource.id),
                corrections=tuple(self._corrections[one.id] for one in exact or touching),
            )

    def _entry(self, resource: Resource) -> Entry:
        language = self.language
        blocked = resource.not_runnable
        title, other = resource.title.en, resource.title.zh
        if language == "zh":
            title, other = other, title
        return Entry(
            id=resource.id,
            title=title,
            other_title=other if other != title else "",
            kind=resource.kind,
            origin=resource.origin,
            family=resource.family or "",
            tags=tuple(self._tags(resource)),
            summary=resource.summary.in_language(language),
            links=resource.urls,
            quotes=tuple(self._quotes(resource)),
            corrections=tuple(
                self._corrections[one.id] for one in errata_of(self.registry, resource.id)
            ),
            instead=tuple(self._targets(resource, "read-instead")),
            related=tuple(self._related(resource)),
            notes=tuple(note.in_language(language) for note in resource.notes),
            numbers=tuple(number_text(number, language) for number in resource.reported),
            rows=self._rows([resource.id]),
            not_runnable=blocked.in_language(language) if blocked else "",
            search=searchable(resource),
        )

    def _tags(self, resource: Resource) -> Iterator[str]:
        language = self.language
        yield KINDS[resource.kind].in_language(language)
        yield ORIGINS[resource.origin].in_language(language)
        if resource.family:
            yield FAMILIES[resource.family].in_language(language)
        authors = resource.authors
        if authors:
            yield ", ".join(authors[:MAX_AUTHORS]) + (" …" if len(authors) > MAX_AUTHORS else "")
        for name, text in (("year", str(resource.year or "")), ("venue", resource.venue or "")):
            if text:
                unsure = (
                    f" ({UNCONFIRMED.in_language(language)})" if name in resource.unsure else ""
                )
                yield text + unsure
        if resource.status:
            yield f"{STATES[resource.status.state].in_language(language)} {resource.status.as_of}"

    def _targets(self, resource: Resource, wanted: str) -> Iterator[Named]:
        for relation in resource.relations:
            if relation.type == wanted:
                yield self._named(relation.target)

    def _related(self, resource: Resource) -> Iterator[tuple[str, tuple[Named, ...]]]:
        for kind, (forward, _) in RELATIONS.items():
            targets = tuple(self._targets(resource, kind))
            if targets and kind != "read-instead":
                yield forward.in_language(self.language), targets
