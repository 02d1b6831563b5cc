"""How much disk runs take, how much is left, and what unfinished jobs will need.

Sizes are those of the files' contents, in bytes. No link is followed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.machine.units import size_text
from bench.records.files import CALIBRATION_FOLDER, CHECKPOINT, WEIGHTS


@dataclass(frozen=True)
class DiskUse:
    """The disk that holds a runs directory.

    Attributes:
        jobs: bytes of the run directories of the jobs in question.
        calibration: bytes of the calibration rows, which suites share.
        other: bytes of all other directories in the runs directory.
        free: bytes that the disk still has for this user.
    """

    jobs: int
    calibration: int
    other: int
    free: int

    def sentence(self, needed: int | None = 0) -> str:
        """What to tell a user; ``needed`` is what jobs to run will add, None if unknown."""
        parts = [f"{size_text(self.jobs)} of these jobs"]
        if self.calibration:
            parts.append(f"{size_text(self.calibration)} of calibration rows")
        if self.other:
            parts.append(f"{size_text(self.other)} of other runs")
        line = f"disk: {', '.join(parts)}; {size_text(self.free)} free"
        if needed is None:
            return f"{line}; no finished run says what the jobs to run will need"
        return f"{line}; the jobs to run will need about {size_text(needed)}" if needed else line


def size_of(path: Path) -> int:
    """Bytes of the files in a directory, however deep; 0 where there is none.

    What disappears meanwhile counts nothing: others may be writing there.
    """
    total = 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    total += size_of(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    total += entry.stat(follow_symlinks=False).st_size
    except (FileNotFoundError, NotADirectoryError):
        return total
    return total


def free_bytes(path: Path) -> int:
    """What the disk of a directory still has, which need not exist yet."""
    place = path.absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def disk_use(runs_dir: Path, of_jobs: Collection[int]) -> DiskUse:
    """The use of a runs directory; ``of_jobs`` are the sizes of the run directories in question."""
    jobs, calibration = sum(of_jobs), size_of(runs_dir / CALIBRATION_FOLDER)
    folders = [path for path in runs_dir.glob("*/") if not path.is_symlink()]
    return DiskUse(
        jobs=jobs,
        calibration=calibration,
        other=max(0, sum(map(size_of, folders)) - jobs - calibration),
        free=free_bytes(runs_dir),
    )


def needed_bytes(runs_dir: Path, unfinished: Mapping[str, int]) -> int | None:
    """What unfinished runs, by id with their bytes so far, will still add to the disk.

    A run will be as large as the mean of finished runs of its variant in the runs directory, else
    of all that are finished there; None where there is none. A run counts as finished when it has
    weights and no checkpoint.
    """
    sizes: dict[str, list[int]] = {}
    for weights in runs_dir.glob(f"*/{WEIGHTS}"):
        if not (weights.parent / CHECKPOINT).exists():
            sizes.setdefault(_stem(weights.parent.name), []).append(size_of(weights.parent))
    everything = [size for of_variant in sizes.values() for size in of_variant]
    if unfinished and not everything:
        return None
    return sum(
        max(0, round(fmean(sizes.get(_stem(run_id), everything))) - so_far)
        for run_id, so_far in unfinished.items()
    )


def _stem(run_id: str) -> str:
    """Variant and data set of a run's id, without its seed and hash."""
    return run_id.rpartition("-s")[0]
