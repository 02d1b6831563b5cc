"""Extractor ``digits-cnn``: a small digit classifier whose weights are part of the package.

Distances use the 2 x 2 grid of its last convolution rather than the usual pooled vector: pooled
features of a good classifier collapse to one point per class, so they would not see a generator
that repeats a handful of images of each class.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from torch import Tensor, nn

from bench.score.extractors.base import FeatureExtractor, require_grey, verified_weights
from catalog.errors import InvalidInput
from catalog.schema import Extractor

SIZE = 16
CHANNELS = (32, 64, 32)
N_CLASSES = 10


class DigitsCNN(FeatureExtractor):
    """Three stages of convolution, batch norm, ReLU and average pooling, then one linear layer.

    A call maps (B, 3, 16, 16) uint8 to ``grid`` (B, 128), never negative, and ``logits`` (B, 10).
    """

    def __init__(self, sha256: str | None = None) -> None:
        super().__init__("digits-cnn", ("grid", "logits"), sha256)
        stages: list[nn.Module] = []
        for n_in, n_out in pairwise((1, *CHANNELS)):
            stages += [
                nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
                nn.BatchNorm2d(n_out),
                nn.ReLU(),
                nn.AvgPool2d(2),
            ]
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(CHANNELS[-1] * 4, N_CLASSES)

    def check(self, images: Tensor, source: str) -> None:
        """Refuse other sizes than 16 x 16 and images whose channels differ."""
        height, width = images.shape[2:]
        if (height, width) != (SIZE, SIZE):
            raise InvalidInput(
                f"{source}: {self.name} reads {SIZE} x {SIZE} images, these are {height} x {width}"
            )
        require_grey(images, self.name, source)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, 16, 16) uint8 images."""
        return self.features(images[:, :1].to(torch.float32) / 255.0)

    def features(self, grey: Tensor) -> dict[str, Tensor]:
        """Features of (B, 1, 16, 16) float images in 0 .. 1, with gradients."""
        grid = self.stages(grey).flatten(1)  # (B, 32, 2, 2) -> (B, 128)
        return {"grid": grid, "logits": self.head(grid)}


SHIPPED = Path(__file__).parent / "weights"


def weights_place(entry: Extractor) -> Path:
    """Where the weights are: inside this package."""
    return SHIPPED / str(entry.weights)


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The classifier with its verified weights; InvalidInput if the file is of another network."""
    path = weights or weights_place(entry)
    extractor = DigitsCNN(entry.sha256)
    try:
        extractor.load_state_dict(parse_safetensors(verified_weights(path, entry)))
    # A registry of somebody else may have registered any file.
    except (SafetensorError, RuntimeError) as error:
        raise InvalidInput(f"{path}: not the weights of {entry.id}", where=str(error)) from error
    return extractor
