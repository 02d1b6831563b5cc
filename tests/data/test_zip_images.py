"""Images in archives: the same as in folders, and archives that are made to do harm."""

from __future__ import annotations

import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
import torch
from pictures import decode, fill, noise, save
from PIL import Image

from bench.data.decode import zip_images
from catalog.errors import InvalidInput

PICTURE = BytesIO()
Image.fromarray(noise(0, 8, 8, 3)).save(PICTURE, "BMP")


def archive_of(folder: Path, below: str = "") -> Path:
    path = folder.parent / f"{folder.name}.zip"
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, below + file.relative_to(folder).as_posix())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """An archive of twelve images, to which a test adds its own."""
    return archive_of(fill(tmp_path / "set"))


def add(
    path: Path, name: str | ZipInfo, content: bytes = PICTURE.getvalue(), method: int = 0
) -> None:
    with ZipFile(path, "a") as archive:
        archive.writestr(name, content, method)


@pytest.mark.parametrize("below", ["", "wrapper/", "a/b/"])
def test_an_archive_is_the_folder(tmp_path: Path, below: str) -> None:
    for label in "ab":
        fill(tmp_path / "set" / label)
    (tmp_path / "set" / "notes.txt").write_text("")
    folder, archive = decode(tmp_path / "set"), decode(archive_of(tmp_path / "set", below))
    assert archive.classes == folder.classes == ("a", "b")
    for split in ("train", "test"):
        assert torch.equal(archive.splits[split].images, folder.splits[split].images)
        assert torch.equal(archive.splits[split].labels, folder.splits[split].labels)
    assert archive.notes == folder.notes == ("files of other kinds ignored: .txt 1",)


def test_a_flat_archive_has_no_classes(path: Path) -> None:
    found = decode(path)
    assert found.classes == ()
    assert sum(map(len, found.splits.values())) == 12


def test_what_a_mac_adds_is_ignored(path: Path) -> None:
    add(path, "__MACOSX/._003.png", b"\0\5\x16\7")
    assert decode(path).notes == ("files of other kinds ignored: hidden 1",)


def test_an_empty_class_in_an_archive(tmp_path: Path) -> None:
    fill(tmp_path / "set" / "a")
    (tmp_path / "set" / "b").mkdir()
    with pytest.raises(InvalidInput, match="b: a class folder without images"):
        decode(archive_of(tmp_path / "set"))


def test_nothing_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {file: file.stat().st_mtime_ns for file in path.parent.rglob("*")}
    monkeypatch.chdir(path.parent)
    decode(path)
    assert {file: file.stat().st_mtime_ns for file in path.parent.rglob("*")} == before


@pytest.mark.parametrize(
    "name",
    ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "..\\out.png", "C:\\out.png"],
)
def test_names_that_lead_out(path: Path, name: str) -> None:
    add(path, name)
    with pytest.raises(InvalidInput, match="its name leads out of the archive"):
        decode(path, skip_bad=True)


