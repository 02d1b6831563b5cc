"""Rules that tie registry entries to each other, beyond what a single entry can get wrong.

Each rule is one function whose docstring states it; ``RULES`` holds all of them, and both the
checks and the help text of ``aigc catalog validate`` come from it. A rule yields the place and the
message of each violation, and says nothing about references that do not resolve, except the rule
that is about them. Quotes are proven against the article's line hashes by the tests, as its text is
not ours to ship.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from catalog.names import suggestion

if TYPE_CHECKING:
    from catalog.document import Document, Loc, Problem
    from catalog.schema import Dataset, Protocol, Registry

    Finding = tuple[Loc, str]
    Rule = Callable[["Sourced"], Iterator[Finding]]

T = TypeVar("T")

SECTIONS = (
    *("resources", "errata", "datasets", "extractors", "protocols", "suites", "variants"),
    *("claims", "loads"),
)
BUILT_IN_MODELS = "bench.models."
PLUGIN_GROUP = "aigc.models"

_IMPORT_STRING = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
_CJK = re.compile(r"[\u4e00-\u9fff]")
_ARXIV_ADDRESS = re.compile(r"arxiv\.org/(?:abs|pdf|html)/(.+?)(?:v\d+)?(?:\.pdf)?")
_FIVE_DIGITS_SINCE = "1501"
_ARXIV_CENTURY = 2000
_TOO_SIMILAR = 92.0

REFERENCES = (
    ("errata", "resources", "resources"),
    ("datasets", "paper", "resources"),
    ("datasets", "recipes_of", "datasets"),
    ("protocols", "dataset", "datasets"),
    ("protocols", "extractor", "extractors"),
    ("suites", "dataset", "datasets"),
    ("suites", "protocol", "protocols"),
    ("suites", "variants", "variants"),
    ("variants", "paper", "resources"),
    ("variants", "parent", "variants"),
    ("variants", "per_dataset", "datasets"),
    ("variants", "datasets", "datasets"),
    ("claims", "errata", "errata"),
    ("claims", "suite", "suites"),
    ("loads", "dataset", "datasets"),
    ("loads", "paper", "resources"),
    ("loads", "variant", "variants"),
)
"""Section, field, and the section whose ids the field holds (as a value, a list or keys)."""

_SIDES: dict[str, tuple[int | None, int | None]] = {
    "ratio": (1, 1),
    "difference": (None, None),
    "collapse-share": (None, 0),
    "collapse-difference": (None, None),
}
"""Rows on each side of a comparison by its effect; None for any number but zero."""


@dataclass(frozen=True)
class Sourced:
    """What a rule looks at: valid entries, and the document that they were written in."""

    registry: Registry
    document: Document


def unique_ids(file: Sourced) -> Iterator[Finding]:
    """An id is used once in its section."""
    for section in SECTIONS:
        ids = [entry.id for entry in getattr(file.registry, section)]
        for index, first in _repeats(ids):
            line = file.document.line((section, first, "id"))
            yield (section, index, "id"), f"'{ids[index]}' is taken (line {line})"


def resolved_references(file: Sourced) -> Iterator[Finding]:
    """Whatever an entry refers to is in the registry."""
    for section, field, target in REFERENCES:
        ids = [entry.id for entry in getattr(file.registry, target)]
        for loc, entry in _each(getattr(file.registry, section), section):
            for below, name in _names_in(getattr(entry, field)):
                if name not in ids:
                    yield (*loc, field, *below), _no_entry(name, ids, target)


def no_circular_parents(file: Sourced) -> Iterator[Finding]:
    """No variant descends from itself."""
    parents = {variant.id: variant.parent for variant in file.registry.variants}
    for loc, variant in _each(file.registry.variants, "variants"):
        line = [variant.id]
        parent = variant.parent
        while parent is not None and parent not in line:
            line.append(parent)
            parent = parents.get(parent)
        if parent == variant.id:
            yield (*loc, "parent"), f"circular: {' -> '.join([*line, parent])}"


def allowed_algorithms(file: Sourced) -> Iterator[Finding]:
    """An algorithm is in bench.models or in a module that an aigc.models entry point names."""
    for loc, variant in _each(file.registry.variants, "variants"):
        if not is_import_string(variant.algorithm) or not is_allowed(variant.algorithm):
            outside = f"'{variant.algorithm}' is neither in {BUILT_IN_MODELS}* nor in a module that"
            named = f"an installed entry point of group {PLUGIN_GROUP} names"
            yield (*loc, "algorithm"), f"{outside} {named}"


def complete_weights(file: Sourced) -> Iterator[Finding]:
    """An extractor gives weights, sha256 and n_bytes together, or none, or weights and rebuild."""
    for loc, extractor in _each(file.registry.extractors, "extractors"):
        given = {name: getattr(extractor, name) for name in ("weights", "sha256", "n_bytes")}
        missing = [name for name, value in given.items() if value is None]
        present = [name for name in given if name not in missing]
        made_here = extractor.rebuild and present == ["weights"]
        if present and missing and not made_here:
            lacks = f"{' and '.join(present)} without {' and '.join(missing)}"
            yield loc, f"{lacks}; give all three or none"


def complete_layers(file: Sourced) -> Iterator[Finding]:
    """An extractor names a layer for each kind of metric: isc, fid, kid and prc."""
    for loc, extractor in _each(file.registry.extractors, "extractors"):
        missing = [name for name in ("isc", "fid", "kid", "prc") if name not in extractor.layers]
        if missing:
            yield (*loc, "layers"), f"no layer for {' and '.join(missing)}"


def existing_splits(file: Sourced) -> Iterator[Finding]:
    """The splits of a protocol are splits of its data set."""
    for loc, protocol, dataset in _scored(file.registry):
        for field in ("reference_split", "held_out_split"):
            split = getattr(protocol, field)
            if split not in dataset.splits:
                yield (*loc, field), _no_split(split, dataset)


def kid_subsets_fit(file: Sourced) -> Iterator[Finding]:
    """A KID subset is no larger than the smallest set that is scored."""
    for loc, protocol, dataset in _scored(file.registry):
        splits = (protocol.reference_split, protocol.held_out_split)
        sizes = {
            f"split '{name}'": dataset.splits[name] for name in splits if name in dataset.splits
        }
        sizes["n_fake"] = protocol.n_fake
        smallest = min(sizes, key=lambda name: sizes[name])
        if protocol.kid_subset_size > sizes[smallest]:
            asked, there = protocol.kid_subset_size, sizes[smallest]
            message = f"{asked} is more than the {there} images of {smallest}"
            yield (*loc, "kid_subset_size"), message


def isc_splits_fit(file: Sourced) -> Iterator[Finding]:
    """Every split of the inception score gets an image."""
    for loc, protocol in _each(file.registry.protocols, "protocols"):
        if protocol.n_fake < protocol.isc_splits:
            message = f"{protocol.isc_splits} splits of {protocol.n_fake} images"
            yield (*loc, "isc_splits"), message


def suites_score_their_dataset(file: Sourced) -> Iterator[Finding]:
    """A suite and its protocol use the same data set."""
    datasets = {protocol.id: protocol.dataset for protocol in file.registry.protocols}
    for loc, suite in _each(file.registry.suites, "suites"):
        scored = datasets.get(suite.protocol, suite.dataset)
        if scored != suite.dataset:
            other = f"but the suite trains on '{suite.dataset}'"
            yield (*loc, "protocol"), f"'{suite.protocol}' scores '{scored}', {other}"


def suites_train_what_they_can(file: Sourced) -> Iterator[Finding]:
    """A suite names variants and a training split that its data set allows."""
    variants = {variant.id: variant for variant in file.registry.variants}
    datasets = {dataset.id: dataset for dataset in file.registry.datasets}
    for loc, suite in _each(file.registry.suites, "suites"):
        dataset = datasets.get(suite.dataset)
        if dataset and suite.train_split is not None and suite.train_split not in dataset.splits:
            yield (*loc, "train_split"), _no_split(suite.train_split, dataset)
        for below, name in _names_in(suite.variants):
            if name in variants and not variants[name].fits(suite.dataset):
                message = f"'{name}' cannot be trained on '{suite.dataset}'"
                yield (*loc, "variants", *below), message


def starts_are_trained(file: Sourced) -> Iterator[Finding]:
    """A variant goes on from a row of a suite, and that row starts from nothing itself."""
    suites = {suite.id: suite for suite in file.registry.all_suites}
    variants = {variant.id: variant for variant in file.registry.variants}
    for loc, variant in _each(file.registry.variants, "variants"):
        if (start := variant.start_from) is None:
            continue
        if start.suite not in suites:
            yield (*loc, "start_from", "suite"), _no_entry(start.suite, suites, "suites")
        elif start.variant not in variants:
            message = _no_entry(start.variant, variants, "variants")
            yield (*loc, "start_from", "variant"), message
        elif variants[start.variant] not in file.registry.variants_of(suites[start.suite]):
            message = f"suite '{start.suite}' does not train '{start.variant}'"
            yield (*loc, "start_from", "variant"), message
        elif variants[start.variant].start_from is not None:
            message = f"'{start.variant}' goes on from another training itself"
            yield (*loc, "start_from", "variant"), message


def loads_have_names_of_their_own(file: Sourced) -> Iterator[Finding]:
    """A loaded row is called neither like a variant nor like a set of real images."""
    taken = {variant.id: "variant" for variant in file.registry.variants}
    for suite in file.registry.suites:
        taken |= dict.fromkeys(suite.calibration, "calibration row")
    for loc, load in _each(file.registry.loads, "loads"):
        if load.id in taken:
            yield (*loc, "id"), f"'{load.id}' is the name of a {taken[load.id]}"


def suites_repeat_nothing(file: Sourced) -> Iterator[Finding]:
    """A suite names a variant, a seed or a calibration row once."""
    for loc, suite in _each(file.registry.suites, "suites"):
        for field in ("variants", "seeds", "calibration"):
            items = getattr(suite, field)
            if isinstance(items, tuple):
                for again, _ in _repeats(items):
                    yield (*loc, field, again), f"{items[again]} is already in the list"


def resolved_relations(file: Sourced) -> Iterator[Finding]:
    """Every relation and both ends of every edge lead to another resource."""
    ids = [resource.id for resource in file.registry.resources]
    for loc, resource in _each(file.registry.resources, "resources"):
        ends: list[Finding] = [
            ((*place, "target"), relation.target)
            for place, relation in _each(resource.relations, *loc, "relations")
        ]
        if resource.edge:
            ends.append(((*loc, "edge", "source"), resource.edge.source))
            ends.append(((*loc, "edge", "target"), resource.edge.target))
        for place, name in ends:
            if name not in ids:
                yield place, _no_entry(name, ids, "resources")
            elif name == resource.id:
                yield place, "an entry cannot be related to itself"


def relations_once(file: Sourced) -> Iterator[Finding]:
    """An entry states a relation once."""
    for loc, resource in _each(file.registry.resources, "resources"):
        stated = [f"{relation.type} {relation.target}" for relation in resource.relations]
        for index, _ in _repeats(stated):
            yield (*loc, "relations", index), f"'{stated[index]}' is already stated"


def dated_arxiv_ids(file: Sourced) -> Iterator[Finding]:
    """An arXiv id has a real month, four digits after it until 2014 and five since 2015."""
    for loc, resource in _each(file.registry.resources, "resources"):
        if resource.ids.arxiv is not None:
            date, _, number = resource.ids.arxiv.partition(".")
            n_digits = 5 if date >= _FIVE_DIGITS_SINCE else 4
            if not "01" <= date[2:] <= "12" or len(number) != n_digits:
                yield (*loc, "ids", "arxiv"), f"'{resource.ids.arxiv}' is not an arXiv id"


def first_years(file: Sourced) -> Iterator[Finding]:
    """The year, being that of first publication, is not after the arXiv id's."""
    for loc, resource in _each(file.registry.resources, "resources"):
        if resource.ids.arxiv and resource.year:
            posted = _ARXIV_CENTURY + int(resource.ids.arxiv[:2])
            if resource.year > posted:
                yield (*loc, "year"), f"arXiv had it in {posted}"


