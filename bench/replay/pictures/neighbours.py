"""The training images nearest to generated ones, by pixels and by features.

Few images say little of a whole sample, so two sets are shown: its first images, as they come, and
those of all its images that come nearest to a training image, where copies would be.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from bench.replay.pictures.record import Column, Neighbour

AT_ONCE = 5_000
"""Training images whose distances are held at once."""
DIGITS = 6
"""Of a distance on record: the last ones differ between machines."""


@dataclass(frozen=True)
class Nearest:
    """The nearest of some items to each query: (N,) int64 places and (N,) float64 distances."""

    places: Tensor
    distances: Tensor


@torch.no_grad()
def nearest(queries: Tensor, items: Tensor) -> Nearest:
    """The nearest item to each query in Euclidean distance; of equal ones the first.

    Args:
        queries: (N, ...) of any numbers.
        items: (M, ...) likewise, M of at least 1.
    """
    asked = queries.flatten(1).double()
    best = torch.full((len(asked),), torch.inf, dtype=torch.float64, device=asked.device)
    places = torch.zeros(len(asked), dtype=torch.int64, device=asked.device)
    for first in range(0, len(items), AT_ONCE):
        part = items[first : first + AT_ONCE].flatten(1).double().to(asked.device)
        # Whole numbers below 2**53 are exact in float64, so pixels have no rounding here.
        squares = (asked**2).sum(1)[:, None] - 2.0 * asked @ part.T + (part**2).sum(1)
        least = squares.amin(dim=1)
        order = torch.arange(len(part), device=asked.device)
        place = torch.where(squares == least[:, None], order, len(part)).amin(dim=1)
        nearer = least < best
        best = torch.where(nearer, least, best)
        places = torch.where(nearer, place + first, places)
    found = items[places.to(items.device)].flatten(1).double().to(asked.device)
    return Nearest(places.cpu(), (asked - found).norm(dim=1).cpu())


def columns(images: list[int], by_pixels: Nearest, by_features: Nearest) -> tuple[Column, ...]:
    """What is on record of some of the generated images, given by their places in the sample."""
    return tuple(
        Column(
            image=image,
            by_pixels=_neighbour(by_pixels, image),
            by_features=_neighbour(by_features, image),
        )
        for image in images
    )


def closest(found: Nearest, n: int) -> list[int]:
    """Places of the ``n`` queries that are nearest to an item, nearest first."""
    return torch.argsort(found.distances, stable=True)[:n].tolist()


def _neighbour(found: Nearest, image: int) -> Neighbour:
    distance = float(f"{float(found.distances[image]):.{DIGITS}g}")
    return Neighbour(index=int(found.places[image]), distance=distance)
