"""Terms on the latents: identities, closed forms, and what tiling a batch does to them."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from bench.objectives.densities import log_normal_each
from bench.objectives.elbo import kl_to_standard_normal
from bench.objectives.latent import (
    Encoded,
    aggregate_covariance,
    decompose,
    dip_diagonal,
    dip_off_diagonal,
    inverse_multiquadratic,
    log_stratified_weights,
    mmd,
    shuffle_each_dimension,
    squared_mmd,
    total_correlation,
)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def encoded(n: int = 12, dim: int = 3, seed: int = 0, n_train: int = 500) -> Encoded:
    mean, log_variance = normal(n, dim, seed=seed), normal(n, dim, seed=seed + 100) - 1.0
    latents = mean + (0.5 * log_variance).exp() * normal(n, dim, seed=seed + 200)
    return Encoded(mean, log_variance, latents, n_train)


def tiled(batch: Encoded, times: int = 3) -> Encoded:
    parts = (batch.mean, batch.log_variance, batch.latents)
    return Encoded(*(part.repeat(times, 1) for part in parts), batch.n_train)


def point(latents: Tensor) -> Encoded:
    return Encoded(latents, torch.full_like(latents, -torch.inf), latents, 500)


def whitened(n: int = 200, dim: int = 4) -> Tensor:
    """Points whose covariance, divided by n, is exactly the identity."""
    points = normal(n, dim)
    points = points - points.mean(0)
    factor = torch.linalg.cholesky(points.T @ points / n)
    return torch.linalg.solve_triangular(factor, points.T, upper=False).T


def test_the_density_is_the_normal_one() -> None:
    batch = encoded()
    expected = Normal(batch.mean, (0.5 * batch.log_variance).exp()).log_prob(batch.latents)
    torch.testing.assert_close(
        log_normal_each(batch.latents, batch.mean, batch.log_variance), expected
    )


def test_the_kl_term_is_its_monte_carlo_estimate() -> None:
    batch = encoded(4)
    n = 40_000
    draws = batch.mean + (0.5 * batch.log_variance).exp() * normal(n, 4, 3, seed=7)
    ratio = log_normal_each(draws, batch.mean, batch.log_variance) - Normal(0.0, 1.0).log_prob(
        draws
    )
    estimate = ratio.sum(2).mean()
    exact = kl_to_standard_normal(batch.mean, batch.log_variance)
    torch.testing.assert_close(estimate, exact, rtol=0.01, atol=0.0)


@pytest.mark.parametrize("n_train", [12, 500, 10**6])
def test_the_three_parts_add_up_to_the_log_ratio_of_every_latent(n_train: int) -> None:
    batch = encoded(n_train=n_train)
    parts = decompose(batch)
    own = Normal(batch.mean, (0.5 * batch.log_variance).exp()).log_prob(batch.latents).sum(1)
    prior = Normal(0.0, 1.0).log_prob(batch.latents).sum(1)
    total = parts.mutual_information + parts.total_correlation + parts.dimension_wise_kl
    torch.testing.assert_close(total, own - prior, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(total_correlation(batch), parts.total_correlation.mean())
    assert parts.total_correlation.std() > 0.01
    assert parts.mutual_information.std() > 0.01


def test_weights_are_a_distribution_over_the_data() -> None:
    weights = log_stratified_weights(8, 500, normal(1)).exp()
    torch.testing.assert_close(weights.sum(1), torch.ones(8, dtype=torch.float64))
    torch.testing.assert_close(weights.diagonal(), torch.full((8,), 1 / 500, dtype=torch.float64))


def test_the_whole_data_as_a_batch_gives_the_exact_mixture() -> None:
    batch = encoded(9, n_train=9)
    components = MultivariateNormal(batch.mean, torch.diag_embed(batch.log_variance.exp()))
    exact = components.log_prob(batch.latents[:, None]).logsumexp(1) - math.log(9)
    own = Normal(batch.mean, (0.5 * batch.log_variance).exp()).log_prob(batch.latents).sum(1)
    torch.testing.assert_close(decompose(batch).mutual_information, own - exact)


def test_the_stratified_estimator_is_unbiased_at_the_true_size() -> None:
    data = encoded(20, n_train=20)
    exact = decompose(data).mutual_information[0]
    own = log_normal_each(data.latents, data.mean, data.log_variance).sum(1)[0]
    density = (own - exact).exp()  # q(z) of the first latent under all twenty images
    generator = torch.Generator().manual_seed(0)
    estimates = []
    for _ in range(1500):
        others = 1 + torch.randperm(19, generator=generator)[:4]
        rows = torch.cat([torch.zeros(1, dtype=torch.int64), others])
        batch = Encoded(data.mean[rows], data.log_variance[rows], data.latents[rows], 20)
        estimates.append((own - decompose(batch).mutual_information[0]).exp())
    mean = torch.stack(estimates).mean()
    torch.testing.assert_close(mean, density, rtol=0.08, atol=0.0)


def test_correlated_latents_have_the_total_correlation_of_their_gaussian() -> None:
    n, rho = 800, 0.9
    z = normal(n, 2)
    mean = torch.stack([z[:, 0], rho * z[:, 0] + math.sqrt(1 - rho**2) * z[:, 1]], 1)
    variance = 0.05
    latents = mean + math.sqrt(variance) * normal(n, 2, seed=1)
    log_variance = torch.full_like(mean, math.log(variance))
    exact = -0.5 * math.log(1.0 - (rho / (1.0 + variance)) ** 2)
    estimate = total_correlation(Encoded(mean, log_variance, latents, n))
    assert estimate.item() == pytest.approx(exact, rel=0.1)
    shuffled = shuffle_each_dimension(mean)
    latents = shuffled + math.sqrt(variance) * normal(n, 2, seed=2)
    assert abs(total_correlation(Encoded(shuffled, log_variance, latents, n)).item()) < 0.08


def test_copies_of_a_batch_need_the_size_of_their_data() -> None:
    """A tiled batch is that of tiled data: at both sizes told, the whole data are the batch."""
    batch = encoded(9, n_train=9)
    copies = tiled(batch)
    at_true_size = Encoded(copies.mean, copies.log_variance, copies.latents, 27)
    torch.testing.assert_close(total_correlation(at_true_size), total_correlation(batch))
    difference = total_correlation(tiled(encoded(9))) - total_correlation(encoded(9))
    assert difference.abs() > 1e-3


@pytest.mark.parametrize("term", [dip_diagonal, dip_off_diagonal])
def test_the_dip_terms_are_the_same_for_copies_of_a_batch(term: type) -> None:
    torch.testing.assert_close(term(tiled(encoded())), term(encoded()), rtol=1e-12, atol=1e-12)
    assert term(encoded()) > 0.01


def test_whitened_latents_satisfy_dip_wherever_their_mean_is() -> None:
    means = whitened() + torch.tensor([5.0, 0.0, 0.0, 0.0])
    torch.testing.assert_close(
        aggregate_covariance(point(means)), torch.eye(4, dtype=torch.float64)
    )
    assert dip_diagonal(point(means)) < 1e-20
    assert dip_off_diagonal(point(means)) < 1e-20


def test_the_dip_covariance_is_that_of_the_draws() -> None:
    batch = encoded(6)
    times = 40_000
    draws = batch.mean + (0.5 * batch.log_variance).exp() * normal(times, 6, 3, seed=3)
    sampled = torch.cov(draws.flatten(0, 1).T)
    torch.testing.assert_close(aggregate_covariance(batch), sampled, rtol=0, atol=0.02)


def test_the_dip_terms_split_the_squared_distance_to_the_identity() -> None:
    batch = encoded()
    distance = (aggregate_covariance(batch) - torch.eye(3)).square().sum()
    torch.testing.assert_close(dip_diagonal(batch) + dip_off_diagonal(batch), distance)
    rotated = whitened(dim=2) @ torch.tensor([[1.0, 0.3], [0.0, 1.0]], dtype=torch.float64)
    # Covariance [[1, .3], [.3, 1.09]].
    assert dip_off_diagonal(point(rotated)).item() == pytest.approx(2 * 0.3**2)
    assert dip_diagonal(point(rotated)).item() == pytest.approx(0.09**2)


def test_the_kernel_has_seven_scales_of_the_expected_squared_distance() -> None:
    origin, at_expected = torch.zeros(1, 4), torch.full((1, 4), math.sqrt(2.0))  # ||.||^2 = 8 = C
    assert inverse_multiquadratic(origin, origin).item() == pytest.approx(7.0)
    expected = sum(s / (s + 1.0) for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))
    assert inverse_multiquadratic(origin, at_expected).item() == pytest.approx(expected)


def test_the_discrepancy_is_zero_on_average_between_equal_distributions_only() -> None:
    same = torch.stack(
        [squared_mmd(normal(32, 4, seed=s), normal(32, 4, seed=1000 + s)) for s in range(300)]
    )
    assert same.min() < 0.0  # unbiased, hence of either sign
    assert abs(same.mean().item()) < 4.0 * same.std().item() / math.sqrt(300)
    torch.manual_seed(1)  # zero would draw the latents once more
    assert abs(mmd(point(normal(1000, 4))).item()) < 5e-3
    assert mmd(point(normal(1000, 4) + 1.0)).item() > 0.1
    assert mmd(point(0.3 * normal(1000, 4))).item() > 0.1


def test_the_discrepancy_counts_every_pair_but_an_image_with_itself() -> None:
    first, second = normal(3, 2), normal(3, 2, seed=1)

    def kernel(a: Tensor, b: Tensor) -> float:
        return inverse_multiquadratic(a[None], b[None]).item()

    pairs = [(i, j) for i in range(3) for j in range(3)]
    within = sum(
        (kernel(first[i], first[j]) + kernel(second[i], second[j])) / 6 for i, j in pairs if i != j
    )
    between = sum(kernel(first[i], second[j]) / 9 for i, j in pairs)
    assert squared_mmd(first, second).item() == pytest.approx(within - 2.0 * between)


def test_copies_of_a_batch_come_closer_to_themselves() -> None:
    """Unbiasedness holds for independent draws: a copy is a pair at distance zero."""
    first, second = normal(8, 3), normal(8, 3, seed=1)
    own = inverse_multiquadratic(first, first), inverse_multiquadratic(second, second)
    mean_within = sum(((k.sum() - k.trace()) / 56 for k in own), torch.zeros(()))
    copies = squared_mmd(first.repeat(2, 1), second.repeat(2, 1)) - squared_mmd(first, second)
    # Of 15 partners a latent has 14 that are others and one, at 7, that is its copy.
    torch.testing.assert_close(copies.double(), (2 * 7.0 - mean_within) / 15)


def test_shuffling_keeps_every_marginal_and_breaks_the_rows() -> None:
    latents = torch.arange(64.0)[:, None] * torch.ones(1, 5)
    torch.manual_seed(0)
    shuffled = shuffle_each_dimension(latents)
    assert torch.equal(shuffled.sort(0).values, latents)
    assert (shuffled != shuffled[:, :1]).any(0).tolist() == [False, True, True, True, True]
    assert not torch.equal(shuffled[:, 0], latents[:, 0])