def distinct_addresses(file: Sourced) -> Iterator[Finding]:
    """No two resources have the same primary address, however it is spelt."""
    resources = file.registry.resources
    found = [resource.address for resource in resources]
    for index, first in _repeats(normal_address(url) or None for _, url in found):
        line = file.document.line(("resources", first, *found[first][0]))
        same = f"same address as '{resources[first].id}' (line {line})"
        yield ("resources", index, *found[index][0]), same


def distinct_identifiers(file: Sourced) -> Iterator[Finding]:
    """No two resources have the same arXiv id, DOI or ISBN."""
    resources = file.registry.resources
    for field in ("arxiv", "doi", "isbn"):
        values = [getattr(resource.ids, field) for resource in resources]
        for index, first in _repeats(value.lower() if value else None for value in values):
            line = file.document.line(("resources", first, "ids", field))
            same = f"same as in '{resources[first].id}' (line {line})"
            yield ("resources", index, "ids", field), same


def distinct_texts(file: Sourced) -> Iterator[Finding]:
    """No two resources of one kind have the same title, and no two nearly the same summary."""
    from rapidfuzz import fuzz

    resources = file.registry.resources
    for language in ("en", "zh"):
        titles = [(one.kind, one.title.in_language(language).casefold()) for one in resources]
        for index, first in _repeats(titles):
            same = f"same title as '{resources[first].id}'"
            yield ("resources", index, "title", language), same
        summaries = [resource.summary.in_language(language) for resource in resources]
        for index, summary in enumerate(summaries):
            for earlier in range(index):
                if fuzz.ratio(summary, summaries[earlier], score_cutoff=_TOO_SIMILAR):
                    same = f"nearly the same as '{resources[earlier].id}' says"
                    yield ("resources", index, "summary", language), same


