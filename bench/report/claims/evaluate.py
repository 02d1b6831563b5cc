"""From claims and leaderboards to effects: which rows and trainings a comparison reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import cast

from bench.records.metric_names import MetricName
from bench.report.board.records import Run
from bench.report.board.table import Leaderboard, Row
from bench.score.suspicions import suspicions
from bench.stats.effects import (
    ClaimVerdict,
    Effect,
    difference,
    level_of,
    overall,
    ratio,
    verdict,
)
from bench.stats.shares import share, share_difference
from catalog.schema import Claim, Comparison, Registry, Suite

DIVERGED = "Diverged"


@dataclass(frozen=True)
class Tested:
    """One comparison and what came of it.

    Attributes:
        effect: None where a row it needs has no result.
        counts: seeds (or, of collapses, collapsed and all trainings) of both sides, in words.
    """

    comparison: Comparison
    suite: str
    effect: Effect | None
    verdict: ClaimVerdict
    counts: str


@dataclass(frozen=True)
class Judged:
    """A claim with all of its comparisons."""

    claim: Claim
    tests: tuple[Tested, ...]

    def verdicts(self, *, exploratory: bool) -> list[ClaimVerdict]:
        """Verdicts on the comparisons that are about the claim: the planned ones, or the others."""
        return [
            test.verdict
            for test in self.tests
            if test.comparison.role != "aside" and test.comparison.exploratory == exploratory
        ]

    @property
    def verdict(self) -> ClaimVerdict:
        """What the comparisons that are about the claim agree on."""
        return overall(self.verdicts(exploratory=False), self.verdicts(exploratory=True))


def judge(
    registry: Registry, boards: Mapping[str, Leaderboard], suite: Suite
) -> tuple[Judged, ...]:
    """The claims that a suite's data set tests, beside the records that test them.

    Args:
        registry: holds the claims, in the order of the page.
        boards: the tables by suite; a suite that nobody ran is missing.
        suite: of the claims that name none.
    """
    claims = claims_on(registry, suite)
    level = level_of(n_comparisons(claims))
    named = [(claim, claim.suite or suite.id) for claim in claims]
    return tuple(
        Judged(claim, tuple(_tested(test, boards.get(name), name, level) for test in claim.tests))
        for claim, name in named
    )


def claims_on(registry: Registry, suite: Suite) -> list[Claim]:
    """The claims that runs on a suite's data set test: its own, or those of the suite they name."""
    return [
        claim
        for claim in registry.claims
        if claim.suite is None or registry.suite(claim.suite).dataset == suite.dataset
    ]


def tests_any(board: Leaderboard, claims: Iterable[Claim]) -> bool:
    """Whether a table has all rows of some comparison itself."""
    return any(
        all(main_row(board, name) for name in (*test.rows, *test.against))
        for claim in claims
        for test in claim.tests
    )


def n_comparisons(claims: Iterable[Claim]) -> int:
    """Tested comparisons of all claims, which share the error rate of a page."""
    return sum(test.role != "description" for claim in claims for test in claim.tests)


def _tested(test: Comparison, board: Leaderboard | None, suite: str, level: float) -> Tested:
    effect, counts = None, ""
    if board is not None:
        read = _collapses if test.counts_collapses else _distances
        effect, counts = read(test, board, level)
    if test.role == "description" and effect is not None:
        return Tested(test, suite, Effect(effect.value), "described", counts)
    return Tested(test, suite, effect, verdict(effect, test.supports, test.boundary), counts)


def _distances(test: Comparison, board: Leaderboard, level: float) -> tuple[Effect | None, str]:
    """The effect on a metric, and how many seeds (or rows) stand on each side."""
    metric = cast("MetricName", test.metric)
    rows, against = (
        [row.values(metric) if (row := main_row(board, name)) else () for name in names]
        for names in (test.rows, test.against)
    )
    if not all((*rows, *against)):
        return None, ""
    if test.effect == "ratio":
        return ratio(rows[0], against[0], level), f"{len(rows[0])} / {len(against[0])}"
    means, others = ([fmean(values) for values in side] for side in (rows, against))
    return difference(means, others, level), f"{len(rows)} / {len(against)}"


def _collapses(test: Comparison, board: Leaderboard, level: float) -> tuple[Effect | None, str]:
    """The effect on the share of collapsed trainings, and the counts behind it."""
    rows, against = (_collapse_count(board, names) for names in (test.rows, test.against))
    counts = " / ".join(f"{hits} : {n}" for hits, n in (rows, against) if n)
    alone = test.effect == "collapse-share"
    if not rows[1] or not (alone or against[1]):
        return None, counts
    return (share(*rows, level) if alone else share_difference(rows, against, level)), counts


def _collapse_count(board: Leaderboard, names: Sequence[str]) -> tuple[int, int]:
    """Collapsed and all finished trainings of some variants."""
    rows = {name: main_row(board, name) for name in names}
    ended = [
        collapsed(run, rows[name]) for run in board.runs if (name := run.train.spec.variant) in rows
    ]
    return ended.count(True), len(ended) - ended.count(None)


def collapsed(run: Run, row: Row | None) -> bool | None:
    """Whether a training diverged or its images are suspected of collapse; None if it never ended.

    A run that failed for another reason says nothing about the method.
    """
    train = run.train
    if train.error is not None:
        return True if train.error.type == DIVERGED else None
    if train.status != "success" or row is None:
        return None
    # Derived from the score: what the record of the training says of it is somebody's word.
    pairs = zip(row.runs, row.scores, strict=True)
    return any(suspicions(score.record) for one, score in pairs if one is run)


def main_row(board: Leaderboard, name: str) -> Row | None:
    """The row that stands for a variant: its own sampler, with averaged weights if it has any."""
    rows = [row for row in board.rows if row.key.name == name and row.scores]
    return min(rows, key=lambda row: row.key.precedence, default=None)
