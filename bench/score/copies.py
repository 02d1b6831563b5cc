"""How many generated images are copies of training images, judged by real ones."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.score.metrics import full_precision

COPY_QUANTILE = 0.05
ROWS = 1000  # of a distance matrix that are held at once


def copy_rate(fake: Tensor, train: Tensor, held_out: Tensor) -> float:
    """Share of generated images that lie nearer to a training image than real ones do.

    Near is nearer than the 5th percentile of the distances from held-out images to their nearest
    training image, so about 0.05 is expected of a perfect model and 1 of a memory.

    Args:
        fake: (N, d) float32 features of the generated images.
        train: (M, d) float32 features of the training images.
        held_out: (K, d) float32 features of real images that were not trained on.

    Returns:
        A share in 0 .. 1.
    """
    with full_precision():
        near = torch.quantile(_nearest(held_out, train), COPY_QUANTILE)
        return (_nearest(fake, train) < near).float().mean().item()


def _nearest(features: Tensor, train: Tensor) -> Tensor:
    parts = [torch.cdist(rows, train).amin(dim=1) for rows in features.split(ROWS)]
    return torch.cat(parts)  # (N,)
