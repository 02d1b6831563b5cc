"""Filters of ``aigc catalog list``: a value that no entry can have is a usage error with advice."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from catalog.browse.vocabulary import FAMILIES, KINDS, MODALITIES, ORIGINS
from catalog.errors import UsageError
from catalog.names import suggestion
from catalog.schema import Resource


@dataclass(frozen=True)
class Query:
    """Conditions that must all hold; None means any."""

    kind: str | None = None
    family: str | None = None
    modality: str | None = None
    origin: str | None = None
    year: int | None = None

    def __post_init__(self) -> None:
        for field, known in (
            ("kind", KINDS),
            ("family", FAMILIES),
            ("modality", MODALITIES),
            ("origin", ORIGINS),
        ):
            require_known(field, getattr(self, field), known)

    def matches(self, resource: Resource) -> bool:
        """Whether the entry meets every condition."""
        return (
            self.kind in (None, resource.kind)
            and self.family in (None, resource.family)
            and (self.modality is None or self.modality in resource.modality)
            and self.origin in (None, resource.origin)
            and self.year in (None, resource.year)
        )

    def select(self, resources: Iterable[Resource]) -> list[Resource]:
        """The entries that match, in their order."""
        return [resource for resource in resources if self.matches(resource)]


def require_known(field: str, value: str | None, known: Iterable[str]) -> None:
    """Refuse an option value that is not one of ``known``.

    Raises:
        UsageError: with near misses and the whole list.
    """
    words = list(known)
    if value is not None and value not in words:
        raise UsageError(
            f"no {field} is called '{value}'{suggestion(value, words)}",
            hint=f"choose one of: {', '.join(words)}",
        )
