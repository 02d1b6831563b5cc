"""Equalised layers, the minibatch's standard deviation, and resampling by two."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bench.networks.stylegan2 import (
    EqualisedConv,
    EqualisedLinear,
    activated,
    blurred,
    doubled,
    halved,
    minibatch_stddev,
    unit_power,
)

Images = Callable[..., Tensor]


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_a_linear_layer_keeps_power_whatever_its_rate(rate: float) -> None:
    torch.manual_seed(0)
    layer = EqualisedLinear(200, 300, bias=2.0, rate=rate)
    assert layer.weight.std().item() * rate == pytest.approx(1.0, abs=0.02)
    assert layer.weight.mean().item() * rate == pytest.approx(0.0, abs=0.02)
    assert torch.allclose(layer(torch.zeros(1, 200)), torch.tensor(2.0))
    assert (layer(torch.randn(500, 200)) - 2.0).std().item() == pytest.approx(1.0, abs=0.03)


def test_the_rate_multiplies_what_an_update_moves() -> None:
    inputs = torch.randn(4, 5)
    moves = []
    for rate in (1.0, 0.01):
        layer = EqualisedLinear(5, 3, rate=rate)
        before = layer(inputs)
        with torch.no_grad():  # as Adam does: a step of the same size in every stored weight
            layer.weight.add_(0.1)
            layer.bias.add_(0.1)
        moves.append(layer(inputs) - before)
    torch.testing.assert_close(moves[1], 0.01 * moves[0], rtol=1e-3, atol=1e-6)


def test_a_convolution_keeps_power() -> None:
    torch.manual_seed(0)
    layer = EqualisedConv(40, 50, 3)
    assert layer.weight.std().item() == pytest.approx(1.0, abs=0.02)
    inside = layer(torch.randn(20, 40, 8, 8))[:, :, 1:-1, 1:-1]
    assert inside.std().item() == pytest.approx(1.0, abs=0.05)
    assert not layer(torch.zeros(1, 40, 8, 8)).any()


@pytest.mark.parametrize("kernel", [1, 3])
def test_a_halving_convolution_filters_first(kernel: int, images_of: Images) -> None:
    layer = EqualisedConv(3, 4, kernel, halve=True)
    images = images_of(2, 3, 8)
    assert layer(images).shape == (2, 4, 4, 4)
    checkers = torch.ones(8, 8)
    checkers[::2, ::2] = checkers[1::2, 1::2] = -1.0  # what must not come through as a pattern
    assert layer(checkers.expand(1, 3, 8, 8))[:, :, 1:3, 1:3].abs().max() < 1e-6


def test_activation_keeps_power() -> None:
    torch.manual_seed(0)
    power = activated(torch.randn(100_000)).square().mean()
    assert power.item() == pytest.approx(1.04, abs=0.02)  # (1 + 0.2^2) / 2 * 2


def test_unit_power_is_a_mean_square_of_one() -> None:
    latents = torch.tensor([[3.0, 4.0], [0.1, 0.0]])
    expected = torch.tensor([[3.0, 4.0], [5.0, 0.0]]) * math.sqrt(2.0) / 5.0
    torch.testing.assert_close(unit_power(latents), expected, rtol=1e-5, atol=1e-5)


def test_standard_deviation_by_hand() -> None:
    """Groups of two are images (0, 2) and (1, 3), each with two channels of one pixel."""
    values = torch.tensor([[0.0, 0.0], [5.0, 5.0], [2.0, 6.0], [5.0, 5.0]])
    joined = minibatch_stddev(values[:, :, None, None], 2)
    assert joined.shape == (4, 3, 1, 1)
    assert torch.equal(joined[:, :2, 0, 0], values)
    expected = torch.tensor([(1.0 + 3.0) / 2.0, 0.0, (1.0 + 3.0) / 2.0, 0.0])
    torch.testing.assert_close(joined[:, 2, 0, 0], expected, rtol=0, atol=2e-4)


def test_standard_deviation_is_scaled_and_not_shifted_with_the_features() -> None:
    torch.manual_seed(0)
    features = torch.randn(6, 3, 4, 4)
    spread = minibatch_stddev(features, 6)[:, 3]
    assert torch.equal(spread, spread[:1, :1, :1].expand(6, 4, 4))
    expected = features.std(0, correction=0).mean()
    torch.testing.assert_close(spread[0, 0, 0], expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(minibatch_stddev(3.0 * features + 1.0, 6)[:, 3], 3.0 * spread)


@pytest.mark.parametrize(("n", "group"), [(1, 4), (5, 4), (6, 4), (8, 4), (3, 32)])
def test_any_batch_has_groups(n: int, group: int) -> None:
    features = torch.randn(n, 2, 4, 4, requires_grad=True)
    joined = minibatch_stddev(features, group)
    assert joined.shape == (n, 3, 4, 4)
    (gradient,) = torch.autograd.grad(joined[:, 2].sum(), features)
    assert torch.isfinite(gradient).all()


def test_doubling_is_bilinear_inside(images_of: Images) -> None:
    images = images_of(2, 3, 6)
    expected = interpolate(images, scale_factor=2.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(doubled(images)[..., 1:-1, 1:-1], expected[..., 1:-1, 1:-1])


def test_halving_is_a_quarter_of_the_transpose_of_doubling(images_of: Images) -> None:
    small, large = images_of(2, 3, 4), images_of(2, 3, 8, seed=1)
    torch.testing.assert_close((doubled(small) * large).sum(), 4.0 * (small * halved(large)).sum())
    constant = torch.full((1, 2, 8, 8), 0.3)
    torch.testing.assert_close(halved(constant)[..., 1:-1, 1:-1], constant[..., :2, :2])


def test_filter_values_and_gain() -> None:
    impulse = torch.zeros(1, 1, 7, 7)
    impulse[0, 0, 3, 3] = 1.0
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8.0
    response = blurred(impulse, padding=1, gain=4.0)
    assert response.shape == (1, 1, 6, 6)
    torch.testing.assert_close(response[0, 0, 1:5, 1:5], 4.0 * torch.outer(taps, taps))
    assert response.sum().item() == pytest.approx(4.0, abs=1e-6)
