"""Judges: small residual classifiers, one per data set, whose features the metrics compare.

``judge_training.py`` makes their weights. Those of some judges are part of the package; the others
lie in the cache folder of the machine that trained them.

Distances use the 2 x 2 grid of its last convolution rather than the usual pooled vector, as those
of ``digits-cnn`` do: pooled features of a good classifier collapse to a point per class.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F

from bench.score.extractors.base import FeatureExtractor, filled, require_size
from catalog.schema import Extractor

CHANNELS = (32, 32, 64, 128)
"""Channels of the stem and of each block; every block but the first halves height and width."""
GRID_CHANNELS = 64
GRID = 2


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut (He et al. 2016, 1512.03385, fig. 2)."""

    def __init__(self, n_in: int, n_out: int, stride: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
            nn.ReLU(),
            nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm2d(n_out),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Sequential(
                nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out)
            )

    def forward(self, images: Tensor) -> Tensor:
        """Features (N, n_in, H, W) to (N, n_out, H / stride, W / stride)."""
        return F.relu(self.layers(images) + self.shortcut(images))


class ResNetJudge(FeatureExtractor):
    """A residual network for images of one size.

    A call maps (B, 3, size, size) uint8 to ``grid`` (B, 256), never negative, and ``logits``
    (B, n_classes).
    """

    def __init__(self, name: str, size: int, n_classes: int, sha256: str | None = None) -> None:
        super().__init__(name, ("grid", "logits"), sha256)
        self.size = size
        stem, *_ = CHANNELS
        stages: list[nn.Module] = [
            nn.Conv2d(3, stem, 3, padding=1, bias=False),
            nn.BatchNorm2d(stem),
            nn.ReLU(),
        ]
        for place, (n_in, n_out) in enumerate(pairwise(CHANNELS)):
            stages.append(Block(n_in, n_out, stride=2 if place else 1))
        stages += [
            nn.Conv2d(CHANNELS[-1], GRID_CHANNELS, 1, bias=False),
            nn.BatchNorm2d(GRID_CHANNELS),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(GRID),
        ]
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(GRID_CHANNELS * GRID**2, n_classes)

    def check(self, images: Tensor, source: str) -> None:
        """Refuse other sizes than the judge's."""
        require_size(images, self.size, self.name, source)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, size, size) uint8 images."""
        return self.features(images.float().div_(127.5).sub_(1.0))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, size, size) float images in -1 .. 1, with gradients."""
        grid: Tensor = self.stages(images).flatten(1)  # (B, 64, 2, 2) -> (B, 256)
        return {"grid": grid, "logits": self.head(grid)}


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The judge with its verified weights; its number of classes is that of the weights.

    Raises:
        InvalidInput: the file holds another network.
    """

    def judge(state: dict[str, Tensor]) -> ResNetJudge:
        n_classes = len(state["head.bias"])
        return ResNetJudge(entry.id, entry.resolution or 0, n_classes, entry.sha256)

    return filled(entry, weights, judge)
