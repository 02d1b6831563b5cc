"""Every file that the project generates and commits, made in memory: written, or compared.

Reports are made from the records beside them, cards and catalogue from the registry as well, and a
README keeps its own words around a block that is quoted from a report.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.report.board.table import Leaderboard
from bench.report.card.write import card_texts
from bench.report.claims import NUMBERS, claims_files
from bench.report.generated.check import Stale, differing, require_same_library, strays
from bench.report.generated.committed import committed_boards
from bench.report.generated.readme import FILES, QUICK, SUITE, readme_block, with_block
from bench.report.leaderboard.write import PAGES, findings_text, rendered
from bench.report.words.report import Language
from catalog.export.markdown import pages
from catalog.files import write_atomically
from catalog.schema import Registry

COMMAND = "aigc report all"

Files = dict[Path, str | bytes]


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


def check_everything(registry: Registry, reports: Path) -> tuple[int, tuple[Stale, ...]]:
    """Makes every generated file again and compares; writes nothing.

    Returns:
        How many files were compared, and what is stale.

    Raises:
        MissingPrerequisite: scores are of another version of torch-fidelity.
    """
    boards = committed_boards(registry, reports)
    for board in boards.values():
        require_same_library(board)
    files = generated(registry, boards, reports)
    stale = [differing(path, content, COMMAND) for path, content in files.items()]
    extra = [
        one for name, board in boards.items() for one in strays(board, reports / name, set(files))
    ]
    return len(files), (*filter(None, stale), *extra)


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
        findings: dict[Language, str] = {one: findings_text(folder, one) for one in PAGES}
        made = rendered(board, registry, findings)
        if (folder / NUMBERS).is_file():
            made |= claims_files(board.suite, registry, boards)
        files |= {folder / file: content for file, content in made.items()}
    for variant in registry.variants:
        files |= card_texts(variant.id, registry, boards, reports)
    files |= {reports / name: text for name, text in pages(registry).items()}
    return files | _readmes(registry, boards, reports.resolve().parent)


def _readmes(registry: Registry, boards: Mapping[str, Leaderboard], folder: Path) -> Files:
    """Both READMEs, where they are and the table that they quote is there."""
    board = boards.get(SUITE)
    if board is None:
        return {}
    quick = tuple(variant.id for variant in registry.variants_of(registry.suite(QUICK)))
    return {
        folder / name: with_block(
            (folder / name).read_text(encoding="utf-8"),
            readme_block(board, quick, registry, language),
        )
        for language, name in FILES.items()
        if (folder / name).is_file()
    }
