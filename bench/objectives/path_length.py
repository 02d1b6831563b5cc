"""Path length regularisation of a generator (Karras et al. 2019, 1912.04958, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

DECAY = 0.99
"""Of the running mean of lengths (appendix B)."""


def path_lengths(images: Tensor, styles: Tensor, directions: Tensor) -> Tensor:
    """||J^T y|| of every image, (N,), with a graph that reaches the generator's weights.

    Args:
        images: (N, C, H, W), a function of ``styles``.
        styles: (N, L, D), one per layer; squares are averaged over layers.
        directions: y, shaped as ``images``; normal with variance 1 / (H W) in the paper's scale.
    """
    (gradient,) = torch.autograd.grad((images * directions).sum(), styles, create_graph=True)
    return gradient.square().sum(2).mean(1).sqrt()


class PathLength(nn.Module):
    """E (||J^T y|| - a)^2; a, the running mean of the lengths, is a buffer that starts at 0."""

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, images: Tensor, styles: Tensor) -> Tensor:
        """The penalty for images (N, C, H, W) made of styles (N, L, D); moves the mean."""
        height, width = images.shape[2:]
        directions = torch.randn(images.shape, device=images.device) / (height * width) ** 0.5
        lengths = path_lengths(images, styles, directions)
        with torch.no_grad():
            self.mean.lerp_(lengths.mean(), 1.0 - DECAY)
        return (lengths - self.mean.clone()).square().mean()
