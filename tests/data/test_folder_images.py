"""Images that users bring: where they are found, and how they become splits and classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pictures import SIDE, decode, fill, noise, save
from PIL import Image

from bench.data.decode import folder_images
from bench.data.decode.folder_images import FolderImages, FolderSettings
from bench.data.decode.folder_layout import draw, laid_out
from catalog.errors import InvalidInput, UsageError


def red(image: torch.Tensor) -> bool:
    return bool(image[0].float().mean() > image[1:].float().mean())


def contents(images: FolderImages, split: str) -> set[bytes]:
    return {image.numpy().tobytes() for image in images.splits[split].images}


# ---- what lies where ------------------------------------------------------------------------


def test_folders_are_classes(tmp_path: Path) -> None:
    for index in range(30):
        size = tuple(noise(index, 2) % 20 + 5)
        save(tmp_path / "red" / f"{index}.png", Image.new("RGB", size, "red"))
        save(tmp_path / "blue" / "deep" / f"{index}.jpg", Image.new("RGB", size, "blue"))
    found = decode(tmp_path)
    assert found.classes == ("blue", "red")
    assert {name: split.images.dtype for name, split in found.splits.items()} == {
        "train": torch.uint8,
        "test": torch.uint8,
    }
    n = 0
    for split in found.splits.values():
        assert split.images.shape[1:] == (3, SIDE, SIDE)
        assert [red(image) for image in split.images] == split.labels.bool().tolist()
        assert split.labels.dtype == torch.int64
        changes = (split.labels[1:] != split.labels[:-1]).sum()
        assert changes > 3, "classes are not mixed"
        n += len(split)
    assert n == 60


def test_a_flat_folder_has_no_classes(tmp_path: Path) -> None:
    found = decode(fill(tmp_path))
    assert found.classes == ()
    assert not any(split.labels.any() for split in found.splits.values())
    assert sum(map(len, found.splits.values())) == 12
    assert found.skipped == ()
    assert found.notes == ()


def test_pixels_are_those_of_the_files(tmp_path: Path) -> None:
    fill(tmp_path)
    files = {np.asarray(Image.open(f)).transpose(2, 0, 1).tobytes() for f in tmp_path.iterdir()}
    found = decode(tmp_path)
    assert contents(found, "train") | contents(found, "test") == files


def test_a_share_is_held_out_by_name() -> None:
    names = [f"{label}/{index}.png" for label in "ab" for index in range(2000)]
    layout = laid_out(names, ["a", "b"], 0.1)
    for label in (0, 1):
        n = sum(place.label == label for place in layout.splits["test"])
        assert 150 < n < 250  # 3.7 standard deviations about 200
    assert all(draw(place.name) < 0.1 for place in layout.splits["test"])


def test_further_files_move_no_others(tmp_path: Path) -> None:
    before = decode(fill(tmp_path, 20))
    after = decode(fill(tmp_path, 40))
    for split in ("train", "test"):
        kept = [
            x for x in after.splits[split].images if x.numpy().tobytes() in contents(before, split)
        ]
        assert torch.equal(torch.stack(kept), before.splits[split].images)
        assert len(after.splits[split]) > len(before.splits[split])


def test_accents_do_not_decide() -> None:
    assert draw("caf\u00e9.png") == draw("cafe\u0301.png")
    assert draw("cafe.png") != draw("caf\u00e9.png")


@pytest.mark.parametrize("held_out", ["test", "val", "valid", "validation"])
def test_folders_may_be_the_splits(tmp_path: Path, held_out: str) -> None:
    for label in "ab":
        fill(tmp_path / "wrapper" / "train" / label, 5)
        fill(tmp_path / "wrapper" / held_out / label, 3)
    fill(tmp_path / "wrapper" / "masks", 4)
    found = decode(tmp_path)
    assert {name: split.labels.bincount().tolist() for name, split in found.splits.items()} == {
        "train": [5, 5],
        "test": [3, 3],
    }
    assert found.classes == ("a", "b")
    assert any("4 images" in note and "left out" in note for note in found.notes)


def test_all_three_splits(tmp_path: Path) -> None:
    for name in ("train", "val", "test"):
        fill(tmp_path / name, 2 + len(name))
    found = decode(tmp_path)
    assert {k: len(v) for k, v in found.splits.items()} == {"train": 7, "validation": 5, "test": 6}


def test_images_beside_classes_are_of_no_class(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    fill(tmp_path / "b")
    save(tmp_path / "stray.png", noise(0, 8, 8))
    with pytest.raises(InvalidInput, match=r"stray\.png: beside the class folders a, b"):
        decode(tmp_path)


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "a")
    (tmp_path / "b").mkdir()
    with pytest.raises(InvalidInput, match="b: a class folder without images"):
        decode(tmp_path)


def test_a_class_that_only_the_test_has_is_named(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "a")
    fill(tmp_path / "test" / "b")
    with pytest.raises(InvalidInput, match="b: a class without usable images to train on"):
        decode(tmp_path)


def test_a_class_that_the_test_lacks_is_noted(tmp_path: Path) -> None:
    fill(tmp_path / "train" / "a")
    fill(tmp_path / "train" / "b")
    fill(tmp_path / "test" / "b")
    assert "without images in test: a" in decode(tmp_path).notes


@pytest.mark.parametrize(
    ("n", "message"), [(0, "holds no usable"), (1, "usable images, it needs 2")]
)
def test_too_few_images(tmp_path: Path, n: int, message: str) -> None:
    (tmp_path / "notes.txt").write_text("")
    fill(tmp_path, n)
    with pytest.raises(InvalidInput, match=message) as refused:
        decode(tmp_path)
    assert n or ".txt 1" in refused.value.what


def test_other_files_are_counted(tmp_path: Path) -> None:
    fill(tmp_path)
    for name in ("a.txt", "b.TXT", "c.gif", ".hidden.png", "README"):
        (tmp_path / name).write_bytes(b"")
    fill(tmp_path / ".cache")
    assert decode(tmp_path).notes == (
        "files of other kinds ignored: .gif 1, .txt 2, hidden 2, without suffix 1",
    )


def test_copies_across_splits_are_counted(tmp_path: Path) -> None:
    fill(tmp_path / "train")
    fill(tmp_path / "test")
    save(tmp_path / "test" / "copy.bmp", Image.open(tmp_path / "train" / "003.png"))
    assert "1 image of test equal in every pixel to one of train" in decode(tmp_path).notes


# ---- sources --------------------------------------------------------------------------------


@pytest.mark.parametrize("axes", [(0, 1, 2, 3), (0, 3, 1, 2)])
def test_arrays_of_colour(tmp_path: Path, axes: tuple[int, ...]) -> None:
    pixels = noise(0, 30, SIDE, SIDE, 3)
    np.save(tmp_path / "x.npy", pixels.transpose(axes))
    found = decode(tmp_path / "x.npy")
    expected = {image.tobytes() for image in pixels.transpose(0, 3, 1, 2)}
    assert contents(found, "train") | contents(found, "test") == expected


def test_an_array_of_grey(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", noise(0, 30, 20, 16))
    found = decode(tmp_path / "x.npy", channels=1)
    assert sum(map(len, found.splits.values())) == 30
    assert found.splits["train"].images.shape[1:] == (1, SIDE, SIDE)
    assert found.notes == ()
    assert "30 images made RGB from grey" in decode(tmp_path / "x.npy").notes


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("x.npy", b"rubbish", "not a readable .npy file"),
        ("x.txt", b"text", "neither a folder"),
        ("x.png", b"", "neither a folder"),
        ("absent", None, "does not exist"),
    ],
)
def test_what_is_no_source(tmp_path: Path, name: str, content: bytes | None, rule: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=rf"{name}: {rule}"):
        decode(tmp_path / name)


@pytest.mark.parametrize(
    "wrong",
    [
        {"resolution": 0},
        {"resolution": 1025},
        {"channels": 2},
        {"crop": "middle"},
        {"test_share": 0.0},
        {"test_share": 1.0},
        {"test_share": float("nan")},
    ],
)
def test_settings_have_ranges(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        FolderSettings(**{"resolution": 8, **wrong})


def test_images_that_memory_cannot_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Small:
        available = 12 * 3 * SIDE * SIDE - 1

    monkeypatch.setattr(folder_images.psutil, "virtual_memory", Small)
    with pytest.raises(InvalidInput, match="12 images take"):
        decode(fill(tmp_path))
    Small.available += 1
    decode(tmp_path)
