"""Which model to take, and how sure that is: a leaderboard in a few sentences.

A row is worth taking only if tests say so; where none is, the answer is why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.records.files import MIXTURE
from bench.report.board.table import Leaderboard, Row, RowKey
from bench.report.leaderboard.notes import copies_many, held_out, scale
from bench.report.words import Words
from bench.report.words.rows import plain_name, row_id
from bench.report.words.spelling import (
    estimate_text,
    page_label,
    percent_text,
    rank_text,
    seconds_text,
)
from bench.score.suspicions import suspicions
from bench.stats.comparisons import not_shown_worse
from bench.stats.intervals import Estimate
from catalog.schema import Registry

FITTED = ("gaussian", MIXTURE)
"""Samplers that need a density fitted to the latents after training."""
MIN_SEEDS = 5
"""Trainings that a row needs before anybody is told to take it."""


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
        leader: the row with the lowest mean of those that are worth taking; None where none is.
        short: what must be said beside it, or why there is none, wherever it is named.
        sure: how sure all that is, in one sentence each.
        picks: rows for other wishes, each of them worth taking.
    """

    leader: Pick | None
    short: tuple[str, ...]
    sure: tuple[str, ...]
    picks: tuple[Pick, ...]


def answer_of(board: Leaderboard, registry: Registry, words: Words) -> Answer | None:
    """None for a table without a ranked row."""
    if not board.ranked:
        return None

    def pick(why: str, row: Row) -> Pick:
        facts = _facts(row, board, words)
        return Pick(words(why), row.key.name, row.key.sampler, row_id(row), facts)

    worth = [] if board.suite.for_claims else [row for row in board.ranked if not faults(row)]
    held_out_images = _held_out(board, words)
    if not worth:
        return Answer(None, (_why_none(board, words), *held_out_images), _scale(board, words), ())
    first = worth[0]
    rivals = _not_worse(first, board)
    tied = _tied(rivals, worth, words)
    wishes = _wishes(worth, [first, *(row for row in rivals if row in worth)], registry)
    return Answer(
        pick("pick_best", first),
        (tied, *held_out_images),
        (
            words("sure_seeds", n=len(first.runs)),
            tied,
            *_lower(first, board, words),
            *_too_few(rivals, words),
            words("sure_tests", n=MIN_SEEDS),
            *held_out_images,
            *_scale(board, words),
        ),
        tuple(pick(why, row) for why, row in wishes if row != first),
    )


def faults(row: Row) -> list[str]:
    """What speaks against telling anybody to take a row; nothing where tests speak for it."""
    checks = (
        ("fault_seeds", len(row.runs) < MIN_SEEDS),
        ("fault_gaussian", row.baseline is None or row.baseline.verdict != "better"),
        ("fault_collapsed", any(suspicions(score.record) for score in row.scores)),
        ("fault_copies", copies_many(row)),
    )
    return [name for name, found in checks if found]


def _not_worse(first: Row, board: Leaderboard) -> list[Row]:
    """The other ranked rows that the table does not show to be worse than one, in its order."""
    rows = board.ranked
    found = not_shown_worse([row.sample("fid") for row in rows], rows.index(first))
    return [rows[index] for index in found]


def _why_none(board: Leaderboard, words: Words) -> str:
    if board.suite.for_claims:
        return words("none_claims")
    first = board.ranked[0]
    said = words.join([words(fault, n=len(first.runs)) for fault in faults(first)])
    return words(
        "none_worth", n=MIN_SEEDS, row=plain_name(first, words.of("leaderboard")), why=said
    )


def _tied(rivals: Sequence[Row], worth: Sequence[Row], words: Words) -> str:
    rows = [row for row in rivals if row in worth]
    if not rows:
        return words("sure_led", total=len(worth) - 1)
    return words("sure_tied", n=len(rows), total=len(worth) - 1, rows=_names(rows, words))


def _lower(first: Row, board: Leaderboard, words: Words) -> list[str]:
    """Rows with a lower mean that are not worth taking, and why."""
    lower = board.ranked[: board.ranked.index(first)]
    return [
        words(
            "sure_lower_mean",
            row=_names([row], words),
            why=words.join([words(fault, n=len(row.runs)) for fault in faults(row)]),
        )
        for row in lower
    ]


def _too_few(rivals: Sequence[Row], words: Words) -> list[str]:
    """Rows that might be as good, and have too few trainings to tell."""
    few = [row for row in rivals if "fault_seeds" in faults(row)]
    return [words("sure_too_few", n=len(few), rows=_names(few, words))] if few else []


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
        ("pick_fast", _fastest(tied)),
    )
    named: set[RowKey] = set()
    for why, row in candidates:
        if row is not None and row.key not in named:
            named.add(row.key)
            yield why, row


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
        n=board.protocol.n_fake,
        value=estimate_text(row.estimate("fid"), interval=True),
        rank=rank_text(row.rank),
        recall=estimate_text(row.estimate("recall")),
        copies=percent_text(row.estimate("copy_rate")),
        wall=seconds_text(row.cost.wall_s),
    )


def _held_out(board: Leaderboard, words: Words) -> list[str]:
    """That no row is shown to be nearer to held-out images than a density without a network."""
    found = held_out(board)
    if found is None or found.shown:
        return []
    value, n = estimate_text(found.density.estimate("fid_held_out")), board.protocol.n_held_out
    density = words(f"density_{found.density.key.name}")
    return [words("sure_held_out", total=len(found.rows), density=density, value=value, n=n)]


def _scale(board: Leaderboard, words: Words) -> tuple[str, ...]:
    if board.calibration_row("held-out") is None:
        return ()
    return (scale(board, words.of("leaderboard")).replace("`", ""),)


def _names(rows: Sequence[Row], words: Words) -> str:
    return words.join([plain_name(row, words.of("leaderboard")) for row in rows])
