"""Captioned shapes: pixels that never change, captions, splits, and a judge that is not fooled."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
import torch
from torch import Tensor

import bench
from bench.data import ImageData, load_dataset
from bench.data.captions.shapes import CAPTIONS, CLASSES, COLOURS, PLACES, SHAPES, SIZES
from bench.data.shapes import CENTRES, RADII, Jitter, coverage
from bench.models.build import resolve_recipe
from bench.run.plan import planned_specs
from bench.score.extractors.shapes_judge import ShapesJudge
from catalog.errors import InvalidInput
from catalog.schema import Registry

HELD_OUT = [k for k, attributes in enumerate(CLASSES) if not attributes.is_trained]


@pytest.fixture(scope="module")
def data(registry: Registry) -> ImageData:
    """Loading proves the fingerprint, so these are the registered pixels."""
    return load_dataset(registry.dataset("shapes"))


@pytest.fixture(scope="module")
def judge() -> ShapesJudge:
    return ShapesJudge()


def logits(judge: ShapesJudge, images: Tensor) -> Tensor:
    return torch.cat([judge(chunk)["logits"] for chunk in images.split(160)])


def test_captions_are_a_round_trip() -> None:
    words = [(s, c, f, p) for c in COLOURS for f in SHAPES for s in SIZES for p in PLACES]
    assert [a.caption for a in CLASSES] == [f"a {s} {c} {f} {p}" for s, c, f, p in words]
    assert len(set(words)) == len(CLASSES) == 160
    texts = [captions[0] for captions in CAPTIONS.of_class]
    assert texts == [attributes.caption for attributes in CLASSES]
    assert CLASSES[7].caption == "a large red circle in the centre"
    for text in texts:
        tokens = CAPTIONS.encode(text)
        named = [CAPTIONS.vocabulary[t] for t in tokens if t < len(CAPTIONS.vocabulary)]
        assert " ".join(named) == text


def test_three_captions_in_ten_are_trained_and_show_every_word_and_every_pair() -> None:
    trained = [attributes for attributes in CLASSES if attributes.is_trained]
    assert len(trained) == 48
    assert [k for k in range(160) if CAPTIONS.unseen(k)] == HELD_OUT
    words = {word for attributes in trained for word in attributes.caption.split()}
    assert words == set(CAPTIONS.vocabulary)
    sizes = [len(names) for names in (COLOURS, SHAPES, SIZES, PLACES)]
    for first, second in combinations(range(4), 2):
        pairs = Counter((attributes[first], attributes[second]) for attributes in trained)
        assert len(pairs) == sizes[first] * sizes[second]
        assert min(pairs.values()) >= 2


def test_splits_share_no_picture_and_training_shows_no_held_out_caption(data: ImageData) -> None:
    images = torch.cat([split.images for split in data.splits.values()])
    assert images.shape == (5440, 3, 32, 32)
    assert len(images.flatten(1).unique(dim=0)) == len(images)
    assert not set(data["train"].labels.tolist()) & set(HELD_OUT)
    for name in ("reference", "test"):
        assert data[name].labels.bincount().unique().numel() == 1
        assert data[name].labels.unique().tolist() == list(range(160))


def test_pictures_of_a_caption_vary(data: ImageData) -> None:
    first = data["train"].images[:60].float()
    assert (first.std(dim=0) > 3.0).all()  # the ground varies everywhere
    assert first.std(dim=0).amax() > 50.0  # and the edge moves


def test_jitter_is_splitmix64() -> None:
    """First output of the published generator for seed 0, and no drift of a range's ends."""
    started = Jitter(0)
    assert started.state == 0
    assert started._mixed(Jitter.GOLDEN) == 0xE220A8397B1DCDAF
    counts = Counter(started(2) for _ in range(5000))
    assert sorted(counts) == [-2, -1, 0, 1, 2]
    assert all(850 < count < 1150 for count in counts.values())


@pytest.mark.parametrize(
    ("shape", "area"), [(0, 3.1416), (1, 3.0625), (2, 2.25), (3, 2.4375)], ids=SHAPES
)
def test_shapes_cover_their_area(shape: int, area: float) -> None:
    for radius in RADII:
        covered = coverage(shape, radius, CENTRES[2]).sum() / 16
        assert covered == pytest.approx(area * (radius / 8) ** 2, rel=0.06)


def test_every_real_picture_is_judged_right(data: ImageData, judge: ShapesJudge) -> None:
    for split in data.splits.values():
        found = logits(judge, split.images)
        assert torch.equal(found.argmax(dim=1), split.labels)
        best = found.topk(2, dim=1).values
        assert best[:, 1].max() >= 0.0
        assert (best[:, 0] - best[:, 1]).min() > 10.0


def test_the_judge_is_not_fooled(data: ImageData, judge: ShapesJudge) -> None:
    """Noise, one grey, the mean picture, two equal shapes and a negative fit no caption."""
    images, generator = data["test"].images, torch.Generator().manual_seed(0)
    noise = torch.randint(0, 256, images.shape, generator=generator, dtype=torch.uint8)
    mean = images.float().mean(dim=0, keepdim=True).round().to(torch.uint8)
    grey = torch.full_like(mean, 32)
    twice = torch.maximum(images[:20], images[:20].flip(3))
    apart = [i for i in range(20) if CLASSES[int(data["test"].labels[i])].place != 2]
    for garbage in (noise, mean, grey, twice[apart], 255 - images[:20]):
        assert (logits(judge, garbage) == 0.0).all()


def test_each_attribute_counts(data: ImageData, judge: ShapesJudge) -> None:
    """A picture turned round is judged as what it shows now: the other place."""
    test = data["test"]
    mirrored = logits(judge, test.images.flip(3)).argmax(dim=1)
    other = (1, 0, 2, 4, 3)
    for found, label in zip(mirrored.tolist(), test.labels.tolist(), strict=True):
        asked = CLASSES[label]
        assert CLASSES[found] == asked._replace(place=other[asked.place])


def test_features_are_small_finite_and_of_other_sizes_refused(
    data: ImageData, judge: ShapesJudge
) -> None:
    for images in (data["test"].images[:5], torch.zeros(2, 3, 32, 32, dtype=torch.uint8)):
        scene = judge(images)["scene"]
        assert scene.shape == (len(images), 207)
        assert ((scene >= 0.0) & (scene <= 1.0)).all()
    with pytest.raises(InvalidInput, match="32 x 32"):
        judge.check(torch.zeros(2, 3, 16, 16, dtype=torch.uint8), "these")


def test_a_row_for_shapes_is_refused_elsewhere(registry: Registry) -> None:
    row = registry.variant("dall-e-shapes")
    with pytest.raises(InvalidInput, match="'dall-e-shapes' cannot be trained on 'digits'"):
        resolve_recipe(registry, row, "digits")
    with pytest.raises(InvalidInput, match="cannot be trained on"):
        bench.load_variant("dall-e-shapes", "digits")
    digits = registry.suite("digits")
    assert digits.variants == "all"
    assert row not in registry.variants_of(digits)


def test_the_suite_trains_on_the_trained_captions_alone(registry: Registry) -> None:
    specs = planned_specs(registry, registry.suite("shapes"))
    assert {spec.dataset.split for spec in specs} == {"train"}
    assert {spec.dataset.n_images for spec in specs} == {2880}
    assert registry.protocol("shapes-2k").reference_split == "reference"
