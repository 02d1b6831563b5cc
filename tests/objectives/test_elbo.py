"""Terms of the evidence lower bound against closed forms, Monte Carlo and explicit minima."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from bench.objectives.elbo import (
    LIKELIHOODS,
    MIN_LOG_SIGMA,
    bernoulli_nll,
    kl_to_standard_normal,
    optimal_gaussian_nll,
    reparameterise,
    soft_lower_bound,
    unit_gaussian_nll,
)

Likelihood = Callable[[Tensor, Tensor], Tensor]
N_VALUES = 3 * 4 * 4
LOG_2_PI = math.log(2.0 * math.pi)


def pixels_and_logits(seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(5, 3, 4, 4, generator=generator)
    return pixels, torch.randn(5, 3, 4, 4, generator=generator)


def test_kl_is_zero_at_the_standard_normal() -> None:
    assert kl_to_standard_normal(torch.zeros(4, 7), torch.zeros(4, 7)).item() == 0.0


def test_kl_by_hand() -> None:
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, math.log(4.0)]])
    expected = 0.5 * 1.0 + 0.5 * (4.0 - 1.0 - math.log(4.0))
    assert kl_to_standard_normal(mean, log_variance).item() == pytest.approx(expected, abs=1e-6)


def test_kl_agrees_with_monte_carlo() -> None:
    mean = torch.tensor([[0.7, -1.2, 0.1]])
    log_variance = torch.tensor([[-1.0, 0.4, 0.9]])
    torch.manual_seed(0)
    draws = reparameterise(mean.expand(200_000, 3), log_variance.expand(200_000, 3))
    posterior, prior = Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)
    differences = (posterior.log_prob(draws) - prior.log_prob(draws)).sum(1)
    error = differences.std().item() / math.sqrt(len(differences))
    closed = kl_to_standard_normal(mean, log_variance).item()
    assert differences.mean().item() == pytest.approx(closed, abs=4.0 * error)
    assert error < 0.01


def test_kl_sums_latents_and_averages_images() -> None:
    mean = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    assert kl_to_standard_normal(mean, torch.zeros(2, 3)).item() == pytest.approx(0.75)


def test_reparameterised_draws_carry_gradients_to_both() -> None:
    mean = torch.zeros(1, 2, requires_grad=True)
    log_variance = torch.full((1, 2), math.log(4.0), requires_grad=True)
    torch.manual_seed(3)
    draw = reparameterise(mean, log_variance)
    draw.sum().backward()
    torch.testing.assert_close(mean.grad, torch.ones(1, 2))
    torch.testing.assert_close(log_variance.grad, 0.5 * draw.detach())


def test_bernoulli_at_even_odds() -> None:
    pixels, _ = pixels_and_logits()
    value = bernoulli_nll(torch.zeros_like(pixels), pixels).item()
    assert value == pytest.approx(N_VALUES * math.log(2.0), rel=1e-6)


def test_bernoulli_by_hand() -> None:
    logits = torch.tensor([math.log(3.0), 0.0]).view(1, 1, 1, 2)  # probabilities 3/4 and 1/2
    pixels = torch.tensor([1.0, 0.25]).view(1, 1, 1, 2)
    expected = -math.log(0.75) + math.log(2.0)
    assert bernoulli_nll(logits, pixels).item() == pytest.approx(expected, abs=1e-6)


def test_bernoulli_stays_finite_when_it_is_sure_and_wrong() -> None:
    logits = torch.full((1, 1, 1, 1), 500.0, requires_grad=True)
    loss = bernoulli_nll(logits, torch.zeros(1, 1, 1, 1))
    loss.backward()
    assert logits.grad is not None
    assert loss.item() == pytest.approx(500.0)
    assert logits.grad.item() == pytest.approx(1.0)


def test_unit_gaussian_at_a_perfect_reconstruction_is_its_constant() -> None:
    _, logits = pixels_and_logits()
    value = unit_gaussian_nll(logits, torch.sigmoid(logits)).item()
    assert value == pytest.approx(0.5 * N_VALUES * LOG_2_PI, rel=1e-6)


def test_unit_gaussian_is_the_log_density() -> None:
    pixels, logits = pixels_and_logits()
    density = Normal(torch.sigmoid(logits), 1.0).log_prob(pixels).flatten(1).sum(1).mean()
    torch.testing.assert_close(unit_gaussian_nll(logits, pixels), -density)


def test_optimal_gaussian_is_the_minimum_over_sigma() -> None:
    pixels, logits = pixels_and_logits()
    mean = torch.sigmoid(logits)
    sigmas = torch.linspace(0.2, 0.5, 301)
    explicit = min(
        -Normal(mean, sigma).log_prob(pixels).flatten(1).sum(1).mean().item() for sigma in sigmas
    )
    squared = (mean - pixels).square().mean().item()
    closed = 0.5 * N_VALUES * (math.log(squared) + 1.0 + LOG_2_PI)
    assert explicit == pytest.approx(closed, abs=1e-3)
    # the soft bound moves log sigma by exp(-(log sigma - bound)), which costs its square per value
    excess = N_VALUES * math.exp(-2.0 * (0.5 * math.log(squared) - MIN_LOG_SIGMA))
    value = optimal_gaussian_nll(logits, pixels).item()
    assert closed - 1e-4 <= value <= closed + 1.5 * excess + 1e-4
    assert excess < 0.01


def test_optimal_gaussian_weighs_the_squared_error_by_its_own_precision() -> None:
    pixels, logits = pixels_and_logits()
    logits.requires_grad_(True)
    (actual,) = torch.autograd.grad(optimal_gaussian_nll(logits, pixels), logits)
    squared_error = (torch.sigmoid(logits) - pixels).square()
    precision = 1.0 / squared_error.mean().detach()
    weighted = 0.5 * precision * squared_error.flatten(1).sum(1).mean()
    (expected,) = torch.autograd.grad(weighted, logits)
    torch.testing.assert_close(actual, expected, rtol=0.02, atol=1e-5)


def test_optimal_gaussian_is_bounded_at_a_perfect_reconstruction() -> None:
    _, logits = pixels_and_logits()
    logits.requires_grad_(True)
    loss = optimal_gaussian_nll(logits, torch.sigmoid(logits).detach())
    loss.backward()
    expected = N_VALUES * (MIN_LOG_SIGMA + 0.5 * LOG_2_PI)
    assert loss.item() == pytest.approx(expected, rel=1e-3)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, 0.0024757), (-6.0, -6.0 + math.log(2.0)), (-40.0, -6.0), (20.0, 20.0)],
)
def test_soft_lower_bound(value: float, expected: float) -> None:
    assert soft_lower_bound(torch.tensor(value), -6.0).item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_repeating_the_batch_changes_no_likelihood(name: str) -> None:
    pixels, logits = pixels_and_logits()
    tiled = LIKELIHOODS[name](logits.repeat(3, 1, 1, 1), pixels.repeat(3, 1, 1, 1))
    torch.testing.assert_close(tiled, LIKELIHOODS[name](logits, pixels))


def test_repeating_the_batch_does_not_change_the_kl() -> None:
    mean, log_variance = (images.flatten(1) for images in pixels_and_logits())
    tiled = kl_to_standard_normal(mean.repeat(3, 1), log_variance.repeat(3, 1))
    torch.testing.assert_close(tiled, kl_to_standard_normal(mean, log_variance))


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_likelihoods_sum_over_pixels(name: str) -> None:
    pixels, logits = pixels_and_logits()
    doubled = LIKELIHOODS[name](torch.cat([logits, logits], 3), torch.cat([pixels, pixels], 3))
    torch.testing.assert_close(doubled, 2.0 * LIKELIHOODS[name](logits, pixels))
