"""Entries, corrections, quotes and graph of the catalogue as pages show them, in one language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bench.report.site.board_rows import BestRow
from bench.report.words import Language, Words
from catalog.browse.items import claims_of, errata_of, variants_of
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
    number_text,
)
from catalog.export.diagram import Arrow, Box, diagram_svg
from catalog.export.graph import corrected_drawing, published_drawing
from catalog.schema import Erratum, Registry, Resource

MAX_AUTHORS = 4


@dataclass(frozen=True)
class Named:
    """A link within the site."""

    href: str
    text: str


@dataclass(frozen=True)
class Correction:
    """An erratum in words.

    Attributes:
        truth: what the article should have said.
        entries: that it corrects.
        rows: rows of ours that show what it is about.
        claims: ids of the claims that runs test about its sentence.
    """

    erratum: Erratum
    severity_text: str
    verdict: str
    unsure: str
    truth: str
    entries: tuple[Named, ...]
    rows: tuple[BestRow, ...]
    claims: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Its address on the page of corrections."""
        return self.erratum.id.lower()


@dataclass(frozen=True)
class QuotedPlace:
    """A place of the article, word for word."""

    line: int
    section: str
    text: str
    english: str
    entry: Named
    corrections: tuple[Correction, ...]


@dataclass(frozen=True)
class CatalogueEntry:
    """A resource in words.

    Attributes:
        tags: kind, origin, family, authors, year, venue and state.
        instead: what to read instead.
        related: other relations, a label and its targets each.
        rows: rows of ours.
        search: folded text in both languages that a search looks into.
    """

    resource: Resource
    title: str
    other_title: str
    tags: tuple[str, ...]
    quotes: tuple[QuotedPlace, ...]
    corrections: tuple[Correction, ...]
    instead: tuple[Named, ...]
    related: tuple[tuple[str, tuple[Named, ...]], ...]
    numbers: tuple[str, ...]
    rows: tuple[BestRow, ...]
    search: str


class CatalogueInWords:
    """Makes what pages show of the catalogue.

    Args:
        registry: the catalogue.
        language: of the pages.
        best: lines of our tables by variant.
    """

    def __init__(self, registry: Registry, language: str, best: Mapping[str, BestRow]) -> None:
        self.registry = registry
        self.language = language
        self.best = best
        self._corrections = {one.id: self._correction(one) for one in registry.errata}

    def corrections(self) -> list[Correction]:
        """All, the worst first, otherwise in the order of the registry."""
        worst = list(SEVERITIES)
        found = self._corrections.values()
        return sorted(found, key=lambda one: worst.index(one.erratum.severity))

    def entries(self) -> list[CatalogueEntry]:
        """All, by kind in the order of the vocabulary."""
        kinds = list(KINDS)
        ordered = sorted(self.registry.resources, key=lambda one: kinds.index(one.kind))
        return [self._entry(resource) for resource in ordered]

    def quotes(self) -> list[QuotedPlace]:
        """Every quoted place of the article, in its order."""
        found = [quote for resource in self.registry.resources for quote in self._quotes(resource)]
        return sorted(found, key=lambda quote: quote.line)

    def _named(self, name: str) -> Named:
        title = self.registry.resource(name).title.in_language(self.language)
        return Named(f"catalogue.html#{name}", title)

    def _rows(self, names: Sequence[str]) -> tuple[BestRow, ...]:
        variants = [variant for name in names for variant in variants_of(self.registry, name)]
        return tuple(self.best[one.id] for one in variants if one.id in self.best)

    def _correction(self, erratum: Erratum) -> Correction:
        language = self.language
        return Correction(
            erratum=erratum,
            severity_text=SEVERITIES[erratum.severity].in_language(language),
            verdict=VERDICTS[erratum.verdict].in_language(language),
            unsure=UNCONFIRMED.in_language(language) if erratum.certainty == "unsure" else "",
            truth=erratum.correction(language),
            entries=tuple(self._named(name) for name in erratum.resources),
            rows=self._rows(erratum.resources),
            claims=claims_of(self.registry, erratum),
        )

    def _quotes(self, resource: Resource) -> Iterator[QuotedPlace]:
        errata = errata_of(self.registry, resource.id)
        for mention in resource.article:
            touching = [one for one in errata if mention.line in one.lines]
            exact = [one for one in touching if one.claim_zh in mention.quote]
            yield QuotedPlace(
                line=mention.line,
                section=mention.section,
                text=mention.quote,
                english=(mention.en or "") if self.language == "en" else "",
                entry=self._named(resource.id),
                corrections=tuple(self._corrections[one.id] for one in exact or touching),
            )

    def _entry(self, resource: Resource) -> CatalogueEntry:
        title = resource.title.in_language(self.language)
        other = resource.title.in_language("en" if self.language == "zh" else "zh")
        errata = errata_of(self.registry, resource.id)
        return CatalogueEntry(
            resource=resource,
            title=title,
            other_title=other if other != title else "",
            tags=tuple(self._tags(resource)),
            quotes=tuple(self._quotes(resource)),
            corrections=tuple(self._corrections[one.id] for one in errata),
            instead=tuple(self._targets(resource, "read-instead")),
            related=tuple(self._related(resource)),
            numbers=tuple(number_text(number, self.language) for number in resource.reported),
            rows=self._rows([resource.id]),
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
        unsure = f" ({UNCONFIRMED.in_language(language)})"
        for name, text in (("year", resource.year), ("venue", resource.venue)):
            if text:
                yield f"{text}{unsure if name in resource.unsure else ''}"
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


@dataclass(frozen=True)
class EdgeLine:
    """An arrow that the article prints, in words."""

    source: str
    target: str
    verdict: str
    relation: str
    correction: str
    anchor: str


@dataclass(frozen=True)
class Diagrams:
    """The concept graph as printed and as corrected, and in words for whoever does not see it."""

    published: Markup
    corrected: Markup
    edges: tuple[EdgeLine, ...]


def diagrams(registry: Registry, language: Language, words: Words) -> Diagrams:
    """The drawings in one language; boxes lead to entries of the catalogue."""

    def drawn(drawing: tuple[list[Box], list[Arrow]], name: str) -> Markup:
        linked = [Box(box.id, box.label, f"catalogue.html{box.href}") for box in drawing[0]]
        svg = diagram_svg(linked, drawing[1], words(f"graph_{name}"), name)
        return Markup(svg)  # noqa: S704 - labels are escaped

    return Diagrams(
        drawn(published_drawing(registry, language), "published"),
        drawn(corrected_drawing(registry, language), "corrected"),
        tuple(_edges(registry, language)),
    )


def _edges(registry: Registry, language: Language) -> Iterator[EdgeLine]:
    errata = {name: one for one in registry.errata for name in one.resources}
    for resource in registry.resources:
        edge, erratum = resource.edge, errata.get(resource.id)
        if edge is not None:
            yield EdgeLine(
                registry.resource(edge.source).title.in_language(language),
                registry.resource(edge.target).title.in_language(language),
                edge.verdict,
                edge.relation.in_language(language),
                erratum.correction(language) if erratum else "",
                erratum.id.lower() if erratum else "",
            )