def real_languages(file: Sourced) -> Iterator[Finding]:
    """Chinese texts have Chinese characters and English texts have none."""
    texts: list[tuple[Loc, str | None, str | None]] = []
    for loc, resource in _each(file.registry.resources, "resources"):
        texts.append(((*loc, "title"), resource.title.en, resource.title.zh))
        texts.append(((*loc, "summary"), resource.summary.en, resource.summary.zh))
        texts += [(at, note.en, note.zh) for at, note in _each(resource.notes, *loc, "notes")]
        texts += [(at, said.en, None) for at, said in _each(resource.article, *loc, "article")]
    for at, en, zh in texts:
        yield from _languages((*at, "en"), en, (*at, "zh"), zh)
    for loc, erratum in _each(file.registry.errata, "errata"):
        places = ((*loc, "truth_en"), (*loc, "correction_zh"))
        yield from _languages(places[0], erratum.truth_en, places[1], erratum.correction_zh)


def quoted_when_in_the_article(file: Sourced) -> Iterator[Finding]:
    """An entry quotes the article if, and only if, its origin is the article."""
    for loc, resource in _each(file.registry.resources, "resources"):
        if resource.origin == "article" and not resource.article:
            yield (*loc, "origin"), "says 'article' but quotes no line of it"
        if resource.origin == "added" and resource.article:
            yield (*loc, "article"), "quotes the article but says 'added'"


