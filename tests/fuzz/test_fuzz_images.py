"""Random folders of images, good and bad: scored exactly when every file obeys the rules."""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fuzzing import aigc, damaged_bytes, fuzz, require_manners
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

SCORE = ("bench", "score", "--extractor", "pixel-identity", "--metrics", "is", "--isc-splits", "1")
FORMATS = {".png": "PNG", ".bmp": "BMP", ".PNG": "PNG", ".webp": "WEBP", ".jpg": "JPEG"}
NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda name: name not in (".", "..") and not name.startswith(".."))


def grey(size: tuple[int, int], value: int, mode: str = "L") -> Image.Image:
    """A plain image (height, width); its channels are equal, as pixel-identity asks."""
    return Image.fromarray(np.full(size, value, dtype=np.uint8)).convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def bomb() -> bytes:
    """A PNG of a few bytes that claims 60,000 x 60,000 pixels."""
    content = bytearray(saved(grey((1, 1), 0), "PNG"))
    content[16:24] = struct.pack(">II", 60_000, 60_000)
    return bytes(content)


def animated(kind: str) -> bytes:
    frames = [grey((4, 4), value) for value in (0, 100, 200)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:])


def deep_rgb() -> bytes:
    """A PNG of 16 bits per channel, which Pillow would cut to 8 without a word."""
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    pixels = zlib.compress(b"\0" + bytes(24) + b"\0" + bytes(24))
    header = struct.pack(">IIBBBBB", 4, 2, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    )


BAD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "rubbish": lambda: b"rubbish",
    "cut": lambda: saved(grey((40, 40), 3), "PNG")[:40],
    "bomb": bomb,
    "gif inside": lambda: saved(grey((4, 4), 3), "GIF"),
    "tiff inside": lambda: saved(grey((4, 4), 3), "TIFF"),
    "eps inside": lambda: saved(grey((4, 4), 3), "EPS"),
    "palette": lambda: saved(grey((4, 4), 3, "P"), "PNG"),
    "transparent": lambda: saved(grey((4, 4), 3, "RGBA"), "PNG"),
    "grey with alpha": lambda: saved(grey((4, 4), 3, "LA"), "PNG"),
    "one bit": lambda: saved(grey((4, 4), 3, "1"), "PNG"),
    "16 bit grey": lambda: saved(grey((4, 4), 3).convert("I;16"), "PNG"),
    "16 bit RGB": deep_rgb,
    "CMYK": lambda: saved(grey((4, 4), 3, "CMYK"), "JPEG"),
    "animated png": lambda: animated("PNG"),
    "animated webp": lambda: animated("WEBP"),
    "pickle": lambda: b"cos\nsystem\n(S'touch outside'\ntR.",
}


def score(source: str) -> int:
    shown = aigc(*SCORE, "--fake", source)
    require_manners(shown)
    assert shown.code in (0, 3), shown
    if shown.code:
        assert len(shown.stderr.splitlines()) <= 3, shown
        assert not shown.stdout
    return shown.code


