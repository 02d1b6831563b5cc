"""Writes cards into ``cards/`` below the folder of all reports, in the languages asked for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from bench.replay.pictures.record import Pictures, pictures_folder, read_pictures
from bench.report.board.table import Leaderboard
from bench.report.card.gather import card_of
from bench.report.card.loaded import load_card_page
from bench.report.card.page import card_page, page_name
from bench.report.card.pictures import curves_file
from bench.report.leaderboard.destination import require_free
from bench.report.words import LANGUAGES, Language
from catalog.files import write_atomically
from catalog.schema import Registry

CARDS_FOLDER = "cards"
"""Below the folder of all reports."""
_LINK = re.compile(r"\]\(\.\./([^)#\s]+)")


def card_texts(
    variant: str,
    registry: Registry,
    boards: Mapping[str, Leaderboard],
    output_dir: Path,
    languages: Sequence[Language] = LANGUAGES,
    *,
    elsewhere: Path | None = None,
) -> dict[Path, str]:
    """The pages of one variant or loaded row, and their curves, by file; trains nothing.

    Args:
        variant: its id.
        registry: says what it is.
        boards: tables by suite id.
        output_dir: the folder of all reports, where records of pictures are looked for.
        languages: of the pages.
        elsewhere: another such folder, for records of pictures that the first lacks.

    Raises:
        UsageError: there is no such variant.
        InvalidInput: its recipe, a curve or a record of its pictures is broken.
    """
    load = next((one for one in registry.loads if one.id == variant), None)
    if load is not None:
        return {
            output_dir / CARDS_FOLDER / page_name(variant, language): load_card_page(
                load, registry, boards, language
            )
            for language in languages
        }
    pictures = committed_pictures(variant, boards, output_dir, elsewhere)
    card = card_of(variant, registry, boards, pictures)
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
    first: Language = "en",
    *,
    reports: Path | None = None,
    replace: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Path, ...]:
    """Write the pages of one variant in all languages.

    Args:
        variant: its id.
        registry: says what it is.
        boards: tables by suite id.
        output_dir: the folder of all reports that is written to.
        first: the language whose page is named first.
        reports: the folder of all reports that a card leads to where ``output_dir`` lacks
            something; none unless given.
        replace: whether what git tracks may go.
        tell: is then given each line of what goes.

    Raises:
        WouldReplace: it would, and ``replace`` is not given; nothing was written.
        UsageError: as of ``card_texts``.
        InvalidInput: as of ``card_texts``.
    """
    languages = sorted(LANGUAGES, key=lambda language: language != first)
    made = card_texts(variant, registry, boards, output_dir, languages, elsewhere=reports)
    folder = output_dir / CARDS_FOLDER
    if reports is not None and reports.resolve() != output_dir.resolve():
        made = {file: _leading_to(reports, text, folder) for file, text in made.items()}
    require_free(folder, made, replace=replace, tell=tell)
    for file, text in made.items():
        write_atomically(file, text)
    return tuple(made)


def _leading_to(reports: Path, text: str, folder: Path) -> str:
    """A card whose links lead to the folder of other reports where its own lacks the file."""
    there = Path(os.path.relpath(reports.resolve(), folder.resolve())).as_posix()

    def link(found: re.Match[str]) -> str:
        target = found[1]
        missing = not (folder.parent / target).exists() and (reports / target).exists()
        return f"](../{target}" if not missing else f"]({there}/{target}"

    return _LINK.sub(link, text)


def committed_pictures(
    variant: str, suites: Iterable[str], output_dir: Path, elsewhere: Path | None = None
) -> dict[str, Pictures]:
    """The records of a variant's pictures by suite id, where there are any.

    Args:
        variant: its id.
        suites: their ids.
        output_dir: the folder of all reports, which comes first.
        elsewhere: another such folder, for what the first lacks.

    Raises:
        InvalidInput: a record is broken.
    """
    found: dict[str, Pictures] = {}
    for name in suites:
        for place in filter(None, (output_dir, elsewhere)):
            pictures = read_pictures(pictures_folder(place, name, variant))
            if pictures is not None:
                found.setdefault(name, pictures)
    return found