def items_once(file: Sourced) -> Iterator[Finding]:
    """A row of the article's inventory belongs to one resource."""
    owners: dict[str, str] = {}
    for loc, resource in _each(file.registry.resources, "resources"):
        for place, mention in _each(resource.article, *loc, "article"):
            owner = owners.setdefault(mention.item, resource.id)
            if owner != resource.id:
                yield (*place, "item"), f"'{mention.item}' belongs to '{owner}'"


def edges_are_judged(file: Sourced) -> Iterator[Finding]:
    """An edge has both its ends and, unless it is fine, an erratum."""
    corrected = {name for erratum in file.registry.errata for name in erratum.resources}
    for loc, resource in _each(file.registry.resources, "resources"):
        if (resource.kind == "edge") != (resource.edge is not None):
            yield (*loc, "kind"), "kind 'edge' and the key 'edge' go together"
        elif resource.edge and resource.edge.verdict != "fine" and resource.id not in corrected:
            yield (*loc, "edge", "verdict"), f"'{resource.edge.verdict}' without an erratum"


def unsure_of_something(file: Sourced) -> Iterator[Finding]:
    """What is marked unsure has a value, and a number from memory is marked unsure."""
    for loc, resource in _each(file.registry.resources, "resources"):
        for place, name in _each(resource.unsure, *loc, "unsure"):
            if getattr(resource, name) in (None, ()) or (name == "links" and not resource.urls):
                yield place, f"'{name}' has no value to be unsure of"
    for section in ("resources", "variants"):
        for loc, entry in _each(getattr(file.registry, section), section):
            for place, number in _each(entry.reported, *loc, "reported"):
                if "from memory" in number.source and number.certainty == "certain":
                    yield place, "a number from memory needs 'certainty: unsure'"


