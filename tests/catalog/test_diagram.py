"""Drawings of graphs: layers, labels, and every arrow of the concept graph."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from catalog.export.diagram import Arrow, Box, diagram_svg
from catalog.export.graph import corrected_drawing, published_drawing
from catalog.read.loader import load_registry
from catalog.read.locate import find_registry

SVG = "{http://www.w3.org/2000/svg}"


def test_children_stand_below_their_parents() -> None:
    boxes = [Box("leaf", "a leaf"), Box("root", "the root"), Box("middle", "between")]
    arrows = [Arrow("root", "middle"), Arrow("middle", "leaf"), Arrow("root", "leaf")]
    drawn = ET.fromstring(diagram_svg(boxes, arrows, "three", "x"))  # noqa: S314 - our own
    tops = [float(rect.attrib["y"]) for rect in drawn.iter(f"{SVG}rect")]
    leaf, root, middle = tops
    assert root < middle < leaf
    assert len(list(drawn.iter(f"{SVG}path"))) == len(arrows) + 1  # and the head of arrows


def test_a_dotted_arrow_shapes_no_layer_and_says_what_it_means() -> None:
    boxes = [Box("a", "a"), Box("b", "b")]
    arrows = [Arrow("a", "b", dotted=True, label="uses"), Arrow("b", "a", dotted=True)]
    svg = diagram_svg(boxes, arrows, "two", "x")
    tops = {rect.attrib["y"] for rect in ET.fromstring(svg).iter(f"{SVG}rect")}  # noqa: S314
    assert len(tops) == 1
    assert ">uses</text>" in svg


def test_labels_are_escaped_and_broken_where_a_line_may_break() -> None:
    label = "生成式对抗网络与<变分自编码器>"
    svg = diagram_svg([Box("x", label), Box("y", "Generative adversarial network")], [], "&", "n")
    lines = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
    assert "".join(lines[:2]) == label.replace("<", "&lt;").replace(">", "&gt;")
    assert lines[2:] == ["Generative", "adversarial", "network"]
    assert '<title id="n-title">&amp;</title>' in svg


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_concept_graph_is_drawn_with_every_arrow(language: str) -> None:
    registry = load_registry(find_registry())
    edges = [resource.edge for resource in registry.resources if resource.edge]
    boxes, arrows = published_drawing(registry, language)
    assert [(one.source, one.target) for one in arrows] == [(e.source, e.target) for e in edges]
    assert {one.css for one in arrows} >= {"arrow fine", "arrow wrong"}
    for drawing in ((boxes, arrows), corrected_drawing(registry, language)):
        svg = diagram_svg(*drawing, "graph", "g")
        drawn = ET.fromstring(svg)  # noqa: S314
        assert len(list(drawn.iter(f"{SVG}rect"))) == len(drawing[0])
        assert svg.count("marker-end=") == len(drawing[1])
