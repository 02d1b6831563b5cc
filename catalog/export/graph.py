"""The article's concept graph, as printed and corrected: in Mermaid, and as boxes and arrows.

The corrected graph is not a second copy: it is drawn from the relations between the concepts that
the article put into its graph, so that correcting an entry corrects the picture.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from catalog.browse.vocabulary import RELATIONS
from catalog.escaping import visible
from catalog.export.diagram import Arrow, Box
from catalog.schema import Registry, Resource

_NODE = re.compile(r"NODE-([A-Z])")
_ADDED = {"vae": "V"}
"""Concepts that the graph should have had, with letters of their own."""

_SOLID = ("part-of", "is-a")
_DOTTED = ("succeeds", "stabilizes", "applies-to", "provides-data-for")


def published(registry: Registry) -> str:
    """The diagram as the article prints it, after a comment that says why it does not parse."""
    edges = [
        visible(mention.quote)
        for resource in registry.resources
        if resource.kind == "edge"
        for mention in resource.article
    ]
    notes = [
        "%% As published, lines 49 to 67 of the article. Mermaid refuses it: the bare parentheses",
        "%% in the labels of M, N and T are read as shapes. See: aigc catalog graph --corrected",
    ]
    return "\n".join([*notes, "graph", *[f"    {edge}" for edge in edges]]) + "\n"


def corrected(registry: Registry, language: str = "zh") -> str:
    """A diagram that parses, whose dotted arrows say what they mean."""
    nodes = _nodes(registry)
    letters = {resource.id: letter for letter, resource in nodes.items()}
    lines = ["graph TD"]
    for letter, node in nodes.items():
        lines.append(f'    {letter}["{_label(node.title.in_language(language))}"]')
    for link in _links(nodes.values(), language):
        arrow = f'-. "{_label(link.label)}" .->' if link.dotted else "-->"
        lines.append(f"    {letters[link.source]} {arrow} {letters[link.target]}")
    return "\n".join(lines) + "\n"


def _nodes(registry: Registry) -> dict[str, Resource]:
    """Concepts of the graph by their letters, in the order of these."""
    nodes = {}
    for resource in registry.resources:
        letters = [_NODE.fullmatch(mention.item) for mention in resource.article]
        letter = next((match[1] for match in letters if match), _ADDED.get(resource.id))
        if letter:
            nodes[letter] = resource
    return dict(sorted(nodes.items()))


def published_drawing(registry: Registry, language: str) -> tuple[list[Box], list[Arrow]]:
    """Boxes and arrows as the article prints them; an arrow's class is our verdict on it."""
    nodes = {resource.id: resource for resource in _nodes(registry).values()}
    edges = [resource.edge for resource in registry.resources if resource.edge]
    named = dict.fromkeys(name for edge in edges for name in (edge.source, edge.target))
    boxes = [_box(nodes[name], language) for name in named]
    return boxes, [Arrow(edge.source, edge.target, css=f"arrow {edge.verdict}") for edge in edges]


def corrected_drawing(registry: Registry, language: str) -> tuple[list[Box], list[Arrow]]:
    """Boxes and arrows of the corrected graph."""
    nodes = _nodes(registry).values()
    return [_box(node, language) for node in nodes], list(_links(nodes, language))


def _box(resource: Resource, language: str) -> Box:
    return Box(resource.id, resource.title.in_language(language), f"#{resource.id}")


def _links(nodes: Collection[Resource], language: str) -> Iterator[Arrow]:
    """From the wider concept to the narrower one; dotted where the relation is another."""
    names = {node.id for node in nodes}
    for node in nodes:
        for relation in node.relations:
            if relation.target not in names:
                continue
            if relation.type in _SOLID:
                yield Arrow(relation.target, node.id)
            elif relation.type in _DOTTED:
                label = RELATIONS[relation.type][0].in_language(language)
                yield Arrow(node.id, relation.target, dotted=True, label=label)


def _label(text: str) -> str:
    """Text between quotes in Mermaid: no entity, no end of the quotes, no HTML, no Markdown."""
    shown = visible(" ".join(text.split())).replace("#", "#35;").replace('"', "#quot;")
    return shown.replace("<", "#lt;").replace("`", "#96;")