def test_backslashes_are_folders(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    for index in range(12):
        for label in "ab":
            add(path, f"{label}\\{index}.bmp")
    assert decode(path).classes == ("a", "b")


@pytest.mark.parametrize("name", ["inner.zip", "a/inner.TAR", "x.tar.gz"])
def test_archives_in_archives(path: Path, name: str) -> None:
    add(path, name)
    with pytest.raises(InvalidInput, match="an archive in an archive is not read"):
        decode(path, skip_bad=True)


def test_two_files_of_one_name(path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        add(path, "003.png")
    with pytest.raises(InvalidInput, match=r"003\.png: two files have this name"):
        decode(path, skip_bad=True)


def test_a_link_is_not_followed(path: Path) -> None:
    link = ZipInfo("link.png")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    add(path, link, b"/etc/hostname")
    with pytest.raises(InvalidInput, match=r"link\.png: a link"):
        decode(path)
    assert decode(path, skip_bad=True).skipped == (("link.png", "a link"),)


def headers(path: Path, change: Callable[[bytearray, int, bool], None]) -> None:
    """Change the last file's two headers; the function is told where, and which is the central."""
    content = bytearray(path.read_bytes())
    change(content, content.rindex(b"PK\3\4"), False)
    change(content, content.rindex(b"PK\1\2"), True)
    path.write_bytes(bytes(content))


def encrypt(content: bytearray, at: int, central: bool) -> None:
    content[at + (8 if central else 6)] |= 1


def test_encrypted_files(path: Path) -> None:
    add(path, "z.bmp")
    headers(path, encrypt)
    with pytest.raises(InvalidInput, match=r"z\.bmp: it is encrypted"):
        decode(path, skip_bad=True)


def test_a_bomb_is_refused_by_what_it_claims(path: Path) -> None:
    add(path, "bomb.bmp", bytes(8 * 2**20), ZIP_DEFLATED)
    with pytest.raises(InvalidInput, match=r"bomb\.bmp: expands \d+ times"):
        decode(path, skip_bad=True)


def test_a_file_beyond_the_bound(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = BytesIO()
    Image.fromarray(noise(0, 20, 20, 3)).save(buffer, "BMP")
    add(path, "large.bmp", buffer.getvalue())
    monkeypatch.setattr(zip_images, "MAX_BYTES", len(buffer.getvalue()) - 1)
    with pytest.raises(InvalidInput, match=r"large\.bmp: \d+ bytes, a file has at most"):
        decode(path, skip_bad=True)
    monkeypatch.setattr(zip_images, "MAX_BYTES", len(buffer.getvalue()))
    assert sum(map(len, decode(path).splits.values())) == 13


def test_a_bomb_that_lies_is_not_unpacked(path: Path) -> None:
    """It says 1000 bytes and holds 256 MiB, of which no more than it said may reach the memory."""
    add(path, "bomb.bmp", bytes(2**28), ZIP_DEFLATED)

    def lie(content: bytearray, at: int, central: bool) -> None:
        struct.pack_into("<I", content, at + (24 if central else 22), 1000)

    headers(path, lie)
    tracemalloc.start()
    try:
        found = decode(path, skip_bad=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [name for name, _ in found.skipped] == ["bomb.bmp"]
    assert peak < 2**24


def test_a_method_without_bounds_is_refused(path: Path) -> None:
    add(path, "z.bmp", method=ZIP_BZIP2)
    with pytest.raises(InvalidInput, match=r"z\.bmp: it is neither stored nor deflated"):
        decode(path)


def test_files_that_overlap(tmp_path: Path) -> None:
    """Many names for the same packed bytes: small on disk, large when read."""
    path = tmp_path / "x.zip"
    pixels = noise(0, 60, 60, 3)
    save(tmp_path / "big.bmp", pixels)
    with ZipFile(path, "w") as archive:
        for index in range(40):
            archive.writestr(
                f"{index:02}.bmp", (tmp_path / "big.bmp").read_bytes() if not index else b""
            )
        first = archive.filelist[0]
        for entry in archive.filelist[1:]:
            entry.header_offset, entry.CRC = first.header_offset, first.CRC
            entry.file_size = entry.compress_size = first.file_size
    with pytest.raises(InvalidInput, match="its files overlap"):
        decode(path, skip_bad=True)


def test_too_many_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_images, "MAX_ENTRIES", 11)
    with pytest.raises(InvalidInput, match="holds 12 files, at most 11"):
        decode(path)


def test_a_damaged_file_in_an_archive(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = content.index(b"004.png") + 60
    content[at] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(InvalidInput, match=r"004\.png: (damaged in the archive|not a readable)"):
        decode(path)
    found = decode(path, skip_bad=True)
    assert [name for name, _ in found.skipped] == ["004.png"]


@pytest.mark.parametrize("damage", [lambda x: x[:-40], lambda _: b"", lambda _: b"PK\3\4rubbish"])
def test_a_damaged_archive_is_named(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))
    assert not zipfile.is_zipfile(path)
    with pytest.raises(InvalidInput, match=r"set\.zip: not a readable archive"):
        decode(path, skip_bad=True)
