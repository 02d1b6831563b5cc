"""Copies what a report is made from beside it, so that the report can be made again from there.

The copy has the layout of a runs directory. Checkpoints stay behind, and so do weights, unless the
suite publishes them. Of a stale run, or one of another seed, only the train record is copied, and
of one at settings of its own that and its scores, which is all that the report says about it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.records.files import MAX_WEIGHTS_BYTES
from bench.records.picture_files import png_bytes
from bench.records.record import LoadedSubject
from bench.records.run_directory import CALIBRATION
from bench.report.board.table import Leaderboard, Row
from catalog.errors import InvalidInput
from catalog.files import reason, regular_bytes, unlinked_bytes, write_atomically

RECORDS = "records"
"""Below the folder of a report."""
PUBLISHED = ("train.json", "scores/*.json", "curve.csv", "grid*.png")
OF_LOADED = ("load.json", "scores/*.json", "grid*.png")
"""Of what others made: never the file itself, whose licence is theirs, nor where it lies."""
WEIGHTS = "*.safetensors"
_SPARE = 2**24
"""Bytes by which a record that is there may be longer than the one that takes its place."""


@dataclass(frozen=True)
class Copies:
    """What a records directory is to hold, and what it holds that does not belong there.

    Attributes:
        files: content by path.
        gone: files that stand behind nothing on the page.
        foreign: whether records go that the new report does not have, so that the earlier report
            was made from others.
        left_out: what is wrong with pictures that are not copied.
    """

    files: Mapping[Path, bytes] = field(repr=False)
    gone: tuple[Path, ...]
    foreign: bool
    left_out: tuple[str, ...] = ()

    def write(self) -> None:
        """Write files whole or not at all, then remove what no longer belongs there."""
        for path, content in self.files.items():
            write_atomically(path, content)
        for path in self.gone:
            path.unlink(missing_ok=True)
            _remove_empty(path.parent)


def copies_of(board: Leaderboard, runs_dir: Path, records_dir: Path) -> Copies:
    """What makes ``records_dir`` hold the files behind a leaderboard and nothing else.

    Nothing where the report is made from ``records_dir`` itself.

    Raises:
        InvalidInput: a file is a link, no regular one or too large, pictures aside.
    """
    if records_dir.resolve() == runs_dir.resolve():
        return Copies({}, (), foreign=False)
    files: dict[Path, bytes] = {}
    left_out = []
    for path, source in published_files(board):
        if source in board.broken_grids:
            continue
        try:
            files[records_dir / path] = _content(source)
        except InvalidInput as error:
            if source.suffix != ".png":
                raise
            left_out.append(f"{error.what}: {error.where or source}")
    there = sorted(path for path in records_dir.rglob("*") if not _is_folder(path))
    gone = tuple(path for path in there if path not in files)
    foreign = any(
        path.suffix == ".json" and path in files and not _goes_on(path, files[path])
        for path in there
    )
    return Copies(files, gone, foreign=foreign or bool(gone), left_out=tuple(left_out))


def published_files(board: Leaderboard) -> Iterator[tuple[Path, Path]]:
    """Target below the records directory, and source, of every published file."""
    patterns = (*PUBLISHED, WEIGHTS) if board.suite.publish_weights else PUBLISHED
    for run in board.runs:
        yield from _matching(run.directory, patterns, run.train.run_id)
    for loaded in board.loaded:
        yield from _matching(loaded.run.directory, OF_LOADED, loaded.run.load.run_id)
    for run in (*board.stale_runs, *board.beyond):
        yield Path(run.train.run_id, "train.json"), run.directory / "train.json"
    for own in board.own:
        for run, score in zip(own.row.runs, own.row.scores, strict=True):
            yield Path(run.train.run_id, "train.json"), run.directory / "train.json"
            yield Path(run.train.run_id, "scores", score.path.name), score.path
    for row in board.calibration:
        for score in row.scores:
            yield Path(CALIBRATION, score.path.name), score.path
        if row.grid is not None and row.grid.is_file():
            yield Path(CALIBRATION, row.grid.name), row.grid


def _matching(directory: Path, patterns: Iterable[str], run_id: str) -> Iterator[tuple[Path, Path]]:
    for pattern in patterns:
        for source in sorted(directory.glob(pattern)):
            yield Path(run_id) / source.relative_to(directory), source


def _content(source: Path) -> bytes:
    """What is copied of a run: nothing but what belongs to it, as a link does not."""
    if source.suffix == ".png":
        return png_bytes(source)
    try:
        return unlinked_bytes(source, MAX_WEIGHTS_BYTES)
    except OSError as error:
        raise InvalidInput(f"cannot read a file: {reason(error)}", where=str(source)) from error


def grid_link(row: Row) -> str:
    """Where the sample grid of a row lies, seen from its report; the row has one."""
    folder = row.runs[0].train.run_id if row.runs else CALIBRATION
    if row.kind == "loaded" and isinstance(of := row.scores[0].record.subject, LoadedSubject):
        folder = of.run_id
    return f"{RECORDS}/{folder}/{row.grid.name if row.grid else ''}"


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _goes_on(path: Path, content: bytes) -> bool:
    """Whether a record is the one that is there, perhaps further on: both began at one time."""
    try:
        if (there := regular_bytes(path, len(content) + _SPARE)) == content:
            return True
        begun = [json.loads(text)["created_at"] for text in (there, content)]
    except (OSError, ValueError, LookupError, TypeError, RecursionError, InvalidInput):
        return False
    return bool(begun[0] == begun[1])


def _remove_empty(folder: Path) -> None:
    """Remove a folder, and those above it, as far as nothing is left in them."""
    while folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
