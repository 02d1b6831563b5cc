"""Image sets from directories, arrays and data sets, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bench.models.noise import ImageNoise
from bench.outside.samples import read_directory, read_npy
from bench.sample.draw import sample_images
from bench.score.image_source import resolve_image_source
from catalog.errors import InvalidInput, UsageError
from catalog.read.loader import load_registry
from catalog.schema import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


def _grey(value: int, size: tuple[int, int] = (4, 5)) -> Image.Image:
    return Image.fromarray(np.full(size, value, dtype=np.uint8))


def test_a_directory_is_read_in_order_of_names(tmp_path: Path) -> None:
    _grey(2).save(tmp_path / "b.png")
    _grey(1).save(tmp_path / "a.png")
    _grey(3).save(tmp_path / "c.bmp")
    (tmp_path / "notes.txt").write_text("not an image")
    images = read_directory(tmp_path)
    assert images.shape == (3, 1, 4, 5)
    assert images[:, 0, 0, 0].tolist() == [1, 2, 3]


def test_rgb_files_keep_their_channels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert torch.equal(read_directory(tmp_path)[0], torch.from_numpy(pixels).permute(2, 0, 1))


@pytest.mark.parametrize("channels", [1, 3])
def test_sampled_images_survive_a_png_file(channels: int, tmp_path: Path) -> None:
    """So a score of the files is the score of the images that were rounded and clipped once."""

    def beyond_the_range(noise: ImageNoise, _: Tensor) -> Tensor:
        return noise.uniform(channels * 20).mul(2.4).sub(1.2).view(-1, channels, 4, 5)

    drawn = sample_images(beyond_the_range, 9, 10, 0, torch.device("cpu"))
    assert {0, 255} < set(drawn.flatten().tolist())
    for index, image in enumerate(drawn):
        pixels = image.permute(1, 2, 0).numpy().squeeze()
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    assert torch.equal(read_directory(tmp_path), drawn)


@pytest.mark.parametrize(
    ("name", "content", "rule"),
    [
        ("b.png", b"", "not a readable image"),
        ("b.png", b"\x89PNG\r\n\x1a\nrubbish", "not a readable image"),
        ("b.jpg", b"rubbish", "not a readable image"),
    ],
)
def test_a_corrupt_file_is_named(tmp_path: Path, name: str, content: bytes, rule: str) -> None:
    _grey(1).save(tmp_path / "a.png")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InvalidInput, match=f"{name}: {rule}"):
        read_directory(tmp_path)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    file = tmp_path / "cut.png"
    Image.fromarray(noise).save(file)
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(InvalidInput, match=r"cut\.png: not a readable image"):
        read_directory(tmp_path)


@pytest.mark.parametrize(
    ("other", "rule"),
    [
        (_grey(1, (5, 5)), "one size and mode"),
        (_grey(1).convert("RGB"), "one size and mode"),
        (_grey(1).convert("RGBA"), "8-bit grey or RGB"),
        (_grey(1).convert("P"), "8-bit grey or RGB"),
        (_grey(1).convert("I;16"), "8-bit grey or RGB"),
    ],
)
def test_mixed_sizes_and_modes_are_named(tmp_path: Path, other: Image.Image, rule: str) -> None:
    _grey(1).save(tmp_path / "a.png")
    other.save(tmp_path / "b.png")
    with pytest.raises(InvalidInput, match=rf"b\.png: .*{rule}"):
        read_directory(tmp_path)


def test_an_empty_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=f"{tmp_path.name}: holds no .png"):
        read_directory(tmp_path)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((7, 4, 5), (7, 1, 4, 5)),
        ((7, 1, 4, 5), (7, 1, 4, 5)),
        ((7, 3, 4, 5), (7, 3, 4, 5)),
        ((7, 4, 5, 3), (7, 3, 4, 5)),
        ((7, 4, 5, 1), (7, 1, 4, 5)),
        ((7, 3, 1, 1), (7, 3, 1, 1)),
        ((7, 1, 4, 3), (7, 3, 1, 4)),
        ((7, 3, 1, 3), (7, 3, 1, 3)),
    ],
)
def test_array_layouts(tmp_path: Path, shape: tuple[int, ...], expected: tuple[int, ...]) -> None:
    np.save(tmp_path / "x.npy", np.zeros(shape, dtype=np.uint8))
    assert tuple(read_npy(tmp_path / "x.npy").shape) == expected


@pytest.mark.parametrize(
    ("array", "rule"),
    [
        (np.zeros((4, 4, 4), dtype=np.float32), "uint8"),
        (np.zeros((4, 4, 4), dtype=np.int64), "uint8"),
        (np.zeros((0, 4, 4), dtype=np.uint8), "holds no images"),
        (np.zeros((4, 4), dtype=np.uint8), "is none of"),
        (np.zeros((4, 2, 4, 4), dtype=np.uint8), "is none of"),
        (np.array([{}], dtype=object), "not a readable"),
    ],
)
def test_a_bad_array_is_named(tmp_path: Path, array: np.ndarray, rule: str) -> None:
    np.save(tmp_path / "x.npy", array, allow_pickle=True)
    with pytest.raises(InvalidInput, match=rf"x\.npy: .*{rule}"):
        read_npy(tmp_path / "x.npy")


def test_a_file_that_is_no_array_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"rubbish")
    with pytest.raises(InvalidInput, match=r"x\.npy: not a readable"):
        resolve_image_source(str(tmp_path / "x.npy"), load_registry())


def test_a_split_of_a_data_set(registry: Registry) -> None:
    assert resolve_image_source("digits:judge", registry).shape == (359, 1, 16, 16)
    with pytest.raises(UsageError, match="no split 'valid'"):
        resolve_image_source("digits:valid", registry)
    with pytest.raises(UsageError, match="no data set is called 'digit'"):
        resolve_image_source("digit:train", registry)


def test_a_name_of_nothing(registry: Registry) -> None:
    with pytest.raises(InvalidInput, match="absent: neither a directory"):
        resolve_image_source("absent", registry)


def test_a_run_directory_with_a_broken_record_is_refused(
    tmp_path: Path, registry: Registry
) -> None:
    (tmp_path / "train.json").write_text("{}")
    with pytest.raises(InvalidInput) as refused:
        resolve_image_source(str(tmp_path), registry)
    assert str(tmp_path / "train.json") in str(refused.value.where)
