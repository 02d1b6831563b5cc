"""Standard error and expected excess of a distance, estimated from one set of images.

Pure functions of features. The standard error is that of drawing the images again from the same
weights; the spread over trainings is another thing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

GROUPS = 20
"""Groups of a jackknife: enough for a standard error that is itself right within a sixth."""

Floats = NDArray[np.float64]


def jackknife_error(without: Sequence[float]) -> float:
    """Delete-group jackknife standard error of a statistic.

    sqrt((g - 1) / g * sum (t_i - mean t)^2) over the g values t_i of the statistic, each made
    without one of g groups of equal size (Shao and Tu 1995, section 2.3).

    Raises:
        ValueError: there are fewer than two groups.
    """
    if len(without) < 2:
        raise ValueError(f"a jackknife needs at least two groups, not {len(without)}")
    values = np.asarray(without, dtype=np.float64)
    g = len(values)
    return math.sqrt((g - 1) / g * float(((values - values.mean()) ** 2).sum()))


def frechet_error(fake: Floats, real: Floats, groups: int = GROUPS) -> float | None:
    """Standard error of a Fréchet distance over repeated draws of the generated images.

    The real images stay as they are. Groups are neighbours, so that labels that take turns are as
    balanced without a group as with it. Covariances without a group come from sums, so that each
    costs one product and one spectrum.

    Args:
        fake: (N, d) features of the generated images, in the order of their indices.
        real: (M, d) features of the real ones, M at least 2.
        groups: how many parts the generated images are split into.

    Returns:
        None where a group would hold fewer than two images.
    """
    if len(fake) < 2 * groups:
        return None
    fake, real = fake.astype(np.float64), real.astype(np.float64)
    centre = real.mean(axis=0)
    root = _root(np.atleast_2d(np.cov(real, rowvar=False)))
    fake = fake - centre  # smaller numbers lose fewer digits in sums of squares
    total, squares = fake.sum(axis=0), fake.T @ fake
    found = []
    for part in np.array_split(fake, groups):
        n = len(fake) - len(part)
        mean = (total - part.sum(axis=0)) / n
        scatter = squares - part.T @ part - n * np.outer(mean, mean)
        found.append(_distance(mean, scatter / (n - 1), root))
    return jackknife_error(found)


def frechet_bias(eigenvalues: Sequence[float], n: int) -> float:
    """Expected excess of a Fréchet distance whose one side is estimated from ``n`` samples.

    Second-order expansion of the Bures metric for a Gaussian with covariance eigenvalues l:
    B / n with B = 5/4 sum_i l_i + 1/2 sum_ij l_i l_j / (l_i + l_j). Two sampled sides add. Within
    5 % where n is at least about four times the dimension; too small below.

    Args:
        eigenvalues: of the feature covariance; rounding below zero counts as zero.
        n: images on that side, at least 1.

    Raises:
        ValueError: ``n`` is below 1.
    """
    if n < 1:
        raise ValueError(f"a bias needs at least one image, not {n}")
    spectrum = np.clip(np.asarray(eigenvalues, dtype=np.float64), 0, None)
    spectrum = spectrum[spectrum > 0]
    pairs = np.outer(spectrum, spectrum) / np.add.outer(spectrum, spectrum)
    return float(1.25 * spectrum.sum() + 0.5 * pairs.sum()) / n


def feature_bias(features: Floats) -> float:
    """``frechet_bias`` of (N, d) features with the covariance that they have."""
    covariance = np.atleast_2d(np.cov(features.astype(np.float64), rowvar=False))
    return frechet_bias(np.linalg.eigvalsh(covariance).tolist(), len(features))


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    root: Floats = (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T
    return root


def _distance(shift: Floats, covariance: Floats, root: Floats) -> float:
    """Squared Fréchet distance of N(shift, covariance) from N(0, root @ root)."""
    cross = np.linalg.eigvalsh(root @ covariance @ root)
    traces = np.trace(covariance) + (root**2).sum()
    return float(shift @ shift + traces - 2 * np.sqrt(np.clip(cross, 0, None)).sum())
