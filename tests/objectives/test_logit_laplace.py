"""The logit-Laplace density and the schedules of DALL-E's first stage."""

from __future__ import annotations

import math

import pytest
import torch

from bench.objectives.logit_laplace import (
    from_support,
    log_density,
    most_likely_pixels,
    negative_log_likelihood,
    to_support,
)
from bench.objectives.schedules import cosine, ramp, warmed_cosine


@pytest.mark.parametrize("mean", [-1.5, 0.0, 0.7])
@pytest.mark.parametrize("scale", [0.3, 1.0])
def test_the_density_integrates_to_one(mean: float, scale: float) -> None:
    logits = torch.linspace(-30.0, 30.0, 200_001, dtype=torch.float64)
    x = torch.sigmoid(logits)
    log_scale = torch.tensor(math.log(scale), dtype=torch.float64)
    density = log_density(x, torch.tensor(mean, dtype=torch.float64), log_scale).exp()
    inside = (x > 1e-9) & (x < 1.0 - 1e-9)
    assert torch.trapezoid(density[inside], x[inside]).item() == pytest.approx(1.0, abs=1e-4)


def test_a_value_by_hand() -> None:
    x, mean, b = 0.3, 0.2, 0.5
    expected = math.exp(-abs(math.log(x / (1 - x)) - mean) / b) / (2 * b * x * (1 - x))
    found = log_density(torch.tensor(x), torch.tensor(mean), torch.tensor(math.log(b)))
    assert found.exp().item() == pytest.approx(expected, rel=1e-5)
    outputs = torch.tensor([mean, math.log(b)]).view(1, 2, 1, 1)
    pixel = from_support(torch.tensor(x)).view(1, 1, 1, 1)
    assert negative_log_likelihood(outputs, pixel).item() == pytest.approx(
        -math.log(expected), rel=1e-4
    )


def test_the_map_stays_off_the_poles_and_is_undone() -> None:
    pixels = torch.linspace(0.0, 1.0, 256)
    inside = to_support(pixels)
    assert (inside.min().item(), inside.max().item()) == pytest.approx((0.1, 0.9))
    torch.testing.assert_close(from_support(inside), pixels, rtol=0, atol=1e-6)
    outputs = torch.cat([torch.logit(inside).view(1, 1, 16, 16), torch.zeros(1, 1, 16, 16)], 1)
    torch.testing.assert_close(most_likely_pixels(outputs).flatten(), pixels, rtol=0, atol=1e-5)
    assert most_likely_pixels(torch.full((1, 2, 1, 1), 9.0)).item() == 1.0


def test_the_loss_is_per_image_whatever_the_batch() -> None:
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 4, 5, 5, generator=generator)
    pixels = torch.rand(3, 2, 5, 5, generator=generator)
    once = negative_log_likelihood(outputs, pixels)
    again = negative_log_likelihood(outputs.repeat(2, 1, 1, 1), pixels.repeat(2, 1, 1, 1))
    torch.testing.assert_close(once, again)


def test_schedules_end_where_they_should() -> None:
    assert [cosine(f, 1.0, 0.0625) for f in (0.0, 0.5, 1.0, 1.4)] == pytest.approx(
        [1.0, 0.53125, 0.0625, 0.0625]
    )
    assert [ramp(f, 0.15) for f in (0.0, 0.075, 0.15, 1.0)] == pytest.approx([0.0, 0.5, 1.0, 1.0])
    assert ramp(0.0, 0.0) == 1.0
    rates = [warmed_cosine(update, 1000, 50) for update in range(1000)]
    assert rates[0] == pytest.approx(1 / 51)
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates.index(max(rates)) == 50
    assert 0.0 < rates[-1] < 1e-4


def test_a_smallest_scale_bounds_the_density_and_is_none_by_default() -> None:
    pixels = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    mean = torch.logit(to_support(pixels))

    def loss(log_scale: float, smallest: float) -> float:
        outputs = torch.cat([mean, torch.full_like(mean, log_scale)], 1)
        return float(negative_log_likelihood(outputs, pixels, smallest_scale=smallest))

    floor = math.log(0.25)
    assert loss(-9.0, 0.25) == loss(floor, 0.0)
    assert loss(0.5, 0.25) == loss(0.5, 0.0)
    assert loss(-9.0, 0.0) == pytest.approx(loss(0.0, 0.0) - 9.0 * pixels[0].numel(), rel=1e-5)
