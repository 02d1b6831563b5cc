"""Judges: small residual classifiers, one per data set, whose features the metrics compare.

A judge is trained on the data set's own labels by ``aigc bench extractor train``. Distances use the
2 x 2 grid of its last convolution rather than the usual pooled vector, as those of ``digits-cnn``
do: pooled features of a good classifier collapse to a point per class. Weights of some judges are
part of the package; the others lie in the cache folder of the machine that trained them.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from torch import Tensor, nn
from torch.nn import functional as F

from bench.score.extractors.base import FeatureExtractor, verified_weights
from catalog.errors import InvalidInput
from catalog.files import cache_dir
from catalog.schema import Extractor

CHANNELS = (32, 32, 64, 128)
"""Of the stem and of each block; every block but the first halves height and width."""
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
        """(N, n_in, H, W) to (N, n_out, H / stride, W / stride)."""
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
        height, width = images.shape[2:]
        if (height, width) != (self.size, self.size):
            raise InvalidInput(
                f"{source}: {self.name} reads {self.size} x {self.size} images,"
                f" these are {height} x {width}"
            )

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, size, size) uint8 images."""
        return self.features(images.float().div_(127.5).sub_(1.0))

    def features(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, size, size) float images in -1 .. 1, with gradients."""
        grid: Tensor = self.stages(images).flatten(1)  # (B, 64, 2, 2) -> (B, 256)
        return {"grid": grid, "logits": self.head(grid)}


def trained_dir() -> Path:
    """Where judges lie that this machine trained."""
    return cache_dir() / "extractors"


SHIPPED = Path(__file__).parent / "weights"


def weights_place(entry: Extractor) -> Path:
    """Where the weights of a judge are: inside this package, or among those trained here."""
    shipped = SHIPPED / str(entry.weights)
    return shipped if shipped.is_file() else trained_dir() / str(entry.weights)


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The judge with its verified weights; its number of classes is that of the weights.

    Raises:
        InvalidInput: the file holds another network.
    """
    path = weights or weights_place(entry)
    try:
        state = parse_safetensors(verified_weights(path, entry))
        extractor = ResNetJudge(
            entry.id, entry.resolution or 0, len(state["head.bias"]), entry.sha256
        )
        extractor.load_state_dict(state)
    # A registry of somebody else may have registered any file.
    except (SafetensorError, RuntimeError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path}: not the weights of {entry.id}", where=str(error)) from error
    return extractor
