"""BibTeX that a strict parser reads back to what the registry says."""

from __future__ import annotations

import re

import pytest

from catalog.errors import UsageError
from catalog.export.bibtex import bibtex, entry, escape
from catalog.read.loader import load_registry
from catalog.schema import Registry

HEAD = re.compile(r"@([a-z]+)\{([A-Za-z0-9-]+),\n")
FIELD = re.compile(r"  ([a-z]+) = \{")


def parse(text: str) -> dict[str, dict[str, str]]:
    """A BibTeX reader that accepts balanced braces and nothing else."""
    entries: dict[str, dict[str, str]] = {}
    at = 0
    while at < len(text):
        head = HEAD.match(text, at)
        assert head, text[at : at + 40]
        fields, at = {"ENTRYTYPE": head[1]}, head.end()
        while not text.startswith("}\n", at):
            field = FIELD.match(text, at)
            assert field, text[at : at + 40]
            start, depth, at = field.end(), 1, field.end()
            while depth:
                depth += {"{": 1, "}": -1}.get(text[at], 0) if text[at - 1] != "\\" else 0
                at += 1
            assert field[1] not in fields
            fields[field[1]] = text[start : at - 1]
            assert text.startswith(",\n", at)
            at += 2
        assert head[2] not in entries
        entries[head[2]] = fields
        at += 2
        at += text.startswith("\n", at)
    return entries


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def test_everything_that_can_be_cited_parses(registry: Registry) -> None:
    chosen = [item for item in registry.resources if item.authors and item.year]
    parsed = parse(bibtex(chosen))
    assert set(parsed) == {item.id for item in chosen}
    for item in chosen:
        fields = parsed[item.id]
        assert fields["year"] in (item.venue or "") or fields["year"] == str(item.year)
        assert fields.get("eprint") == item.ids.arxiv
        assert fields.get("doi") == item.ids.doi
        assert len(fields["author"].split(" and ")) == len(item.authors)


@pytest.mark.parametrize(
    ("name", "kind", "venue"),
    [
        ("book-deep-learning", "book", "publisher"),
        ("dcgan-paper", "inproceedings", "booktitle"),
        ("cgan", "misc", "howpublished"),
        ("mnist", "article", "journal"),
    ],
)
def test_entry_types(registry: Registry, name: str, kind: str, venue: str) -> None:
    fields = parse(bibtex([registry.resource(name)]))[name]
    assert fields["ENTRYTYPE"] == kind
    assert venue in fields


def test_the_year_cited_is_the_venue_s(registry: Registry) -> None:
    dcgan = registry.resource("dcgan-paper")
    assert (dcgan.year, dcgan.venue) == (2015, "ICLR 2016")
    assert "  year = {2016}," in entry(dcgan)


def test_organizations_stay_whole_and_et_al_becomes_others(registry: Registry) -> None:
    assert "author = {{GitHub, Inc.}}," in entry(registry.resource("github"))
    assert entry(registry.resource("keras")).count("François Chollet and others") == 1


def test_what_tex_reads_as_commands_is_escaped() -> None:
    assert escape("50% of A_b & {c} #1 $x~^\\") == (
        r"50\% of A\_b \& \{c\} \#1 \$x\textasciitilde{}\textasciicircum{}\textbackslash{}"
    )


def test_a_concept_cannot_be_cited(registry: Registry) -> None:
    with pytest.raises(UsageError, match="nothing to cite"):
        entry(registry.resource("mode-collapse"))