def partial_releases_say_so(file: Sourced) -> Iterator[Finding]:
    """A partial repository says in its licence what is missing."""
    for loc, resource in _each(file.registry.resources, "resources"):
        licence = resource.license
        said = licence and (licence.weights or licence.note)
        if resource.links.repo_kind == "partial" and not said:
            yield (*loc, "links", "repo_kind"), "say in license.weights what is missing"


def variants_cite_papers(file: Sourced) -> Iterator[Finding]:
    """The paper of a variant is a paper or a model."""
    kinds = {resource.id: resource.kind for resource in file.registry.resources}
    for loc, variant in _each(file.registry.variants, "variants"):
        kind = kinds.get(variant.paper, "paper")
        if kind not in ("paper", "model"):
            yield (*loc, "paper"), f"'{variant.paper}' is a {kind}"


def claims_compare_variants(file: Sourced) -> Iterator[Finding]:
    """A claim compares variants of the registry, and of the suite that it names."""
    names = [variant.id for variant in file.registry.variants]
    suites = {suite.id: suite.variants for suite in file.registry.suites}
    for loc, claim in _each(file.registry.claims, "claims"):
        in_suite = suites.get(claim.suite or "", "all")
        for place, test in _each(claim.tests, *loc, "tests"):
            for at, name in (
                *_each(test.rows, *place, "rows"),
                *_each(test.against, *place, "against"),
            ):
                if name not in names:
                    yield at, _no_entry(name, names, "variants")
                elif in_suite != "all" and name not in in_suite:
                    yield at, f"suite '{claim.suite}' has no variant '{name}'"


def claims_have_both_sides(file: Sourced) -> Iterator[Finding]:
    """A ratio is of one row to one other; a difference has two sides, a share one."""
    for loc, claim in _each(file.registry.claims, "claims"):
        for place, test in _each(claim.tests, *loc, "tests"):
            for side, wanted in zip(("rows", "against"), _SIDES[test.effect], strict=True):
                n_rows = len(getattr(test, side))
                if n_rows == 0 if wanted is None else n_rows != wanted:
                    asked = "at least one row" if wanted is None else f"{wanted} row(s)"
                    told = f"effect '{test.effect}' takes {asked} as {side}"
                    yield ((*place, side) if n_rows else place), told


def claims_name_corrections(file: Sourced) -> Iterator[Finding]:
    """A claim names every erratum of its line; the catalogue's errata name their claims."""
    for loc, claim in _each(file.registry.claims, "claims"):
        for erratum in file.registry.errata:
            if claim.line in erratum.lines and erratum.id not in claim.errata:
                yield (*loc, "errata"), f"line {claim.line} is corrected in '{erratum.id}', too"


