"""Corrections of the article: what it claims, what is true, and who says so."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt, StringConstraints

from catalog.schema.base import Entry, Id, Sentence
from catalog.schema.resources import Certainty, Quote

Severity = Literal["critical", "major", "minor", "nit"]
"""From what makes the article unusable to what an editor would mend, worst first."""

Verdict = Literal["false", "misleading", "imprecise", "outdated", "broken", "editorial"]
ErratumId = Annotated[str, StringConstraints(pattern=r"^(?:E-(?:\d{2}|G\d)|G-\d{2}|K-\d{2})$")]
Source = Annotated[str, StringConstraints(pattern=r"^(?:https?://\S+|executed: .+)$")]
"""An address, or what was executed to see it."""


class Erratum(Entry):
    """One wrong, broken or imprecise statement.

    Attributes:
        id: ``E-nn`` a claim, ``E-Gn`` the graph as a whole, ``G-nn`` edge nn, ``K-nn`` the listing.
        resources: the entries it corrects.
        lines: lines of the article; ``claim_zh`` stands on the first of them.
        claim_zh: the article's own words, or its code.
        sources: where the correction can be checked; never the article itself.
    """

    id: ErratumId
    resources: Annotated[tuple[Id, ...], Field(min_length=1)]
    lines: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    claim_zh: Quote
    verdict: Verdict
    severity: Severity
    truth_en: Sentence
    correction_zh: Sentence
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    certainty: Certainty = "certain"

    def correction(self, language: str) -> str:
        """What is true, in ``zh`` or, for every other value, in English."""
        return self.correction_zh if language == "zh" else self.truth_en
