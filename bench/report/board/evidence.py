"""What records of several trainings say of each other, which no single one shows.

Two trainings never end in the same weights, losses or images: what is there twice was copied. Seeds
are trained from 0 upwards: one that is missing below others was taken away, or never finished.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bench.report.board.table import Leaderboard

Kind = Literal["same-weights", "same-curve", "same-images", "missing-seed"]


@dataclass(frozen=True)
class Oddity:
    """Something that trainings as planned do not make.

    Attributes:
        kind: what it is.
        what: the runs, image sets or seeds that it is about, in order.
    """

    kind: Kind
    what: tuple[str, ...]


def oddities(board: Leaderboard) -> tuple[Oddity, ...]:
    """Everything odd about the records behind a table, in a fixed order."""
    return (*_same_files(board), *_same_images(board), *_missing_seeds(board))


def _same_files(board: Leaderboard) -> Iterator[Oddity]:
    """Weights or curves that two trainings share, by the hashes on record."""
    kinds: dict[str, Kind] = {"weights": "same-weights", "curve": "same-curve"}
    found: dict[tuple[Kind, str], set[str]] = defaultdict(set)
    for run in (*board.runs, *board.stale_runs):
        for artifact in run.train.artifacts:
            found[kinds[artifact.kind], artifact.sha256].add(run.train.run_id)
    shared = {(kind, tuple(sorted(runs))) for (kind, _), runs in found.items() if len(runs) > 1}
    for kind, runs in sorted(shared):
        yield Oddity(kind, runs)


def _same_images(board: Leaderboard) -> Iterator[Oddity]:
    """Images that two rows, two seeds, or a row and a calibration set share.

    Sets of one image, over and over, are no sign: every model that has collapsed to a blank one
    makes the same.
    """
    found: dict[str, set[str]] = defaultdict(set)
    trained: set[str] = set()
    for run in board.runs:
        for subject, score in run.final_scores():
            if score.record.n_distinct != 1:
                name = f"{run.train.run_id} ({subject.sampler}{', EMA' if subject.ema else ''})"
                found[score.record.images_sha256].add(name)
                trained.add(score.record.images_sha256)
    for row in board.calibration:
        for score in row.scores:
            found[score.record.images_sha256].add(row.key.name)
    shared = {tuple(sorted(names)) for key, names in found.items() if key in trained}
    for names in sorted(names for names in shared if len(names) > 1):
        yield Oddity("same-images", names)


def _missing_seeds(board: Leaderboard) -> Iterator[Oddity]:
    """Planned seeds without any run, below one that has a run."""
    last: dict[str, int] = {}
    for spec in (run.train.spec for run in board.runs):
        last[spec.variant] = max(spec.seed, last.get(spec.variant, spec.seed))
    for gap in board.gaps:
        missing = [seed for seed in gap.seeds if seed < last.get(gap.variant, -1)]
        if gap.status == "missing" and missing:
            yield Oddity("missing-seed", tuple(f"{gap.variant}, {seed}" for seed in missing))
