"""The report of a suite: makes its page and its numbers in memory, and writes them.

Making and writing are apart, so that a committed report can be compared with what its records say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.identity import protocol as protocols
from bench.identity.spec import TrainSpec
from bench.report.board.pins import pinned_by_records
from bench.report.board.records import Found, find_records
from bench.report.board.results import results_csv, results_json
from bench.report.board.rows import gather
from bench.report.board.table import Leaderboard
from bench.report.leaderboard.commands import run_command
from bench.report.leaderboard.destination import require_free
from bench.report.leaderboard.findings import findings_text
from bench.report.leaderboard.page import leaderboard_page
from bench.report.leaderboard.pictures import known_paths, pictures_of
from bench.report.leaderboard.publish import RECORDS, copies_of
from bench.report.leaderboard.wall import wall_of
from bench.report.words import LANGUAGES, Language, localized
from bench.run.plan import planned_specs
from catalog.errors import MissingPrerequisite
from catalog.files import write_atomically
from catalog.schema import Registry, Suite

PAGES: dict[Language, str] = {one: localized("leaderboard.md", one) for one in LANGUAGES}
RESULTS = "results.csv"
RESULTS_JSON = "results.json"


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
    if not (board.runs or board.stale_runs or board.own or board.loaded):
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
        MissingPrerequisite: a folder of records holds none of its suite's runs.
        InvalidInput: a record is broken, or one image set has two scores under the protocol.
    """
    boards = {}
    for suite in registry.all_suites:
        records = output_dir / suite.id / RECORDS
        if records.is_dir():
            known = pinned_by_records(registry, suite, records)
            planned = planned_specs(known, suite)
            boards[suite.id] = published_board(suite, planned, output_dir, known)
    return boards


def rendered(
    board: Leaderboard, registry: Registry, findings: Mapping[Language, str]
) -> dict[str, str | bytes]:
    """Content of every generated file by its path in the report's folder.

    Args:
        board: what stands in it.
        registry: names, papers and published numbers.
        findings: Markdown by language, its blanks filled; a page is made for each of these.

    Raises:
        InvalidInput: the curve of a run is broken.
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
    first: Language = "en",
    *,
    replace: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Path, ...]:
    """Writes pages, pictures, results and ``records/`` into a folder named after the suite.

    All languages are written, so that no page is older than another. Findings in that folder stand
    at the top of the page if they speak of this table. Errors are those of ``find_records``,
    ``board_of`` and ``rendered``.

    Args:
        suite: what the table is of.
        planned: every training that the suite asks for; other records are listed as stale.
        runs_dir: a runs directory, or the ``records`` of an earlier report.
        output_dir: the folder of all reports.
        registry: names, papers and the protocol.
        first: the language whose page is named first.
        replace: whether what git tracks, and what was made from other records, may go.
        tell: is given a line for each picture that cannot be shown, and each line of what goes.

    Returns:
        The page, the CSV and the JSON file, the other pages, every picture and the records
        directory.

    Raises:
        WouldReplace: it would, and ``replace`` is not given; nothing was written.
    """
    board = board_of(suite, planned, find_records(runs_dir), registry)
    folder = output_dir / suite.id
    languages = sorted(LANGUAGES, key=lambda language: language != first)
    findings: dict[Language, str] = {one: findings_text(folder, one, board) for one in languages}
    made = rendered(board, registry, findings)
    front = (PAGES[first], RESULTS, RESULTS_JSON)
    files = {folder / name: made[name] for name in (*front, *(n for n in made if n not in front))}
    copies = copies_of(board, runs_dir, folder / RECORDS)
    for problem in (*board.broken_grids.values(), *copies.left_out):
        tell(f"left out: {problem}")
    unshown = [
        folder / name for one in LANGUAGES for name in sorted(known_paths(one) - made.keys())
    ]
    require_free(
        folder,
        {**copies.files, **files},
        (*copies.gone, *unshown),
        foreign=copies.foreign or not (folder / RECORDS).is_dir(),
        replace=replace,
        tell=tell,
    )
    copies.write()
    for path, content in files.items():
        write_atomically(path, content)
    for path in unshown:
        path.unlink(missing_ok=True)
    return (*files, folder / RECORDS)
