"""Nothing of the article is missing, and nothing claims to be in it that is not."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest
from article_proof import PROOF, VARIABLE, article_lines, build, quotes, sha256

from catalog.escaping import md_text
from catalog.read.loader import load_registry
from catalog.schema import Registry

INVENTORY = json.loads((Path(__file__).parent / "inventory.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def test_every_row_of_the_inventory_belongs_to_exactly_one_entry(registry: Registry) -> None:
    owners: dict[str, set[str]] = defaultdict(set)
    for resource in registry.resources:
        for mention in resource.article:
            owners[mention.item].add(resource.id)
    assert set(owners) == set(INVENTORY)
    assert {item: names for item, names in owners.items() if len(names) != 1} == {}


def test_every_row_is_quoted_where_it_stands(registry: Registry) -> None:
    lines: dict[str, set[int]] = defaultdict(set)
    for resource in registry.resources:
        for mention in resource.article:
            lines[mention.item].add(mention.line)
    wrong = {
        item: (sorted(lines[item]), wanted)
        for item, wanted in INVENTORY.items()
        if lines[item] != set(wanted)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("prefix", "number"),
    [
        ("MOD", 4), ("FAM", 3), ("ALG", 5), ("NODE", 20), ("EDGE", 18), ("MIT", 4), ("APP", 6),
        ("FUT", 5), ("TRD", 3), ("CHL", 3), ("ETH", 2), ("FAQ", 5), ("TASK", 17), ("HEAD", 40),
    ],
)  # fmt: skip
def test_the_checklist_adds_up(registry: Registry, prefix: str, number: int) -> None:
    items = {m.item for resource in registry.resources for m in resource.article}
    assert len([item for item in items if item.startswith(f"{prefix}-")]) == number


def test_the_ten_recommendations_are_entries_of_their_own(registry: Registry) -> None:
    rows = ("BOOK-1", "COURSE-1", "SITE-1", "SITE-2", "SITE-3", "TOOL-1", "TOOL-2", "TOOL-3")
    recommended = {*rows, "PAPER-1", "PAPER-2"}
    found = [r for r in registry.resources if recommended & {m.item for m in r.article}]
    assert len(found) == 10
    assert all(resource.url and resource.year for resource in found)


def test_every_quote_has_its_proof_and_every_proof_its_quote(registry: Registry) -> None:
    proof = json.loads(PROOF.read_text(encoding="utf-8"))
    proven = {(int(line), digest) for line, row in proof.items() for digest in row["quotes"]}
    quoted = {(line, sha256(quote)): quote for line, quote, _ in quotes(registry)}
    assert set(quoted) == proven
    for (line, digest), quote in quoted.items():
        offset, length = proof[str(line)]["quotes"][digest]
        assert length == len(quote)
        assert offset + length <= proof[str(line)]["length"]
        if length == proof[str(line)]["length"]:
            assert digest == proof[str(line)]["sha256"]


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"the article itself ({VARIABLE}) is absent")
def test_the_proof_comes_from_the_article(registry: Registry) -> None:
    lines = article_lines(Path(os.environ[VARIABLE]))
    assert build(registry, lines) == json.loads(PROOF.read_text(encoding="utf-8"))


def test_all_errata_are_there(registry: Registry) -> None:
    ids = {erratum.id for erratum in registry.errata}
    assert {f"E-{n:02d}" for n in range(1, 37)} <= ids
    assert {f"K-{n:02d}" for n in range(1, 25)} <= ids
    wrong_edges = (8, 9, 10, 11, 13, 14, 15, 16, 17, 18)
    assert {"E-G0", "E-G1", *(f"G-{n:02d}" for n in wrong_edges)} <= ids
    assert len(ids) == 36 + 24 + 12


def test_each_variant_and_its_paper_lead_to_each_other(registry: Registry) -> None:
    from catalog.browse.items import full

    for variant in registry.variants:
        assert variant.id in full(registry, registry.resource(variant.paper))["variants"]


def test_unconfirmed_numbers_are_marked_wherever_they_are_shown(registry: Registry) -> None:
    from catalog.browse.page import Page
    from catalog.export.markdown import pages

    d2gan = registry.resource("d2gan")
    assert d2gan.reported[0].certainty == "unsure"
    for language, mark in (("en", "7.15 ± 0.07 [unconfirmed]"), ("zh", "7.15 ± 0.07 [未核实]")):
        assert mark in "\n".join(Page(registry, d2gan, language).lines())
        name = "catalog.md" if language == "en" else "catalog.zh-CN.md"
        assert md_text(mark) in pages(registry)[name]
