"""The concept graph of the article, drawn as printed and as corrected, with its arrows in words."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from bench.report.words.report import Language, Words
from catalog.export.diagram import Arrow, Box, diagram_svg
from catalog.export.graph import corrected_drawing, published_drawing
from catalog.schema import Registry


@dataclass(frozen=True)
class EdgeLine:
    """An arrow that the article prints, in words."""

    source: str
    target: str
    verdict: str
    verdict_text: str
    relation: str
    correction: str
    anchor: str


@dataclass(frozen=True)
class Diagrams:
    """Both drawings, and the table that says the same to those who do not see them."""

    published: Markup
    corrected: Markup
    edges: tuple[EdgeLine, ...]


def diagrams(registry: Registry, language: Language, words: Words) -> Diagrams:
    """The drawings in one language; boxes lead to entries of the catalogue."""
    return Diagrams(
        _drawn(*published_drawing(registry, language), words("graph_published"), "published"),
        _drawn(*corrected_drawing(registry, language), words("graph_corrected"), "corrected"),
        tuple(_edges(registry, language, words)),
    )


def _drawn(boxes: list[Box], arrows: list[Arrow], title: str, name: str) -> Markup:
    linked = [Box(box.id, box.label, f"catalogue.html{box.href}") for box in boxes]
    return Markup(diagram_svg(linked, arrows, title, name))  # noqa: S704 - labels are escaped


def _edges(registry: Registry, language: Language, words: Words) -> list[EdgeLine]:
    errata = {name: one for one in registry.errata for name in one.resources}
    lines = []
    for resource in registry.resources:
        edge, erratum = resource.edge, errata.get(resource.id)
        if edge is not None:
            lines.append(
                EdgeLine(
                    registry.resource(edge.source).title.in_language(language),
                    registry.resource(edge.target).title.in_language(language),
                    edge.verdict,
                    words(f"edge_{edge.verdict}"),
                    edge.relation.in_language(language),
                    erratum.correction(language) if erratum else "",
                    erratum.id.lower() if erratum else "",
                )
            )
    return lines
