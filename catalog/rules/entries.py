"""Rules that tie registry entries to each other, beyond what a single entry can get wrong.

Each rule is one function whose docstring states it; ``RULES`` holds all of them, and both the
checks and the help text of ``aigc catalog validate`` come from it. A rule says nothing about
references that do not resolve, except the rule that is about them. What concerns browsing alone
is in ``catalog.rules.catalogue``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from catalog.names import suggestion
from catalog.rules.catalogue import CATALOGUE_RULES
from catalog.rules.claims import CLAIM_RULES
from catalog.rules.finding import Sourced, repeats

if TYPE_CHECKING:
    from catalog.read.document import Document, Loc, Problem
    from catalog.rules.finding import Finding, Rule
    from catalog.schema import Dataset, Protocol, Registry

SECTIONS = (
    *("resources", "errata", "datasets", "extractors", "protocols", "suites", "variants"),
    "claims",
)
BUILT_IN_MODELS = "bench.models."
PLUGIN_GROUP = "aigc.models"

_IMPORT_STRING = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)

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
)
"""Section, field, and the section whose ids the field holds (as a value, a list or keys)."""


def unique_ids(file: Sourced) -> Iterator[Finding]:
    """An id is used once in its section."""
    for section in SECTIONS:
        ids = [entry.id for entry in getattr(file.registry, section)]
        for index, first in repeats(ids):
            line = file.document.line((section, first, "id"))
            yield (section, index, "id"), f"'{ids[index]}' is taken (line {line})"


def resolved_references(file: Sourced) -> Iterator[Finding]:
    """Whatever an entry refers to is in the registry."""
    for section, field, target in REFERENCES:
        ids = [entry.id for entry in getattr(file.registry, target)]
        for index, entry in enumerate(getattr(file.registry, section)):
            loc = (section, index, field)
            for below, name in _names_in(getattr(entry, field)):
                if name not in ids:
                    yield (*loc, *below), f"no entry of {target} is '{name}'{suggestion(name, ids)}"


def no_circular_parents(file: Sourced) -> Iterator[Finding]:
    """No variant descends from itself."""
    parents = {variant.id: variant.parent for variant in file.registry.variants}
    for index, variant in enumerate(file.registry.variants):
        line = [variant.id]
        parent = variant.parent
        while parent is not None and parent not in line:
            line.append(parent)
            parent = parents.get(parent)
        if parent == variant.id:
            yield ("variants", index, "parent"), f"circular: {' -> '.join([*line, parent])}"


def allowed_algorithms(file: Sourced) -> Iterator[Finding]:
    """An algorithm is in bench.models or in a module that an aigc.models entry point names."""
    for index, variant in enumerate(file.registry.variants):
        if not is_import_string(variant.algorithm) or not is_allowed(variant.algorithm):
            outside = f"'{variant.algorithm}' is neither in {BUILT_IN_MODELS}* nor in a module that"
            named = f"an installed entry point of group {PLUGIN_GROUP} names"
            yield ("variants", index, "algorithm"), f"{outside} {named}"


def complete_weights(file: Sourced) -> Iterator[Finding]:
    """An extractor gives weights, sha256 and n_bytes together, or none, or weights and rebuild."""
    for index, extractor in enumerate(file.registry.extractors):
        made_here = extractor.weights and extractor.rebuild
        if made_here and extractor.sha256 is None and extractor.n_bytes is None:
            continue  # every machine makes its own
        given = {name: getattr(extractor, name) for name in ("weights", "sha256", "n_bytes")}
        missing = [name for name, value in given.items() if value is None]
        if 0 < len(missing) < len(given):
            present = [name for name in given if name not in missing]
            yield (
                ("extractors", index),
                f"{' and '.join(present)} without {' and '.join(missing)}; give all three or none",
            )


def complete_layers(file: Sourced) -> Iterator[Finding]:
    """An extractor names a layer for each kind of metric: isc, fid, kid and prc."""
    for index, extractor in enumerate(file.registry.extractors):
        missing = [name for name in ("isc", "fid", "kid", "prc") if name not in extractor.layers]
        if missing:
            yield ("extractors", index, "layers"), f"no layer for {' and '.join(missing)}"


def existing_splits(file: Sourced) -> Iterator[Finding]:
    """The splits of a protocol are splits of its data set."""
    for index, protocol, dataset in _scored(file.registry):
        for field in ("reference_split", "held_out_split"):
            split = getattr(protocol, field)
            if split not in dataset.splits:
                near = suggestion(split, dataset.splits)
                yield (
                    ("protocols", index, field),
                    f"data set '{dataset.id}' has no split '{split}'{near}",
                )


def kid_subsets_fit(file: Sourced) -> Iterator[Finding]:
    """A KID subset is no larger than the smallest set that is scored."""
    for index, protocol, dataset in _scored(file.registry):
        splits = (protocol.reference_split, protocol.held_out_split)
        sizes = {
            f"split '{name}'": dataset.splits[name] for name in splits if name in dataset.splits
        }
        sizes["n_fake"] = protocol.n_fake
        smallest = min(sizes, key=lambda name: sizes[name])
        if protocol.kid_subset_size > sizes[smallest]:
            asked, there = protocol.kid_subset_size, sizes[smallest]
            loc = ("protocols", index, "kid_subset_size")
            yield loc, f"{asked} is more than the {there} images of {smallest}"


def isc_splits_fit(file: Sourced) -> Iterator[Finding]:
    """Every split of the inception score gets an image."""
    for index, protocol in enumerate(file.registry.protocols):
        if protocol.n_fake < protocol.isc_splits:
            yield (
                ("protocols", index, "isc_splits"),
                f"{protocol.isc_splits} splits of {protocol.n_fake} images",
            )


def suites_score_their_dataset(file: Sourced) -> Iterator[Finding]:
    """A suite and its protocol use the same data set."""
    datasets = {protocol.id: protocol.dataset for protocol in file.registry.protocols}
    for index, suite in enumerate(file.registry.suites):
        scored = datasets.get(suite.protocol, suite.dataset)
        if scored != suite.dataset:
            yield (
                ("suites", index, "protocol"),
                f"'{suite.protocol}' scores '{scored}', but the suite trains on '{suite.dataset}'",
            )


def suites_train_what_they_can(file: Sourced) -> Iterator[Finding]:
    """A suite names variants and a training split that its data set allows."""
    variants = {variant.id: variant for variant in file.registry.variants}
    datasets = {dataset.id: dataset for dataset in file.registry.datasets}
    for index, suite in enumerate(file.registry.suites):
        dataset = datasets.get(suite.dataset)
        if dataset is not None and suite.train_split not in (None, *dataset.splits):
            near = suggestion(str(suite.train_split), dataset.splits)
            missing = f"data set '{dataset.id}' has no split '{suite.train_split}'{near}"
            yield ("suites", index, "train_split"), missing
        for place, name in enumerate(() if suite.variants == "all" else suite.variants):
            if name in variants and not variants[name].fits(suite.dataset):
                yield (
                    ("suites", index, "variants", place),
                    f"'{name}' cannot be trained on '{suite.dataset}'",
                )


def suites_repeat_nothing(file: Sourced) -> Iterator[Finding]:
    """A suite names a variant, a seed or a calibration row once."""
    for index, suite in enumerate(file.registry.suites):
        for field in ("variants", "seeds", "calibration"):
            items = getattr(suite, field)
            if isinstance(items, tuple):
                for again, _ in repeats(items):
                    yield ("suites", index, field, again), f"{items[again]} is already in the list"


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
    unique_ids,
    resolved_references,
    no_circular_parents,
    allowed_algorithms,
    complete_weights,
    complete_layers,
    existing_splits,
    kid_subsets_fit,
    isc_splits_fit,
    suites_score_their_dataset,
    suites_train_what_they_can,
    suites_repeat_nothing,
    *CATALOGUE_RULES,
    *CLAIM_RULES,
    same_for_other_readers,
)


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


def _names_in(value: Any) -> Iterator[tuple[Loc, str]]:
    """Ids in the value of a referring field, each with its place below the field."""
    if isinstance(value, dict):
        yield from (((key,), key) for key in value)
    elif isinstance(value, tuple):
        yield from (((index,), name) for index, name in enumerate(value))
    elif value not in (None, "all"):
        yield (), value


def _scored(registry: Registry) -> Iterator[tuple[int, Protocol, Dataset]]:
    """Protocols whose data set exists, with their index."""
    datasets = {dataset.id: dataset for dataset in registry.datasets}
    for index, protocol in enumerate(registry.protocols):
        if protocol.dataset in datasets:
            yield index, protocol, datasets[protocol.dataset]


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
