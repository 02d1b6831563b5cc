"""Protocols under which precision and recall see the first images of each side alone."""

from __future__ import annotations

import pytest
import torch

from bench.data import ImageData, ImageSplit, load_dataset
from bench.identity import protocol as protocols
from bench.run.calibration_job import first_images
from bench.score.features import extract
from bench.score.metrics import precision_recall
from bench.score.scorer import Scorer
from bench.score.subset_scorer import SubsetScorer
from catalog.schema import Registry

FEW = 120


@pytest.fixture(scope="module")
def digits(registry: Registry) -> ImageData:
    return load_dataset(registry.dataset("digits"))


def test_only_precision_and_recall_see_fewer_images(registry: Registry, digits: ImageData) -> None:
    whole = protocols.resolve(registry, "digits-10k")
    entry = registry.extractor("digits-cnn")
    generator = torch.Generator().manual_seed(0)
    noisy = digits["train"].images[:300].int()
    noisy += torch.randint(-40, 41, noisy.shape, generator=generator, dtype=torch.int32)
    fakes = noisy.clamp(0, 255).to(torch.uint8)
    subset = whole.model_copy(update={"prc_samples": FEW})
    scorer = SubsetScorer(digits, subset, entry, "cpu")
    found = {metric.name: metric for metric in scorer.score(fakes)}
    every = {metric.name: metric for metric in Scorer(digits, whole, entry, "cpu").score(fakes)}
    affected = {"precision", "recall", "f_score"}
    assert {name for name in every if found[name] != every[name]} == affected
    fake, real = (
        extract(images[:FEW], scorer.extractor, whole.batch_size, "cpu")["grid"]
        for images in (fakes, digits["train"].images)
    )
    expected = precision_recall(fake, real, neighborhood=whole.prc_neighborhood)
    assert found["precision"].value == pytest.approx(expected.precision, abs=1e-6)
    assert found["recall"].value == pytest.approx(expected.recall, abs=1e-6)
    assert {(found[name].n_fake, found[name].n_real) for name in affected} == {(FEW, FEW)}


def test_counts_on_record_are_those_that_were_seen(registry: Registry, digits: ImageData) -> None:
    protocol = protocols.resolve(registry, "digits-10k").model_copy(update={"prc_samples": 500})
    scorer = SubsetScorer(digits, protocol, registry.extractor("digits-cnn"), "cpu")
    found = {metric.name: metric for metric in scorer.score(digits["train"].images[:200])}
    assert (found["precision"].n_fake, found["precision"].n_real) == (200, 500)


def test_densities_are_fitted_to_the_first_images_of_a_large_set() -> None:
    large = ImageSplit(torch.arange(30, dtype=torch.uint8).view(30, 1, 1, 1), torch.arange(30))
    data = ImageData({"train": large, "test": large}, "f" * 64)
    cut = first_images(data, "train", 10)
    assert cut["train"].images.flatten().tolist() == list(range(10))
    assert cut["test"] is large
    assert cut.fingerprint == data.fingerprint
    assert len(first_images(data, "train", 100)["train"]) == 30
