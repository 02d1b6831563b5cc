"""What the article states and runs can test: each statement with the comparisons that test it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from catalog.schema.base import Entry, Id, Text
from catalog.schema.benchmark import MetricName
from catalog.schema.resources import ErratumId, Quote

Role = Literal["test", "aside", "description"]
"""What a comparison tells: whether the claim holds; something else, which is tested all the same;
or what was seen, without a test."""

EffectKind = Literal["ratio", "difference", "collapse-share", "collapse-difference"]


class Comparison(Entry):
    """Rows beside other rows, and what their difference has to be for the claim to hold.

    Attributes:
        text: what is compared, in a few words.
        effect: ``ratio`` of the metric's geometric means over training seeds, one row over another;
            ``difference`` of its means, each row of a group counting once; the share of trainings
            that collapsed, of some rows alone or minus that of others.
        rows: variants on the first side.
        against: variants on the second side; none for a share alone.
        metric: what ``ratio`` and ``difference`` are of.
        supports: on which side of ``boundary`` an effect supports the claim.
        boundary: where support ends; it lies as far from no effect as an effect has to be large to
            count.
        role: only tests of the claim itself decide its verdict.
        exploratory: whether it was added when results of all its rows had been seen; such a
            comparison decides no verdict alone.
    """

    text: Text
    effect: EffectKind = "ratio"
    rows: Annotated[tuple[Id, ...], Field(min_length=1)]
    against: tuple[Id, ...] = ()
    metric: MetricName = "fid"
    supports: Literal["below", "above"]
    boundary: float
    role: Role = "test"
    exploratory: bool = False

    @property
    def counts_collapses(self) -> bool:
        """Whether the effect is on a share of trainings, and not on a metric of their images."""
        return self.effect in ("collapse-share", "collapse-difference")


class Claim(Entry):
    """A statement of the article that trainings can support or refute.

    Attributes:
        line: line of the article on which ``claim_zh`` stands, counted from one.
        claim_zh: the article's own words.
        claim_en: the same in English.
        errata: corrections of the catalogue that say more.
        suite: whose runs test it, where they are not those of the suite that is reported on.
        tests: the comparisons.
        remark: what they cannot tell.
    """

    id: Id
    line: PositiveInt
    claim_zh: Quote
    claim_en: Quote
    errata: tuple[ErratumId, ...] = ()
    suite: Id | None = None
    tests: Annotated[tuple[Comparison, ...], Field(min_length=1)]
    remark: Text
