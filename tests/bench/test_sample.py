"""Sampling: image i is a function of i alone, in batches of one size, quantised by one rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import bench.sample
from bench.noise import ImageNoise
from bench.sample import NonFiniteImages, reconstruct_images, sample_images

CPU = torch.device("cpu")
BATCH = 6


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.sample, "SAMPLING_BATCH", BATCH)


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
