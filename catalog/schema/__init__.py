"""Strict, frozen models of every kind of registry entry."""

from catalog.schema.base import Entry, Text
from catalog.schema.benchmark import Dataset, Extractor, Gate, Protocol, Recipe, Suite, Variant
from catalog.schema.claims import Claim, Comparison
from catalog.schema.errata import Erratum
from catalog.schema.registry import Registry
from catalog.schema.resources import Resource

__all__ = [
    "Claim",
    "Comparison",
    "Dataset",
    "Entry",
    "Erratum",
    "Extractor",
    "Gate",
    "Protocol",
    "Recipe",
    "Registry",
    "Resource",
    "Suite",
    "Text",
    "Variant",
]
