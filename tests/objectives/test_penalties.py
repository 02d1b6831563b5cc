"""Gradient penalties: closed forms on linear and quadratic critics, and where gradients go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.build import parse_recipe
from bench.models.gan import GAN
from bench.objectives.penalties import (
    PENALTIES,
    dragan_penalty,
    gradient_penalty,
    r1_penalty,
    r2_penalty,
)
from catalog.errors import InvalidInput

Images = Callable[..., Tensor]


class LinearCritic(nn.Module):
    """D(x) = <w, x> + 3, whose gradient at every image is w."""

    def __init__(self, norm: float, n_values: int) -> None:
        super().__init__()
        direction = torch.randn(n_values, generator=torch.Generator().manual_seed(4))
        self.weight = nn.Parameter(norm * direction / direction.norm())

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) @ self.weight + 3.0


class QuadraticCritic(nn.Module):
    """D(x) = 1/2 ||x||^2, whose gradient is x; remembers the images it saw."""

    def forward(self, images: Tensor) -> Tensor:
        self.seen = images.detach()
        return 0.5 * images.flatten(1).square().sum(1)


ONE_CENTRED = {"gradient", "dragan"}
"""These pull the gradient's norm to one, the others to zero."""


def closed_form(name: str, norm: float) -> float:
    return (norm - 1.0) ** 2 if name in ONE_CENTRED else 0.5 * norm**2


@pytest.mark.parametrize("norm", [0.2, 1.0, 3.0])
@pytest.mark.parametrize("shape", [(1, 1, 8), (5, 3, 4), (16, 1, 2)], ids=str)
@pytest.mark.parametrize("name", PENALTIES)
def test_linear_critic(
    name: str, shape: tuple[int, int, int], norm: float, images_of: Images
) -> None:
    n, channels, size = shape
    critic = LinearCritic(norm, channels * size * size)
    real, fake = (images_of(n, channels, size, seed) for seed in (1, 2))
    value = PENALTIES[name](critic, real, fake).item()
    assert value == pytest.approx(closed_form(name, norm), abs=1e-5)


@pytest.mark.parametrize("name", PENALTIES)
def test_gradient_reaches_the_weights_of_the_critic(name: str, images_of: Images) -> None:
    critic = LinearCritic(3.0, 3 * 16)
    PENALTIES[name](critic, images_of(4, 3, 4, 1), images_of(4, 3, 4, 2)).backward()
    weight = critic.weight.detach()
    expected = 2.0 * (3.0 - 1.0) * weight / 3.0 if name in ONE_CENTRED else weight
    torch.testing.assert_close(critic.weight.grad, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["r1", "r2"])
def test_repeating_the_batch_changes_nothing(name: str, images_of: Images) -> None:
    real, fake = images_of(4, 3, 4, 1), images_of(4, 3, 4, 2)
    once = PENALTIES[name](QuadraticCritic(), real, fake)
    thrice = PENALTIES[name](QuadraticCritic(), real.repeat(3, 1, 1, 1), fake.repeat(3, 1, 1, 1))
    torch.testing.assert_close(thrice, once)


def test_gradient_penalty_is_unchanged_by_repeating_the_batch(images_of: Images) -> None:
    same = images_of(4, 3, 4, 1)  # real = fake leaves no choice of the point between
    once = gradient_penalty(QuadraticCritic(), same, same)
    thrice = gradient_penalty(QuadraticCritic(), *[same.repeat(3, 1, 1, 1)] * 2)
    torch.testing.assert_close(thrice, once)
    expected = (same.flatten(1).norm(dim=1) - 1.0).square().mean()
    torch.testing.assert_close(once, expected)


