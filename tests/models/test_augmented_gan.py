"""What the critic sees of reals and fakes, and that nothing changes without an augmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.models.augmented_gan import AugmentedGAN
from bench.models.base import Batch, StepContext
from bench.models.gan import GAN
from catalog.errors import InvalidInput

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

POLICY = ["color", "translation", "cutout"]
PIPE = {"pipe": {}, "probability": 0.8}
ADAPTIVE = {"pipe": {}, "adaptive": {"images_to_full": 32, "interval": 2, "target": 0.6}}


def seen_by(model: Any, images: Tensor, *, fake: bool) -> Tensor:
    """The batch that reaches the critic's network."""
    caught: list[Tensor] = []
    hook = model.critic.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    model.judge(images, fake=fake)
    hook.remove()
    return caught[0]


@pytest.mark.parametrize("augment", [None, {"policy": []}], ids=["none", "empty"])
def test_without_an_augmentation_it_is_its_parent(
    augment: Any, model_of: ModelOf, one_step: OneStep
) -> None:
    own, parent = model_of(AugmentedGAN, augment=augment), model_of(GAN)
    for seed in (0, 1):
        assert one_step(own, seed=seed) == one_step(parent, seed=seed)
    assert own.state_dict().keys() == parent.state_dict().keys()
    for name, value in parent.state_dict().items():
        assert torch.equal(own.state_dict()[name], value), name


@pytest.mark.parametrize("augment", [{"policy": POLICY}, PIPE], ids=["policy", "pipe"])
def test_an_augmentation_changes_the_first_update_of_both_networks(
    augment: Any, model_of: ModelOf, one_step: OneStep
) -> None:
    own, parent = model_of(AugmentedGAN, augment=augment), model_of(GAN)
    one_step(own)
    one_step(parent)
    for name in ("generator", "critic"):
        pairs = zip(
            getattr(own, name).parameters(), getattr(parent, name).parameters(), strict=True
        )
        assert not all(torch.equal(*pair) for pair in pairs), name


@pytest.mark.parametrize("augment", [{"policy": POLICY}, PIPE], ids=["policy", "pipe"])
@pytest.mark.parametrize("reals_only", [False, True])
def test_fakes_are_augmented_unless_only_reals_are(
    augment: Any, reals_only: bool, model_of: ModelOf, images_of: Images
) -> None:
    model, images = (
        model_of(AugmentedGAN, augment=augment | {"reals_only": reals_only}),
        images_of(8),
    )
    assert not torch.equal(seen_by(model, images, fake=False), images)
    assert torch.equal(seen_by(model, images, fake=True), images) == reals_only


def test_only_reals_augmented_is_nothing_but_that(model_of: ModelOf, images_of: Images) -> None:
    """On one batch the generator's loss is that of the parent, the critic's is not."""
    own = model_of(AugmentedGAN, augment={"policy": POLICY, "reals_only": True})
    parent = model_of(GAN)
    real, fake = images_of(8, seed=1), images_of(8, seed=2)
    assert torch.equal(own.generator_loss(real, fake), parent.generator_loss(real, fake))
    assert not torch.equal(own.critic_loss(real, fake), parent.critic_loss(real, fake))


def test_the_generator_learns_through_the_augmentation(
    model_of: ModelOf, images_of: Images
) -> None:
    """Where cutout hides the fakes, no gradient reaches them; elsewhere one does."""
    model = model_of(AugmentedGAN, augment={"policy": ["cutout"]}, critic_norm="none").eval()
    fake = images_of(8).requires_grad_()
    torch.manual_seed(5)
    hidden = seen_by(model, fake, fake=True) == 0.0
    torch.manual_seed(5)
    model.generator_loss(fake.detach(), fake).backward()
    assert fake.grad is not None
    assert hidden.any()
    assert torch.equal(fake.grad == 0.0, hidden)


def test_the_probability_follows_the_scores_of_real_images(
    model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(AugmentedGAN, augment=ADAPTIVE)
    sure, fake = torch.ones(8), -torch.ones(8)
    for expected in (0.0, 0.5, 0.5, 1.0, 1.0, 1.0):
        model.score_loss(sure, fake)
        assert model.adaptive.value.item() == pytest.approx(expected)
    for expected in (1.0, 0.5, 0.5, 0.0):
        model.score_loss(fake, sure)  # what fakes score does not count
        assert model.adaptive.value.item() == pytest.approx(expected)
    images = images_of(8)
    assert torch.equal(seen_by(model, images, fake=False), images)


def test_a_step_observes_once_and_logs_the_probability(
    model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(AugmentedGAN, augment={**ADAPTIVE, "probability": 0.25}).train()
    labels = torch.arange(8)
    for step in range(3):
        losses = model.step(Batch(images_of(8, seed=step), labels), StepContext(step, 10, 40))
        assert losses["p"].item() == model.adaptive.value.item()
        assert model.adaptive.updates.item() == (step + 1) % 2
    assert "adaptive.value" in model.state_dict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"augment": {"probability": 0.5}}, "need augment.pipe"),
        ({"augment": {"adaptive": {}}}, "need augment.pipe"),
        ({"augment": {"policy": POLICY}, "loss": "relativistic"}, "relativistic"),
        (
            {"augment": {"policy": POLICY}, "penalty": {"r1": 1.0}, "critic_norm": "none"},
            "penalty",
        ),
        ({"augment": {"policy": ["flip"]}}, "policy"),
    ],
)
def test_what_does_not_go_together_is_refused(
    settings: Any, message: str, model_of: ModelOf
) -> None:
    with pytest.raises(InvalidInput, match=message):
        model_of(AugmentedGAN, **settings)
