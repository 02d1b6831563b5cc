"""Writes cards into ``cards/`` below the folder of all reports, in the languages asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.replay.pictures.record import Pictures, pictures_folder, read_pictures
from bench.report.board.table import Leaderboard
from bench.report.card.gather import card_of
from bench.report.card.page import card_page, page_name
from bench.report.card.pictures import curves_file
from bench.report.words import Language
from catalog.files import write_atomically
from catalog.schema import Registry

CARDS_FOLDER = "cards"
"""Below the folder of all reports."""


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
    folder = output_dir / CARDS_FOLDER
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


def committed_pictures(
    variant: str, suites: Iterable[str], output_dir: Path
) -> dict[str, Pictures]:
    """The records of a variant's pictures by suite id, where there are any.

    Raises:
        InvalidInput: a record is broken.
    """
    found = {name: read_pictures(pictures_folder(output_dir, name, variant)) for name in suites}
    return {name: pictures for name, pictures in found.items() if pictures is not None}
