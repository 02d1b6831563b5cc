"""Which records a path means: those of one run, of a runs directory or of a report."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bench.identity.strict_json import MAX_BYTES
from bench.records.files import LOAD
from bench.records.run_directory import CALIBRATION
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError
from catalog.files import unlinked_bytes
from catalog.names import suggestion

RECORDS = "records"
"""Folder of a report that has the layout of a runs directory."""


@dataclass(frozen=True)
class _Candidate:
    path: Path
    variant: str | None
    seed: int | None


def find_targets(
    path: Path, names: Collection[str] = (), seeds: Collection[int] = ()
) -> tuple[Path, ...]:
    """The directories with records that ``path`` means, runs in order of their names.

    Calibration comes first, as it fills the cache of features.

    Args:
        path: a run directory, a directory of runs, a report folder or its ``records``.
        names: only these variants; ``calibration`` means the calibration sets. Empty for all.
        seeds: only these; calibration sets have none. Empty for all.

    Raises:
        MissingPrerequisite: nothing is there that could be verified.
        UsageError: nothing there has one of the names.
    """
    if not path.is_dir():
        raise MissingPrerequisite("there is no such directory of records", where=path.as_posix())
    if _is_run(path):
        candidates, calibration = [_candidate(path)], None
    else:
        root = path / RECORDS if (path / RECORDS).is_dir() else path
        candidates = [_candidate(child) for child in sorted(root.iterdir()) if _is_run(child)]
        place = root if root.name == CALIBRATION else root / CALIBRATION
        calibration = place if any(place.glob("*.json")) else None
    _require_known(names, candidates, path)
    wanted = calibration if not names or CALIBRATION in names else None
    runs = tuple(one.path for one in candidates if _is_wanted(one, names, seeds))
    if not runs and wanted is None:
        raise MissingPrerequisite(
            "no record is there to verify",
            where=path.as_posix(),
            hint="name a run directory, a runs directory or a report folder",
        )
    return runs if wanted is None else (wanted, *runs)


def _is_run(path: Path) -> bool:
    return (
        any((path / name).is_file() for name in ("train.json", LOAD)) or (path / "scores").is_dir()
    )


def _candidate(path: Path) -> _Candidate:
    """Variant and seed as the file has them; a broken record is reported by its own job."""
    try:
        if (path / LOAD).is_file():
            spec = json.loads(unlinked_bytes(path / LOAD, MAX_BYTES))["spec"]
            return _Candidate(path, str(spec["name"]), None)
        spec = json.loads(unlinked_bytes(path / "train.json", MAX_BYTES))["spec"]
        return _Candidate(path, str(spec["variant"]), int(spec["seed"]))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, InvalidInput):
        return _Candidate(path, None, None)


def _is_wanted(one: _Candidate, names: Collection[str], seeds: Collection[int]) -> bool:
    if one.variant is None:
        return not names or any(one.path.name.startswith(f"{name}-") for name in names)
    return (not names or one.variant in names) and (not seeds or one.seed in seeds)


def _require_known(names: Collection[str], candidates: list[_Candidate], path: Path) -> None:
    known = {one.variant or one.path.name for one in candidates} | {CALIBRATION}
    for name in names:
        if name not in known and not any(one.variant is None for one in candidates):
            near = suggestion(name, known)
            raise UsageError(f"no run of '{name}' is in {path.as_posix()}{near}")
