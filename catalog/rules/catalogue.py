"""Rules about what can be browsed: resources, their relations, and the errata.

Quotes are proven against the article's line hashes by the tests, as its text is not ours to ship.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from catalog.names import suggestion
from catalog.read.addresses import normal_address
from catalog.rules.finding import repeats

if TYPE_CHECKING:
    from catalog.read.document import Loc
    from catalog.rules.finding import Finding, Rule, Sourced
    from catalog.schema import Resource, Text

_FIVE_DIGITS_SINCE = "1501"
_ARXIV_CENTURY = 2000
_TOO_SIMILAR = 92.0
_CJK = re.compile(r"[\u4e00-\u9fff]")
_ADDRESS_FIELDS: tuple[Loc, ...] = (
    ("links", "homepage"),
    ("ids", "arxiv"),
    ("ids", "doi"),
    ("ids", "openreview"),
    ("links", "repo"),
    ("links", "docs"),
)
"""Fields that may give an entry its primary address, in the order in which they are asked."""


def resolved_relations(file: Sourced) -> Iterator[Finding]:
    """Every relation and both ends of every edge lead to another resource."""
    ids = [resource.id for resource in file.registry.resources]
    for index, resource in enumerate(file.registry.resources):
        ends: list[tuple[Loc, str]] = [
            (("relations", place, "target"), relation.target)
            for place, relation in enumerate(resource.relations)
        ]
        if resource.edge:
            ends += [
                (("edge", "source"), resource.edge.source),
                (("edge", "target"), resource.edge.target),
            ]
        for below, name in ends:
            loc = ("resources", index, *below)
            if name not in ids:
                yield loc, f"no entry of resources is '{name}'{suggestion(name, ids)}"
            elif name == resource.id:
                yield loc, "an entry cannot be related to itself"


def relations_once(file: Sourced) -> Iterator[Finding]:
    """An entry states a relation once."""
    for index, resource in enumerate(file.registry.resources):
        pairs = [(relation.type, relation.target) for relation in resource.relations]
        for place, _ in repeats(pairs):
            kind, target = pairs[place]
            yield ("resources", index, "relations", place), f"'{kind} {target}' is already stated"


def dated_arxiv_ids(file: Sourced) -> Iterator[Finding]:
    """An arXiv id has a real month, four digits after it until 2014 and five since 2015."""
    for index, resource in enumerate(file.registry.resources):
        if resource.ids.arxiv is not None:
            date, _, number = resource.ids.arxiv.partition(".")
            n_digits = 5 if date >= _FIVE_DIGITS_SINCE else 4
            if not "01" <= date[2:] <= "12" or len(number) != n_digits:
                loc = ("resources", index, "ids", "arxiv")
                yield loc, f"'{resource.ids.arxiv}' is not an arXiv id"


def first_years(file: Sourced) -> Iterator[Finding]:
    """The year, being that of first publication, is not after the arXiv id's."""
    for index, resource in enumerate(file.registry.resources):
        if resource.ids.arxiv and resource.year:
            posted = _ARXIV_CENTURY + int(resource.ids.arxiv[:2])
            if resource.year > posted:
                yield ("resources", index, "year"), f"arXiv had it in {posted}"


def distinct_addresses(file: Sourced) -> Iterator[Finding]:
    """No two resources have the same primary address, however it is spelt."""
    resources = file.registry.resources
    addresses = [normal_address(resource.url) if resource.url else None for resource in resources]
    for index, first in repeats(addresses):
        other = ("resources", first, *_address_field(resources[first]))
        same = f"same address as '{resources[first].id}' (line {file.document.line(other)})"
        yield ("resources", index, *_address_field(resources[index])), same


def distinct_identifiers(file: Sourced) -> Iterator[Finding]:
    """No two resources have the same arXiv id, DOI or ISBN."""
    resources = file.registry.resources
    for field in ("arxiv", "doi", "isbn"):
        values = [getattr(resource.ids, field) for resource in resources]
        for index, first in repeats(value.lower() if value else None for value in values):
            line = file.document.line(("resources", first, "ids", field))
            other = resources[first].id
            yield ("resources", index, "ids", field), f"same as in '{other}' (line {line})"


def distinct_texts(file: Sourced) -> Iterator[Finding]:
    """No two resources of one kind have the same title, and no two nearly the same summary."""
    from rapidfuzz import fuzz

    resources = file.registry.resources
    for language in ("en", "zh"):
        titles = [
            (resource.kind, getattr(resource.title, language).casefold()) for resource in resources
        ]
        for index, first in repeats(titles):
            loc = ("resources", index, "title", language)
            yield loc, f"same title as '{resources[first].id}'"
        summaries = [getattr(resource.summary, language) for resource in resources]
        for index, summary in enumerate(summaries):
            for earlier in range(index):
                if fuzz.ratio(summary, summaries[earlier], score_cutoff=_TOO_SIMILAR):
                    loc = ("resources", index, "summary", language)
                    yield loc, f"nearly the same as '{resources[earlier].id}' says"


