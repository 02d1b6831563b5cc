"""Disturbances, graded corruptions, and the examination of a judge."""

from __future__ import annotations

import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from bench.augment.disturbance import disturbed, gaussian_blurred
from bench.data.dataset import ImageData, ImageSplit
from bench.score.corruptions import CORRUPTIONS, corrupted
from bench.score.examination import agreeing, examine
from bench.score.extractors.judge_training import require_better_than_chance
from bench.score.extractors.pixel_identity import LAYER, PixelIdentity
from catalog.errors import InvalidInput


def images(n: int = 64, size: int = 12, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, 1, size, size), generator=generator, dtype=torch.uint8)


def test_a_blur_is_the_gaussian_filter_of_each_image() -> None:
    clean = torch.rand(3, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    deviations = (0.5, 1.0, 1.4)
    blurred = gaussian_blurred(clean, torch.tensor(deviations))
    for image, original, deviation in zip(blurred, clean, deviations, strict=True):
        for channel, source in zip(image, original, strict=True):
            expected = gaussian_filter(source.numpy(), deviation, mode="mirror", radius=4)
            assert channel.numpy() == pytest.approx(expected, abs=1e-5)


def test_disturbed_images_stay_in_range_and_differ_one_by_one() -> None:
    torch.manual_seed(0)
    clean = (torch.rand(400, 1, 8, 8) * 2 - 1)[:1].expand(400, -1, -1, -1)
    found = disturbed(clean)
    assert found.shape == clean.shape
    assert float(found.min()) >= -1.0
    assert float(found.max()) <= 1.0
    # Each of five disturbances leaves an image alone with probability 0.7: 67 +- 7.5 of 400.
    untouched = int((found == clean).flatten(1).all(1).sum())
    assert 37 <= untouched <= 97
    assert len(found.flatten(1).unique(dim=0)) >= 400 - untouched


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_grade_of_a_corruption_changes_more_than_the_one_before(name: str) -> None:
    # Smooth images: of white noise every shift is as good as new.
    ramp = torch.arange(16.0) * 15
    clean = (ramp[:, None] * 0.5 + ramp[None, :] * 0.5).round().to(torch.uint8)[None, None]
    clean = clean.repeat(32, 1, 1, 1)
    changes = []
    for level in CORRUPTIONS[name].levels:
        changed = corrupted(clean, name, level)
        assert changed.dtype == torch.uint8
        assert torch.equal(changed, corrupted(clean, name, level))
        changes.append(float((changed.float() - clean.float()).square().mean()))
    assert changes == sorted(changes)
    assert changes[-1] > 2 * changes[0]
    assert changes[-1] > 0


def test_corruptions_by_hand() -> None:
    pixels = torch.tensor([[[[0, 100, 255]]]], dtype=torch.uint8)
    assert corrupted(pixels, "background", 20).tolist() == [[[[20, 100, 255]]]]
    assert corrupted(pixels, "brightness", 20).tolist() == [[[[20, 120, 255]]]]
    assert corrupted(pixels, "contrast", 0.5).tolist() == [[[[64, 114, 191]]]]
    assert corrupted(pixels.repeat(1, 1, 3, 1), "shift", 1).tolist()[0][0][2] == [0, 0, 100]


def test_an_examination_of_raw_pixels_is_known() -> None:
    data = ImageData(
        {
            "train": ImageSplit(images(80), torch.zeros(80, dtype=torch.int64)),
            "test": ImageSplit(images(60, seed=1), torch.zeros(60, dtype=torch.int64)),
        },
        "f" * 64,
    )
    seen: list[str] = []
    report = examine(PixelIdentity(), data, ("test", "train"), (LAYER, None), seen.append, (60, 80))
    assert len(report.grades) == sum(len(kind.levels) for kind in CORRUPTIONS.values())
    assert len(seen) == len(report.grades) + 3
    assert (report.n_held_out, report.n_reference) == (60, 80)
    # Random pixels are noise, and their mean has lost all variance.
    assert report.noise_is_nearer
    brighter = report.of("brightness")
    assert [grade.level for grade in brighter] == [5, 10, 20, 40, 80]
    assert brighter[-1].distance > 1.3 * report.held_out
    other = report.model_copy(
        update={
            "grades": tuple(g.model_copy(update={"distance": -g.distance}) for g in report.grades)
        }
    )
    assert agreeing(report, report).agreement is not None
    for partner, expected in ((report, 1.0), (other, -1.0)):
        found = agreeing(report, partner).agreement
        assert found is not None
        assert found.spearman == pytest.approx(expected, abs=1e-12)
        assert found.within == pytest.approx(expected, abs=1e-12)


def test_a_judge_that_guesses_is_refused_and_one_that_knows_is_not() -> None:
    with pytest.raises(InvalidInput, match=r"x-judge is right on 8.0% .* guessing on 10.0%"):
        require_better_than_chance("x-judge", 0.08, 10, 10_000)
    # Three standard errors of 10 % among 100 are 9 %.
    with pytest.raises(InvalidInput):
        require_better_than_chance("x-judge", 0.189, 10, 100)
    require_better_than_chance("x-judge", 0.191, 10, 100)
