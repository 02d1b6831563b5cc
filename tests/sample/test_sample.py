"""Sampling: image i is a function of i alone, in batches of one size, quantised by one rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import bench.sample.draw
from bench.models.noise import ImageNoise
from bench.sample.draw import NonFiniteImages, reconstruct_images, sample_images
from bench.sample.grid import write_grid

CPU = torch.device("cpu")
BATCH = 6


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.sample.draw, "SAMPLING_BATCH", BATCH)


def draw_noise(noise: ImageNoise, labels: Tensor) -> Tensor:
    return noise.uniform(4).mul(2.0).sub(1.0).view(-1, 1, 2, 2)


def draw_constant(value: float) -> Callable[[ImageNoise, Tensor], Tensor]:
    return lambda noise, _: torch.full((len(noise), 1, 2, 2), value)


@pytest.mark.parametrize("n", [1, 5, 6, 7, 12, 17])
def test_asking_for_fewer_changes_no_image(n: int) -> None:
    images = sample_images(draw_noise, n, 10, 3, CPU)
    assert images.shape == (n, 1, 2, 2)
    assert images.dtype == torch.uint8
    assert torch.equal(images, sample_images(draw_noise, 18, 10, 3, CPU)[:n])
    assert len(images.flatten(1).unique(dim=0)) == n


def test_seeds_give_other_images() -> None:
    first, second = (sample_images(draw_noise, 8, 10, seed, CPU) for seed in (0, 1))
    assert not torch.equal(first, second)


def test_batches_have_one_size_and_labels_go_round() -> None:
    seen: list[Tensor] = []

    def draw(noise: ImageNoise, labels: Tensor) -> Tensor:
        assert len(noise) == BATCH
        seen.append(labels)
        return draw_noise(noise, labels)

    sample_images(draw, 14, 4, 0, CPU)
    assert torch.equal(torch.cat(seen), torch.arange(3 * BATCH) % 4)


@pytest.mark.parametrize(
    ("value", "pixel"),
    [(-1.0, 0), (0.0, 128), (1.0, 255), (0.2, 153), (-1.5, 0), (1.5, 255), (-0.999, 0)],
)
def test_quantisation_is_fixed_and_not_stretched(value: float, pixel: int) -> None:
    assert sample_images(draw_constant(value), 3, 10, 0, CPU).unique().tolist() == [pixel]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_images_that_are_not_numbers_are_refused(bad: float) -> None:
    with pytest.raises(NonFiniteImages, match="not finite"):
        sample_images(draw_constant(bad), 3, 10, 0, CPU)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_grid_shows_the_pixels_as_they_are(channels: int, tmp_path: Path) -> None:
    """A narrow range stays narrow: stretched to black and white, it would hide what is wrong."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(100, 110, (7, channels, 16, 16), generator=generator, dtype=torch.uint8)
    files = [tmp_path / name for name in ("first.png", "again.png")]
    for file in files:
        write_grid(images, file, n_columns=3, n_rows=2)
    assert files[0].read_bytes() == files[1].read_bytes()
    with Image.open(files[0]) as picture:
        assert picture.mode == ("L" if channels == 1 else "RGB")
        pixels = torch.from_numpy(np.array(picture)).view(70, 104, channels).permute(2, 0, 1)
    for index in range(6):  # the seventh has no place
        row, column = divmod(index, 3)
        top, left = 2 + 34 * row, 2 + 34 * column
        cell = pixels[:, top : top + 32, left : left + 32]
        assert torch.equal(cell[:, ::2, ::2], images[index])
        assert torch.equal(cell[:, 1::2, 1::2], images[index])
    assert pixels[:, 0].unique().tolist() == [128]


class Mirror:
    """Reconstructs an image by negating it, and remembers how many it saw at once."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def reconstruct(self, images: Tensor) -> Tensor:
        assert not torch.is_grad_enabled()
        self.sizes.append(len(images))
        return -images


@pytest.mark.parametrize("n", [1, 6, 13])
def test_reconstructions_keep_their_order(n: int) -> None:
    images = torch.arange(n, dtype=torch.uint8).view(-1, 1, 1, 1).expand(n, 1, 2, 2) * 7
    mirror = Mirror()
    assert torch.equal(reconstruct_images(mirror, images), 255 - images)
    assert sum(mirror.sizes) == n
    assert max(mirror.sizes) <= BATCH


def test_no_gradients_are_kept() -> None:
    weight = torch.ones(1, requires_grad=True)

    def draw(noise: ImageNoise, labels: Tensor) -> Tensor:
        images = draw_noise(noise, labels) * weight
        assert not images.requires_grad
        return images

    sample_images(draw, 2, 10, 0, CPU)
