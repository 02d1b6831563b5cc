"""torch-fidelity's metric functions, applied to features that were extracted once.

The metrics are torch-fidelity's own; this module adds what it leaves out: explicit parameters, a
clear refusal of too few images, and a refusal of numbers that are not finite. Generated features
always come before real ones, since precision and recall have a direction.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch_fidelity.metric_fid import (
    KEY_METRIC_FID,
    fid_features_to_statistics,
    fid_statistics_to_metric,
)
from torch_fidelity.metric_isc import (
    KEY_METRIC_ISC_MEAN,
    KEY_METRIC_ISC_STD,
    isc_features_to_metric,
)
from torch_fidelity.metric_kid import (
    KEY_METRIC_KID_MEAN,
    KEY_METRIC_KID_STD,
    kid_features_to_metric,
)
from torch_fidelity.metric_prc import (
    KEY_METRIC_F_SCORE,
    KEY_METRIC_PRECISION,
    KEY_METRIC_RECALL,
    prc_features_to_metric,
)

from catalog.errors import InvalidInput

PRC_BLOCK = 10_000
"""Rows of the distance matrices that precision and recall hold at once."""

Side = Literal["generated", "real"]


class TooFewImages(InvalidInput):
    """A metric is not defined for so few images on one side."""

    def __init__(self, metric: str, needed: int, side: Side, found: int) -> None:
        super().__init__(f"{metric} needs at least {needed} {side} images, there are {found}")
        self.side = side


class Estimate(NamedTuple):
    """A mean, and the population standard deviation over the estimator's own splits or subsets."""

    mean: float
    spread: float


class Coverage(NamedTuple):
    """Precision, recall and their harmonic mean, each in 0 .. 1."""

    precision: float
    recall: float
    f_score: float


@contextmanager
def full_precision() -> Iterator[None]:
    """Repeatable float32 convolutions and products: no TF32, no algorithm search; then restore."""
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    before = (cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32)
    cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark = False, True, False
    matmul.allow_tf32 = False
    try:
        yield
    finally:
        cudnn.allow_tf32, cudnn.deterministic, cudnn.benchmark, matmul.allow_tf32 = before


def inception_score(logits: Tensor, *, splits: int, rng_seed: int) -> Estimate:
    """Exponential of the mean divergence of predictions from their mean, at least 1.

    Salimans et al. 2016, arXiv:1606.03498. Images are shuffled before they are split.

    Args:
        logits: (N, K) float32 of the generated images, before softmax.
        splits: parts that are scored on their own, each of at least one image.
        rng_seed: seed of the shuffle.

    Raises:
        TooFewImages: N is below ``splits``.
        InvalidInput: the result is not finite.
    """
    _require(len(logits), splits, f"IS with {splits} splits", "generated")
    found = isc_features_to_metric(logits, splits=splits, shuffle=True, rng_seed=rng_seed)
    return Estimate(
        _finite("IS", found[KEY_METRIC_ISC_MEAN]), _finite("IS", found[KEY_METRIC_ISC_STD])
    )


def frechet_distance(fake: Tensor, real: Tensor) -> float:
    """Squared Fréchet distance of the Gaussians with the features' means and covariances.

    Heusel et al. 2017, arXiv:1706.08500. Rounding can make it slightly negative.

    Args:
        fake: (N, d) float32 features of the generated images.
        real: (M, d) float32 features of the real ones.

    Raises:
        TooFewImages: N or M is below 2.
        InvalidInput: the result is not finite.
    """
    _require_both(fake, real, 2, "FID")
    statistics = [_statistics(features) for features in (fake, real)]
    found = fid_statistics_to_metric(*statistics, verbose=False)
    return _finite("FID", found[KEY_METRIC_FID])


