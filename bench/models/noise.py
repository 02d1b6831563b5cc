"""Randomness for sampling: every image has a stream of its own.

Image i draws from a Philox counter generator keyed by (seed, i), so it is the same image whatever
the batch, the order or the number of devices, and a sampler may draw as often as it needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def uniform_categories(uniforms: Tensor, n_categories: int) -> Tensor:
    """Draws from [0, 1) of any shape to equally likely categories 0 .. n_categories - 1, int64."""
    # a float32 below 1 may still round up to n_categories when multiplied
    return (uniforms * n_categories).long().clamp_max(n_categories - 1)


class ImageNoise:
    """Independent streams for a batch of images.

    Args:
        seed: 0 .. 2**64 - 1; streams of different seeds are unrelated.
        indices: position of each image in the whole set that is sampled.
        device: where draws are put; they are made on the CPU, so that devices agree.
    """

    def __init__(
        self, seed: int, indices: Sequence[int], device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self._streams = [
            np.random.Generator(np.random.Philox(key=np.array([seed, index], np.uint64)))
            for index in indices
        ]

    def __len__(self) -> int:
        return len(self._streams)

    def normal(self, n_values: int) -> Tensor:
        """The next ``n_values`` standard normal draws of every image, (N, n_values) float32."""
        draws = [stream.standard_normal(n_values, np.float32) for stream in self._streams]
        return self._stack(draws, n_values)

    def uniform(self, n_values: int) -> Tensor:
        """The next ``n_values`` draws from [0, 1) of every image, (N, n_values) float32."""
        draws = [stream.random(n_values, np.float32) for stream in self._streams]
        return self._stack(draws, n_values)

    def _stack(self, draws: list[np.ndarray], n_values: int) -> Tensor:
        stacked = np.stack(draws) if draws else np.empty((0, n_values), np.float32)
        return torch.from_numpy(stacked).to(self.device)
