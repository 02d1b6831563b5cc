"""The registry as a whole, with look-ups that answer an unknown name with suggestions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

from catalog.errors import UsageError
from catalog.names import suggestion
from catalog.schema.base import Entry
from catalog.schema.benchmark import Dataset, Extractor, Suite, Variant
from catalog.schema.benchmark import Protocol as ScoringProtocol
from catalog.schema.claims import Claim
from catalog.schema.loads import Load
from catalog.schema.resources import Erratum, Resource


class _Named(Protocol):
    @property
    def id(self) -> str: ...


T = TypeVar("T", bound=_Named)


class Registry(Entry):
    """Every entry of one ``registry.yaml``, in file order."""

    schema_version: Literal[1]
    resources: tuple[Resource, ...]
    errata: tuple[Erratum, ...] = ()
    datasets: tuple[Dataset, ...]
    extractors: tuple[Extractor, ...]
    protocols: tuple[ScoringProtocol, ...]
    suites: tuple[Suite, ...]
    variants: tuple[Variant, ...]
    claims: tuple[Claim, ...] = ()
    loads: tuple[Load, ...] = ()

    def resource(self, name: str) -> Resource:
        """The resource called ``name``; UsageError with suggestions if there is none."""
        return _find(self.resources, name, "resource", "aigc catalog list")

    def dataset(self, name: str) -> Dataset:
        """The data set called ``name``; UsageError with suggestions if there is none."""
        return _find(self.datasets, name, "data set", "aigc bench list --kind datasets")

    def extractor(self, name: str) -> Extractor:
        """The feature extractor called ``name``; UsageError with suggestions if there is none."""
        return _find(self.extractors, name, "extractor", "aigc bench list --kind extractors")

    def protocol(self, name: str) -> ScoringProtocol:
        """The scoring protocol called ``name``; UsageError with suggestions if there is none."""
        return _find(self.protocols, name, "protocol", "aigc bench list --kind protocols")

    def suite(self, name: str) -> Suite:
        """The suite called ``name``, or ``SUITE-BUDGET`` for one of its budgets.

        Raises:
            UsageError: with suggestions, if there is none.
        """
        return _find(self.all_suites, name, "suite", "aigc bench list --kind suites")

    @property
    def all_suites(self) -> tuple[Suite, ...]:
        """Every suite, each followed by those of its budgets."""
        return tuple(
            one
            for suite in self.suites
            for one in (suite, *(suite.within(budget) for budget in suite.budgets))
            if one is not None
        )

    @property
    def rows(self) -> tuple[str, ...]:
        """Ids of all that can have a row in a table, and has a card: variants, then loads."""
        return (*(one.id for one in self.variants), *(one.id for one in self.loads))

    def variant(self, name: str) -> Variant:
        """The variant called ``name``; UsageError with suggestions if there is none."""
        return _find(self.variants, name, "variant", "aigc bench list")

    def variants_of(self, suite: Suite) -> tuple[Variant, ...]:
        """The variants of one suite in its order; of all, those that start from nothing."""
        if suite.variants == "all":
            alone = (variant for variant in self.variants if variant.start_from is None)
            return tuple(variant for variant in alone if variant.fits(suite.dataset))
        return tuple(self.variant(name) for name in suite.variants)


def _find(entries: Sequence[T], name: str, what: str, listing: str) -> T:
    for entry in entries:
        if entry.id == name:
            return entry
    near = suggestion(name, [entry.id for entry in entries])
    raise UsageError(f"no {what} is called '{name}'{near}", hint=f"list them with: {listing}")
