"""Extractor ``digits-cnn``: a small digit classifier, and the training that made its weights.

The weights are part of the package. They come from one small training on the ``judge`` split: no
generative model ever sees that split, and no extractor ever sees the others. Training is repeatable
on one machine; elsewhere the last digits, and so the sha256, may differ. Scores need the shipped
file, and the recipe says where it came from.

Distances use the 2 x 2 grid of its last convolution rather than the usual pooled vector: pooled
features of a good classifier collapse to one point per class, so they would not see a generator
that repeats a handful of images of each class.
"""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data import ImageData, ImageSplit
from bench.score.extractors.base import Build, FeatureExtractor, filled, require_grey, require_size
from catalog.schema import Extractor

SIZE = 16
CHANNELS = (32, 64, 32)
N_CLASSES = 10

DATASET = "digits"
SEED = 0
STEPS = 1000
BATCH = 64
PEAK_RATE = 3e-3
WEIGHT_DECAY = 5e-2
ROTATION = math.radians(12.0)
SCALE = 0.12
SHIFT = 0.16  # of half the width: 1.28 pixels
GAIN = 0.2


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
        require_size(images, SIZE, self.name, source)
        require_grey(images, self.name, source)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, 16, 16) uint8 images."""
        return self.features(images[:, :1].to(torch.float32) / 255.0)

    def features(self, grey: Tensor) -> dict[str, Tensor]:
        """Features of (B, 1, 16, 16) float images in 0 .. 1, with gradients."""
        grid = self.stages(grey).flatten(1)  # (B, 32, 2, 2) -> (B, 128)
        return {"grid": grid, "logits": self.head(grid)}


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The classifier with its verified weights; InvalidInput if the file is of another network."""
    return filled(entry, weights, lambda _: DigitsCNN(entry.sha256))


def build(data: ImageData) -> Build:
    """Train the classifier on the ``judge`` split and test it on ``train`` and ``test``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = _train(data["judge"])
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    accuracy = {split: _accuracy(model, data[split]) for split in ("train", "test")}
    return Build(to_safetensors(tensors), accuracy)


def _train(split: ImageSplit) -> DigitsCNN:
    model = DigitsCNN()
    optimizer = torch.optim.AdamW(model.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=STEPS)
    images = split.images.to(torch.float32) / 255.0
    for _ in range(STEPS):
        chosen = torch.randint(len(split), (BATCH,))
        logits = model.features(_augment(images[chosen]))["logits"]
        loss = F.cross_entropy(logits, split.labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


def _augment(images: Tensor) -> Tensor:
    """Turn, scale, shift and brighten (B, 1, H, W) images in 0 .. 1 a little, each its own way."""
    angle, zoom, right, down, gain = torch.rand(5, len(images)).mul_(2.0).sub_(1.0)
    scale = 1.0 + SCALE * zoom
    cos, sin = scale * torch.cos(ROTATION * angle), scale * torch.sin(ROTATION * angle)
    rows = [torch.stack((cos, -sin, SHIFT * right), 1), torch.stack((sin, cos, SHIFT * down), 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    moved: Tensor = F.grid_sample(images, grid, align_corners=False)  # (B, 1, H, W)
    return moved.mul(1.0 + GAIN * gain.view(-1, 1, 1, 1)).clamp(0.0, 1.0)


def _accuracy(model: DigitsCNN, split: ImageSplit) -> float:
    with torch.no_grad():
        predicted = model(split.images)["logits"].argmax(dim=1)
    return float((predicted == split.labels).float().mean())