def same_for_other_readers(file: Sourced) -> Iterator[Finding]:
    """yaml.safe_load reads the file to the same data."""
    if file.document.problems:
        return  # what is refused here may well mean something there
    import yaml

    try:
        theirs = yaml.load(file.document.text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        yield (), f"yaml.safe_load cannot read this: {' '.join(str(error).split())}"
    else:
        yield from _differences(file.document.data, theirs, ())


RULES: tuple[Rule, ...] = (
    unique_ids, resolved_references, no_circular_parents, allowed_algorithms, complete_weights,
    complete_layers, existing_splits, kid_subsets_fit, isc_splits_fit,
    suites_score_their_dataset, suites_train_what_they_can, starts_are_trained,
    loads_have_names_of_their_own,
    suites_repeat_nothing, resolved_relations, relations_once, dated_arxiv_ids, first_years,
    distinct_addresses, distinct_identifiers, distinct_texts, real_languages,
    quoted_when_in_the_article, items_once, edges_are_judged, unsure_of_something,
    partial_releases_say_so, variants_cite_papers, claims_compare_variants,
    claims_have_both_sides, claims_name_corrections, same_for_other_readers,
)  # fmt: skip


def broken_rules(registry: Registry, document: Document) -> list[Problem]:
    """Every violation of every rule, rule by rule."""
    file = Sourced(registry, document)
    return [document.problem(loc, message) for rule in RULES for loc, message in rule(file)]


def statements() -> list[str]:
    """One sentence per rule, for people."""
    return [(rule.__doc__ or "").partition("\n")[0] for rule in RULES]


def is_built_in(algorithm: str) -> bool:
    """Whether an ``algorithm:`` names a class below ``bench.models``."""
    return algorithm.startswith(BUILT_IN_MODELS)


def is_import_string(text: str) -> bool:
    """Whether a text is ``package.module:Class`` with a plain name in each place."""
    return _IMPORT_STRING.fullmatch(text) is not None


def is_allowed(algorithm: str) -> bool:
    """Whether an ``algorithm:`` may be imported; nothing is imported to find out."""
    if is_built_in(algorithm):
        return True
    from importlib.metadata import entry_points

    module = algorithm.partition(":")[0]
    return any(
        module == entry.value.partition(":")[0].strip()
        for entry in entry_points(group=PLUGIN_GROUP)
    )


def normal_address(url: str) -> str:
    """The one spelling by which addresses are compared; it is never shown and never opened.

    It lacks the scheme, ``www.`` and a closing slash, and is the same for all forms of one arXiv
    paper or DOI. What is not an address comes back as it is.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    host = parts.netloc.lower().removeprefix("www.")
    host = "doi.org" if host == "dx.doi.org" else host
    page = host + parts.path.rstrip("/")
    if arxiv := _ARXIV_ADDRESS.fullmatch(page):
        return f"arxiv.org/abs/{arxiv[1]}"
    if host == "doi.org":
        page = page.lower()
    query, fragment = parts.query and f"?{parts.query}", parts.fragment and f"#{parts.fragment}"
    return f"{page}{query}{fragment}"


def _each(entries: Iterable[T], *above: str | int) -> Iterator[tuple[Loc, T]]:
    """Entries of the list at ``above``, each with its place."""
    for index, entry in enumerate(entries):
        yield (*above, index), entry


def _repeats(items: Iterable[Any]) -> Iterator[tuple[int, int]]:
    """Index of each item that came before, with the index where it came first; None is no item."""
    first: dict[Any, int] = {}
    for index, item in enumerate(items):
        if item is not None and first.setdefault(item, index) != index:
            yield index, first[item]


def _no_entry(name: str, ids: Collection[str], section: str) -> str:
    return f"no entry of {section} is '{name}'{suggestion(name, ids)}"


def _no_split(split: str, dataset: Dataset) -> str:
    return f"data set '{dataset.id}' has no split '{split}'{suggestion(split, dataset.splits)}"


def _names_in(value: Any) -> Iterator[tuple[Loc, str]]:
    """Ids in the value of a referring field, each with its place below the field."""
    if isinstance(value, dict):
        yield from (((key,), key) for key in value)
    elif isinstance(value, tuple):
        yield from _each(value)
    elif value not in (None, "all"):
        yield (), value


def _scored(registry: Registry) -> Iterator[tuple[Loc, Protocol, Dataset]]:
    """Protocols whose data set exists, with their place."""
    datasets = {dataset.id: dataset for dataset in registry.datasets}
    for loc, protocol in _each(registry.protocols, "protocols"):
        if protocol.dataset in datasets:
            yield loc, protocol, datasets[protocol.dataset]


def _languages(en_at: Loc, en: str | None, zh_at: Loc, zh: str | None) -> Iterator[Finding]:
    if zh is not None and not _CJK.search(zh):
        yield zh_at, "no Chinese characters in a Chinese text"
    if en is not None and _CJK.search(en):
        yield en_at, "Chinese characters in an English text"


def _differences(ours: Any, theirs: Any, loc: Loc) -> Iterator[Finding]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            if key in theirs:
                yield from _differences(value, theirs[key], (*loc, key))
            else:
                yield (*loc, key), f"yaml.safe_load does not read '{key}' as text; quote it"
    elif isinstance(ours, list) and isinstance(theirs, list):
        for index, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            yield from _differences(our, their, (*loc, index))
    elif type(ours) is not type(theirs) or ours != theirs:
        advice = "quote it" if isinstance(ours, str) else "write numbers like 2.0e-4"
        yield loc, f"yaml.safe_load reads {theirs!r} here, not {ours!r}; {advice}"
