"""What a model of pixels asks of its network."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class PixelNetwork(nn.Module, ABC):
    """An autoregressive distribution over images of levels (N, C, H, W), int64.

    Attributes:
        n_draws: uniform numbers that drawing one image takes.
        n_tokens: steps of the autoregression, of which an image's nats are a sum.
    """

    n_draws: int
    n_tokens: int

    @abstractmethod
    def nats(self, levels: Tensor) -> Tensor:
        """-ln p of every image, (N, C, H, W) to (N,)."""

    @abstractmethod
    def draw(self, uniforms: Tensor) -> Tensor:
        """One image per row of ``uniforms`` (N, n_draws) in [0, 1), (N, C, H, W)."""
