"""Which model to take, and how sure that is: a leaderboard in a few sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.records.files import MIXTURE
from bench.report.board.table import BASELINE, Leaderboard, Row, RowKey
from bench.report.words import Words
from bench.report.words.rows import row_id
from bench.report.words.spelling import (
    estimate_text,
    page_label,
    percent_text,
    rank_text,
    seconds_text,
)
from bench.score.suspicions import suspicions
from bench.stats.intervals import Estimate
from catalog.schema import Registry

FITTED = ("gaussian", MIXTURE)
"""Samplers that need a density fitted to the latents after training."""


@dataclass(frozen=True)
class Pick:
    """A row that somebody would take, and why.

    Attributes:
        why: what it is the best of.
        anchor: of its line in the table.
        facts: distance, rank range, cost, in words.
    """

    why: str
    name: str
    sampler: str
    anchor: str
    facts: str


@dataclass(frozen=True)
class Answer:
    """What a suite says to somebody who has to choose.

    Attributes:
        leader: the row with the lowest mean.
        sure: how sure the lead is, in one sentence each.
        other: what the picks were chosen from.
        picks: rows for other wishes.
    """

    leader: Pick
    sure: tuple[str, ...]
    other: str
    picks: tuple[Pick, ...]


def answer_of(board: Leaderboard, registry: Registry, words: Words) -> Answer | None:
    """None for a table without a ranked row."""
    if not board.ranked:
        return None
    first = board.ranked[0]

    def pick(why: str, row: Row) -> Pick:
        facts = _facts(row, board, words)
        return Pick(words(why), row.key.name, row.key.sampler, row_id(row), facts)

    shown = [row for row in board.ranked if row.baseline and row.baseline.verdict == "better"]
    worth = shown or [row for row in board.ranked if not _loses(row)] or list(board.ranked)
    tied = [row for row in board.ranked if row.rank and row.rank.low == 1]
    return Answer(
        pick("pick_best", first),
        tuple(_sure(first, tied, board, words)),
        words("picks_shown" if shown else "picks_any"),
        tuple(pick(why, row) for why, row in _wishes(worth, tied, registry) if row != first),
    )


def _wishes(
    worth: Sequence[Row], tied: Sequence[Row], registry: Registry
) -> Iterator[tuple[str, Row]]:
    """For each wish the row that meets it best; a row that meets several stands for the first."""

    def of_family(family: str) -> list[Row]:
        return [row for row in worth if registry.variant(row.key.name).family == family]

    candidates: tuple[tuple[str, Row | None], ...] = (
        ("pick_prior", next((row for row in worth if row.key.sampler not in FITTED), None)),
        ("pick_gan", next(iter(of_family("gan")), None)),
        ("pick_vae", next(iter(of_family("vae")), None)),
        ("pick_recall", _most(worth, lambda row: row.estimate("recall"))),
        ("pick_fast", _fastest(row for row in tied if row in worth)),
    )
    named: set[RowKey] = set()
    for why, row in candidates:
        if row is not None and row.key not in named:
            named.add(row.key)
            yield why, row


def _loses(row: Row) -> bool:
    """Whether it is behind the PCA-Gaussian, tested or not."""
    return row.baseline is not None and row.baseline.verdict in ("behind", "higher")


def _most(rows: Iterable[Row], estimated: Callable[[Row], Estimate | None]) -> Row | None:
    known = [(estimate.mean, row) for row in rows if (estimate := estimated(row))]
    return max(known, key=lambda pair: pair[0])[1] if known else None


def _fastest(rows: Iterable[Row]) -> Row | None:
    timed = [(row.cost.wall_s, row) for row in rows if row.cost.wall_s is not None]
    return min(timed, key=lambda pair: pair[0])[1] if timed else None


def _facts(row: Row, board: Leaderboard, words: Words) -> str:
    return words(
        "facts",
        distance=page_label("fid", board.protocol.extractor),
        value=estimate_text(row.estimate("fid"), interval=True),
        rank=rank_text(row.rank),
        recall=estimate_text(row.estimate("recall")),
        copies=percent_text(row.estimate("copy_rate")),
        wall=seconds_text(row.cost.wall_s),
    )


def _sure(first: Row, tied: list[Row], board: Leaderboard, words: Words) -> Iterable[str]:
    n = len(first.runs)
    yield words("sure_seeds", n=n) if n > 1 else words("sure_one_seed")
    if n > 1:
        others = len(tied) - 1
        yield words("sure_tied", n=others, total=len(board.ranked)) if others else words("sure_led")
    if first.baseline is not None:
        yield words(f"sure_{first.baseline.verdict}")
    if any(suspicions(score.record) for score in first.scores):
        yield words("sure_collapsed")
    real, baseline = board.calibration_row("held-out"), board.calibration_row(BASELINE)
    if real is not None and baseline is not None:
        yield words(
            "sure_scale",
            real=estimate_text(real.estimate("fid")),
            gaussian=estimate_text(baseline.estimate("fid")),
        )
