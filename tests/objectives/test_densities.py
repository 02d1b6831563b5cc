"""Log densities against torch.distributions and numerical integration."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from bench.objectives.densities import (
    log_even_mixture,
    log_mean_exp,
    log_normal,
    log_standard_normal,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_normal_agrees_with_torch() -> None:
    values, mean, log_variance = drawn(6, 3), drawn(6, 3, seed=1), drawn(6, 3, seed=2)
    expected = Independent(Normal(mean, (0.5 * log_variance).exp()), 1).log_prob(values)
    torch.testing.assert_close(log_normal(values, mean, log_variance), expected)
    standard = Independent(Normal(torch.zeros(3).double(), 1.0), 1).log_prob(values)
    torch.testing.assert_close(log_standard_normal(values), standard)


def test_the_mixture_agrees_with_torch() -> None:
    values, means, log_variances = drawn(6, 3), drawn(4, 3, seed=1), drawn(4, 3, seed=2)
    components = Independent(Normal(means, (0.5 * log_variances).exp()), 1)
    expected = MixtureSameFamily(Categorical(torch.ones(4).double()), components).log_prob(values)
    torch.testing.assert_close(log_even_mixture(values, means, log_variances), expected)


def test_the_mixture_integrates_to_one() -> None:
    axis = torch.linspace(-12.0, 12.0, 601, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    density = log_even_mixture(grid, 2.0 * drawn(3, 2), drawn(3, 2, seed=1)).exp()
    total = density.sum().item() * (axis[1] - axis[0]).item() ** 2
    assert total == pytest.approx(1.0, abs=1e-6)


def test_repeating_the_components_changes_no_density() -> None:
    values, means, log_variances = drawn(5, 2), drawn(3, 2, seed=1), drawn(3, 2, seed=2)
    once = log_even_mixture(values, means, log_variances)
    torch.testing.assert_close(
        log_even_mixture(values, means.repeat(4, 1), log_variances.repeat(4, 1)), once
    )


def test_log_mean_exp_is_exact_for_one_and_does_not_overflow() -> None:
    logs = drawn(1, 7)
    assert torch.equal(log_mean_exp(logs, 0), logs[0])
    far = torch.tensor([[-2000.0], [-2000.0 + math.log(3.0)]], dtype=torch.float64)
    assert log_mean_exp(far, 0).item() == pytest.approx(-2000.0 + math.log(2.0))
