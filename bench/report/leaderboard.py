"""Writes the report of a suite: its page, its numbers and the records behind both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench import protocol as protocols
from bench.report.details import RECORDS
from bench.report.gather import gather
from bench.report.markdown import leaderboard_page
from bench.report.publish import publish
from bench.report.records import find_records
from bench.report.results import results_csv
from bench.report.texts import Language
from bench.spec import TrainSpec
from catalog.errors import MissingPrerequisite
from catalog.paths import write_atomically
from catalog.schema import Registry, Suite

PAGES: dict[Language, str] = {"en": "leaderboard.md", "zh": "leaderboard.zh-CN.md"}
FINDINGS: dict[Language, str] = {"en": "findings.md", "zh": "findings.zh-CN.md"}
"""Written by hand and kept beside the page, which quotes it word for word."""


def write_leaderboard(
    suite: Suite,
    planned: Sequence[TrainSpec],
    runs_dir: Path,
    output_dir: Path,
    registry: Registry,
    language: Language,
) -> tuple[Path, ...]:
    """Writes page, ``results.csv`` and ``records/`` into a folder named after the suite.

    A file of findings in that folder, if there is one, stands at the top of the page.

    Args:
        suite: what the table is of.
        planned: every training that the suite asks for; other records are listed as stale.
        runs_dir: a runs directory, or the ``records`` of an earlier report.
        output_dir: the folder of all reports.
        registry: names, papers and the protocol.
        language: of the page; the CSV file has none.

    Returns:
        The page, the CSV file and the records directory.

    Raises:
        MissingPrerequisite: no run of the suite is in ``runs_dir``.
        InvalidInput: a record is broken or stands there twice.
    """
    protocol = protocols.resolve(registry, suite.protocol)
    parents = {variant.id: variant.parent for variant in registry.variants if variant.parent}
    board = gather(suite, protocol, planned, find_records(runs_dir), parents)
    if not board.runs and not board.stale_runs:
        raise MissingPrerequisite(
            f"no run of suite '{suite.id}' is there to report on",
            where=str(runs_dir),
            hint=f"make some with: aigc bench run {suite.id}",
        )
    folder = output_dir / suite.id
    page, results = folder / PAGES[language], folder / "results.csv"
    publish(board, runs_dir, folder / RECORDS)
    findings = _text(folder / FINDINGS[language])
    write_atomically(page, leaderboard_page(board, registry, language, findings))
    write_atomically(results, results_csv(board))
    return page, results, folder / RECORDS


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
