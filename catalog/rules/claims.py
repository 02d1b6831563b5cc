"""Rules about claims: what they compare exists, is in the suite, and has the sides it needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from catalog.names import suggestion

if TYPE_CHECKING:
    from catalog.rules.finding import Finding, Rule, Sourced
    from catalog.schema.claims import Comparison

_SIDES: dict[str, tuple[int | None, int | None]] = {
    "ratio": (1, 1),
    "difference": (None, None),
    "collapse-share": (None, 0),
    "collapse-difference": (None, None),
}
"""Rows on each side by effect; None for any number but zero."""


def claims_compare_variants(file: Sourced) -> Iterator[Finding]:
    """A claim compares variants of the registry, and of the suite that it names."""
    names = [variant.id for variant in file.registry.variants]
    suites = {suite.id: suite.variants for suite in file.registry.suites}
    for index, claim in enumerate(file.registry.claims):
        in_suite = suites.get(claim.suite or "", "all")
        for place, test in enumerate(claim.tests):
            for side in ("rows", "against"):
                for position, name in enumerate(getattr(test, side)):
                    loc = ("claims", index, "tests", place, side, position)
                    if name not in names:
                        yield loc, f"no entry of variants is '{name}'{suggestion(name, names)}"
                    elif in_suite != "all" and name not in in_suite:
                        yield loc, f"suite '{claim.suite}' has no variant '{name}'"


def claims_have_both_sides(file: Sourced) -> Iterator[Finding]:
    """A ratio is of one row to one other; a difference has two sides, a share one."""
    for index, claim in enumerate(file.registry.claims):
        for place, test in enumerate(claim.tests):
            for side, wanted in zip(("rows", "against"), _SIDES[test.effect], strict=True):
                if not _fits(test, side, wanted):
                    written = (side,) if getattr(test, side) else ()
                    asked = "at least one row" if wanted is None else f"{wanted} row(s)"
                    told = f"effect '{test.effect}' takes {asked} as {side}"
                    yield ("claims", index, "tests", place, *written), told


CLAIM_RULES: tuple[Rule, ...] = (claims_compare_variants, claims_have_both_sides)


def _fits(test: Comparison, side: str, wanted: int | None) -> bool:
    n_rows = len(getattr(test, side))
    return n_rows > 0 if wanted is None else n_rows == wanted
