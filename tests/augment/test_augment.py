"""Augmentations in closed form on toy images, their gradients, and the probability that adapts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.augment.adaptive import AdaptiveProbability, AdaptiveSettings
from bench.augment.colour import (
    brighter,
    contrasted,
    contrasted_about_mean,
    luma_flipped,
    saturated,
)
from bench.augment.diff_augment import Policy, color, cut_out, diff_augment, translated
from bench.augment.geometry import mirrored, rotation, scaling, translation, warp
from bench.augment.pipeline import AugmentationPipe, PipeSettings

Images = Callable[..., Tensor]

EVERYTHING = PipeSettings(flip=True, quarter_turns=True)
NOTHING = PipeSettings(
    translation=0, scale=0, rotation=0, stretch=0, fractional_translation=0,
    brightness=0, contrast=0, luma_flip=False, saturation=0,
)  # fmt: skip
ALL: tuple[Policy, ...] = ("color", "translation", "cutout")
zero, one = torch.tensor([0.0]), torch.tensor([1.0])


def only(**settings: float) -> AugmentationPipe:
    return AugmentationPipe(NOTHING.model_copy(update=settings))


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_whole_pixels_are_copied_and_the_outside_is_a_mirror(images_of: Images) -> None:
    images = images_of(1, 3, 8)
    moved = warp(images, translation(torch.tensor([2.0]), torch.tensor([-3.0])))
    assert torch.equal(moved[..., :5, 2:], images[..., 3:, :6])
    assert torch.equal(moved[..., :5, :2], images[..., 3:, :2].flip(-1))
    assert mirrored(torch.arange(-4, 8), 4).tolist() == [3, 2, 1, 0, 0, 1, 2, 3, 3, 2, 1, 0]


def test_half_a_pixel_is_the_mean_of_two(images_of: Images) -> None:
    images = images_of(1, 1, 8)
    moved = warp(images, translation(torch.tensor([0.5]), zero))
    expected = 0.5 * (images[..., 1:] + images[..., :-1])
    torch.testing.assert_close(moved[..., 1:], expected, rtol=0, atol=1e-6)


def test_turns_and_mirrors_are_those_of_arrays(images_of: Images) -> None:
    images = images_of(1, 2, 8)
    assert torch.equal(warp(images, scaling(-one, one)), images.flip(3))
    assert torch.equal(warp(images, scaling(one, -one)), images.flip(2))
    assert torch.equal(warp(images, rotation(zero, one)), images.rot90(-1, (2, 3)))
    turned = warp(images, rotation(torch.tensor([math.cos(math.pi)]), zero))
    assert torch.equal(turned, images.flip(2, 3))


def test_magnification_by_two_keeps_the_middle() -> None:
    ramp = torch.arange(8.0).expand(1, 1, 8, 8)
    wide = warp(ramp, scaling(2.0 * one, one))
    expected = (torch.arange(8.0) - 3.5) / 2.0 + 3.5
    torch.testing.assert_close(wide[0, 0], expected.expand(8, 8), rtol=0, atol=1e-6)
    assert torch.equal(warp(ramp, scaling(one, 2.0 * one)), ramp)


def test_motions_compose_in_the_order_in_which_they_are_written(images_of: Images) -> None:
    images = images_of(1, 1, 8)
    shift, turn = translation(one, zero), rotation(zero, one)
    assert torch.equal(warp(images, shift @ turn), warp(warp(images, shift), turn))
    assert not torch.equal(warp(images, turn @ shift), warp(warp(images, shift), turn))


def test_colours_in_closed_form() -> None:
    image = torch.tensor([0.5, -0.5, 0.3]).view(1, 3, 1, 1).expand(1, 3, 4, 4)
    assert torch.equal(brighter(image, 0.25 * one), image + 0.25)
    assert torch.equal(contrasted(image, 2.0 * one), 2.0 * image)
    torch.testing.assert_close(
        contrasted_about_mean(image, 0.0 * one), torch.full_like(image, 0.1), rtol=0, atol=1e-6
    )
    grey = saturated(image, 0.0 * one)
    torch.testing.assert_close(grey, torch.full_like(image, 0.1), rtol=0, atol=1e-6)
    flipped = luma_flipped(image, one)
    torch.testing.assert_close(flipped.mean(1), -image.mean(1), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        flipped - flipped.mean(1, keepdim=True), image - image.mean(1, keepdim=True)
    )
    torch.testing.assert_close(luma_flipped(flipped, one), image)


@pytest.mark.parametrize(
    "neutral",
    [
        lambda x: brighter(x, zero),
        lambda x: contrasted(x, one),
        lambda x: contrasted_about_mean(x, one),
        lambda x: saturated(x, one),
        lambda x: luma_flipped(x, zero),
        lambda x: warp(x, scaling(one, one) @ rotation(one, zero) @ translation(zero, zero)),
        lambda x: translated(x, zero.long(), zero.long()),
        lambda x: cut_out(x, 8 + zero.long(), zero.long(), ratio=0.5),
    ],
)
def test_neutral_parameters_change_no_bit(
    neutral: Callable[[Tensor], Tensor], images_of: Images
) -> None:
    images = images_of(1, 3, 8)
    assert torch.equal(neutral(images), images)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_pipe_is_the_identity_at_probability_zero(channels: int, images_of: Images) -> None:
    images = images_of(16, channels, 8)
    pipe = AugmentationPipe(EVERYTHING)
    assert torch.equal(pipe(images, torch.tensor(0.0)), images)
    assert not torch.equal(pipe(images, torch.tensor(0.2)), images)
    assert not list(pipe.state_dict())


def test_a_pipe_of_nothing_draws_nothing(images_of: Images) -> None:
    images, before = images_of(4, 1), torch.get_rng_state()
    assert torch.equal(AugmentationPipe(NOTHING)(images, torch.tensor(1.0)), images)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    "settings",
    [{"translation": 0.4}, {"rotation": 1.0}, {"scale": 0.2}, {"brightness": 0.2},
     {"contrast": 0.5}, {"stretch": 0.2}, {"fractional_translation": 0.1}],
    ids=str,
)  # fmt: skip
def test_each_transformation_meets_its_share_of_images(
    settings: dict[str, float], probability: float, images_of: Images
) -> None:
    images = images_of(4000, 1, 4)
    changed = only(**settings)(images, torch.tensor(probability)) != images
    share = changed.flatten(1).any(1).float().mean().item()
    if "translation" in settings:  # both shifts may round to none
        share /= 1.0 - (0.5 / 1.6) ** 2
    assert share == pytest.approx(probability, abs=0.03)


def test_flips_and_quarter_turns_are_as_likely_as_the_paper_says(images_of: Images) -> None:
    images = images_of(1, 1, 4).expand(4000, -1, -1, -1)
    flips = only(flip=True)(images, torch.tensor(1.0))
    mirrored_share = (flips == images.flip(3)).flatten(1).all(1).float().mean().item()
    assert mirrored_share == pytest.approx(0.5, abs=0.03)
    turned = only(quarter_turns=True)(images, torch.tensor(1.0))
    for k in range(4):
        share = (turned == images.rot90(k, (2, 3))).flatten(1).all(1).float().mean().item()
        assert share == pytest.approx(0.25, abs=0.03)


def test_grey_images_are_never_turned_into_their_negatives(images_of: Images) -> None:
    pipe, images = only(luma_flip=True, saturation=1.0), images_of(64, 1)
    assert torch.equal(pipe(images, torch.tensor(1.0)), images)
    colour = images_of(64, 3)
    assert not torch.equal(pipe(colour, torch.tensor(1.0)), colour)


@pytest.mark.parametrize(
    "augment",
    [
        lambda x: AugmentationPipe(EVERYTHING)(x, torch.tensor(0.7)),
        lambda x: diff_augment(x, ALL),
    ],
    ids=["pipe", "diff-augment"],
)
def test_gradients_flow_to_the_images_and_once_more(
    augment: Callable[[Tensor], Tensor], images_of: Images
) -> None:
    images = images_of(3, 3, 4).double().requires_grad_()

    def same_draws(values: Tensor) -> Tensor:
        torch.manual_seed(3)
        return augment(values)

    assert torch.autograd.gradcheck(same_draws, images)
    weights = torch.linspace(-1, 1, images.numel(), dtype=torch.double).view_as(images)
    (first,) = torch.autograd.grad(
        (weights * same_draws(images).square()).sum(), images, create_graph=True
    )
    first.square().sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def test_every_image_has_draws_of_its_own(images_of: Images) -> None:
    images = images_of(1, 3, 8).expand(6, -1, -1, -1)
    for augmented in (AugmentationPipe()(images, torch.tensor(1.0)), diff_augment(images, ALL)):
        assert len(augmented.flatten(1).unique(dim=0)) == 6


def test_the_seed_decides_the_draws(images_of: Images) -> None:
    images, pipe = images_of(6), AugmentationPipe()
    for seed, equal in ((1, True), (2, False)):
        results = []
        for each in (1, seed):
            torch.manual_seed(each)
            results.append((pipe(images, torch.tensor(0.5)), diff_augment(images, ALL)))
        assert all(torch.equal(*pair) == equal for pair in zip(*results, strict=True))


def test_translation_fills_with_grey() -> None:
    image = torch.arange(1.0, 17.0).view(1, 1, 4, 4)
    moved = translated(image, torch.tensor([1]), torch.tensor([-2]))
    expected = torch.tensor([[0, 0, 0, 0], [3, 4, 0, 0], [7, 8, 0, 0], [11, 12, 0, 0]])
    assert torch.equal(moved[0, 0], expected.float())


def test_translation_goes_up_to_its_share_of_the_size() -> None:
    images = torch.ones(2000, 1, 16, 16)
    moved = diff_augment(images, ["translation"], translation_ratio=0.125)
    empty_rows = (moved.sum(3) == 0).sum(2).flatten()
    assert empty_rows.max() == 2
    assert torch.bincount(empty_rows).float()[1:] / 2000 == pytest.approx([0.4, 0.4], abs=0.05)


def test_cutout_hides_a_quarter_where_it_fits() -> None:
    image = torch.ones(1, 2, 8, 8)
    hidden = cut_out(image, torch.tensor([2]), torch.tensor([-1]), ratio=0.5)
    expected = torch.ones(8, 8)
    expected[2:6, 0:3] = 0.0
    assert torch.equal(hidden, expected.expand(1, 2, 8, 8))
    many = diff_augment(torch.ones(2000, 1, 16, 16), ["cutout"])
    hidden_pixels = (many == 0).flatten(1).sum(1)
    assert hidden_pixels.max() == 64
    assert hidden_pixels.min() == 16  # a centre in a corner leaves 4 by 4


def test_color_keeps_to_its_ranges() -> None:
    flat = torch.zeros(2000, 1, 4, 4)
    shifts = color(flat).flatten(1)
    assert shifts.std(1).max() < 1e-6
    assert shifts.min() == pytest.approx(-0.5, abs=0.01)
    assert shifts.max() == pytest.approx(0.5, abs=0.01)
    checks = torch.tensor([[-0.5, 0.5], [0.5, -0.5]]).expand(2000, 1, 2, 2)
    augmented = color(checks).flatten(1)
    factors = 2.0 * (augmented.amax(1) - augmented.mean(1))
    assert factors.min() == pytest.approx(0.5, abs=0.01)
    assert factors.max() == pytest.approx(1.5, abs=0.01)


def test_no_policy_is_the_identity(images_of: Images) -> None:
    images, before = images_of(4), torch.get_rng_state()
    assert torch.equal(diff_augment(images, []), images)
    assert torch.equal(torch.get_rng_state(), before)


def adaptive(start: float = 0.0, **settings: Any) -> AdaptiveProbability:
    chosen = AdaptiveSettings(**{"images_to_full": 80, "interval": 2, **settings})
    return AdaptiveProbability(chosen, start)


def test_the_probability_rises_while_the_critic_is_sure_of_real_images() -> None:
    probability = adaptive()
    seen = []
    for _ in range(6):
        probability.observe(torch.ones(4))
        seen.append(probability.value.item())
    assert seen == pytest.approx([0.0, 0.1, 0.1, 0.2, 0.2, 0.3])


def test_it_falls_while_the_critic_is_not_and_stays_within_its_bounds() -> None:
    falling = adaptive(start=0.15)
    for expected in (0.05, 0.0, 0.0):
        for _ in range(2):
            falling.observe(torch.tensor([1.0, 1.0, -1.0, 1.0]))  # r_t = 0.5, below 0.6
        assert falling.value.item() == pytest.approx(expected, abs=1e-6)
    rising = adaptive(start=0.95)
    for _ in range(4):
        rising.observe(torch.ones(4))
    assert rising.value.item() == 1.0


def test_every_move_counts_only_what_came_after_the_last() -> None:
    probability = adaptive(interval=1, start=0.5)
    probability.observe(torch.ones(8))
    assert probability.value.item() == pytest.approx(0.6)
    probability.observe(-torch.ones(4))  # the sum of all signs would still be positive
    assert probability.value.item() == pytest.approx(0.55)


def test_it_goes_on_from_its_buffers_in_the_middle_of_an_interval() -> None:
    scores = torch.randn(9, 4) + 0.5
    straight, first, resumed = (adaptive(interval=4, start=0.3) for _ in range(3))
    for row in scores:
        straight.observe(row)
    for row in scores[:6]:
        first.observe(row)
    resumed.load_state_dict(first.state_dict())
    for row in scores[6:]:
        resumed.observe(row)
    assert straight.state_dict().keys() == {"value", "signs", "images", "updates"}
    for name, value in straight.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], value), name
