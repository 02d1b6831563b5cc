"""Judges: what they see, how they are trained, and what their files say of themselves."""

from __future__ import annotations

import hashlib
import json
from itertools import product
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from bench.data.dataset import ImageData, ImageSplit
from bench.score.extractors import load_extractor
from bench.score.extractors.judge_training import JudgeRecipe, augmented, build, quarter_turns
from bench.score.extractors.resnet_judge import ResNetJudge
from bench.score.features import extract
from catalog.errors import InvalidInput
from catalog.schema import Registry

QUICK = JudgeRecipe(epochs=6, batch_size=16, shift=1, flip=False)


def striped(n: int, n_classes: int, seed: int) -> ImageSplit:
    """Images (n, 3, 8, 8) whose class is the position of a bright column, on a dark ground."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 60, (n, 3, 8, 8), generator=generator, dtype=torch.uint8)
    labels = torch.arange(n) % n_classes
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, :, 2 * label : 2 * label + 2] = 220
    return ImageSplit(images, labels)


def data_of(n_classes: int) -> ImageData:
    return ImageData(
        {"train": striped(96, n_classes, 0), "test": striped(48, n_classes, 1)}, "f" * 64
    )


def test_a_judge_learns_what_can_be_seen_and_says_so() -> None:
    state = torch.random.get_rng_state()
    losses: list[float] = []
    built = build("x-judge", data_of(3), QUICK, observe=lambda _, loss: losses.append(loss))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert len(losses) == QUICK.epochs
    assert losses[-1] < 0.8 * losses[0]
    assert built.accuracy["test"] > 0.9
    assert build("x-judge", data_of(3), QUICK) == built


def test_without_labels_it_learns_quarter_turns(tmp_path: Path) -> None:
    built = build("x-judge", data_of(1), QUICK)
    assert built.accuracy["test"] > 0.9  # a column at the left edge is at the top after a turn
    file = tmp_path / "judge"
    file.write_bytes(built.content)
    with safe_open(file, framework="pt") as opened:
        about = json.loads(opened.metadata()["judge"])
        assert opened.get_tensor("head.bias").shape == (4,)
    assert about["task"] == "quarter turns"
    assert about["recipe"]["epochs"] == QUICK.epochs
    assert about["dataset_fingerprint"] == "f" * 64


def test_a_quarter_turn_is_a_quarter_turn() -> None:
    split = striped(8, 1, 0)
    turned = quarter_turns(split)
    assert turned.labels.tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    for image, original, turns in zip(turned.images, split.images, turned.labels, strict=True):
        back = torch.rot90(image, -int(turns), (1, 2))
        assert torch.equal(back, original)


def test_it_needs_something_to_learn_from_and_something_to_be_tested_with() -> None:
    with pytest.raises(InvalidInput, match="no split 'test'"):
        build("x-judge", ImageData({"train": striped(8, 2, 0)}, "f" * 64), QUICK)
    with pytest.raises(InvalidInput, match="no split 'train'"):
        build("x-judge", ImageData({"test": striped(8, 2, 0)}, "f" * 64), QUICK)


@pytest.mark.parametrize("flip", [False, True])
def test_augmented_images_are_moved_or_mirrored_and_nothing_else(flip: bool) -> None:
    torch.manual_seed(0)
    images = torch.rand(64, 2, 6, 6)
    found = augmented(images, 2, flip=flip)
    assert found.shape == images.shape
    moves = {_move_of(image, original) for image, original in zip(found, images, strict=True)}
    mirrored = {move[0] for move in moves}
    assert mirrored == ({False, True} if flip else {False})
    assert {move[1] for move in moves} == {move[2] for move in moves} == {-2, -1, 0, 1, 2}


def _move_of(image: Tensor, original: Tensor) -> tuple[bool, int, int]:
    """How an image was mirrored and moved: the only one that explains its middle."""
    padded = {
        mirrored: torch.nn.functional.pad(source[None], [2] * 4, mode="reflect")[0]
        for mirrored, source in ((False, original), (True, original.flip(2)))
    }
    [found] = [
        (mirrored, down - 2, right - 2)
        for mirrored, down, right in product((False, True), range(5), range(5))
        if torch.equal(padded[mirrored][:, down : down + 6, right : right + 6], image)
    ]
    return found


def test_no_augmentation_changes_nothing() -> None:
    images = torch.rand(4, 3, 6, 6)
    assert torch.equal(augmented(images, 0, flip=False), images)


@pytest.mark.parametrize("name", ["mnist-judge", "cifar10-judge"])
def test_the_shipped_judges_are_the_registered_ones(registry: Registry, name: str) -> None:
    judge = load_extractor(registry.extractor(name), "cpu")
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    found = extract(images, judge, 5, "cpu")
    assert found["grid"].shape == (5, 256)
    assert found["logits"].shape == (5, 10)
    assert bool((found["grid"] >= 0).all())
    with pytest.raises(
        InvalidInput, match=r"the fakes: .* reads 32 x 32 images, these are 16 x 16"
    ):
        extract(images[:, :, :16, :16], judge, 5, "cpu", "the fakes")


def test_a_file_of_another_network_is_refused(registry: Registry, tmp_path: Path) -> None:
    wrong = registry.extractor("digits-cnn")
    entry = registry.extractor("mnist-judge").model_copy(
        update={"weights": wrong.weights, "sha256": wrong.sha256, "n_bytes": wrong.n_bytes}
    )
    with pytest.raises(InvalidInput, match="not the weights of mnist-judge"):
        load_extractor(entry, "cpu")
    file = tmp_path / "text"
    file.write_bytes(b"no weights")
    entry = entry.model_copy(
        update={"sha256": hashlib.sha256(b"no weights").hexdigest(), "n_bytes": 10}
    )
    with pytest.raises(InvalidInput, match="not the weights of mnist-judge"):
        load_extractor(entry, "cpu", file)


def test_grey_images_are_three_equal_channels() -> None:
    judge = ResNetJudge("x", 8, 3).eval()
    grey = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8)
    direct = extract(grey, judge, 3, "cpu")["grid"]
    assert torch.equal(direct, extract(grey.repeat(1, 3, 1, 1), judge, 3, "cpu")["grid"])
