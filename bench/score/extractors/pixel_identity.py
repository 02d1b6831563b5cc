"""Extractor ``pixel-identity``: the pixel values themselves, for answers known by hand."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from bench.score.extractors.base import FeatureExtractor, require_grey, require_no_weights
from catalog.schema import Extractor

LAYER = "pixels"


class PixelIdentity(FeatureExtractor):
    """Channel 0, flattened: (B, 3, H, W) uint8 to (B, H * W) float32 in 0 .. 255."""

    def __init__(self) -> None:
        super().__init__("pixel-identity", (LAYER,))

    def check(self, images: Tensor, source: str) -> None:
        """Refuse images whose channels differ, since only the first is read."""
        require_grey(images, self.name, source)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, H, W) uint8 images."""
        return {LAYER: images[:, 0].flatten(1).to(torch.float32)}  # (B, H * W)


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The extractor; UsageError if weights are given, since it has none."""
    require_no_weights(entry, weights)
    return PixelIdentity()