def distance_to_statistics(fake: Tensor, mu: NDArray[Any], sigma: NDArray[np.float64]) -> float:
    """The distance of ``frechet_distance`` to a Gaussian whose moments are known.

    Against a mean in double precision, that of ``fake`` is summed in double precision, too.

    Args:
        fake: (N, d) float32 features of the generated images.
        mu: (d,) float32 or float64.
        sigma: (d, d).

    Raises:
        TooFewImages: N is below 2.
        InvalidInput: the result is not finite.
    """
    _require(len(fake), 2, "FID", "generated")
    found = _statistics(fake)
    found["mu"] = fake.numpy().mean(axis=0, dtype=mu.dtype)
    known = {"mu": mu, "sigma": sigma}
    return _finite("FID", fid_statistics_to_metric(found, known, verbose=False)[KEY_METRIC_FID])


def kernel_distance(
    fake: Tensor, real: Tensor, *, subsets: int, subset_size: int, rng_seed: int
) -> Estimate:
    """Unbiased squared MMD with the kernel (x·y / d + 1)³, averaged over random subsets.

    Bińkowski et al. 2018, arXiv:1801.01401. Being unbiased, it can be negative.

    Args:
        fake: (N, d) float32 features of the generated images.
        real: (M, d) float32 features of the real ones.
        subsets: how many subsets are drawn, independently on both sides.
        subset_size: images per subset, at least 2.
        rng_seed: seed of the draws.

    Raises:
        TooFewImages: N or M is below ``subset_size``.
        InvalidInput: ``subset_size`` is below 2, or the result is not finite.
    """
    if subset_size < 2:
        raise InvalidInput(f"KID needs subsets of at least 2 images, not {subset_size}")
    _require_both(fake, real, subset_size, f"KID with subsets of {subset_size}")
    found = kid_features_to_metric(
        fake,
        real,
        kid_subsets=subsets,
        kid_subset_size=subset_size,
        kid_kernel="poly",
        kid_kernel_poly_degree=3,
        kid_kernel_poly_gamma=None,
        kid_kernel_poly_coef0=1,
        rng_seed=rng_seed,
        verbose=False,
    )
    return Estimate(
        _finite("KID", found[KEY_METRIC_KID_MEAN]), _finite("KID", found[KEY_METRIC_KID_STD])
    )


def precision_recall(fake: Tensor, real: Tensor, *, neighborhood: int) -> Coverage:
    """Shares of each side inside the other side's union of k-nearest-neighbour balls.

    Kynkäänniemi et al. 2019, arXiv:1904.06991.

    Args:
        fake: (N, d) float32 features of the generated images.
        real: (M, d) float32 features of the real ones.
        neighborhood: k; a ball reaches to the k-th nearest other image of its side.

    Raises:
        TooFewImages: N or M is below k + 1.
        InvalidInput: the result is not finite.
    """
    _require_both(fake, real, neighborhood + 1, f"PRC with k = {neighborhood}")
    found = prc_features_to_metric(
        fake,
        real,
        prc_neighborhood=neighborhood,
        prc_batch_size=PRC_BLOCK,
        save_cpu_ram=True,
        verbose=False,
    )
    keys = (KEY_METRIC_PRECISION, KEY_METRIC_RECALL, KEY_METRIC_F_SCORE)
    return Coverage(*(_finite("PRC", found[key]) for key in keys))


def require_images(metric: str, fake: Tensor, n_images: int) -> None:
    """Refuse fewer generated images than a metric is defined for.

    Raises:
        TooFewImages: naming the metric.
    """
    _require(len(fake), n_images, metric, "generated")


def _statistics(features: Tensor) -> dict[str, np.ndarray]:
    found = fid_features_to_statistics(features)
    # numpy's covariance of a single feature is a bare number, which the distance refuses.
    return {"mu": found["mu"], "sigma": np.atleast_2d(found["sigma"])}


def _require_both(fake: Tensor, real: Tensor, n_images: int, metric: str) -> None:
    _require(len(fake), n_images, metric, "generated")
    _require(len(real), n_images, metric, "real")


def _require(found: int, n_images: int, metric: str, side: Side) -> None:
    if found < n_images:
        raise TooFewImages(metric, n_images, side, found)


def _finite(metric: str, value: float) -> float:
    if not math.isfinite(value):
        raise InvalidInput(f"{metric} came out as {value}, which is refused")
    return value
