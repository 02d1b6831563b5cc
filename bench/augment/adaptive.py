"""A probability that rises while the critic overfits (Karras et al. 2020, 2006.06676, section 3).

The heuristic is r_t = E[sign(D(x))] over real training images: 0 if the critic cannot tell them
from fakes, 1 if it is sure of all of them.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from bench.identity.settings import Probability, Settings


class AdaptiveSettings(Settings):
    """Settings of how the probability follows the critic's scores; the defaults are the paper's.

    Attributes:
        target: intended value of r_t.
        images_to_full: real images over which the probability can go from 0 to 1.
        interval: updates of the critic between two moves.
    """

    target: Probability = 0.6
    images_to_full: PositiveInt = 500_000
    interval: PositiveInt = 4


class AdaptiveProbability(nn.Module):
    """The probability and what has been seen since it last moved, all in buffers, on the device.

    Args:
        settings: when it moves, and how far.
        start: initial probability.
    """

    value: Tensor
    signs: Tensor
    images: Tensor
    updates: Tensor

    def __init__(self, settings: AdaptiveSettings, start: float = 0.0) -> None:
        super().__init__()
        self.settings = settings
        self.register_buffer("value", torch.tensor(start))
        self.register_buffer("signs", torch.zeros(()))
        self.register_buffer("images", torch.zeros(()))
        self.register_buffer("updates", torch.zeros(()))

    @torch.no_grad()
    def observe(self, real_scores: Tensor) -> None:
        """Count the raw scores (N,) of one update, and move every ``interval`` updates.

        Nothing is read back from the device: whether it is time to move is a tensor as well.
        """
        self.signs += real_scores.sign().sum()
        self.images += len(real_scores)
        self.updates += 1
        due = self.updates >= self.settings.interval
        direction = (self.signs / self.images - self.settings.target).sign()
        moved = self.value + direction * self.images / self.settings.images_to_full
        self.value.copy_(torch.where(due, moved.clamp(0.0, 1.0), self.value))
        for sum_so_far in (self.signs, self.images, self.updates):
            sum_so_far.mul_(~due)
