"""Formulas of diffusion and flow matching against closed forms."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from bench.objectives.diffusion import (
    kept_steps,
    kl_from_standard_normal,
    linear_alpha_bars,
    noised,
    on_the_path,
    path_velocity,
    pixel_nats,
    posterior_mean,
    posterior_variance,
    predicted_start,
)


def scalar(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


@pytest.mark.parametrize("n_steps", [50, 200, 1000])
def test_signal_falls_from_nearly_all_to_nearly_none(n_steps: int) -> None:
    alpha_bars = linear_alpha_bars(n_steps)
    assert alpha_bars.shape == (n_steps,)
    assert (alpha_bars.diff() < 0).all()
    assert 0.99 < alpha_bars[0] < 1
    assert 0 < alpha_bars[-1] < 1e-4


def test_the_thousand_steps_are_the_papers() -> None:
    alpha_bars = linear_alpha_bars(1000)
    assert alpha_bars[0].item() == pytest.approx(1 - 1e-4, abs=1e-12)
    last = 1.0 - alpha_bars[-1] / alpha_bars[-2]
    assert last.item() == pytest.approx(0.02, abs=1e-9)
    middle = 1.0 - alpha_bars[500] / alpha_bars[499]
    assert middle.item() == pytest.approx(1e-4 + (0.02 - 1e-4) * 500 / 999, abs=1e-9)


def test_a_shorter_chain_keeps_both_ends_and_even_gaps() -> None:
    kept = kept_steps(1000, 25)
    assert kept[0] == 1
    assert kept[-1] == 1000
    assert set(kept.diff().tolist()) == {41, 42}
    assert torch.equal(kept_steps(30, 30), torch.arange(1, 31))
    with pytest.raises(ValueError, match="no 31 to keep"):
        kept_steps(30, 31)


@pytest.mark.parametrize("alpha_bar", [0.9, 0.5, 0.01])
def test_moments_of_a_noised_image(alpha_bar: float) -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(200_000, generator=generator)
    drawn = noised(torch.full_like(noise, 0.7), noise, alpha_bar)
    assert drawn.mean().item() == pytest.approx(0.7 * math.sqrt(alpha_bar), abs=0.01)
    assert drawn.var().item() == pytest.approx(1 - alpha_bar, rel=0.02)


@pytest.mark.parametrize("alpha_bar", [0.999, 0.5, 0.001])
def test_the_true_noise_gives_the_image_back(alpha_bar: float) -> None:
    start, noise = torch.randn(2, 5, 1, 8, 8, dtype=torch.float64)
    again = predicted_start(noised(start, noise, alpha_bar), noise, alpha_bar)
    torch.testing.assert_close(again, start)


def test_posterior_is_bayes_rule_for_two_gaussians() -> None:
    """q(x_{t-1} | x_0) times q(x_t | x_{t-1}), normalised over x_{t-1} by precisions."""
    before, alpha = scalar(0.6), scalar(0.7)
    alpha_bar = before * alpha
    start, noisy = scalar(0.3), scalar(-1.1)
    precision = 1 / (1 - before) + alpha / (1 - alpha)
    mean = (before.sqrt() * start / (1 - before) + alpha.sqrt() * noisy / (1 - alpha)) / precision
    torch.testing.assert_close(posterior_variance(alpha_bar, before), 1 / precision)
    torch.testing.assert_close(posterior_mean(start, noisy, alpha_bar, before), mean)


def test_the_first_steps_posterior_is_the_image_itself() -> None:
    start, noisy, one = torch.randn(4), torch.randn(4), torch.tensor(1.0)
    alpha_bar = torch.tensor(0.98)
    assert posterior_variance(alpha_bar, one) == 0
    torch.testing.assert_close(posterior_mean(start, noisy, alpha_bar, one), start)


def test_stepping_back_through_the_posterior_keeps_the_marginal() -> None:
    """Mean and variance of x_{t-1} given x_0 follow from those of x_t: the chain is consistent."""
    alpha_bars = linear_alpha_bars(1000)
    start = scalar(0.4)
    for later, earlier in ((999, 700), (700, 300), (300, 0)):
        alpha_bar, before = alpha_bars[later], alpha_bars[earlier]
        mean = posterior_mean(start, alpha_bar.sqrt() * start, alpha_bar, before)
        torch.testing.assert_close(mean, before.sqrt() * start)
        slope = posterior_mean(scalar(0.0), scalar(1.0), alpha_bar, before)
        variance = slope**2 * (1 - alpha_bar) + posterior_variance(alpha_bar, before)
        torch.testing.assert_close(variance, 1 - before)


def test_kl_is_that_of_torch() -> None:
    mean, variance = torch.tensor([0.0, 1.5, -0.2]), torch.tensor([1.0, 0.3, 2.0])
    expected = kl_divergence(Normal(mean, variance.sqrt()), Normal(0.0, 1.0))
    torch.testing.assert_close(kl_from_standard_normal(mean, variance), expected)
    assert kl_from_standard_normal(torch.tensor(0.0), torch.tensor(1.0)) == 0


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 0.01), (0.3, 0.2), (-0.99, 1.0)])
def test_masses_of_the_pixel_levels_sum_to_one(mean: float, deviation: float) -> None:
    levels = torch.linspace(-1, 1, 256, dtype=torch.float64)
    masses = torch.exp(-pixel_nats(levels, scalar(mean), scalar(deviation)))
    assert masses.sum().item() == pytest.approx(1.0, abs=1e-9)
    inner = Normal(scalar(mean), scalar(deviation))
    expected = inner.cdf(levels[100] + 1 / 255) - inner.cdf(levels[100] - 1 / 255)
    assert masses[100].item() == pytest.approx(expected.item(), abs=1e-9)


def test_pixels_far_from_the_mean_cost_finite_nats() -> None:
    levels = torch.linspace(-1, 1, 256)
    nats = pixel_nats(levels, torch.tensor(1.0), torch.tensor(0.01))
    assert torch.isfinite(nats).all()
    assert (nats.diff() < 0).all()


def test_paths_lead_from_noise_to_the_image_at_constant_velocity() -> None:
    noise, image = torch.randn(2, 3, 1, 4, 4, dtype=torch.float64)
    sigma = 0.01
    velocity = path_velocity(noise, image, sigma)
    torch.testing.assert_close(on_the_path(noise, image, scalar(0.0), sigma), noise)
    end = on_the_path(noise, image, scalar(1.0), sigma)
    torch.testing.assert_close(end, image + sigma * noise)
    for time in (0.0, 0.3, 0.9):
        here = on_the_path(noise, image, scalar(time), sigma)
        torch.testing.assert_close(here + (1 - time) * velocity, end)
