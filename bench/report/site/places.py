"""Where on the site a variant stands: the line of its best row in the table that says most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.report.board.table import Leaderboard, Row
from bench.report.site.board_rows import row_id
from bench.report.words.report import Words
from bench.report.words.spelling import estimate_text, metric_label, rank_text


@dataclass(frozen=True)
class Place:
    """A line of a leaderboard.

    Attributes:
        variant: whose row it is.
        href: of the line.
        text: suite, rank range and distance, in words.
    """

    variant: str
    href: str
    text: str


def places_of(boards: Mapping[str, Leaderboard], words: Words) -> dict[str, Place]:
    """The best row of each variant that has one, by variant id."""
    found: dict[str, Place] = {}
    for board in sorted(boards.values(), key=_weight):
        for row in board.rows:
            if row.scores:
                found.setdefault(row.key.name, _place(row, board, words))
    return found


def _weight(board: Leaderboard) -> tuple[bool, int]:
    """Tables of several seeds first, of these the longest."""
    seeds = max((len(row.runs) for row in board.rows), default=0)
    return seeds < 2, -len(board.rows)


def _place(row: Row, board: Leaderboard, words: Words) -> Place:
    places = words("at_rank", rank=rank_text(row.rank)) if row.rank else words("unranked")
    text = words(
        "place",
        suite=board.suite.title.in_language(words.language),
        rank=places,
        distance=metric_label("fid", board.protocol.extractor),
        value=estimate_text(row.estimate("fid"), interval=True),
    )
    return Place(row.key.name, f"leaderboard-{board.suite.id}.html#{row_id(row)}", text)
