"""From claims and leaderboards to effects: which rows and trainings a comparison reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import cast

from bench.records.record import MetricName
from bench.report.board.records import Run
from bench.report.board.table import Leaderboard, Row
from bench.stats.effects import (
    Effect,
    Verdict,
    difference,
    level_of,
    overall,
    ratio,
    share,
    share_difference,
    verdict,
)
from catalog.schema import Claim, Comparison

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
    verdict: Verdict
    counts: str


@dataclass(frozen=True)
class Judged:
    """A claim with all of its comparisons."""

    claim: Claim
    tests: tuple[Tested, ...]

    @property
    def verdict(self) -> Verdict:
        """What the comparisons agree on."""
        return overall([test.verdict for test in self.tests])


def judge(
    claims: Sequence[Claim], boards: Mapping[str, Leaderboard], suite: str
) -> tuple[Judged, ...]:
    """Every claim beside the records of its suite.

    Args:
        claims: in the order of the page.
        boards: the tables by suite; a suite that nobody ran is missing.
        suite: of the claims that name none.
    """
    level = level_of(n_comparisons(claims))
    return tuple(_judged(claim, boards, claim.suite or suite, level) for claim in claims)


def n_comparisons(claims: Iterable[Claim]) -> int:
    """Comparisons of all claims, which share the error rate of a page."""
    return sum(len(claim.tests) for claim in claims)


def _judged(claim: Claim, boards: Mapping[str, Leaderboard], suite: str, level: float) -> Judged:
    board = boards.get(suite)
    return Judged(claim, tuple(_tested(test, board, suite, level) for test in claim.tests))


def _tested(test: Comparison, board: Leaderboard | None, suite: str, level: float) -> Tested:
    if board is None:
        effect, counts = None, ""
    elif test.counts_collapses:
        effect, counts = _collapses(test, board, level)
    else:
        effect, counts = _distances(test, board, level)
    return Tested(test, suite, effect, verdict(effect, test.supports, test.boundary), counts)


def _distances(test: Comparison, board: Leaderboard, level: float) -> tuple[Effect | None, str]:
    """The effect on a metric, and how many seeds (or rows) stand on each side."""
    metric = cast("MetricName", test.metric)
    sides = [
        [row.values(metric) for name in names if (row := main_row(board, name)) is not None]
        for names in (test.rows, test.against)
    ]
    complete = all(
        len(side) == len(names) and all(side)
        for side, names in zip(sides, (test.rows, test.against), strict=True)
    )
    if not complete:
        return None, ""
    if test.effect == "ratio":
        (rows,), (against,) = sides
        return ratio(rows, against, level), f"{len(rows)} / {len(against)}"
    means = [[fmean(values) for values in side] for side in sides]
    return difference(means[0], means[1], level), f"{len(means[0])} / {len(means[1])}"


def _collapses(test: Comparison, board: Leaderboard, level: float) -> tuple[Effect | None, str]:
    """The effect on the share of collapsed trainings, and the counts behind it."""
    sides = [_collapse_count(board, names) for names in (test.rows, test.against)]
    counts = " / ".join(f"{hits} : {n}" for hits, n in sides if n)
    wanted = 1 if test.effect == "collapse-share" else 2
    if any(n == 0 for _, n in sides[:wanted]):
        return None, counts
    if wanted == 1:
        return share(*sides[0], level), counts
    return share_difference(sides[0], sides[1], level), counts


def _collapse_count(board: Leaderboard, names: Sequence[str]) -> tuple[int, int]:
    """Collapsed and all finished trainings of some variants."""
    ended = [
        collapsed(run, main_row(board, name))
        for name in names
        for run in board.runs
        if run.train.spec.variant == name
    ]
    known = [one for one in ended if one is not None]
    return sum(known), len(known)


def collapsed(run: Run, row: Row | None) -> bool | None:
    """Whether a training diverged or its images are suspected of collapse; None if it never ended.

    A run that failed for another reason says nothing about the method.
    """
    train = run.train
    if train.error is not None:
        return True if train.error.type == DIVERGED else None
    if train.status != "success" or row is None:
        return None
    shown = (row.key.sampler, row.key.weights == "ema")
    return any((one.sampler, one.ema) == shown for one in train.health.suspicions)


def main_row(board: Leaderboard, name: str) -> Row | None:
    """The row that stands for a variant: its first sampler, with averaged weights if it has any.

    Samplers come in no order of their own in a table, so the one that is not fitted afterwards
    goes first.
    """
    rows = [row for row in board.rows if row.key.name == name and row.scores]
    rows.sort(key=lambda row: (row.key.sampler != "prior", row.key.weights != "ema", row.key))
    return rows[0] if rows else None
