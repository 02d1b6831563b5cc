"""The files that this project writes into a run directory or beside them, told by their names.

Whoever removes something asks here first: what has another name was put there by somebody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

FileKind = Literal[
    "record",
    "place",
    "score",
    "weights",
    "checkpoint",
    "curve",
    "grid",
    "live",
    "draft",
    "progress",
    "lock",
]
LOAD = "load.json"
SOURCE_PLACE = "source.txt"
"""Where a loaded file lies on this machine, which no record tells; it is never published."""
PROGRESS = "progress.json"
LOCK = ".lock"
RESERVE = ".reserve"
CHECKPOINT = "checkpoint.pt"
CURVE = "curve.csv"
LIVE_CURVE = "live.csv"
LATEST_GRID = "latest.png"
WEIGHTS = "weights.safetensors"
SCORES = "scores"
MAX_WEIGHTS_BYTES = 2**31
"""No weight file is larger: twice what a model may hold as float32."""
CALIBRATION_FOLDER = "calibration"
MIXTURE = "gmm-10"
"""Sampler of the mixture that is fitted to latents, which has a file of weights of its own."""

_NAMES: tuple[tuple[FileKind, str], ...] = (
    ("record", r"(train|load)\.json"),
    ("place", re.escape(SOURCE_PLACE)),
    ("score", r"scores/[0-9a-f]{16}\.json"),
    ("weights", rf"(weights|{MIXTURE})(-ema)?\.safetensors"),
    ("checkpoint", r"checkpoint(-previous)?\.pt"),
    ("curve", re.escape(CURVE)),
    ("live", re.escape(LIVE_CURVE)),
    ("live", re.escape(LATEST_GRID)),
    ("grid", r"grid-[a-z0-9-]+\.png"),
    ("progress", re.escape(PROGRESS)),
    ("progress", re.escape(RESERVE)),
    ("lock", re.escape(LOCK)),
    ("score", r"calibration/[a-z-]+(-draw-\d+)?-[0-9a-f]{8}\.json"),
    ("grid", r"calibration/[a-z-]+-[0-9a-f]{8}\.png"),
    ("progress", r"calibration/progress\.json"),
    ("lock", r"calibration/\.lock"),
)
_DRAFT = re.compile(r"(?P<folder>(?:(?:scores|calibration)/)?)\.(?P<name>.+)-[0-9a-f]{32}")


def kind_of(path: str) -> FileKind | None:
    """What a file is by its path relative to the run directory; None for a stranger.

    The calibration rows, which have no run directories, are told by their paths in the runs
    directory.

    A draft is the unfinished form of a file that is none itself (``catalog.files.atomic_file``).
    """
    for kind, pattern in _NAMES:
        if re.fullmatch(pattern, path):
            return kind
    draft = _DRAFT.fullmatch(path)
    if draft is not None and kind_of(draft["folder"] + draft["name"]) not in (None, "draft"):
        return "draft"
    return None


def walk(directory: Path) -> Iterator[tuple[Path, FileKind | None]]:
    """Every entry of a run directory (or of calibration) and its kind; links are strangers.

    Only the folder of scores is looked into, other folders are strangers too.
    """
    for entry in sorted(directory.iterdir()):
        if entry.name == SCORES and entry.is_dir() and not entry.is_symlink():
            for inner in sorted(entry.iterdir()):
                yield inner, _kind(inner, directory)
        else:
            yield entry, _kind(entry, directory)


def sweep_drafts(directory: Path) -> None:
    """Remove what a process that was killed while writing left; the caller holds the directory."""
    for path, kind in walk(directory):
        if kind == "draft":
            path.unlink(missing_ok=True)


def _kind(path: Path, directory: Path) -> FileKind | None:
    if path.is_symlink() or not path.is_file():
        return None
    base = directory.parent if directory.name == CALIBRATION_FOLDER else directory
    return kind_of(path.relative_to(base).as_posix())