def real_languages(file: Sourced) -> Iterator[Finding]:
    """Chinese texts have Chinese characters and English texts have none."""
    for index, resource in enumerate(file.registry.resources):
        start = ("resources", index)
        yield from _languages(resource.title, (*start, "title"))
        yield from _languages(resource.summary, (*start, "summary"))
        for place, note in enumerate(resource.notes):
            yield from _languages(note, (*start, "notes", place))
        for place, mention in enumerate(resource.article):
            if mention.en and _CJK.search(mention.en):
                yield (*start, "article", place, "en"), "Chinese characters in an English text"
    for index, erratum in enumerate(file.registry.errata):
        if not _CJK.search(erratum.correction_zh):
            yield ("errata", index, "correction_zh"), "no Chinese characters in a Chinese text"
        if _CJK.search(erratum.truth_en):
            yield ("errata", index, "truth_en"), "Chinese characters in an English text"


def quoted_when_in_the_article(file: Sourced) -> Iterator[Finding]:
    """An entry quotes the article if, and only if, its origin is the article."""
    for index, resource in enumerate(file.registry.resources):
        if resource.origin == "article" and not resource.article:
            yield ("resources", index, "origin"), "says 'article' but quotes no line of it"
        if resource.origin == "added" and resource.article:
            yield ("resources", index, "article"), "quotes the article but says 'added'"


def items_once(file: Sourced) -> Iterator[Finding]:
    """A row of the article's inventory belongs to one resource."""
    owners: dict[str, str] = {}
    for index, resource in enumerate(file.registry.resources):
        for place, mention in enumerate(resource.article):
            owner = owners.setdefault(mention.item, resource.id)
            if owner != resource.id:
                loc = ("resources", index, "article", place, "item")
                yield loc, f"'{mention.item}' belongs to '{owner}'"


def edges_are_judged(file: Sourced) -> Iterator[Finding]:
    """An edge has both its ends and, unless it is fine, an erratum."""
    corrected = {name for erratum in file.registry.errata for name in erratum.resources}
    for index, resource in enumerate(file.registry.resources):
        loc = ("resources", index)
        if (resource.kind == "edge") != (resource.edge is not None):
            yield (*loc, "kind"), "kind 'edge' and the key 'edge' go together"
        elif resource.edge and resource.edge.verdict != "fine" and resource.id not in corrected:
            yield (*loc, "edge", "verdict"), f"'{resource.edge.verdict}' without an erratum"


def unsure_of_something(file: Sourced) -> Iterator[Finding]:
    """What is marked unsure has a value, and a number from memory is marked unsure."""
    for index, resource in enumerate(file.registry.resources):
        for place, name in enumerate(resource.unsure):
            if getattr(resource, name) in (None, ()) or (name == "links" and not resource.urls):
                yield (
                    ("resources", index, "unsure", place),
                    f"'{name}' has no value to be unsure of",
                )
    for section in ("resources", "variants"):
        for index, entry in enumerate(getattr(file.registry, section)):
            for place, number in enumerate(entry.reported):
                if "from memory" in number.source and number.certainty == "certain":
                    loc = (section, index, "reported", place)
                    yield loc, "a number from memory needs 'certainty: unsure'"


def partial_releases_say_so(file: Sourced) -> Iterator[Finding]:
    """A partial repository says in its licence what is missing."""
    for index, resource in enumerate(file.registry.resources):
        if resource.links.repo_kind == "partial" and not (
            resource.license and (resource.license.weights or resource.license.note)
        ):
            yield (
                ("resources", index, "links", "repo_kind"),
                "say in license.weights what is missing",
            )


def variants_cite_papers(file: Sourced) -> Iterator[Finding]:
    """The paper of a variant is a paper or a model."""
    kinds = {resource.id: resource.kind for resource in file.registry.resources}
    for index, variant in enumerate(file.registry.variants):
        kind = kinds.get(variant.paper, "paper")
        if kind not in ("paper", "model"):
            yield ("variants", index, "paper"), f"'{variant.paper}' is a {kind}"


CATALOGUE_RULES: tuple[Rule, ...] = (
    resolved_relations,
    relations_once,
    dated_arxiv_ids,
    first_years,
    distinct_addresses,
    distinct_identifiers,
    distinct_texts,
    real_languages,
    quoted_when_in_the_article,
    items_once,
    edges_are_judged,
    unsure_of_something,
    partial_releases_say_so,
    variants_cite_papers,
)


def _languages(text: Text, loc: Loc) -> Iterator[Finding]:
    if not _CJK.search(text.zh):
        yield (*loc, "zh"), "no Chinese characters in a Chinese text"
    if _CJK.search(text.en):
        yield (*loc, "en"), "Chinese characters in an English text"


def _address_field(resource: Resource) -> Loc:
    return next(
        (part, name)
        for part, name in ((str(field[0]), str(field[1])) for field in _ADDRESS_FIELDS)
        if getattr(getattr(resource, part), name)
    )
