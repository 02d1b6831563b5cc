"""Every file that the project generates and commits, made in memory: written, or compared.

Reports are made from the records beside them, cards and catalogue from the registry as well, and a
README keeps its own words around a block that is quoted from a report.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from bench.identity.spec import TrainSpec
from bench.report.appeals import FOLDER as APPEALS
from bench.report.appeals import appeals_files
from bench.report.board.evidence import oddities
from bench.report.board.table import Leaderboard
from bench.report.card.write import card_texts
from bench.report.claims import NUMBERS, claims_files
from bench.report.generated.readme import QUICK, README, SUITE, readme_block, with_block
from bench.report.judges import judges_files
from bench.report.leaderboard.commands import report_command
from bench.report.leaderboard.findings import findings_text
from bench.report.leaderboard.pictures import CHARTS_FOLDER
from bench.report.leaderboard.publish import RECORDS, published_files
from bench.report.leaderboard.write import (
    PAGES,
    committed_boards,
    published_board,
    rendered,
)
from bench.report.words import LANGUAGES, Language, localized
from catalog.errors import MissingPrerequisite
from catalog.export.markdown import pages
from catalog.files import write_atomically
from catalog.schema import Registry, Suite

COMMAND = "aigc report all"
NO_LINE = "(no such line)"
EXPECTED = {
    "missing-seed": "as planned",
    "missing-calibration": "all draws of all sets",
    "withheld": "in the table: trained and scored as it asks",
}
"""What records should be in place of what is odd about them; else each of its own."""

Files = dict[Path, str | bytes]
SHOWN = 160
"""Characters of a line that a message quotes around the first one that differs."""


@dataclass(frozen=True)
class StaleFile:
    """A generated file that would be made otherwise.

    Attributes:
        line: number of the first line that differs, from 1; None for a whole file.
        committed: that line, or what is there.
        recomputed: that line as the records make it, or what should be there.
        command: puts it right.
    """

    file: Path
    line: int | None
    committed: str
    recomputed: str
    command: str

    def lines(self) -> list[str]:
        """What to tell a user: both lines, around the first character that differs."""
        place = "" if self.line is None else f":{self.line}"
        both = zip(self.committed, self.recomputed, strict=False)
        shorter, longer = sorted((len(self.committed), len(self.recomputed)))
        at = next((i for i, (old, new) in enumerate(both) if old != new), shorter)
        first = max(0, at - SHOWN // 2) if longer > SHOWN else 0
        start = "…" if first else ""
        old, new = (
            f"{start}{text[first : first + SHOWN]}{'…' if text[first + SHOWN :] else ''}"
            for text in (self.committed, self.recomputed)
        )
        return [
            f"{self.file.as_posix()}{place}: stale",
            f"  committed:  {old}",
            f"  recomputed: {new}",
        ]


def write_everything(registry: Registry, reports: Path) -> tuple[Path, ...]:
    """Makes every generated file, and writes those that are not yet what they should be.

    Returns:
        The files that changed. Errors are those of ``generated``.
    """
    boards = committed_boards(registry, reports)
    files = generated(registry, boards, reports)
    stale = [path for path, content in files.items() if differing(path, content, COMMAND)]
    for path in stale:
        write_atomically(path, files[path])
    return tuple(stale)


def check_everything(registry: Registry, reports: Path) -> tuple[int, tuple[StaleFile, ...]]:
    """Makes every generated file again and compares; writes nothing.

    Returns:
        How many files were compared, and what is stale.

    Raises:
        MissingPrerequisite: scores are of another version of torch-fidelity.
    """
    boards = committed_boards(registry, reports)
    for board in boards.values():
        _require_same_library(board)
    files = generated(registry, boards, reports)
    stale = [differing(path, content, COMMAND) for path, content in files.items()]
    extra = [
        one
        for name, board in boards.items()
        for one in (
            *_strays(board, reports / name, set(files)),
            *_odd(board, reports / name),
        )
    ]
    extra += [
        StaleFile(path, None, "is there", "is on no page", f"git rm {path.as_posix()}")
        for path in sorted((reports / APPEALS).rglob("*.svg"))
        if path not in files
    ]
    return len(files), (*filter(None, stale), *extra)


def check_leaderboard(
    suite: Suite, planned: Sequence[TrainSpec], output_dir: Path, registry: Registry
) -> tuple[tuple[Path, ...], tuple[StaleFile, ...]]:
    """Makes every generated file of a report again from ``records/`` and compares; writes nothing.

    A page and its pictures are compared in each language in which the page is there. A file below
    ``records/`` that stands behind no row, or a picture that no page shows, is stale as well.

    Args:
        suite: what the report is of.
        planned: every training that the suite asks for.
        output_dir: the folder of all reports.
        registry: names, papers and the protocol.

    Returns:
        The files that were compared, records apart, and what is stale.

    Raises:
        MissingPrerequisite: there are no records, or no page in any language, or the scores are of
            another version of torch-fidelity.
        InvalidInput: a record is broken or stands there twice.
    """
    folder = output_dir / suite.id
    board = published_board(suite, planned, output_dir, registry)
    _require_same_library(board)
    languages = [language for language, page in PAGES.items() if (folder / page).is_file()]
    if not languages:
        raise MissingPrerequisite(
            f"there is no page of suite '{suite.id}' to check",
            where=str(folder),
            hint=f"make it with: {report_command(suite, registry, output_dir=output_dir)}",
        )
    findings: dict[Language, str] = {name: findings_text(folder, name, board) for name in languages}
    files = rendered(board, registry, findings)
    command = report_command(suite, registry, output_dir=output_dir)
    stale = [differing(folder / name, content, command) for name, content in files.items()]
    extra = [*_strays(board, folder, {folder / name for name in files}), *_odd(board, folder)]
    return tuple(folder / name for name in files), (*filter(None, stale), *extra)


def generated(registry: Registry, boards: Mapping[str, Leaderboard], reports: Path) -> Files:
    """Content of every generated file by its path.

    Args:
        registry: the catalogue and the variants.
        boards: the tables of all committed reports.
        reports: their folder; the READMEs stand beside it.

    Raises:
        InvalidInput: a record is broken, or a README lacks the marks of its block.
    """
    files: Files = {}
    for name, board in boards.items():
        folder = reports / name
        findings: dict[Language, str] = {one: findings_text(folder, one, board) for one in PAGES}
        made = rendered(board, registry, findings)
        if (folder / NUMBERS).is_file():
            made |= claims_files(board.suite, registry, boards)
        files |= {folder / file: content for file, content in made.items()}
    for name in registry.rows:
        files |= card_texts(name, registry, boards, reports)
    files |= {reports / name: text for name, text in pages(registry).items()}
    files |= judges_files(registry, reports)
    files |= appeals_files(registry, reports)
    return files | _readmes(registry, boards, reports.resolve().parent)


def differing(file: Path, content: str | bytes, command: str) -> StaleFile | None:
    """Where a file is not what it would be; None where it is, byte for byte."""
    made = content.encode() if isinstance(content, str) else content
    if not file.is_file():
        return StaleFile(file, None, "no such file", f"{len(made)} bytes", command)
    committed = file.read_bytes()
    if committed == made:
        return None
    if isinstance(content, str):
        lines = zip_longest(
            committed.decode(errors="replace").split("\n"), content.split("\n"), fillvalue=NO_LINE
        )
        for number, (old, new) in enumerate(lines, 1):
            if old != new:
                return StaleFile(file, number, old, new, command)
    return StaleFile(file, None, _summary(committed), _summary(made), command)


def _readmes(registry: Registry, boards: Mapping[str, Leaderboard], folder: Path) -> Files:
    """Both READMEs, where they are and the table that they quote is there."""
    files = {folder / localized(README, language): language for language in LANGUAGES}
    if SUITE not in boards:
        return {}
    return {
        file: with_block(
            file.read_text(encoding="utf-8"),
            readme_block(boards[SUITE], boards.get(QUICK), registry, language),
        )
        for file, language in files.items()
        if file.is_file()
    }


def _strays(board: Leaderboard, folder: Path, files: set[Path]) -> Iterator[StaleFile]:
    """Records behind no row and pictures on no page.

    Args:
        board: of the report.
        folder: of the report.
        files: that the report generates, records apart.
    """
    records = {folder / RECORDS / target for target, _ in published_files(board)}
    for place, wanted, why in (
        (RECORDS, records, "stands behind no row"),
        (CHARTS_FOLDER, files, "is on no page"),
    ):
        for path in sorted((folder / place).rglob("*")):
            if path.is_file() and path not in wanted:
                yield StaleFile(path, None, "is there", why, f"git rm {path.as_posix()}")


def _odd(board: Leaderboard, folder: Path) -> Iterator[StaleFile]:
    """What the records say of each other that trainings do not make; pages say it, too."""
    for one in oddities(board):
        expected = EXPECTED.get(one.kind, "each of its own")
        told = f"{one.kind}: {'; '.join(one.what)}"
        yield StaleFile(folder / RECORDS, None, told, expected, "aigc bench verify --retrain")
    for file, problem in board.broken_grids.items():
        yield StaleFile(file, None, problem, "a grid of samples", "remove it")


def _require_same_library(board: Leaderboard) -> None:
    """Tell an installation that cannot judge a report from a report that is stale.

    Raises:
        MissingPrerequisite: the scores are of another version of torch-fidelity.
    """
    installed = board.protocol.torch_fidelity
    stored = {score.record.protocol.torch_fidelity for run in board.runs for score in run.scores}
    if stored and installed not in stored:
        versions = ", ".join(sorted(stored))
        raise MissingPrerequisite(
            f"the scores were made with torch-fidelity {versions}, and {installed} is installed",
            hint=f"install torch-fidelity {versions}",
        )


def _summary(content: bytes) -> str:
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}"
