"""Terms that a variational autoencoder adds to its bound, each of one batch's latents.

They look at the aggregate posterior q(z), the mixture of q(z|x) over the data, which a batch can
only estimate. The DIP terms are the same for a batch and for copies of it. The total correlation
and the discrepancy are not: both tell an image from the others of its batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.objectives.densities import log_normal, log_normal_each, log_standard_normal


@dataclass(frozen=True)
class Encoded:
    """One batch of latents and where they come from.

    Attributes:
        mean: of q(z|x), (N, D).
        log_variance: of q(z|x), (N, D), natural logarithm; minus infinity where it is a point.
        latents: one draw from q(z|x) per image, (N, D).
        n_train: images in the whole training split.
    """

    mean: Tensor
    log_variance: Tensor
    latents: Tensor
    n_train: int


def log_stratified_weights(n: int, n_train: int, like: Tensor) -> Tensor:
    """Logarithms of the weights (n, n) that turn densities given a batch into one given the data.

    The stratified estimator of Chen et al. 2018 (1802.04942), appendix C: the image that a latent
    comes from counts 1 / n_train, the rest of the batch stands for the rest of the data. The paper
    gives one image of the rest a weight of its own; here all of the rest share theirs equally,
    which has the same expectation and does not depend on the order of the batch.
    """
    others = (1.0 - 1.0 / n_train) / (n - 1)
    weights = torch.full((n, n), others, device=like.device, dtype=like.dtype)
    return weights.fill_diagonal_(1.0 / n_train).log()


def log_aggregate(encoded: Encoded) -> tuple[Tensor, Tensor]:
    """Estimates log q(z) (N,) and log q(z_d) (N, D) of every latent by the stratified estimator."""
    log_density = log_normal_each(
        encoded.latents[:, None], encoded.mean[None], encoded.log_variance[None]
    )  # (N, N, D), latent i under image j
    weights = log_stratified_weights(len(encoded.mean), encoded.n_train, encoded.mean)
    joint = torch.logsumexp(log_density.sum(2) + weights, 1)
    marginals = torch.logsumexp(log_density + weights[:, :, None], 1)
    return joint, marginals


@dataclass(frozen=True)
class Decomposition:
    """log q(z|x) - log p(z) of every latent in three parts that add up to it, each (N,)."""

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise_kl: Tensor


def decompose(encoded: Encoded) -> Decomposition:
    """The parts of the KL term, Chen et al. 2018 (1802.04942), eq. 2, in nats per latent."""
    own = log_normal(encoded.latents, encoded.mean, encoded.log_variance)
    prior = log_standard_normal(encoded.latents)
    joint, marginals = log_aggregate(encoded)
    independent = marginals.sum(1)
    return Decomposition(own - joint, joint - independent, independent - prior)


def total_correlation(encoded: Encoded) -> Tensor:
    """KL(q(z) || prod_d q(z_d)) in nats, estimated from a batch; see ``decompose``."""
    return decompose(encoded).total_correlation.mean()


def aggregate_covariance(encoded: Encoded) -> Tensor:
    """Cov_q(z)[z] = E[Sigma(x)] + Cov[mu(x)] over the batch, (D, D).

    Kumar et al. 2018 (1711.00848), section 3.1, by the law of total covariance. Divides by N, so
    that copies of a batch have its covariance.
    """
    centred = encoded.mean - encoded.mean.mean(0)
    between = centred.T @ centred / len(centred)
    return between + torch.diag(encoded.log_variance.exp().mean(0))


def dip_diagonal(encoded: Encoded) -> Tensor:
    """sum_d (Cov_dd - 1)^2, the second term of DIP-VAE-II, 1711.00848 eq. 7."""
    return (aggregate_covariance(encoded).diagonal() - 1.0).square().sum()


def dip_off_diagonal(encoded: Encoded) -> Tensor:
    """sum_{d != e} Cov_de^2, the first term of DIP-VAE-II, 1711.00848 eq. 7."""
    covariance = aggregate_covariance(encoded)
    return covariance.square().sum() - covariance.diagonal().square().sum()


MMD_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def inverse_multiquadratic(first: Tensor, second: Tensor) -> Tensor:
    """sum_s s C / (s C + ||a - b||^2) with C = 2 D, the kernel of 1711.01558 section 4.

    C is the expected squared distance of two draws from N(0, I). Args (N, D) and (M, D), returns
    (N, M) in 0 .. 7.
    """
    expected = 2.0 * first.shape[1]
    squared = (first[:, None] - second[None]).square().sum(2)
    kernel = torch.zeros_like(squared)
    for scale in MMD_SCALES:
        kernel = kernel + scale * expected / (scale * expected + squared)
    return kernel


def squared_mmd(first: Tensor, second: Tensor) -> Tensor:
    """The unbiased estimate of MMD^2 between two samples of one size, (N, D) each.

    Tolstikhin et al. 2018 (1711.01558), algorithm 2. It can be negative.
    """
    n = len(first)
    within = [
        (kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))
        for kernel in (inverse_multiquadratic(z, z) for z in (first, second))
    ]
    return within[0] + within[1] - 2.0 * inverse_multiquadratic(first, second).mean()


def mmd(encoded: Encoded) -> Tensor:
    """MMD^2 between the latents and as many fresh draws from the prior N(0, I)."""
    return squared_mmd(encoded.latents, torch.randn_like(encoded.latents))


def shuffle_each_dimension(latents: Tensor) -> Tensor:
    """Every column of (N, D) in an order of its own, 1802.05983 algorithm 1.

    Draws from q(z) become (nearly) draws from the product of its marginals.
    """
    order = torch.rand(latents.shape, device=latents.device).argsort(0)
    return latents.gather(0, order)


TERMS: dict[str, Callable[[Encoded], Tensor]] = {
    "total-correlation": total_correlation,
    "dip-diagonal": dip_diagonal,
    "dip-off-diagonal": dip_off_diagonal,
    "mmd": mmd,
}
"""Terms by the name in a recipe's ``terms``."""

NEED_A_DENSITY = frozenset({"total-correlation"})
"""Terms that a deterministic encoder cannot have."""
