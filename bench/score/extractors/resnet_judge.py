"""Judges: small residual classifiers, one per data set, whose features the metrics compare.

A judge is trained by ``aigc bench extractor train`` on the data set's own labels. Where all its
labelled images are of one class it learns which quarter turn an image was given (Gidaris et al.
2018, 1803.07728), which needs no labels. On one machine with one number of threads a training is
repeatable; elsewhere the last digits, and so the sha256, may differ. Weights of some judges are
part of the package; the others lie in the cache folder of the machine that trained them.

Distances use the 2 x 2 grid of its last convolution rather than the usual pooled vector, as those
of ``digits-cnn`` do: pooled features of a good classifier collapse to a point per class.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn
from torch.nn import functional as F

from bench.data.dataset import ImageData, ImageSplit, to_unit_range
from bench.identity.local_registry import JudgePin, pin_judge
from bench.score.extractors.base import Build, FeatureExtractor, filled, require_size, trained_dir
from catalog.errors import InvalidInput
from catalog.files import write_atomically
from catalog.schema import Dataset, Extractor

CHANNELS = (32, 32, 64, 128)
"""Channels of the stem and of each block; every block but the first halves height and width."""
GRID_CHANNELS = 64
GRID = 2
TURNS = 4
EVALUATION_BATCH = 500


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


@dataclass(frozen=True)
class JudgeRecipe:
    """Settings of a judge's training.

    Attributes:
        epochs: passes over the training images.
        batch_size: images per update.
        peak_rate: of AdamW, reached after three tenths of the updates (1708.07120).
        weight_decay: of AdamW.
        shift: largest random shift in pixels, in both directions; 0 for none.
        flip: whether images are mirrored at random; wrong where mirror images mean something else.
        smoothing: label smoothing.
        seed: of weights, order and augmentation.
    """

    epochs: int = 10
    batch_size: int = 128
    peak_rate: float = 3.0e-3
    weight_decay: float = 5.0e-2
    shift: int = 4
    flip: bool = True
    smoothing: float = 0.1
    seed: int = 0


def build(
    name: str,
    data: ImageData,
    recipe: JudgeRecipe,
    device: torch.device | str = "cpu",
    observe: Callable[[int, float], None] = lambda _epoch, _loss: None,
) -> Build:
    """Train a judge on the split ``judge``, or ``train`` where there is none, and test it.

    Args:
        name: id of the extractor.
        data: all splits; ``test`` is seen by the test alone.
        recipe: settings of the training.
        device: where to train.
        observe: called after each epoch with its number from 1 and its mean loss.

    Raises:
        InvalidInput: there is no split to train on, or none to test with.
    """
    learned = "judge" if "judge" in data.splits else "train"
    absent = [split for split in (learned, "test") if split not in data.splits]
    if absent:
        raise InvalidInput(f"the data set has no split '{absent[0]}' to make a judge with")
    split = data[learned].to(device)
    n_classes = int(split.labels.max()) + 1
    turned = n_classes == 1
    asked = quarter_turns if turned else _as_it_is
    size = split.images.shape[-1]
    gpus = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(recipe.seed)
        model = ResNetJudge(name, size, TURNS if turned else n_classes).to(device)
        model.to(memory_format=torch.channels_last)
        _train(model, asked(split), recipe, observe)
    model.eval()
    accuracy = {part: _accuracy(model, asked(data[part].to(device))) for part in (learned, "test")}
    tensors = {key: tensor.cpu().contiguous() for key, tensor in model.state_dict().items()}
    about = {
        "recipe": asdict(recipe),
        "dataset_fingerprint": data.fingerprint,
        "split": learned,
        "task": "quarter turns" if turned else "labels",
    }
    # One key, since the format keeps several in no order and equal trainings shall be equal files.
    metadata = {"judge": json.dumps(about, sort_keys=True)}
    return Build(to_safetensors(tensors, metadata), accuracy)


def keep(judge: Extractor, built: Build, dataset: Dataset) -> Path:
    """Write a judge into the cache folder; it is this machine's unless the registry has one."""
    path = trained_dir() / f"{judge.id}-{built.sha256[:16]}.safetensors"
    write_atomically(path, built.content)
    if judge.sha256 is None:
        pin = JudgePin(
            weights=path.name,
            sha256=built.sha256,
            n_bytes=len(built.content),
            resolution=dataset.resolution,
            accuracy=built.accuracy,
        )
        pin_judge(judge.id, dataset.fingerprint, pin)
    return path


def _train(
    model: ResNetJudge,
    split: ImageSplit,
    recipe: JudgeRecipe,
    observe: Callable[[int, float], None],
) -> None:
    per_epoch = max(1, len(split) // recipe.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.peak_rate, total_steps=recipe.epochs * per_epoch
    )
    for epoch in range(recipe.epochs):
        order = torch.randperm(len(split), device=split.images.device)
        total = torch.zeros((), device=split.images.device)
        for indices in order[: per_epoch * recipe.batch_size].split(recipe.batch_size):
            images = augmented(_three(split.images[indices]), recipe.shift, flip=recipe.flip)
            logits = model.features(images)["logits"]
            loss = F.cross_entropy(logits, split.labels[indices], label_smoothing=recipe.smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.detach()
        observe(epoch + 1, float(total) / per_epoch)


def quarter_turns(split: ImageSplit) -> ImageSplit:
    """Images turned, image i by i modulo 4 quarters, which is its label."""
    turns = torch.arange(len(split), device=split.images.device) % TURNS
    images = split.images.clone()
    for turn in range(1, TURNS):
        images[turns == turn] = torch.rot90(images[turns == turn], turn, (2, 3))
    return ImageSplit(images, turns)


def augmented(images: Tensor, shift: int, *, flip: bool) -> Tensor:
    """Each of (B, C, H, W) images moved by up to ``shift`` pixels, reflected at the border."""
    n, _, height, width = images.shape
    device = images.device
    if flip:
        mirrored = torch.rand(n, 1, 1, 1, device=device) < 0.5
        images = torch.where(mirrored, images.flip(3), images)
    if shift:
        padded = F.pad(images, [shift] * 4, mode="reflect")
        top, left = torch.randint(2 * shift + 1, (2, n, 1), device=device)
        rows = top + torch.arange(height, device=device)  # (B, H)
        columns = left + torch.arange(width, device=device)  # (B, W)
        batch = torch.arange(n, device=device)[:, None, None]
        moved = padded.permute(0, 2, 3, 1)[batch, rows[:, :, None], columns[:, None, :]]
        images = moved.permute(0, 3, 1, 2)  # (B, H, W, C) -> (B, C, H, W)
    return images


@torch.no_grad()
def _accuracy(model: ResNetJudge, split: ImageSplit) -> float:
    batches = zip(
        *(part.split(EVALUATION_BATCH) for part in (split.images, split.labels)), strict=True
    )
    right = sum(
        int((model.features(_three(images))["logits"].argmax(dim=1) == labels).sum())
        for images, labels in batches
    )
    return right / len(split)


def _as_it_is(split: ImageSplit) -> ImageSplit:
    return split


def _three(images: Tensor) -> Tensor:
    return to_unit_range(images).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
