"""Zip archives of other libraries: their members by name, and one member as an open stream.

Nothing is unpacked to disk, and nothing is read that the archive claims to be larger than allowed.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from bench.data.decode.zip_images import ENCRYPTED, MAX_ENTRIES, METHODS
from catalog.errors import InvalidInput

MAX_CODE_BYTES = 2**26
"""Of a network's code, unpacked."""
FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
"""Exceptions that the library raises on damaged archives."""


def member_names(path: Path) -> tuple[str, ...]:
    """Names of everything in an archive.

    Raises:
        InvalidInput: it is no readable archive, or has too many members.
    """
    with _opened(path) as archive:
        names = tuple(archive.namelist())
    if len(names) > MAX_ENTRIES:
        raise InvalidInput(f"{path}: holds {len(names)} files, at most {MAX_ENTRIES}")
    return names


def member_sizes(
    content: IO[bytes], path: Path, at_most: int, *, packed: tuple[str, ...] = ()
) -> dict[str, int]:
    """Bytes of every member of an archive in memory, none of which is compressed.

    Args:
        content: the archive.
        path: where it is from, for messages.
        at_most: bytes of all members together.
        packed: how names of those end that may be compressed, which hold code.

    Raises:
        InvalidInput: it is no such archive, or members lie over each other.
    """
    try:
        with zipfile.ZipFile(content) as archive:
            entries = archive.infolist()
    except FAULTS as error:
        raise InvalidInput(f"{path}: not a readable archive ({error})") from error
    stored = [one for one in entries if not one.filename.endswith(packed)]
    if any(one.compress_type != zipfile.ZIP_STORED for one in stored):
        raise InvalidInput(f"{path}: its members are compressed, as torch.save leaves none")
    n_packed = sum(one.file_size for one in entries) - sum(one.file_size for one in stored)
    total = sum(one.file_size for one in stored)
    if total > min(at_most, content.seek(0, 2)) or n_packed > MAX_CODE_BYTES:
        total += n_packed
        raise InvalidInput(f"{path}: its members claim {total:,} bytes, more than it can hold")
    return {one.filename: one.file_size for one in entries}


@contextmanager
def opened_member(path: Path, name: str, at_most: int) -> Iterator[tuple[IO[bytes], int]]:
    """One member as a stream, and the bytes that it has unpacked.

    Raises:
        InvalidInput: there is no such member, it is encrypted, packed by a method that is not
            unpacked in bounded steps, or claims to be larger than ``at_most`` bytes.
    """
    with _opened(path) as archive:
        if name not in archive.namelist():
            raise InvalidInput(f"{path}: has no member '{name}'")
        entry = archive.getinfo(name)
        if entry.flag_bits & ENCRYPTED or entry.compress_type not in METHODS:
            raise InvalidInput(f"{path}: {name}: it is encrypted, or neither stored nor deflated")
        if entry.file_size > at_most:
            raise InvalidInput(f"{path}: {name}: {entry.file_size:,} bytes, at most {at_most:,}")
        with archive.open(entry) as stream:
            yield stream, entry.file_size


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FAULTS as error:
        raise InvalidInput(f"{path}: not a readable archive ({error})") from error
