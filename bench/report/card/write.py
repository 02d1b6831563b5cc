"""Writes cards into ``cards/`` below the folder of all reports, in the languages asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.report.board.table import Leaderboard
from bench.report.card.curves import curves_file
from bench.report.card.gather import card_of
from bench.report.card.page import card_page, page_name
from bench.report.generated.committed import committed_pictures
from bench.report.words.report import Language
from catalog.files import write_atomically
from catalog.schema import Registry

FOLDER = "cards"


def card_texts(
    variant: str,
    registry: Registry,
    boards: Mapping[str, Leaderboard],
    output_dir: Path,
    languages: Sequence[Language] = ("en", "zh"),
) -> dict[Path, str]:
    """The pages of one variant, and their curves, by file; trains nothing.

    Args:
        variant: its id.
        registry: says what it is.
        boards: tables by suite id.
        output_dir: the folder of all reports, where records of pictures are looked for.
        languages: of the pages.

    Raises:
        UsageError: there is no such variant.
        InvalidInput: its recipe, a curve or a record of its pictures is broken.
    """
    card = card_of(variant, registry, boards, committed_pictures(variant, boards, output_dir))
    folder = output_dir / FOLDER
    files: dict[Path, str] = {}
    for language in languages:
        files[folder / page_name(variant, language)] = card_page(card, registry, language)
        curves = curves_file(card, language)
        if curves is not None:
            path, svg = curves
            files[folder / path] = svg
    return files


def write_card(
    variant: str,
    registry: Registry,
    boards: Mapping[str, Leaderboard],
    output_dir: Path,
    languages: Sequence[Language] = ("en", "zh"),
) -> tuple[Path, ...]:
    """Write the pages of one variant; arguments and errors are those of ``card_texts``."""
    pages = card_texts(variant, registry, boards, output_dir, languages)
    for file, text in pages.items():
        write_atomically(file, text)
    return tuple(pages)
