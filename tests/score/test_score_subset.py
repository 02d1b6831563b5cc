"""Protocols under which precision and recall see the first images of each side alone."""

from __future__ import annotations

import pytest
import torch

from bench.data import ImageData, load_dataset
from bench.identity import protocol as protocols
from bench.score.features import extract
from bench.score.metrics import precision_recall
from bench.score.scorer import Scorer
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
    scorer = Scorer(digits, subset, entry, "cpu")
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
    scorer = Scorer(digits, protocol, registry.extractor("digits-cnn"), "cpu")
    found = {metric.name: metric for metric in scorer.score(digits["train"].images[:200])}
    assert (found["precision"].n_fake, found["precision"].n_real) == (200, 500)
