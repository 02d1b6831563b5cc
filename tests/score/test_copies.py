"""Copies of training images: by hand, the interval of the threshold, and what is compared."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import binom
from torch import Tensor

from bench.data import ImageData, load_dataset
from bench.identity.protocol import resolve
from bench.score import copies
from bench.score.copies import copy_rates, pixel_copies, quantile_interval
from bench.score.metrics import TooFewImages
from bench.score.scorer import Scorer
from catalog.read.loader import load_registry


def images(*rows: list[int]) -> Tensor:
    """(N, 1, 1, W) uint8 images of one row of pixels each."""
    return torch.tensor(rows, dtype=torch.uint8)[:, None, None, :]


def test_copy_rate_by_hand() -> None:
    train = torch.arange(0.0, 100.0, 10.0).unsqueeze(1)
    held_out = train + 2.0  # each 2 from its nearest, so near is nearer than 2
    fake = torch.tensor([[0.0], [11.0], [22.0], [35.0]])
    assert copy_rates(fake, train, held_out) == (0.5, 0.5, 0.5)


def test_the_rate_is_told_at_both_ends_of_the_threshold() -> None:
    """Of 100 distances 1 to 100, the 5th percentile is 5.95; its interval is 1 to 11."""
    assert (binom.cdf(0, 100, 0.05), binom.cdf(9, 100, 0.05)) == pytest.approx(
        (0.006, 0.972), abs=1e-3
    )
    train = torch.zeros(1, 1)
    held_out = torch.arange(1.0, 101.0).unsqueeze(1)
    low, high = quantile_interval(held_out[:, 0])
    assert (low.item(), high.item()) == (1.0, 11.0)
    fake = torch.tensor([[0.5], [3.0], [5.9], [6.0], [10.9], [11.0], [12.0], [90.0]])
    assert copy_rates(fake, train, held_out) == (3 / 8, 1 / 8, 5 / 8)


@pytest.mark.parametrize("n", [40, 360, 2000])
def test_the_interval_covers_the_percentile_as_often_as_it_says(n: int) -> None:
    """Of skewed draws, whose 5th percentile is known; discreteness makes it cover a little more."""
    generator = np.random.default_rng(0)
    draws = torch.from_numpy(generator.exponential(size=(2000, n)))
    truth = -np.log(0.95)
    covered = [low <= truth <= high for low, high in map(quantile_interval, draws)]
    expected = 0.95 if n > 100 else 0.86  # the least of 40 draws is above it every eighth time
    assert expected - 0.015 < np.mean(covered) < 0.985


def test_the_interval_is_what_a_bootstrap_finds() -> None:
    generator = np.random.default_rng(1)
    values = generator.gamma(4.0, size=360)
    found = [float(end) for end in quantile_interval(torch.from_numpy(values))]
    resampled = np.quantile(generator.choice(values, (4000, 360)), 0.05, axis=1)
    assert found == pytest.approx(np.quantile(resampled, [0.025, 0.975]).tolist(), rel=0.1)


def test_copies_in_pixels_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Distances: to the nearest training image 10 for new ones; the last copy has a twin."""
    train = images([0, 0], [100, 0], [0, 200], [255, 255], [255, 255])
    held_out = images([10, 0], [110, 0], [0, 210], [255, 245])
    fake = images(
        [0, 0],  # a copy: near, and alone
        [9, 0],  # near; the next is 91 away
        [0, 15],  # not near, but the next is 101 away
        [40, 0],  # the next is 60 away: less than three times as far
        [255, 255],  # a copy of both twins
        [25, 0],  # 25 and 75: three times as far, and not more
    )
    assert pixel_copies(fake, train, held_out) == (3 / 6, 3 / 6)
    monkeypatch.setattr(copies, "QUERY_BLOCK", 2)
    assert pixel_copies(fake, train, held_out) == (3 / 6, 3 / 6)
    with pytest.raises(TooFewImages, match="at least 2 real"):
        pixel_copies(fake, train[:1], held_out)


def test_features_in_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fake, train, held_out = (torch.randn(n, 5) for n in (70, 50, 60))
    whole = copy_rates(fake, train, held_out)
    monkeypatch.setattr(copies, "QUERY_BLOCK", 7)
    monkeypatch.setattr(copies, "ITEM_BLOCK", 11)
    assert copy_rates(fake, train, held_out) == pytest.approx(whole)


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load_dataset(load_registry().dataset("digits"))


@pytest.fixture(scope="module")
def scorer(digits: ImageData, tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        registry = load_registry()
        protocol = resolve(registry, "digits-10k").model_copy(update={"kid_subsets": 2})
        scorer = Scorer(digits, protocol, registry.extractor("digits-cnn"), "cpu")
        scorer.score(digits["test"].images, trained_on="judge")
        return scorer


NAMES = ("copy_rate", "copy_rate_low", "copy_rate_high", "copy_rate_pixels", "nearest_ratio")


def copied(scorer: Scorer, made: Tensor, trained_on: str | None = None) -> dict[str, float | None]:
    found = {metric.name: metric for metric in scorer.score(made, trained_on=trained_on)}
    return {name: found[name].value for name in NAMES}


def test_real_images_copy_nothing_and_a_memory_everything(
    scorer: Scorer, digits: ImageData
) -> None:
    memory = copied(scorer, digits["train"].images)
    assert set(memory.values()) == {1.0}
    new = copied(scorer, digits["judge"].images)
    assert new["copy_rate"] == pytest.approx(0.05, abs=0.03)
    assert new["copy_rate_pixels"] == pytest.approx(0.05, abs=0.03)
    assert new["nearest_ratio"] == 0
    ends = copied(scorer, digits["test"].images)
    assert ends["copy_rate_low"] == pytest.approx(0.025, abs=0.01)
    assert ends["copy_rate_high"] == pytest.approx(0.075, abs=0.01)


def test_copies_are_of_what_was_trained_on(scorer: Scorer, digits: ImageData) -> None:
    """Not of the reference, to which the same images have another distance."""
    made = digits["judge"].images
    assert set(copied(scorer, made, "judge").values()) == {1.0}
    assert (copied(scorer, made, "train")["copy_rate"] or 0.0) < 0.1
    assert copied(scorer, made, "train") == copied(scorer, made)
    metrics = {metric.name: metric for metric in scorer.score(made, trained_on="judge")}
    n_judge, n_train = len(made), len(digits["train"].images)
    assert {metrics[name].n_real for name in NAMES} == {n_judge}
    assert metrics["fid"].n_real == n_train != n_judge
