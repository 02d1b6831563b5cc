"""Data order: whole epochs, a closed form of the step, and images in the range models see."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench.data import ImageSplit
from bench.train.batches import ShuffledBatches

SplitOf = Callable[..., ImageSplit]


@pytest.mark.parametrize("batch_size", [1, 4, 7, 10, 23])
def test_every_epoch_shows_every_image_once(batch_size: int, split_of: SplitOf) -> None:
    batches = ShuffledBatches(split_of(10), batch_size, seed=3)
    stream = torch.cat([batches.indices(step) for step in range(70)])
    assert len(stream) == 70 * batch_size
    whole = stream[: len(stream) // 10 * 10].view(-1, 10)
    assert torch.equal(whole.sort(1).values, torch.arange(10).expand(len(whole), 10))
    assert len(whole.unique(dim=0)) == len(whole) or batch_size == 23
    assert len(whole.unique(dim=0)) > 0.9 * len(whole)


def test_a_step_has_its_images_whatever_was_asked_before(split_of: SplitOf) -> None:
    split = split_of(10)
    in_order = ShuffledBatches(split, 4, seed=3)
    expected = [in_order.indices(step) for step in range(12)]
    for step in (11, 0, 5, 6, 2, 2):
        assert torch.equal(ShuffledBatches(split, 4, seed=3).indices(step), expected[step])
        assert torch.equal(in_order.indices(step), expected[step])


def test_order_depends_on_the_seed(split_of: SplitOf) -> None:
    orders = {
        tuple(ShuffledBatches(split_of(50), 50, seed).indices(0).tolist()) for seed in range(9)
    }
    assert len(orders) == 9


def test_epochs_of_one_seed_are_not_those_of_the_next(split_of: SplitOf) -> None:
    first, second = (ShuffledBatches(split_of(50), 50, seed) for seed in (0, 1))
    assert not torch.equal(first.indices(1), second.indices(0))


@pytest.mark.parametrize("channels", [1, 3])
def test_images_and_labels_belong_together(channels: int, split_of: SplitOf) -> None:
    split = split_of(10, channels)
    batches = ShuffledBatches(split, 6, seed=0)
    images, labels = batches.batch(2)
    indices = batches.indices(2)
    assert images.dtype == torch.float32
    assert torch.equal(labels, split.labels[indices])
    assert torch.equal(((images + 1.0) * 127.5).round().to(torch.uint8), split.images[indices])
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_the_whole_range_is_used(split_of: SplitOf) -> None:
    split = ImageSplit(torch.tensor([[[[0, 255]]]], dtype=torch.uint8), torch.tensor([0]))
    images, _ = ShuffledBatches(split, 1, seed=0).batch(0)
    assert images.flatten().tolist() == [-1.0, 1.0]


def test_global_random_state_plays_no_part(split_of: SplitOf) -> None:
    before = torch.get_rng_state()
    ShuffledBatches(split_of(10), 4, seed=3).batch(5)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_split_is_not_changed(split_of: SplitOf) -> None:
    split = split_of(10)
    kept = split.images.clone()
    images, _ = ShuffledBatches(split, 4, seed=3).batch(0)
    images.zero_()
    assert torch.equal(split.images, kept)
