"""Image files as people have them: converted where that is plain, and named where they are bad."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures import decode, fill, noise, save
from PIL import Image

from bench.data.decode import image_files
from bench.data.decode.picture import Change, Picture, Unusable, read_picture
from catalog.errors import InvalidInput

SIZE = (10, 6)


def packed(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def read(image: Image.Image, kind: str = "PNG", **options: Any) -> Picture:
    return read_picture(BytesIO(packed(image, kind, **options)))


def colour(picture: Picture) -> Any:
    """The one colour that an image has."""
    (found,) = picture.image.getcolors()
    return found[1]


# ---- what is converted ----------------------------------------------------------------------


def test_transparency_is_laid_over_white() -> None:
    half = read(Image.new("RGBA", SIZE, (255, 0, 100, 128)))
    assert half.image.mode == "RGB"
    assert np.abs(np.array(colour(half)) - [255, 127, 177]).max() <= 1
    assert half.changes == (Change.TRANSPARENT,)
    assert colour(read(Image.new("RGBA", SIZE, (9, 9, 9, 0)))) == (255, 255, 255)
    opaque = read(Image.new("RGBA", SIZE, (9, 8, 7, 255)))
    assert (colour(opaque), opaque.changes) == ((9, 8, 7), ())


def test_transparent_grey_stays_grey() -> None:
    found = read(Image.new("LA", SIZE, (0, 0)))
    assert (found.image.mode, colour(found)) == ("L", 255)
    assert colour(read(Image.new("LA", SIZE, (77, 255)))) == 77
    keyed = read(Image.new("L", SIZE, 7), transparency=7)
    assert (colour(keyed), keyed.changes) == (255, (Change.TRANSPARENT,))


def test_palettes_are_looked_up() -> None:
    indexed = Image.new("P", SIZE, 1)
    indexed.putpalette([0, 0, 0, 10, 20, 30])
    assert colour(read(indexed)) == (10, 20, 30)
    assert read(indexed).changes == ()
    clear = read(indexed, transparency=1)
    assert (colour(clear), clear.changes) == ((255, 255, 255), (Change.TRANSPARENT,))


def test_black_and_white_is_grey() -> None:
    found = read(Image.new("1", SIZE, 1))
    assert (found.image.mode, colour(found)) == ("L", 255)


def test_cmyk_is_converted_and_said() -> None:
    found = read(Image.new("CMYK", SIZE, (0, 255, 255, 0)), "JPEG")
    assert found.changes == (Change.CMYK,)
    assert np.abs(np.array(colour(found)) - [255, 0, 0]).max() <= 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_orientation_is_applied(kind: str) -> None:
    """6 says: turn a quarter clockwise, so that the left half comes to the top."""
    wide = Image.new("RGB", (32, 16), "black")
    wide.paste((255, 255, 255), (0, 0, 16, 16))
    tag = Image.Exif()
    tag[0x0112] = 6
    found = read(wide, kind, exif=tag)
    assert found.image.size == (16, 32)
    assert found.changes == (Change.TURNED,)
    pixels = np.asarray(found.image).astype(float)
    assert pixels[:14].min() > 240
    assert pixels[18:].max() < 15
    tag[0x0112] = 1
    assert read(wide, kind, exif=tag).changes == ()


def test_photographs_with_previews_are_their_first_image() -> None:
    photo, preview = Image.new("RGB", (32, 16), "red"), Image.new("RGB", (8, 4), "blue")
    found = read(photo, "MPO", save_all=True, append_images=[preview])
    assert found.image.size == (32, 16)
    assert colour(found)[0] > 240


def test_notes_count_what_was_done(tmp_path: Path) -> None:
    fill(tmp_path)
    save(tmp_path / "grey.png", noise(0, 9, 9))
    save(tmp_path / "small.png", noise(0, 7, 20, 3))
    for name in "ab":
        save(tmp_path / f"clear {name}.png", Image.new("RGBA", (8, 8), (0, 0, 0, 0)))
    assert decode(tmp_path).notes == (
        "2 images laid over white where it is transparent",
        "1 image made RGB from grey",
        "1 image enlarged",
    )
    assert "15 images made grey from RGB" in decode(tmp_path, channels=1).notes


# ---- what is unusable -----------------------------------------------------------------------


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, bits: int, colours: int, rows: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def broken_png() -> bytes:
    content = bytearray(packed(Image.fromarray(noise(0, 40, 40, 3))))
    content[len(content) // 2] ^= 0xFF
    return bytes(content)


def animation() -> bytes:
    frames = [Image.new("RGB", SIZE, name) for name in ("red", "blue")]
    return packed(frames[0], "PNG", save_all=True, append_images=frames[1:])


PHOTO = packed(Image.fromarray(noise(0, 64, 64, 3)), "JPEG")
BAD = {
    "truncated jpeg": (PHOTO[: len(PHOTO) // 2], "truncated"),
    "truncated png": (
        packed(Image.fromarray(noise(0, 64, 64)))[:2000],
        "truncated|broken|Truncated",
    ),
    "corrupt png": (broken_png(), "not a readable image"),
    "empty": (b"", "not a PNG, JPEG, BMP or WebP file"),
    "text": (b"not an image at all", "not a PNG, JPEG, BMP or WebP file"),
    "gif": (packed(Image.new("P", SIZE), "GIF"), "not a PNG, JPEG, BMP or WebP file"),
    "16-bit grey": (packed(Image.fromarray(noise(0, 6, 6).astype(np.uint16))), "16 bits"),
    "16-bit rgb": (png(1, 1, 16, 2, bytes(7)), "16 bits"),
    "16-bit rgba": (png(1, 1, 16, 6, bytes(9)), "16 bits"),
    "animation": (animation(), "holds 2 images, animations are not read"),
    "no pixels": (png(0, 5, 8, 2), "not a readable image|an image has"),
    "huge": (png(50_000, 50_000, 8, 2), "bomb|an image has 1 to"),
    "large": (png(4096, 4097, 8, 0), "is 4097 x 4096, an image has 1 to"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_ends_everything_or_is_skipped(tmp_path: Path, name: str) -> None:
    content, rule = BAD[name]
    (fill(tmp_path) / "bad.png").write_bytes(content)
    with pytest.raises(InvalidInput, match=rf"bad\.png: .*({rule})") as refused:
        decode(tmp_path)
    assert "--skip-bad" in str(refused.value.hint)
    found = decode(tmp_path, skip_bad=True)
    ((skipped, reason),) = found.skipped
    assert skipped == "bad.png"
    assert str(tmp_path) not in reason
    whole = {k: v.images for k, v in decode(fill(tmp_path / "whole")).splits.items()}
    (tmp_path / "bad.png").unlink()
    assert {k: len(v) for k, v in found.splits.items()} == {k: len(v) for k, v in whole.items()}


def test_skipping_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    whole = decode(fill(tmp_path / "set", 20))
    for index in range(5):
        (tmp_path / "set" / f"bad {index}.jpg").write_bytes(PHOTO[:500])
    found = decode(tmp_path / "set", skip_bad=True)
    assert [name for name, _ in found.skipped] == [f"bad {index}.jpg" for index in range(5)]
    for split in ("train", "test"):
        assert torch.equal(found.splits[split].images, whole.splits[split].images)
        assert torch.equal(found.splits[split].labels, whole.splits[split].labels)


def test_the_bound_on_pixels_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_files, "MAX_PIXELS", 60)
    assert read(Image.new("L", (10, 6))).image.size == (10, 6)
    with pytest.raises(Unusable, match="is 61 x 1, an image has 1 to 60 pixels"):
        read(Image.new("L", (1, 61)))


def test_a_class_of_bad_files_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "good")
    (fill(tmp_path / "poor", 0)).mkdir()
    for index in range(12):
        (tmp_path / "poor" / f"{index}.png").write_bytes(b"")
    with pytest.raises(InvalidInput, match="poor: a class without usable images to train on"):
        decode(tmp_path, skip_bad=True)


def test_images_that_are_not_square(tmp_path: Path) -> None:
    save(fill(tmp_path) / "wide.png", noise(0, 8, 9, 3))
    with pytest.raises(InvalidInput, match=r"wide\.png: is 8 x 9, not square"):
        decode(tmp_path, crop="none")
    assert decode(tmp_path, crop="none", skip_bad=True).skipped == (
        ("wide.png", "is 8 x 9, not square"),
    )
    assert sum(map(len, decode(tmp_path, crop="squash").splits.values())) == 13


# ---- links and permissions ------------------------------------------------------------------


def linked_out(root: Path) -> Path:
    outside = save(root.parent / "outside" / "secret.png", noise(0, 8, 8, 3))
    (root / "bad.png").symlink_to(outside)
    return outside


def linked_folder(root: Path) -> None:
    fill(root.parent / "other")
    (root / "bad.png").symlink_to(root.parent / "other", target_is_directory=True)


def broken_link(root: Path) -> None:
    (root / "bad.png").symlink_to(root / "nowhere.png")


def pipe(root: Path) -> None:
    os.mkfifo(root / "bad.png")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (linked_out, "a link to outside of the folder"),
        (linked_folder, "a link to a folder, which is not followed"),
        (broken_link, "not a regular file"),
        (pipe, "not a regular file"),
    ],
)
def test_what_is_not_opened(tmp_path: Path, make: Callable[[Path], Any], reason: str) -> None:
    root = fill(tmp_path / "set")
    make(root)
    with pytest.raises(InvalidInput, match=rf"bad\.png: {reason}") as refused:
        decode(root)
    assert "--skip-bad" in str(refused.value.hint)
    found = decode(root, skip_bad=True)
    assert found.skipped == (("bad.png", reason),)
    assert sum(map(len, found.splits.values())) == 12


def test_a_link_within_the_folder_is_an_image(tmp_path: Path) -> None:
    (fill(tmp_path) / "again.png").symlink_to(tmp_path / "003.png")
    assert sum(map(len, decode(tmp_path).splits.values())) == 13


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
@pytest.mark.parametrize("name", ["set", "set/a", "set/a/003.png"])
def test_what_may_not_be_read_is_named(tmp_path: Path, name: str) -> None:
    fill(tmp_path / "set" / "a")
    locked = tmp_path / name
    locked.chmod(0)
    try:
        with pytest.raises(InvalidInput, match=rf"{locked.name}: cannot be read \(Permission"):
            decode(tmp_path / "set")
    finally:
        locked.chmod(0o700)
