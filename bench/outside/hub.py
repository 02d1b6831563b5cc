"""Repositories of the Hugging Face Hub, as far as they lie in its cache on this machine.

Nothing is fetched and nothing is run: what is not in the cache is named, with the command that
brings it there. A revision that was given by name stands for the commit that the cache has for it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from bench.outside.extras import require
from bench.outside.source import (
    Source,
    SourceKind,
    is_inside,
    kind_of_folder,
    local_source,
    sha256_of_folder,
)
from catalog.errors import InvalidInput, MissingPrerequisite

COMMIT = re.compile(r"[0-9a-f]{40}")
WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".pt2", ".onnx", ".npz", ".npy", ".zip")
"""Suffixes of files that may be what is meant where no file is named."""
MAIN = "main"


def fetched(source: Source) -> Source:
    """The file or folder of a repository in the hub's cache, pinned to a commit.

    Raises:
        MissingPrerequisite: the extra ``hub`` is not installed, or the file, the revision or the
            whole repository is not in the cache.
        InvalidInput: the cache is not as the hub's library lays it out, or the repository holds
            several files that may be meant.
    """
    snapshot = _snapshot(source)
    if source.file is None:
        kind = _kind(snapshot)
        if kind is not None:
            return replace(
                source,
                kind=kind,
                path=snapshot,
                sha256=sha256_of_folder(snapshot, links_into=_repository(snapshot)),
                revision=snapshot.name,
            )
    name = source.file or _only_file(snapshot, source)
    path = snapshot / name
    if not path.exists():
        raise _absent(source, name)
    if not is_inside(path, _repository(snapshot)):
        raise InvalidInput(
            f"{path}: leads out of the cache of its repository, so it was not read",
            hint=f"bring it in again: {_command(source, name)}",
        )
    found = local_source(source.text, path)
    return replace(found, repository=source.repository, revision=snapshot.name, file=name)


def _snapshot(source: Source) -> Path:
    """The folder of a revision in the cache; its name is a commit."""
    hub = require("huggingface_hub", "hub")
    errors = require("huggingface_hub.errors", "hub")
    try:
        folder = Path(
            hub.snapshot_download(
                source.repository, revision=source.revision or MAIN, local_files_only=True
            )
        )
    except errors.HFValidationError as error:
        raise InvalidInput(
            f"{source.text} is no repository of the hub", where=str(error)[:200]
        ) from error
    except (errors.LocalEntryNotFoundError, FileNotFoundError) as error:
        raise _absent(source, source.file) from error
    if not COMMIT.fullmatch(folder.name) or folder.parent.name != "snapshots":
        raise InvalidInput(
            f"{folder} is no snapshot of a commit, so nothing pins what is in it",
            hint=f"bring it in again: {_command(source, source.file)}",
        )
    return folder


def _repository(snapshot: Path) -> Path:
    return snapshot.parents[1]


def _kind(snapshot: Path) -> SourceKind | None:
    """What a folder holds that is loaded as a whole; None where one of its files is meant."""
    try:
        kind = kind_of_folder(snapshot)
    except InvalidInput:
        return None
    return None if kind == "samples" else kind


def _only_file(snapshot: Path, source: Source) -> str:
    names = sorted(
        file.relative_to(snapshot).as_posix()
        for file in snapshot.rglob("*")
        if file.suffix.lower() in WEIGHTS
    )
    if len(names) != 1:
        shown = ", ".join(names[:10]) or "none"
        raise InvalidInput(
            f"{source.text} does not say which file is meant; in the cache are: {shown}",
            hint=f"hf:{source.repository}@{snapshot.name}:FILE",
        )
    return names[0]


def _absent(source: Source, name: str | None) -> MissingPrerequisite:
    revision = f"@{source.revision}" if source.revision else ""
    what = f"{name} of " if name else ""
    return MissingPrerequisite(
        f"{what}{source.repository}{revision} is not in the hub's cache on this machine",
        where=str(_cache()),
        hint=_command(source, source.file),
    )


def _cache() -> Path:
    return Path(require("huggingface_hub.constants", "hub").HF_HUB_CACHE)


def _command(source: Source, name: str | None) -> str:
    words = ["hf download", source.repository, name]
    words += ["--revision", source.revision] if source.revision else []
    return " ".join(word for word in words if word)
