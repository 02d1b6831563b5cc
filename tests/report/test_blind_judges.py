"""What a judge does not see is not shown: where noise passes for precise, precision is withheld."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.report.board.table import Leaderboard
from bench.report.leaderboard.notes import notes
from bench.report.leaderboard.tables import tables_of
from bench.report.words import LANGUAGES, Language, Words
from catalog.schema import Registry


@pytest.fixture(scope="module")
def seeing(boards: dict[str, Leaderboard]) -> Leaderboard:
    """A table whose judge finds held-out digits precise and noise not."""
    return boards["digits-quick"]


def swapped(board: Leaderboard, first: str, second: str) -> Leaderboard:
    """The table with two calibration rows under each other's names."""
    names = {first: second, second: first}
    rows = tuple(
        replace(row, key=replace(row.key, name=names.get(row.key.name, row.key.name)))
        for row in board.calibration
    )
    return replace(board, calibration=rows)


def precisions(board: Leaderboard, registry: Registry, words: Words) -> set[str]:
    lines = tables_of(board, registry, words)["ranking"]
    place = [cell.strip() for cell in lines[0].split("|")].index(words("precision"))
    return {line.split("|")[place].strip() for line in lines[2:]}


@pytest.mark.parametrize("language", LANGUAGES)
def test_precision_is_shown_unless_noise_is_found_more_precise_than_real_images(
    registry: Registry, seeing: Leaderboard, language: Language
) -> None:
    words = Words(language)
    assert "–" not in precisions(seeing, registry, words)
    blind = swapped(seeing, "noise", "held-out")
    assert precisions(blind, registry, words) == {"–"}
    told = words("precision_blind", noise="", other="")[:12]
    assert any(note.startswith(told) for note in notes(blind, words))
    assert not any(
        words("precision_blind", noise="", other="")[:12] in n for n in notes(seeing, words)
    )


def test_noise_nearer_than_the_mean_image_is_said(seeing: Leaderboard) -> None:
    words = Words("en")
    assert not any("nearer than the mean image" in note for note in notes(seeing, words))
    blind = swapped(seeing, "noise", "mean-image")
    assert any("nearer than the mean image" in note for note in notes(blind, words))
