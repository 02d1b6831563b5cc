"""Copies what a report is made from beside it, so that the report can be made again from there.

The copy has the layout of a runs directory. Checkpoints stay behind, and so do weights, unless the
suite publishes them. Of a stale run only the train record is copied, which is all that the report
says about it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.records.run_directory import CALIBRATION
from bench.report.board.table import Leaderboard, Row
from catalog.files import write_atomically

RECORDS = "records"
"""Below the folder of a report."""
PUBLISHED = ("train.json", "scores/*.json", "curve.csv", "grid*.png")
WEIGHTS = "*.safetensors"


def publish(board: Leaderboard, runs_dir: Path, records_dir: Path) -> None:
    """Makes ``records_dir`` hold the files behind a leaderboard and nothing else.

    Files are written whole or not at all; what no longer belongs there is removed last. Nothing
    happens where the report is made from ``records_dir`` itself.
    """
    if records_dir.resolve() == runs_dir.resolve():
        return
    files = dict(published_files(board))
    for target, source in files.items():
        write_atomically(records_dir / target, source.read_bytes())
    _remove_others(records_dir, {records_dir / target for target in files})


def published_files(board: Leaderboard) -> Iterator[tuple[Path, Path]]:
    """Target below the records directory, and source, of every published file."""
    patterns = (*PUBLISHED, WEIGHTS) if board.suite.publish_weights else PUBLISHED
    for run in board.runs:
        for pattern in patterns:
            for source in sorted(run.directory.glob(pattern)):
                yield Path(run.train.run_id) / source.relative_to(run.directory), source
    for run in board.stale_runs:
        yield Path(run.train.run_id, "train.json"), run.directory / "train.json"
    for row in board.calibration:
        for score in row.scores:
            yield Path(CALIBRATION, score.path.name), score.path
        if row.grid is not None and row.grid.is_file():
            yield Path(CALIBRATION, row.grid.name), row.grid


def grid_link(row: Row) -> str:
    """Where the sample grid of a row lies, seen from its report; the row has one."""
    folder = row.runs[0].train.run_id if row.runs else CALIBRATION
    return f"{RECORDS}/{folder}/{row.grid.name if row.grid else ''}"


def _remove_others(records_dir: Path, wanted: set[Path]) -> None:
    folders = {parent for file in wanted for parent in file.parents}
    for path in sorted(records_dir.rglob("*")):
        if path.is_dir():
            if path not in folders:
                shutil.rmtree(path)
        elif path not in wanted:
            path.unlink(missing_ok=True)
