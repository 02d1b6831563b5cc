"""The corrected graph parses and says what the errata say; the published one is as printed."""

from __future__ import annotations

import re

import pytest

from catalog.export.graph import corrected, published
from catalog.read.loader import load_registry
from catalog.schema import Registry

NODE = re.compile(r'    ([A-Z])\["([^"\[\]]+)"\]')
SOLID = re.compile(r"    ([A-Z]) --> ([A-Z])")
DOTTED = re.compile(r'    ([A-Z]) -\. "([^"]+)" \.-> ([A-Z])')


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def parsed(text: str) -> tuple[dict[str, str], set[tuple[str, str]], set[tuple[str, str, str]]]:
    head, *lines = text.splitlines()
    assert head == "graph TD"
    nodes: dict[str, str] = {}
    solid: set[tuple[str, str]] = set()
    dotted: set[tuple[str, str, str]] = set()
    for line in lines:
        if match := NODE.fullmatch(line):
            assert match[1] not in nodes
            nodes[match[1]] = match[2]
        elif match := SOLID.fullmatch(line):
            solid.add((match[1], match[2]))
        else:
            match = DOTTED.fullmatch(line)
            assert match, line
            dotted.add((match[1], match[3], match[2]))
    return nodes, solid, dotted


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_corrected_graph_is_well_formed_and_connected(
    registry: Registry, language: str
) -> None:
    nodes, solid, dotted = parsed(corrected(registry, language))
    assert set(nodes) == {*"ABCDEFGHIJKLMNOPQRST", "V"}
    edges = {(a, b) for a, b, *_ in (*solid, *dotted)}
    assert {end for edge in edges for end in edge} == set(nodes)
    reached, waiting = set(), ["A"]
    while waiting:
        node = waiting.pop()
        reached.add(node)
        waiting += [b for a, b in edges if a == node and b not in reached]
        waiting += [a for a, b in edges if b == node and a not in reached]
    assert reached == set(nodes)


def test_it_has_the_true_edges_and_none_of_the_wrong_ones(registry: Registry) -> None:
    _, solid, dotted = parsed(corrected(registry, "zh"))
    true = "AB AC AD BE CF EH EK FI FL DJ JG JM JN JO DQ QP QR GT GV"
    assert solid == {(pair[0], pair[1]) for pair in true.split()}
    assert {(a, b) for a, b, _ in dotted} == {
        ("O", "N"), ("S", "T"), ("T", "F"), ("V", "F"), ("T", "S"),
    }  # fmt: skip
    for wrong in ("HK", "IL", "MN", "NO", "OP", "PQ"):
        assert (wrong[0], wrong[1]) not in solid


def test_the_published_graph_is_as_printed_and_says_why_it_fails(registry: Registry) -> None:
    lines = published(registry).splitlines()
    assert lines[2] == "graph"
    assert len(lines) == 3 + 18
    assert "    J --> M[卷积神经网络(CNN)]" in lines
    assert all(line.startswith("%%") for line in lines[:2])
    assert "refuses it" in lines[0]
