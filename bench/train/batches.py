"""Which images an update sees: a closed form of the step, so resuming needs no saved position."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.data.dataset import ImageSplit, to_unit_range
from bench.models.base import Batch


class ShuffledBatches:
    """Batches from an endless stream of epochs, each a permutation of the split.

    The permutation of epoch e is a function of (seed, e); batches run across epoch boundaries, so
    every image is seen equally often. Images stay uint8 on the split's device until they are used.
    """

    def __init__(self, split: ImageSplit, batch_size: int, seed: int) -> None:
        self.split = split
        self.batch_size = batch_size
        self.seed = seed
        self._epochs: dict[int, Tensor] = {}

    def indices(self, step: int) -> Tensor:
        """Positions in the split of one step's images, (batch_size,) int64."""
        first = step * self.batch_size
        return self._positions(first, first + self.batch_size)

    def batch(self, step: int) -> Batch:
        """What one step sees; images are channels-last."""
        indices = self.indices(step).to(self.split.images.device)
        images = to_unit_range(self.split.images[indices])
        images = images.contiguous(memory_format=torch.channels_last)
        return Batch(images, self.split.labels[indices])

    def _positions(self, start: int, stop: int) -> Tensor:
        n = len(self.split)
        parts = []
        while start < stop:
            epoch, offset = divmod(start, n)
            taken = min(stop - start, n - offset)
            parts.append(self._epoch(epoch)[offset : offset + taken])
            start += taken
        return torch.cat(parts)

    def _epoch(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + epoch)
            self._epochs = {epoch: torch.randperm(len(self.split), generator=generator)}
        return self._epochs[epoch]
