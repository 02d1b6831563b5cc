"""Noise streams: one per image, independent of its neighbours, and of the right distribution."""

from __future__ import annotations

import math

import pytest
import torch
from scipy.stats import kstest

from bench.models.noise import ImageNoise

KINDS = ["normal", "uniform"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_does_not_depend_on_the_batch(kind: str) -> None:
    whole = getattr(ImageNoise(7, range(20)), kind)(5)
    assert whole.shape == (20, 5)
    assert whole.dtype == torch.float32
    alone = getattr(ImageNoise(7, [13]), kind)(5)
    shuffled = getattr(ImageNoise(7, [4, 13, 0]), kind)(5)
    assert torch.equal(alone[0], whole[13])
    assert torch.equal(shuffled, whole[[4, 13, 0]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_goes_on_where_it_stopped(kind: str) -> None:
    noise = ImageNoise(7, range(3))
    first, second = getattr(noise, kind)(4), getattr(noise, kind)(4)
    assert not torch.equal(first, second)
    again = ImageNoise(7, range(3))
    getattr(again, kind)(4)
    assert torch.equal(getattr(again, kind)(4), second)


@pytest.mark.parametrize("kind", KINDS)
def test_streams_and_seeds_differ(kind: str) -> None:
    draws = torch.cat([getattr(ImageNoise(seed, range(50)), kind)(4) for seed in (0, 1, 2)])
    assert len(draws.unique(dim=0)) == 150


def test_seed_and_index_are_not_added_up() -> None:
    assert not torch.equal(ImageNoise(1, [2]).normal(4), ImageNoise(2, [1]).normal(4))
    assert not torch.equal(ImageNoise(0, [3]).normal(4), ImageNoise(3, [0]).normal(4))


def test_uniform_draws() -> None:
    draws = ImageNoise(0, range(2000)).uniform(10).flatten()
    assert draws.min() >= 0.0
    assert draws.max() < 1.0
    assert 1e-3 < kstest(draws.numpy(), "uniform").pvalue < 0.9999


def test_normal_draws() -> None:
    draws = ImageNoise(0, range(2000)).normal(10).flatten()
    assert 1e-3 < kstest(draws.numpy(), "norm").pvalue < 0.9999


@pytest.mark.parametrize("kind", KINDS)
def test_neighbouring_streams_are_uncorrelated(kind: str) -> None:
    draws = getattr(ImageNoise(0, range(1001)), kind)(20).double()
    centred = (draws - draws.mean()) / draws.std()
    correlation = (centred[1:] * centred[:-1]).mean().item()
    assert correlation == pytest.approx(0.0, abs=4.0 / math.sqrt(20_000))


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_extreme_seeds_and_indices(seed: int) -> None:
    draws = ImageNoise(seed, [0, 2**63]).normal(3)
    assert torch.isfinite(draws).all()
    assert not torch.equal(draws[0], draws[1])


@pytest.mark.parametrize("kind", KINDS)
def test_no_images_no_noise(kind: str) -> None:
    noise = ImageNoise(0, [])
    assert len(noise) == 0
    assert getattr(noise, kind)(3).shape == (0, 3)


def test_global_random_state_plays_no_part() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = ImageNoise(0, range(3)).normal(4)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(ImageNoise(0, range(3)).normal(4), first)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("kind", KINDS)
def test_devices_see_the_same_noise(kind: str) -> None:
    on_gpu = getattr(ImageNoise(3, range(9), "cuda"), kind)(7)
    assert on_gpu.device.type == "cuda"
    assert torch.equal(on_gpu.cpu(), getattr(ImageNoise(3, range(9)), kind)(7))
