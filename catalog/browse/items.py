"""The shapes in which entries leave the program as JSON, with counts and look-ups behind them.

Owns field names that scripts rely on; ``SCHEMA_VERSION`` changes when one of them does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalog.browse.vocabulary import FAMILIES, KINDS, MODALITIES, ORIGINS, SEVERITIES, VERDICTS
from catalog.schema import Erratum, Registry, Resource, Variant

SCHEMA_VERSION = 1

_NEAR_FORWARD = ("read-instead", "uses", "describes", "part-of", "see-also", "extends", "succeeds")
_NEAR_BACKWARD = ("describes", "implements", "extends", "is-a")


@dataclass(frozen=True)
class Backlink:
    """A relation read from its target: ``source`` is related to us by ``type``."""

    type: str
    source: str


def envelope(items: Iterable[Any]) -> dict[str, Any]:
    """The one document that every ``--json`` prints."""
    return {"schema_version": SCHEMA_VERSION, "items": list(items)}


def brief(resource: Resource) -> dict[str, Any]:
    """What ``list`` and ``search`` tell of an entry; a year that is not sure is left out."""
    return {
        "id": resource.id,
        "kind": resource.kind,
        "origin": resource.origin,
        "title": resource.title.model_dump(),
        "year": resource.sure_year,
        "url": resource.url,
    }


def erratum_item(erratum: Erratum) -> dict[str, Any]:
    """What ``errata`` tells of a correction."""
    fields = ("id", "resources", "severity", "verdict", "certainty", "lines")
    texts = ("claim_zh", "truth_en", "correction_zh", "sources")
    data = erratum.model_dump(mode="json")
    return {name: data[name] for name in (*fields, *texts)}


def full(registry: Registry, resource: Resource) -> dict[str, Any]:
    """Everything that is known about an entry, ranks aside."""
    return {
        **resource.model_dump(mode="json"),
        "url": resource.url,
        "backlinks": [
            {"type": link.type, "source": link.source} for link in backlinks(registry, resource.id)
        ],
        "errata": [erratum_item(erratum) for erratum in errata_of(registry, resource.id)],
        "variants": [variant.id for variant in variants_of(registry, resource.id)],
        "nearest_variants": [variant.id for variant in nearest_variants(registry, resource)],
    }


def errata_of(registry: Registry, name: str) -> tuple[Erratum, ...]:
    """Corrections that name the entry, in file order."""
    return tuple(erratum for erratum in registry.errata if name in erratum.resources)


def claims_of(registry: Registry, erratum: Erratum) -> tuple[str, ...]:
    """Ids of the claims that runs test and that name the correction, in file order."""
    return tuple(claim.id for claim in registry.claims if erratum.id in claim.errata)


def backlinks(registry: Registry, name: str) -> tuple[Backlink, ...]:
    """Relations of other entries that point here."""
    return tuple(
        Backlink(relation.type, resource.id)
        for resource in registry.resources
        for relation in resource.relations
        if relation.target == name
    )


def variants_of(registry: Registry, name: str) -> tuple[Variant, ...]:
    """Benchmark variants whose paper is this entry."""
    return tuple(variant for variant in registry.variants if variant.paper == name)


def suite_of(registry: Registry, variant: Variant) -> str:
    """The largest suite that a variant is in, the first of equal ones; empty without any."""
    suites = {suite.id: registry.variants_of(suite) for suite in registry.suites}
    inside = [name for name, variants in suites.items() if variant in variants]
    return max(inside, key=lambda name: len(suites[name]), default="")


def nearest_variants(registry: Registry, resource: Resource, limit: int = 4) -> list[Variant]:
    """Variants of directly related entries, for an entry that has none of its own."""
    if variants_of(registry, resource.id):
        return []
    forward = [
        relation.target
        for kind in _NEAR_FORWARD
        for relation in resource.relations
        if relation.type == kind
    ]
    pointing = backlinks(registry, resource.id)
    backward = [link.source for kind in _NEAR_BACKWARD for link in pointing if link.type == kind]
    names = dict.fromkeys([*forward, *backward])
    return [variant for name in names for variant in variants_of(registry, name)][:limit]


def counts(registry: Registry) -> dict[str, dict[str, int]]:
    """Entries by every term that can be filtered on; terms that nothing has are left out."""
    resources, errata = registry.resources, registry.errata
    return {
        "origin": _ordered((item.origin for item in resources), ORIGINS),
        "kind": _ordered((item.kind for item in resources), KINDS),
        "family": _ordered((item.family for item in resources), FAMILIES),
        "modality": _ordered((name for item in resources for name in item.modality), MODALITIES),
        "errata severity": _ordered((item.severity for item in errata), SEVERITIES),
        "errata verdict": _ordered((item.verdict for item in errata), VERDICTS),
        "total": {
            "resources": len(resources),
            "inventory items": len({m.item for item in resources for m in item.article}),
            "quotes": sum(len(item.article) for item in resources),
            "errata": len(errata),
            "links": len({url for item in resources for url in item.urls}),
            "runnable": sum(bool(variants_of(registry, item.id)) for item in resources),
        },
    }


def _ordered(values: Iterable[Any], known: Iterable[str]) -> dict[str, int]:
    found = Counter(values)
    return {name: found[name] for name in known if found[name]}
