"""LeCam regularisation of a critic's scores (Tseng et al. 2021, 2104.03310)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def lecam_penalty(real: Tensor, fake: Tensor, real_anchor: Tensor, fake_anchor: Tensor) -> Tensor:
    """E (D(x) - a_fake)^2 + E (D(G(z)) - a_real)^2: each to the anchor of the other side.

    Args:
        real: raw scores D(x), (N,).
        fake: raw scores D(G(z)), (N,).
        real_anchor: moving average of the mean real score, ().
        fake_anchor: moving average of the mean fake score, ().
    """
    return (real - fake_anchor).square().mean() + (fake - real_anchor).square().mean()


class LeCam(nn.Module):
    """The weighted penalty and its two anchors, which are buffers, so that a run can be resumed.

    The anchors start at zero, where the scores of a fresh critic lie, and move after every call.
    """

    real_anchor: Tensor
    fake_anchor: Tensor

    def __init__(self, weight: float, decay: float) -> None:
        super().__init__()
        self.weight = weight
        self.decay = decay
        self.register_buffer("real_anchor", torch.zeros(()))
        self.register_buffer("fake_anchor", torch.zeros(()))

    def forward(self, real: Tensor, fake: Tensor) -> Tensor:
        """Raw scores (N,) to the weighted penalty against the anchors so far."""
        penalty = lecam_penalty(real, fake, self.real_anchor.clone(), self.fake_anchor.clone())
        with torch.no_grad():
            self.real_anchor.lerp_(real.mean(), 1.0 - self.decay)
            self.fake_anchor.lerp_(fake.mean(), 1.0 - self.decay)
        return self.weight * penalty
