"""The article's concept graph in Mermaid, as printed and corrected.

The corrected graph is not a second copy: it is drawn from the relations between the concepts that
the article put into its graph, so that correcting an entry corrects the picture.
"""

from __future__ import annotations

import re

from catalog.schema import Registry, Resource
from catalog.vocabulary import RELATIONS

_NODE = re.compile(r"NODE-([A-Z])")
_ADDED = {"vae": "V"}
"""Concepts that the graph should have had, with letters of their own."""

_SOLID = ("part-of", "is-a")
_DOTTED = ("succeeds", "stabilizes", "applies-to", "provides-data-for")


def published(registry: Registry) -> str:
    """The diagram as the article prints it, after a comment that says why it does not parse."""
    edges = [
        mention.quote
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
    lines = ["graph TD"]
    lines += [
        f'    {letter}["{_label(resource.title.in_language(language))}"]'
        for letter, resource in sorted(nodes.items())
    ]
    lines += _arrows(nodes, language)
    return "\n".join(lines) + "\n"


def _nodes(registry: Registry) -> dict[str, Resource]:
    nodes = {}
    for resource in registry.resources:
        letters = [_NODE.fullmatch(mention.item) for mention in resource.article]
        letter = next((match[1] for match in letters if match), _ADDED.get(resource.id))
        if letter:
            nodes[letter] = resource
    return nodes


def _arrows(nodes: dict[str, Resource], language: str) -> list[str]:
    """From the wider concept to the narrower one; dotted where the relation is another."""
    letters = {resource.id: letter for letter, resource in nodes.items()}
    arrows = []
    for letter, resource in sorted(nodes.items()):
        for relation in resource.relations:
            target = letters.get(relation.target)
            if target is None:
                continue
            if relation.type in _SOLID:
                arrows.append(f"    {target} --> {letter}")
            elif relation.type in _DOTTED:
                label = RELATIONS[relation.type][0].in_language(language)
                arrows.append(f'    {letter} -. "{_label(label)}" .-> {target}')
    return arrows


def _label(text: str) -> str:
    return text.replace('"', "#quot;")
