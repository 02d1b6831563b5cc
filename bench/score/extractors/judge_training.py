"""How a judge is trained: on the data set's own labels, through disturbances.

Where all labelled images are of one class a judge learns which quarter turn an image was given
(Gidaris et al. 2018, 1803.07728), which needs no labels. Images are moved, mirrored where mirror
images mean the same, and disturbed, so that features follow what is shown and not how it is lit. On
one machine with one number of threads a training is repeatable; elsewhere the last digits, and so
the sha256, may differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor
from torch.nn import functional as F

from bench.augment.disturbance import disturbed
from bench.data.dataset import ImageData, ImageSplit, to_unit_range
from bench.identity.local_registry import JudgePin, pin_judge
from bench.score.extractors.base import Build, trained_dir
from bench.score.extractors.resnet_judge import ResNetJudge
from catalog.errors import InvalidInput
from catalog.files import write_atomically
from catalog.schema import Dataset, Extractor

TURNS = 4
EVALUATION_BATCH = 500
STANDARD_ERRORS = 3.0
"""A judge has to be right more often than chance by so many standard errors."""


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
        disturb: whether they are blurred, veiled, lit, floored and made noisy at random.
        smoothing: label smoothing.
        seed: of weights, order and augmentation.
    """

    epochs: int = 10
    batch_size: int = 128
    peak_rate: float = 3.0e-3
    weight_decay: float = 5.0e-2
    shift: int = 4
    flip: bool = True
    disturb: bool = True
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
        InvalidInput: there is no split to train on, or none to test with, or the judge learned
            nothing.
    """
    learned = "judge" if "judge" in data.splits else "train"
    absent = [split for split in (learned, "test") if split not in data.splits]
    if absent:
        raise InvalidInput(f"the data set has no split '{absent[0]}' to make a judge with")
    split = data[learned].to(device)
    n_classes = int(split.labels.max()) + 1
    turned = n_classes == 1
    n_answers = TURNS if turned else n_classes
    asked = quarter_turns if turned else _as_it_is
    size = split.images.shape[-1]
    gpus = [torch.device(device)] if torch.device(device).type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(recipe.seed)
        model = ResNetJudge(name, size, n_answers).to(device)
        model.to(memory_format=torch.channels_last)
        _train(model, asked(split), recipe, observe)
    model.eval()
    accuracy = {part: _accuracy(model, asked(data[part].to(device))) for part in (learned, "test")}
    require_better_than_chance(name, accuracy["test"], n_answers, len(data["test"]))
    tensors = {key: tensor.cpu().contiguous() for key, tensor in model.state_dict().items()}
    settings = asdict(recipe)
    if not recipe.disturb:
        del settings["disturb"]  # as files of before there were disturbances have it
    about = {
        "recipe": settings,
        "dataset_fingerprint": data.fingerprint,
        "split": learned,
        "task": "quarter turns" if turned else "labels",
    }
    # One key, since the format keeps several in no order and equal trainings shall be equal files.
    metadata = {"judge": json.dumps(about, sort_keys=True)}
    return Build(to_safetensors(tensors, metadata), accuracy)


def require_better_than_chance(name: str, accuracy: float, n_classes: int, n_images: int) -> None:
    """Refuse a judge that cannot tell the classes apart.

    Args:
        name: of the judge.
        accuracy: on test images, 0 .. 1.
        n_classes: of its task.
        n_images: that were tested.

    Raises:
        InvalidInput: with the accuracy and that of chance.
    """
    chance = 1.0 / n_classes
    bar = chance + STANDARD_ERRORS * (chance * (1.0 - chance) / n_images) ** 0.5
    if accuracy <= bar:
        raise InvalidInput(
            f"{name} is right on {accuracy:.1%} of the test images, and guessing on {chance:.1%}:"
            " its features mean nothing",
            hint="train it for more epochs, or give it classes that can be told apart",
        )


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
            images = augmented(to_unit_range(split.images[indices]), recipe.shift, flip=recipe.flip)
            if recipe.disturb:
                images = disturbed(images)
            logits = model.features(_three(images))["logits"]
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
        int((model.features(_three(to_unit_range(images)))["logits"].argmax(dim=1) == labels).sum())
        for images, labels in batches
    )
    return right / len(split)


def _as_it_is(split: ImageSplit) -> ImageSplit:
    return split


def _three(images: Tensor) -> Tensor:
    return images.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
