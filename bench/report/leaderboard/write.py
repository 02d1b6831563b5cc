"""The report of a suite: makes its page and its numbers in memory, and writes them.

Making and writing are apart, so that a committed report can be compared with what its records say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.identity import protocol as protocols
from bench.identity.spec import TrainSpec
from bench.report.board.records import Found, find_records
from bench.report.board.results import results_csv, results_json
from bench.report.board.rows import gather
from bench.report.board.table import Leaderboard
from bench.report.leaderboard.commands import run_command
from bench.report.leaderboard.page import leaderboard_page
from bench.report.leaderboard.pictures import known_paths, pictures_of
from bench.report.leaderboard.publish import RECORDS, publish
from bench.report.leaderboard.wall import wall_of
from bench.report.words import LANGUAGES, Language, localized
from bench.run.plan import planned_specs
from catalog.errors import MissingPrerequisite
from catalog.files import write_atomically
from catalog.schema import Registry, Suite

PAGES: dict[Language, str] = {one: localized("leaderboard.md", one) for one in LANGUAGES}
RESULTS = "results.csv"
RESULTS_JSON = "results.json"
FINDINGS = "findings.md"
"""Written by hand and kept beside the page, which quotes it word for word."""


def board_of(
    suite: Suite, planned: Sequence[TrainSpec], found: Found, registry: Registry
) -> Leaderboard:
    """The table of a suite as the records of a directory make it; nothing is written.

    Args:
        suite: what the table is of.
        planned: every training that the suite asks for; other records are listed as stale.
        found: the records.
        registry: names, papers and the protocol.

    Raises:
        MissingPrerequisite: no run of the suite is among the records.
        InvalidInput: one image set has two scores under the protocol.
    """
    protocol = protocols.resolve(registry, suite.protocol)
    board = gather(suite, protocol, planned, found, registry.variants)
    if not board.runs and not board.stale_runs:
        raise MissingPrerequisite(
            f"no run of suite '{suite.id}' is there to report on",
            where=str(found.directory),
            hint=f"make some with: {run_command(suite, registry)}",
        )
    return board


def published_board(
    suite: Suite, planned: Sequence[TrainSpec], output_dir: Path, registry: Registry
) -> Leaderboard:
    """The table of a suite from the records beside its report; arguments as of ``board_of``."""
    return board_of(suite, planned, find_records(output_dir / suite.id / RECORDS), registry)


def committed_boards(registry: Registry, output_dir: Path) -> dict[str, Leaderboard]:
    """The table of each suite that has records below the folder of all reports.

    Args:
        registry: its suites and their budgets are looked for, by id; a folder of another name is
            passed over.
        output_dir: the folder of all reports.

    Returns:
        Tables by suite id, in the order of the registry; empty where no suite has records.

    Raises:
        MissingPrerequisite: a folder of records holds none of its suite's runs, or the suite's data
            set was never decoded on this machine and the registry does not pin it.
        InvalidInput: a record is broken, or one image set has two scores under the protocol.
    """
    return {
        suite.id: published_board(suite, planned_specs(registry, suite), output_dir, registry)
        for suite in registry.all_suites
        if (output_dir / suite.id / RECORDS).is_dir()
    }


def rendered(
    board: Leaderboard, registry: Registry, findings: Mapping[Language, str]
) -> dict[str, str | bytes]:
    """Content of every generated file by its path in the report's folder.

    Args:
        board: what stands in it.
        registry: names, papers and published numbers.
        findings: the hand-written Markdown by language; a page is made for each of these.

    Raises:
        InvalidInput: the curve of a run, or a grid of samples, is broken.
    """
    wall = wall_of(board)
    files: dict[str, str | bytes] = {}
    pictures: dict[str, str | bytes] = {}
    for language, text in findings.items():
        shown = pictures_of(board, registry, language, wall)
        files[PAGES[language]] = leaderboard_page(board, registry, language, text, shown)
        pictures |= {picture.path: picture.content for picture in shown.values()}
    return {**files, RESULTS: results_csv(board), RESULTS_JSON: results_json(board), **pictures}


def write_leaderboard(
    suite: Suite,
    planned: Sequence[TrainSpec],
    runs_dir: Path,
    output_dir: Path,
    registry: Registry,
    language: Language,
) -> tuple[Path, ...]:
    """Writes page, pictures, results and ``records/`` into a folder named after the suite.

    A file of findings in that folder, if there is one, stands at the top of the page. Errors are
    those of ``find_records``, ``board_of`` and ``rendered``.

    Args:
        suite: what the table is of.
        planned: every training that the suite asks for; other records are listed as stale.
        runs_dir: a runs directory, or the ``records`` of an earlier report.
        output_dir: the folder of all reports.
        registry: names, papers and the protocol.
        language: of the page and its charts; the numbers have none.

    Returns:
        The page, the CSV and the JSON file, every picture and the records directory.
    """
    board = board_of(suite, planned, find_records(runs_dir), registry)
    folder = output_dir / suite.id
    files = rendered(board, registry, {language: findings_text(folder, language)})
    publish(board, runs_dir, folder / RECORDS)
    for name, content in files.items():
        write_atomically(folder / name, content)
    for name in sorted(known_paths(language) - files.keys()):
        (folder / name).unlink(missing_ok=True)
    return (*(folder / name for name in files), folder / RECORDS)


def findings_text(folder: Path, language: Language) -> str:
    """What a report folder has to quote at the top of a page; empty where there is nothing."""
    file = folder / localized(FINDINGS, language)
    return file.read_text(encoding="utf-8") if file.is_file() else ""
