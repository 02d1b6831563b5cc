"""What the catalogue holds, in counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from catalog.browse.items import variants_of
from catalog.browse.vocabulary import FAMILIES, KINDS, MODALITIES, ORIGINS, SEVERITIES, VERDICTS
from catalog.schema import Registry


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
