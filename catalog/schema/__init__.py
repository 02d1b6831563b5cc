"""Strict, frozen models of every kind of registry entry; what a single entry can get wrong.

``Registry`` is the whole, with look-ups by name; ``Resource`` and ``Erratum`` are what people
browse; ``Variant``, ``Dataset``, ``Extractor``, ``Protocol`` and ``Suite`` what the harness runs;
``Claim`` what the article states and runs can test. Each is in the module of that name or of that
group, beside the types of its fields.
"""

from catalog.schema.base import Entry, Text
from catalog.schema.benchmark import Dataset, Extractor, Gate, Protocol, Recipe, Suite, Variant
from catalog.schema.claims import Claim, Comparison
from catalog.schema.loads import Convention, Load, StatedConvention
from catalog.schema.registry import Registry
from catalog.schema.resources import Erratum, Reported, Resource

__all__ = [
    "Claim",
    "Comparison",
    "Convention",
    "Dataset",
    "Entry",
    "Erratum",
    "Extractor",
    "Gate",
    "Load",
    "Protocol",
    "Recipe",
    "Registry",
    "Reported",
    "Resource",
    "StatedConvention",
    "Suite",
    "Text",
    "Variant",
]
