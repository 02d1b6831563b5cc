"""From features to a number, and how far the same code may print another one.

The numbers are those of ``bench.score.metrics``; what others do differently (a covariance divided
by n, a kernel distance with the diagonal) is torch-fidelity's too, where that has it.
"""

from __future__ import annotations

from statistics import fmean, stdev
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric
from torch_fidelity.metric_kid import kernel_poly, mmd2

from bench.appeal.way import Way
from bench.outside.statistics import ReferenceStatistics
from bench.score.metrics import (
    distance_to_statistics,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)
from catalog.errors import InvalidInput

SHUFFLES = 10
"""Shuffles before an inception score is split, of which the claim's authors made one."""
Real = Tensor | ReferenceStatistics | None
"""Features of the real images, what a file says of them, or nothing where nothing is compared."""
SURE = 0.99
"""Probability with which one more draw lies within the half width of a reading."""
RNG_SEED = 2020


class Reading(NamedTuple):
    """A number, and how far another draw of what it draws at random may lie from it."""

    value: float
    half_width: float = 0.0


def drawn(values: list[float]) -> Reading:
    """The mean of some draws, and the half width of the interval for one more of them."""
    if len(values) < 2:
        return Reading(values[0])
    n = len(values)
    quantile = float(stats.t.ppf((1 + SURE) / 2, n - 1))
    return Reading(fmean(values), quantile * stdev(values) * float(np.sqrt(1 + 1 / n)))


def measured(metric: str, fake: Tensor, real: Real, way: Way) -> Reading:
    """A metric of features of generated images, (N, d), against those of real ones, (M, d).

    Args:
        metric: its name in a claim.
        fake: of the layer that ``way`` names.
        real: likewise, or a file of their statistics; not looked at by ``is``.
        way: parameters of the metric.

    Raises:
        TooFewImages: there are fewer than the metric needs.
        InvalidInput: statistics are asked for what takes features, or are of another dimension.
    """
    found = _plain(metric, fake, real, way)
    if way.root:
        found = Reading(max(found.value, 0.0) ** 0.5)
    return Reading(found.value * way.factor, found.half_width * way.factor)


def _plain(metric: str, fake: Tensor, real: Real, way: Way) -> Reading:
    if metric == "is":
        seeds = range(RNG_SEED, RNG_SEED + (SHUFFLES if way.isc_splits > 1 else 1))
        splits = way.isc_splits
        return drawn([inception_score(fake, splits=splits, rng_seed=s).mean for s in seeds])
    if metric == "fid":
        return Reading(_frechet(fake, real, way))
    if not isinstance(real, Tensor):
        raise InvalidInput(
            f"'{metric}' needs images as its reference, and statistics are none",
            hint="name a folder, a file of images or DATASET:SPLIT as reference",
        )
    first, second = (real, fake) if way.swapped else (fake, real)
    if metric == "kid":
        return _kernel(first, second, way)
    coverage = precision_recall(first, second, neighborhood=way.prc_neighborhood)
    return Reading(float(getattr(coverage, metric)))


def _frechet(fake: Tensor, real: Real, way: Way) -> float:
    usual = way.covariance == "n-1"
    if isinstance(real, ReferenceStatistics):
        if usual:
            return distance_to_statistics(fake, real.mu, real.sigma)
        known = {"mu": real.mu.astype(np.float64), "sigma": real.sigma}
    elif real is None:
        raise InvalidInput("'fid' needs a reference")
    elif usual:
        return frechet_distance(fake, real)
    else:
        known = _over_n(real)
    found = fid_statistics_to_metric(_over_n(fake), known, verbose=False)
    return float(found[KEY_METRIC_FID])


def _over_n(features: Tensor) -> dict[str, NDArray[np.float64]]:
    """Mean and covariance of (N, d) features, the covariance divided by N."""
    values = features.double().numpy()
    return {
        "mu": values.mean(axis=0),
        "sigma": np.atleast_2d(np.cov(values, rowvar=False, ddof=0)),
    }


def _kernel(fake: Tensor, real: Tensor, way: Way) -> Reading:
    size = min(way.kid_subset_size, len(fake), len(real))
    # Subsets of everything are all alike.
    subsets = 1 if size == len(fake) == len(real) else way.kid_subsets
    if way.kid_biased:
        found = [_biased(fake, real, size, RNG_SEED + draw) for draw in range(subsets)]
        mean, spread = fmean(found), float(np.std(found))
    else:
        mean, spread = kernel_distance(
            fake, real, subsets=subsets, subset_size=size, rng_seed=RNG_SEED
        )
    # The authors' mean is of as many subsets as this one, so both have this error.
    error = spread * (2 / subsets) ** 0.5 if subsets > 1 else 0.0
    return Reading(mean, float(stats.norm.ppf((1 + SURE) / 2)) * error)


def _biased(fake: Tensor, real: Tensor, size: int, seed: int) -> float:
    rng = np.random.RandomState(seed)
    x, y = (
        side.double().numpy()[rng.choice(len(side), size, replace=False)] for side in (fake, real)
    )
    settings = {
        "kid_kernel_poly_degree": 3,
        "kid_kernel_poly_gamma": None,
        "kid_kernel_poly_coef0": 1,
    }
    kernels = [kernel_poly(a, b, **settings) for a, b in ((x, x), (x, y), (y, y))]
    return float(mmd2(*kernels, mmd_est="biased"))
