"""A critic of patches (Isola et al. 2017, 1611.07004), small enough for small images."""

from __future__ import annotations

from torch import Tensor, nn

from bench.networks.parts import Norm, norm_2d, with_weight_norm
from bench.networks.shape import ImageShape


class PatchCritic(nn.Module):
    """One raw score for every patch of 12 x 12 pixels, two pixels apart.

    Args:
        shape: of the images.
        width: channels next to the pixels, half as many as in the middle.
        norm: of the middle layer.
    """

    def __init__(self, shape: ImageShape, width: int, norm: Norm) -> None:
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(shape.channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)
        )
        self.middle = nn.Sequential(
            nn.Conv2d(width, 2 * width, 3, padding=1, bias=norm != "batch"),
            norm_2d(norm, 2 * width),
            nn.LeakyReLU(0.2),
        )
        self.last = nn.Conv2d(2 * width, 1, 3, padding=1)
        with_weight_norm(norm, self)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) to raw scores (N, H/2, W/2)."""
        scores: Tensor = self.last(self.features(images)[-1])
        return scores[:, 0]

    def features(self, images: Tensor) -> list[Tensor]:
        """Images (N, C, H, W) to the activations of the hidden layers, (N, width', H/2, W/2)."""
        first = self.first(images)
        return [first, self.middle(first)]