@st.composite
def folders(draw: st.DrawFn) -> tuple[dict[str, bytes | None], bool]:
    """Files by name (None for a folder), and whether the set obeys every rule."""
    size = (draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    mode = draw(st.sampled_from(["L", "RGB"]))
    files: dict[str, bytes | None] = {}
    fine = True
    seen = 0
    for _ in range(draw(st.integers(0, 5))):
        suffix = draw(st.sampled_from([*FORMATS, ".txt", "", ".gif"]))
        name = draw(NAMES) + suffix
        if name in files or len(os.fsencode(name)) > 200:
            continue
        bad = draw(st.sampled_from([None, None, None, None, "other size", "other mode", *BAD]))
        kind = FORMATS.get(suffix, "PNG")
        this_size, this_mode = size, mode
        if bad == "other size":
            this_size = (size[0] + 1, size[1])
        elif bad == "other mode":
            this_mode = "RGB" if mode == "L" else "L"
        if bad in BAD:
            files[name] = BAD[str(bad)]()
        else:
            files[name] = saved(grey(this_size, draw(st.integers(0, 255)), this_mode), kind)
        counts = Path(name).suffix.lower() in (".png", ".jpg", ".jpeg", ".bmp", ".webp")
        if counts:
            seen += 1
            with_pillow = this_mode if kind != "WEBP" else "RGB"
            first = files.setdefault("\0first", f"{this_size}{with_pillow}".encode())
            fine &= bad not in BAD and first == f"{this_size}{with_pillow}".encode()
    files.pop("\0first", None)
    if draw(st.booleans()):
        files.setdefault("nested", None)
    return files, fine and seen > 0


@fuzz(200)
@given(folder=folders())
def test_random_folders(folder: tuple[dict[str, bytes | None], bool]) -> None:
    files, fine = folder
    place = Path("set")
    for old in sorted(place.rglob("*"), reverse=True):
        old.rmdir() if old.is_dir() else old.unlink()
    place.mkdir(exist_ok=True)
    for name, content in files.items():
        if content is None:
            (place / name).mkdir()
            (place / name / "inner.png").write_bytes(b"rubbish")
        else:
            (place / name).write_bytes(content)
    assert (score("set") == 0) == fine, files


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_file_is_named(bad: str) -> None:
    Path("set").mkdir()
    Path("set", "a.png").write_bytes(saved(grey((4, 4), 1), "PNG"))
    assert score("set") == 0
    Path("set", "b.png").write_bytes(BAD[bad]())
    shown = aigc(*SCORE, "--fake", "set")
    require_manners(shown)
    assert shown.code == 3
    assert len(shown.stderr.splitlines()) == 1
    assert "b.png: " in shown.stderr


def test_files_that_are_none() -> None:
    Path("set").mkdir()
    loop = Path("set", "a.png")
    loop.symlink_to("a.png")
    assert score("set") == 3
    loop.unlink()
    os.mkfifo(loop)
    assert score("set") == 3
    loop.unlink()
    loop.mkdir()
    assert score("set") == 3
    loop.rmdir()
    Path("set", os.fsdecode(b"\xff.png")).write_bytes(b"x")
    assert score("set") == 3
    Path("round").symlink_to("round")
    os.mkfifo("pipe")
    for name in ("round", "pipe", "/dev/zero", "x" * 5000, "a\nb", "", "."):
        assert score(name) == 3, name


def npy(header: str, pixels: bytes, version: tuple[int, int] = (1, 0)) -> bytes:
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header.encode() + pixels


def described(shape: str, dtype: str = "'|u1'", order: str = "False") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': {order}, 'shape': {shape}}}\n"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        npy(described("(1000000000000, 16, 16)"), b"\0" * 256),
        npy(described("(1, 2, 2)"), b"\0" * 3),
        npy(described("(1, 2, 2)"), b"\0" * 5),
        npy(described("(-1, 2, -2)"), b"\0" * 4),
        npy(described("(0, 2, 2)"), b""),
        npy(described("(99999999999999999999999, 0, 2)"), b""),
        npy(described("(True, 2, 2)"), b"\0" * 4),
        npy(described("(1, 2, 2)", "'|O'"), b"cos\nsystem\n(S'touch outside'\ntR."),
        npy(described("(1, 2, 2)", "'<f4'"), b"\0" * 16),
        npy(described("(1, 2, 2)", "[('a', '|u1')]"), b"\0" * 4),
        npy(described("(1, 2, 2)", "(" * 3000 + ")" * 3000), b"\0" * 4),
        npy("__import__('os').system('touch outside')\n", b"\0" * 4),
        npy("(" * 9000, b""),
        npy("9" * 9000, b""),
        npy(described("(1, 2, 2)"), b"\0" * 4, (9, 9)),
        b"PK\x03\x04" + b"\0" * 100,
        b"\x80\x04cos\nsystem\n.",
    ],
    ids=lambda content: repr(content[:16]),
)
def test_arrays_that_lie(content: bytes) -> None:
    Path("x.npy").write_bytes(content)
    assert score("x.npy") == 3


def test_plain_arrays_are_read() -> None:
    for order in ("C", "F"):
        array = np.asarray(np.arange(60, dtype=np.uint8).reshape(5, 3, 4), order=order)
        np.save("x.npy", array)
        assert score("x.npy") == 0


def array_file() -> bytes:
    out = io.BytesIO()
    np.save(out, np.arange(60, dtype=np.uint8).reshape(5, 3, 4))
    return out.getvalue()


@fuzz(100)
@given(content=damaged_bytes(array_file(), (b"(", b"9" * 40, b"-1", b"'|O'", b"\0")))
def test_damaged_arrays(content: bytes) -> None:
    Path("x.npy").write_bytes(content)
    score("x.npy")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP"])
def test_damaged_images(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 20), dtype=np.uint8)
    original = saved(Image.fromarray(noise).convert("RGB"), kind)
    Path("set").mkdir()

    @fuzz(60)
    @given(content=damaged_bytes(original))
    def run_examples(content: bytes) -> None:
        Path("set", "a.png").write_bytes(content)
        score("set")

    run_examples()
