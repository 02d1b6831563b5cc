"""Where files of the user live, and how they are written.

Owns the cache folder and the one way to write a file that others may be reading. What is stored
there belongs to the modules that store it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from catalog.errors import InvalidInput

CACHE_VARIABLE = "AIGC_CACHE_DIR"


def cache_dir() -> Path:
    """The folder for everything that can be made again; it need not exist yet.

    ``AIGC_CACHE_DIR`` names it; otherwise it is the platform's cache folder of the user.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("aigc-bench", appauthor=False)


def regular_bytes(path: Path, at_most: int) -> bytes:
    """The content of a regular file that a user named, wherever links lead to.

    Folders, devices and pipes have no end or no content, so they are refused unread, and so is
    what is larger than ``at_most`` bytes.

    Raises:
        InvalidInput: it is no regular file, or too large.
        OSError: it cannot be read.
    """
    return _bytes(path, at_most, follow=True)


def unlinked_bytes(path: Path, at_most: int) -> bytes:
    """The content of a regular file that was found in a directory that a stranger may have filled.

    Like ``regular_bytes``, but a link is refused as well: it may lead to what is no part of that
    directory.

    Raises:
        InvalidInput: it is a link, no regular file, or too large.
        OSError: it cannot be read.
    """
    return _bytes(path, at_most, follow=False)


def _bytes(path: Path, at_most: int, *, follow: bool) -> bytes:
    # Asked before, because opening a device may have effects, and after: it may have changed.
    _require_regular(path, path.stat(follow_symlinks=follow))
    # A pipe that nobody writes to would never be open without O_NONBLOCK.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    with open(handle, "rb") as file:  # noqa: PTH123 (a handle has no path)
        facts = os.fstat(handle)
        _require_regular(path, facts)
        content = b"" if facts.st_size > at_most else file.read(at_most + 1)
    if max(facts.st_size, len(content)) > at_most:
        raise InvalidInput(f"{path} is larger than {at_most:,} bytes, so it was not read")
    return content


def _require_regular(path: Path, facts: os.stat_result) -> None:
    if stat.S_ISLNK(facts.st_mode):
        raise InvalidInput(f"{path} is a link, so it was not read")
    if not stat.S_ISREG(facts.st_mode):
        raise InvalidInput(f"{path} is not a regular file")


def reason(error: Exception) -> str:
    """Why the system refused a file, without the path that the message names already."""
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def atomic_file(path: Path, *, synced: bool = True) -> Iterator[Path]:
    """A draft beside ``path`` that takes its place, synced to disk, when the block succeeds.

    Missing folders are made. A reader sees the old file or the new one, never a part. Without
    ``synced`` that does not hold over a power failure, which is enough for what is worth nothing
    after one.

    Raises:
        OSError: the folder or the disk refuses; no half-written file stays behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile, whose files only their owner may read.
    draft = path.with_name(f".{path.name}-{uuid4().hex}")
    try:
        yield draft
        if synced:
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
        draft.replace(path)
        if synced:
            _sync_folder(path.parent)
    finally:
        draft.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Make a rename inside a folder survive a power cut, where the system can do that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, content: str | bytes, *, synced: bool = True) -> None:
    """Write a whole file or nothing, as ``atomic_file`` does; text as UTF-8."""
    with atomic_file(path, synced=synced) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
