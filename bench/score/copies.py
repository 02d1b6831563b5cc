"""Whether generated images are copies of those that a model was trained on.

Two questions, each of the distances from images to their nearest training images. The first is
how many lie nearer to one than new real images do, by the judge's features and by pixels. The
second is how many have one training image that is far nearer than every other.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from scipy.stats import binom
from torch import Tensor

from bench.score.metrics import TooFewImages, full_precision

QUANTILE = 0.05
"""Share of new real images that count as near."""
CONFIDENCE = 0.95
MUCH_NEARER = 3
"""An image counts as memorised if the second nearest training image is over so many times as far
as the nearest: Gu et al. 2023 (2310.02664), whose code asks for a ratio below 1/3 of distances in
pixels (``mem_ratio.py`` of DiffMemorize)."""
QUERY_BLOCK, ITEM_BLOCK = 1000, 50_000
"""Rows and columns of the distance matrices that are held at once."""
PIXEL_IMAGES = 5000
"""Images of each side whose pixels are compared, at most: the first ones."""


class CopyRates(NamedTuple):
    """Shares in 0 .. 1 of images that are near, at the threshold and at both ends of it.

    The threshold is a quantile of the distances of few held-out images, so it has an interval;
    ``copy_rate_low`` and ``copy_rate_high`` are the shares at the interval's ends.
    """

    copy_rate: float
    copy_rate_low: float
    copy_rate_high: float


def copy_rates(fake: Tensor, train: Tensor, held_out: Tensor) -> CopyRates:
    """Shares of generated images that lie nearer to a training image than real ones do.

    Near is nearer than the 5th percentile of the distances from held-out images to their nearest
    training image, so about 0.05 is expected of a perfect model and 1 of a memory.

    Args:
        fake: (N, d) float32 features of the generated images.
        train: (M, d) float32 features of the training images.
        held_out: (K, d) float32 features of real images that were not trained on.
    """
    with full_precision():
        new, found = _nearest(held_out, train), _nearest(fake, train)
    ends = quantile_interval(new)
    near = torch.quantile(new, QUANTILE), *ends
    return CopyRates(*((found < threshold).float().mean().item() for threshold in near))


def quantile_interval(values: Tensor) -> tuple[Tensor, Tensor]:
    """Where the 5th percentile lies that (K,) draws come from, with 95 % confidence or more.

    The order statistics that the binomial distribution names, whatever the values' distribution;
    a bootstrap of the values converges to about the same. With few values the lower end is the
    least of them, though the percentile may be lower still.
    """
    ordered, n = values.sort().values, len(values)
    first, last = (
        int(binom.ppf(share, n, QUANTILE))
        for share in ((1.0 - CONFIDENCE) / 2.0, (1.0 + CONFIDENCE) / 2.0)
    )
    # so many of the values lie below the percentile: at least ``first``, at most ``last``
    return ordered[max(first - 1, 0)], ordered[min(last, n - 1)]


class PixelCopies(NamedTuple):
    """Shares in 0 .. 1 of images by their Euclidean distances in pixels.

    ``copy_rate_pixels`` is that of images nearer to a training image than 95 % of held-out ones
    are, ``nearest_ratio`` that of images whose nearest training image is much nearer than the
    second nearest.
    """

    copy_rate_pixels: float
    nearest_ratio: float


def pixel_copies(fake: Tensor, train: Tensor, held_out: Tensor) -> PixelCopies:
    """Copies by pixels of (N, C, H, W), (M, C, H, W) and (K, C, H, W) uint8 images.

    Squared distances are whole numbers below 2**53, which float64 holds exactly, so every machine
    finds the same. An image of which the training set has two is nobody's single neighbour: a copy
    of it counts in the rate and not in the ratio.

    Raises:
        TooFewImages: there is no second training image.
    """
    if len(train) < 2:
        raise TooFewImages("copies in pixels", 2, "real", len(train))
    new = _squared_distances(held_out, train, 1)[:, 0].sqrt()
    found = _squared_distances(fake, train, 2)
    near = found[:, 0].sqrt() < torch.quantile(new, QUANTILE)
    alone = MUCH_NEARER**2 * found[:, 0] < found[:, 1]
    return PixelCopies(*(share.double().mean().item() for share in (near, alone)))


def _nearest(features: Tensor, train: Tensor) -> Tensor:
    """Distance of every row to the nearest of the training images, (N,)."""
    return torch.cat(
        [
            torch.stack([torch.cdist(rows, part).amin(1) for part in train.split(ITEM_BLOCK)]).amin(
                0
            )
            for rows in features.split(QUERY_BLOCK)
        ]
    )


def _squared_distances(queries: Tensor, items: Tensor, n_nearest: int) -> Tensor:
    """Squared distances to the nearest items, (N, n_nearest) float64, nearest first."""
    found = []
    for some in queries.split(QUERY_BLOCK):
        rows = some.flatten(1).double()
        best = rows.new_empty((len(rows), 0))
        for part in items.split(QUERY_BLOCK):
            columns = part.flatten(1).double()
            squares = rows.square().sum(1)[:, None] + columns.square().sum(1)
            squares -= 2.0 * rows @ columns.T
            both = torch.cat([best, squares], 1)
            best = both.topk(min(n_nearest, both.shape[1]), 1, largest=False).values
        found.append(best)
    return torch.cat(found)