def test_dragan_is_unchanged_by_repeating_the_batch(
    images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, fake = images_of(4, 3, 4, 1), images_of(4, 3, 4, 2)
    monkeypatch.setattr(torch, "rand", lambda *_args, **kwargs: torch.full((), 0.6, **kwargs))
    once = dragan_penalty(QuadraticCritic(), real, fake)
    thrice = dragan_penalty(QuadraticCritic(), real.repeat(3, 1, 1, 1), fake)
    torch.testing.assert_close(thrice, once)
    nearby = real + 0.6 * 0.5 * real.std(correction=0) * 0.6
    expected = (nearby.flatten(1).norm(dim=1) - 1.0).square().mean()
    torch.testing.assert_close(once, expected)


def test_dragan_looks_around_real_images() -> None:
    n, n_pixels = 4000, 16
    signs = torch.tensor([1.0, -1.0]).repeat(n * n_pixels // 2)  # standard deviation exactly 1
    real = signs.view(n, 1, 4, 4)
    critic = QuadraticCritic()
    torch.manual_seed(0)
    dragan_penalty(critic, real, torch.full_like(real, 50.0))
    noise = (critic.seen - real).flatten(1)  # a u / 2 with a, u in U[0, 1): mean 1/8, at most 1/2
    assert noise.min() >= -1e-6
    assert 0.45 < noise.max().item() <= 0.5
    assert noise.mean().item() == pytest.approx(0.125, abs=0.004)
    # E d^2 = E a^2 E u^2 / 4 = 1/36; one a per image, so pixels share E a^2 (E u)^2 / 4 = 1/48
    assert noise.square().mean().item() == pytest.approx(1 / 36, abs=0.002)
    assert (noise[:, 0] * noise[:, 1]).mean().item() == pytest.approx(1 / 48, abs=0.002)
    images_apart = (noise[::2] * noise[1::2]).mean().item()
    assert images_apart == pytest.approx(1 / 64, abs=0.001)


def test_r1_looks_at_real_images_and_r2_at_fakes(images_of: Images) -> None:
    real, fake = images_of(4, 3, 4, 1), 2.0 * images_of(4, 3, 4, 2)
    for penalty, images in ((r1_penalty, real), (r2_penalty, fake)):
        expected = 0.5 * images.flatten(1).square().sum(1).mean()
        torch.testing.assert_close(penalty(QuadraticCritic(), real, fake), expected)


def test_every_pair_has_a_position_of_its_own() -> None:
    n = 20_000
    real, fake = torch.zeros(n, 1, 1, 1), torch.full((n, 1, 1, 1), 2.0)
    critic = QuadraticCritic()
    torch.manual_seed(0)
    value = gradient_penalty(critic, real, fake).item()
    # gradient norm 2 a with a uniform: E (2 a - 1)^2 = 1/3, standard error .002
    assert value == pytest.approx(1.0 / 3.0, abs=0.01)
    assert 0.0 <= critic.seen.min() < 0.01
    assert 1.99 < critic.seen.max() <= 2.0


def test_one_position_serves_all_pixels_of_a_pair() -> None:
    critic = QuadraticCritic()
    gradient_penalty(critic, torch.zeros(6, 3, 4, 4), torch.ones(6, 3, 4, 4))
    positions = critic.seen.flatten(1)
    torch.testing.assert_close(positions, positions[:, :1].expand_as(positions))
    assert len(positions[:, 0].unique()) == 6


def test_a_flat_critic_has_a_finite_gradient(images_of: Images) -> None:
    critic = LinearCritic(0.0, 16)
    penalty = gradient_penalty(critic, images_of(4, 1, 4, 1), images_of(4, 1, 4, 2))
    penalty.backward()
    assert penalty.item() == pytest.approx(1.0, abs=1e-6)
    assert critic.weight.grad is not None
    assert torch.isfinite(critic.weight.grad).all()


@pytest.mark.parametrize("name", PENALTIES)
def test_images_of_the_caller_are_left_alone(name: str, images_of: Images) -> None:
    real, fake = images_of(4, 1, 4, 1), images_of(4, 1, 4, 2)
    kept = real.clone(), fake.clone()
    PENALTIES[name](LinearCritic(2.0, 16), real, fake).backward()
    assert not real.requires_grad
    assert not fake.requires_grad
    assert torch.equal(real, kept[0])
    assert torch.equal(fake, kept[1])


@pytest.mark.parametrize("name", PENALTIES)
def test_batch_normalised_critics_are_refused(name: str) -> None:
    settings: dict[str, Any] = {"penalty": {name: 1.0}, "critic_norm": "batch"}
    with pytest.raises(InvalidInput, match="critic_norm: batch couples the images"):
        parse_recipe(GAN, settings, "the test")


@pytest.mark.parametrize("norm", ["none", "layer", "spectral"])
def test_independent_critics_are_accepted(norm: str) -> None:
    parse_recipe(GAN, {"penalty": {"r1": 1.0}, "critic_norm": norm}, "the test")
