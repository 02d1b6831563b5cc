"""How the weights of ``digits-cnn`` were made: one small training on the ``judge`` split.

No generative model ever sees that split, and no extractor ever sees the others. Training is
repeatable on one machine; elsewhere the last digits, and so the sha256, may differ. Scores need
the shipped file, and this recipe says where it came from.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor
from torch.nn import functional as F

from bench.data import ImageData, ImageSplit
from bench.score.extractors.digits_cnn import DigitsCNN

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


@dataclass(frozen=True)
class Build:
    """A trained extractor as the bytes of its file, with its accuracy by split, 0 .. 1."""

    content: bytes
    accuracy: dict[str, float]


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
