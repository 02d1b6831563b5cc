"""Whether a committed report is what its own records say, byte for byte; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from bench.report.details import RECORDS
from bench.report.frames import Leaderboard
from bench.report.leaderboard import PAGES, board_of, findings_text, rendered
from bench.report.publish import published_files
from bench.report.records import find_records
from bench.report.texts import Language
from bench.spec import TrainSpec
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

    A page is compared in each language in which it is there. A file below ``records/`` that stands
    behind no row is stale as well.

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
    board = board_of(suite, planned, find_records(folder / RECORDS), registry)
    _require_same_library(board)
    languages = [language for language, page in PAGES.items() if (folder / page).is_file()]
    if not languages:
        raise MissingPrerequisite(
            f"there is no page of suite '{suite.id}' to check",
            where=str(folder),
            hint=f"make it with: {_command(suite, output_dir, None)}",
        )
    findings: dict[Language, str] = {name: findings_text(folder, name) for name in languages}
    texts = rendered(board, registry, findings)
    language_of = {PAGES[language]: language for language in languages}
    stale = [
        _differing(folder / name, text, _command(suite, output_dir, language_of.get(name)))
        for name, text in texts.items()
    ]
    wanted = {folder / RECORDS / target for target, _ in published_files(board)}
    extra = _extra(folder / RECORDS, wanted)
    return tuple(folder / name for name in texts), (*filter(None, stale), *extra)


def _require_same_library(board: Leaderboard) -> None:
    """Tell an installation that cannot judge a report from a report that is stale."""
    installed = board.protocol.torch_fidelity
    stored = {score.record.protocol.torch_fidelity for run in board.runs for score in run.scores}
    if stored and installed not in stored:
        versions = ", ".join(sorted(stored))
        raise MissingPrerequisite(
            f"the scores were made with torch-fidelity {versions}, and {installed} is installed",
            hint=f"install torch-fidelity {versions}",
        )


def _command(suite: Suite, output_dir: Path, language: Language | None) -> str:
    records = (output_dir / suite.id / RECORDS).as_posix()
    where = "" if output_dir == Path("reports") else f" -o {output_dir.as_posix()}"
    chosen = " --lang zh" if language == "zh" else ""
    return f"aigc report leaderboard {suite.id} --runs {records}{where}{chosen}"


def _differing(file: Path, text: str, command: str) -> Stale | None:
    if not file.is_file():
        return Stale(file, None, "no such file", f"{len(text.splitlines())} lines", command)
    committed = file.read_bytes()
    if committed == text.encode():
        return None
    lines = zip_longest(
        committed.decode(errors="replace").split("\n"), text.split("\n"), fillvalue=END
    )
    for number, (old, new) in enumerate(lines, 1):
        if old != new:
            return Stale(file, number, old, new, command)
    return Stale(file, None, f"{len(committed)} bytes", f"{len(text.encode())} bytes", command)


def _extra(records: Path, wanted: set[Path]) -> Iterator[Stale]:
    for path in sorted(records.rglob("*")):
        if path.is_file() and path not in wanted:
            yield Stale(path, None, "is there", "stands behind no row", f"git rm {path.as_posix()}")
