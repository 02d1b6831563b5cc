"""Calibration sets: shape, repeatability and what each one is."""

from __future__ import annotations

import pytest
import torch

from bench.data import ImageData, ImageSplit, load_dataset
from bench.identity.protocol import ScoringProtocol, resolve
from bench.sample.image_sets import DRAWS, calibration_draws
from bench.score.calibration import (
    CALIBRATIONS,
    N_FITTED,
    calibration_images,
    calibration_labels,
)
from catalog.errors import UsageError
from catalog.read.loader import load_registry
from catalog.schema import Registry


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry()


@pytest.fixture(scope="module")
def digits(registry: Registry) -> ImageData:
    return load_dataset(registry.dataset("digits"))


@pytest.fixture(scope="module")
def protocol(registry: Registry) -> ScoringProtocol:
    return resolve(registry, "digits-10k").model_copy(update={"n_fake": 1500})


@pytest.mark.parametrize("name", CALIBRATIONS)
def test_sets_are_repeatable_images(
    name: str, digits: ImageData, protocol: ScoringProtocol
) -> None:
    images = calibration_images(name, digits, protocol)
    n_images = protocol.n_held_out if name == "held-out" else protocol.n_fake
    assert images.shape == (n_images, 1, 16, 16)
    assert images.dtype == torch.uint8
    assert torch.equal(images, calibration_images(name, digits, protocol))


def test_every_set_of_a_suite_can_be_made(registry: Registry) -> None:
    for suite in registry.suites:
        assert set(suite.calibration) <= set(CALIBRATIONS)


def test_train_copies_are_training_images(digits: ImageData, protocol: ScoringProtocol) -> None:
    images = calibration_images("train-copies", digits, protocol)
    n = protocol.n_reference
    assert torch.equal(images[:n], digits["train"].images)
    assert torch.equal(images[n:], digits["train"].images[: len(images) - n])


def test_the_mean_image_is_one_image(digits: ImageData, protocol: ScoringProtocol) -> None:
    images = calibration_images("mean-image", digits, protocol)
    assert bool((images == images[:1]).all())
    error = images[0].float() - digits["train"].images.float().mean(dim=0)
    assert error.abs().max() <= 0.5


def test_gaussians_have_the_mean_of_the_data(digits: ImageData, protocol: ScoringProtocol) -> None:
    expected = digits["train"].images.float().mean(dim=0)
    for name in ("pca-gaussian", "class-pca-gaussian"):
        found = calibration_images(name, digits, protocol).float().mean(dim=0)
        assert (found - expected).abs().mean() < 8


def test_classes_take_turns(digits: ImageData, protocol: ScoringProtocol) -> None:
    images = calibration_images("class-pca-gaussian", digits, protocol).float()
    train = digits["train"]
    for label in range(10):
        expected = train.images[train.labels == label].float().mean(dim=0)
        others = train.images[train.labels == (label + 1) % 10].float().mean(dim=0)
        mean = images[label::10].mean(dim=0)
        assert (mean - expected).abs().mean() < (mean - others).abs().mean() / 2


def test_noise_is_uniform(digits: ImageData, protocol: ScoringProtocol) -> None:
    images = calibration_images("noise", digits, protocol).float()
    assert abs(images.mean().item() - 127.5) < 1
    assert images.min() == 0
    assert images.max() == 255


def test_only_the_gaussians_are_drawn_anew(digits: ImageData, protocol: ScoringProtocol) -> None:
    for name in CALIBRATIONS:
        draws = [calibration_images(name, digits, protocol, k) for k in calibration_draws(name)]
        assert len(draws) == (DRAWS if "gaussian" in name else 1)
        assert all(not torch.equal(draws[0], other) for other in draws[1:])


def test_labels_are_the_classes_of_the_images(digits: ImageData, protocol: ScoringProtocol) -> None:
    test, train = digits["test"], digits["train"]
    labels = {name: calibration_labels(name, digits, protocol) for name in CALIBRATIONS}
    assert torch.equal(labels["held-out"], test.labels)
    assert torch.equal(labels["train-copies"][1078:1090], train.labels[:12])
    assert labels["class-pca-gaussian"][:12].tolist() == [*range(10), 0, 1]
    assert [name for name, found in labels.items() if found is None] == [
        *("pca-gaussian", "mean-image", "noise"),
    ]


def test_an_unknown_set_is_a_usage_error(digits: ImageData, protocol: ScoringProtocol) -> None:
    with pytest.raises(UsageError, match=r"no calibration set is called 'nois'.*noise"):
        calibration_images("nois", digits, protocol)


def test_a_large_split_is_seen_by_its_first_images_alone(protocol: ScoringProtocol) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 99, (N_FITTED + 50, 1, 2, 2), generator=generator, dtype=torch.uint8)
    images[N_FITTED:] = 255
    labels = torch.arange(len(images)) % 10
    labels[N_FITTED:] = 10
    large = ImageSplit(images, labels)
    first = ImageSplit(images[:N_FITTED], labels[:N_FITTED])
    seen = protocol.model_copy(update={"n_fake": N_FITTED + 50})
    for name in CALIBRATIONS[1:]:
        of_all, of_first = (
            ImageData({"train": split, "test": large}, "f" * 64) for split in (large, first)
        )
        assert torch.equal(*(calibration_images(name, d, seen) for d in (of_all, of_first))), name
        found, expected = (calibration_labels(name, d, seen) for d in (of_all, of_first))
        assert found is expected is None or torch.equal(found, expected), name
