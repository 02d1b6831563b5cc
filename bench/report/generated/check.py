"""Whether a committed report is what its own records say, byte for byte; writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from bench.identity.spec import TrainSpec
from bench.report.board.table import Leaderboard
from bench.report.generated.commands import RECORDS, report_command
from bench.report.leaderboard.pictures import FOLDER, known_paths
from bench.report.leaderboard.publish import published_files
from bench.report.leaderboard.write import PAGES, findings_text, published_board, rendered
from bench.report.words.report import Language
from catalog.errors import MissingPrerequisite
from catalog.schema import Registry, Suite

END = "(no such line)"


@dataclass(frozen=True)
class Stale:
    """A file of a report that its records would not make.

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


def check_leaderboard(
    suite: Suite, planned: Sequence[TrainSpec], output_dir: Path, registry: Registry
) -> tuple[tuple[Path, ...], tuple[Stale, ...]]:
    """Makes every generated file of a report again from ``records/`` and compares.

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
    require_same_library(board)
    languages = [language for language, page in PAGES.items() if (folder / page).is_file()]
    if not languages:
        raise MissingPrerequisite(
            f"there is no page of suite '{suite.id}' to check",
            where=str(folder),
            hint=f"make it with: {report_command(suite, registry, None, output_dir)}",
        )
    findings: dict[Language, str] = {name: findings_text(folder, name) for name in languages}
    files = rendered(board, registry, findings)
    commands = {
        name: report_command(suite, registry, _language(name, languages), output_dir)
        for name in files
    }
    stale = [differing(folder / name, content, commands[name]) for name, content in files.items()]
    extra = strays(board, folder, {folder / name for name in files})
    return tuple(folder / name for name in files), (*filter(None, stale), *extra)


def strays(board: Leaderboard, folder: Path, files: set[Path]) -> Iterator[Stale]:
    """Records behind no row and pictures on no page.

    Args:
        board: of the report.
        folder: of the report.
        files: that the report generates, records apart.
    """
    wanted = {folder / RECORDS / target for target, _ in published_files(board)}
    yield from _extra(folder / RECORDS, wanted, "stands behind no row")
    yield from _extra(folder / FOLDER, files, "is on no page")


def _language(name: str, languages: Sequence[Language]) -> Language | None:
    """The first language that makes a file; None for a file that every language makes."""
    makers = [one for one in languages if name == PAGES[one] or name in known_paths(one)]
    return makers[0] if makers else None


def require_same_library(board: Leaderboard) -> None:
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


def differing(file: Path, content: str | bytes, command: str) -> Stale | None:
    """Where a file is not what it would be; None where it is, byte for byte."""
    made = content.encode() if isinstance(content, str) else content
    if not file.is_file():
        return Stale(file, None, "no such file", f"{len(made)} bytes", command)
    committed = file.read_bytes()
    if committed == made:
        return None
    if isinstance(content, str):
        lines = zip_longest(
            committed.decode(errors="replace").split("\n"), content.split("\n"), fillvalue=END
        )
        for number, (old, new) in enumerate(lines, 1):
            if old != new:
                return Stale(file, number, old, new, command)
    return Stale(file, None, _summary(committed), _summary(made), command)


def _summary(content: bytes) -> str:
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}"


def _extra(folder: Path, wanted: set[Path], why: str) -> Iterator[Stale]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in wanted:
            yield Stale(path, None, "is there", why, f"git rm {path.as_posix()}")
