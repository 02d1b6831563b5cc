"""``aigc report leaderboard``: the table of one suite, made from its records."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.commands.options import RegistryOption, emit


class Language(StrEnum):
    """Languages that pages are written in."""

    EN = "en"
    ZH = "zh"


def leaderboard(
    suite: Annotated[str, typer.Argument(help="A suite; aigc bench list --kind suites.")],
    runs: Annotated[Path, typer.Option("--runs", help="Where the records are.")] = Path("runs"),
    output_dir: Annotated[
        Path,
        typer.Option("--output-dir", "-o", help="Where the report goes, in a folder of its own."),
    ] = Path("reports"),
    lang: Annotated[Language, typer.Option("--lang", help="Language of the page.")] = Language.EN,
    registry_file: RegistryOption = None,
) -> None:
    """Write leaderboard, CSV, sample grids and the records they stand on."""
    from bench.plan import planned_specs
    from bench.report import write_leaderboard
    from catalog.loader import load_registry

    registry = load_registry(registry_file)
    entry = registry.suite(suite)
    planned = planned_specs(registry, entry)
    for path in write_leaderboard(entry, planned, runs, output_dir, registry, lang.value):
        emit(path.as_posix())
