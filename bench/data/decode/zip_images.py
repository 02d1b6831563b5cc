"""Images in a ``.zip`` file, read one at a time into memory; nothing is ever unpacked to disk.

An archive may be made to do harm, so what it claims is compared with bounds before it is read: an
archive that expands out of proportion, leads out of itself or holds archives is refused as a whole.
"""

from __future__ import annotations

import stat
import zipfile
import zlib
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath

from bench.data.decode.image_files import MAX_PIXELS
from bench.data.decode.image_sources import ImageSource, ignored_kind
from bench.data.decode.picture import Picture, Unusable, read_picture
from catalog.errors import InvalidInput
from catalog.files import reason

MAX_ENTRIES = 2_000_000
MAX_BYTES = 4 * MAX_PIXELS + 2**20
"""Largest image file: ``MAX_PIXELS``, uncompressed with transparency, and its metadata."""
MAX_EXPANSION = 200
"""Largest growth of a file by unpacking; images are compressed already, so 1 is usual."""
SMALL = 2**20
"""Bytes up to which a file may expand by any factor: drawings in BMP do."""
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
ENCRYPTED = 0x1
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Accepted compression methods: the only ones that are unpacked in bounded steps."""

_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError)
"""Exceptions that the library raises on damaged archives."""


class ZipSource(ImageSource):
    """The image files of an archive.

    Raises:
        InvalidInput: it is no readable archive, or one that is refused as a whole.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        try:
            self.archive = zipfile.ZipFile(path)
            entries = self.archive.infolist()
        except _FAULTS as error:
            raise InvalidInput(f"{path}: not a readable archive ({_in_words(error)})") from error
        self.entries: dict[str, zipfile.ZipInfo] = {}
        self._require_plausible(entries)
        for entry in entries:
            self._list(entry)
        self.names.sort()
        parents = {str(folder) for name in self.names for folder in PurePosixPath(name).parents}
        self.folders = sorted({*self.folders, *parents} - {"."})  # archives need not list them

    def picture(self, name: str) -> Picture:
        """Decode one image; raises Unusable."""
        try:
            entry = self.entries[name]
            with self.archive.open(entry) as stream:
                content = stream.read(entry.file_size)  # without a limit a lie would be unpacked
        except _FAULTS as error:
            raise Unusable(f"damaged in the archive ({_in_words(error)})") from error
        return read_picture(BytesIO(content))

    def _require_plausible(self, entries: list[zipfile.ZipInfo]) -> None:
        if len(entries) > MAX_ENTRIES:
            raise InvalidInput(f"{self.path}: holds {len(entries)} files, at most {MAX_ENTRIES}")
        n_packed = sum(entry.compress_size for entry in entries)
        if n_packed > self.path.stat().st_size:
            raise InvalidInput(f"{self.path}: its files overlap, so it is no honest archive")

    def _list(self, entry: zipfile.ZipInfo) -> None:
        name = self._safe_name(entry)
        if entry.is_dir():
            if ignored_kind(f"{name}/image.png") is None:
                self.folders.append(name)
            return
        kind = ignored_kind(name)
        if kind in ARCHIVES:
            raise self._refusal(name, "an archive in an archive is not read; unpack it first")
        if kind is not None:
            self.ignored[kind] += 1
            return
        if name in self.entries:
            raise self._refusal(name, "two files have this name")
        self._require_bounded(name, entry)
        self.entries[name] = entry
        if stat.S_ISLNK(entry.external_attr >> 16):
            self.refused[name] = "a link"
        else:
            self.names.append(name)

    def _safe_name(self, entry: zipfile.ZipInfo) -> str:
        """The entry's name with ``/`` between folders; some programs write the other stroke."""
        name = entry.filename.replace("\\", "/")
        path = PurePosixPath(name)
        if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or not path.name:
            raise self._refusal(entry.filename, "its name leads out of the archive")
        return str(path)

    def _require_bounded(self, name: str, entry: zipfile.ZipInfo) -> None:
        if entry.flag_bits & ENCRYPTED:
            raise self._refusal(name, "it is encrypted; unpack the archive first")
        if entry.compress_type not in METHODS:
            raise self._refusal(name, "it is neither stored nor deflated; pack the archive so")
        if entry.file_size > MAX_BYTES:
            raise self._refusal(name, f"{entry.file_size} bytes, a file has at most {MAX_BYTES}")
        expansion = entry.file_size / max(1, entry.compress_size)
        if entry.file_size > SMALL and expansion > MAX_EXPANSION:
            raise self._refusal(
                name, f"expands {expansion:.0f} times by unpacking, at most {MAX_EXPANSION} times"
            )

    def _refusal(self, name: str, why: str) -> InvalidInput:
        return InvalidInput(f"{self.path}: {name}: {why}")


def _in_words(error: Exception) -> str:
    return reason(error) or type(error).__name__
