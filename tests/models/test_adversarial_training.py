"""Attacks raise the critic's loss within their bounds, and only the critic learns from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.models.adversarial_training import AdversariallyTrainedGAN
from bench.models.gan import GAN
from bench.objectives.attacks import attacked

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Watched = Callable[..., Any]


@pytest.mark.parametrize("n_steps", [1, 4])
def test_a_linear_loss_is_raised_by_epsilon_times_its_slopes(n_steps: int) -> None:
    images = torch.zeros(2, 1, 2, 2)
    slopes = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    (moved,) = attacked([images], lambda x: (x * slopes).sum(), 0.25, n_steps)
    assert torch.equal(moved, (0.25 * slopes.sign()).expand(2, 1, 2, 2))
    assert not moved.requires_grad


def test_an_attack_keeps_to_the_range_of_images() -> None:
    images = torch.tensor([-1.0, -0.95, 0.0, 1.0]).view(1, 1, 2, 2)
    (down,) = attacked([images], lambda x: -x.sum(), 0.1)
    expected = torch.tensor([-1.0, -1.0, -0.1, 0.9])
    torch.testing.assert_close(down.flatten(), expected, rtol=0, atol=1e-6)


def test_several_steps_follow_a_curve_that_one_step_leaves() -> None:
    """-(x - 0.1)^2 is highest at 0.1: one step of 0.4 overshoots, four of 0.2 come back."""
    image = torch.zeros(1, 1, 1, 1)
    (once,) = attacked([image], lambda x: -(x - 0.1).square().sum(), 0.4, 1)
    (often,) = attacked([image], lambda x: -(x - 0.1).square().sum(), 0.4, 4)
    assert once.item() == pytest.approx(0.4)
    assert often.item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("n_steps", [1, 3])
def test_an_attack_on_the_critic_raises_its_loss_within_epsilon(
    n_steps: int, model_of: ModelOf, images_of: Images, watched: Watched
) -> None:
    model = model_of(AdversariallyTrainedGAN, epsilon=0.1, attack_steps=n_steps, size=16).train()
    real, fake = images_of(16, size=16, seed=1), images_of(16, size=16, seed=2)
    before = model.bare_loss(real, fake).item()
    moved = model.attack(real, fake)
    assert model.bare_loss(*moved).item() > before + 0.01
    for image, start in zip(moved, (real, fake), strict=True):
        assert 0.05 < (image - start).abs().max().item() <= 0.1 + 1e-6
        assert image.abs().max() <= 1.0
    assert all(p.grad is None and p.requires_grad for p in model.critic.parameters())


def test_without_an_epsilon_it_is_its_parent(model_of: ModelOf, one_step: OneStep) -> None:
    own, parent = model_of(AdversariallyTrainedGAN, epsilon=0.0), model_of(GAN)
    attacking = model_of(AdversariallyTrainedGAN, epsilon=0.1)
    for seed in (0, 1):
        assert one_step(own, seed=seed) == one_step(parent, seed=seed)
        one_step(attacking, seed=seed)
    differs = []
    for name, value in parent.state_dict().items():
        assert torch.equal(own.state_dict()[name], value), name
        differs.append(not torch.equal(attacking.state_dict()[name], value))
    assert any(differs)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_the_loss_is_a_mean_of_clean_and_attacked(
    share: float, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(AdversariallyTrainedGAN, epsilon=0.1, attacked_share=share).train()
    real, fake = images_of(16, seed=1), images_of(16, seed=2)
    clean = model.bare_loss(real, fake).item()
    hard = model.bare_loss(*model.attack(real, fake)).item()
    expected = (1.0 - share) * clean + share * hard
    assert model.critic_loss(real, fake).item() == pytest.approx(expected, abs=1e-5)
    assert abs(hard - clean) > 1e-4


def test_only_clean_batches_move_the_running_averages(
    model_of: ModelOf, images_of: Images, watched: Watched
) -> None:
    own = model_of(AdversariallyTrainedGAN, epsilon=0.5, size=16).train()
    parent = model_of(GAN, size=16).train()
    real, fake = images_of(16, size=16, seed=1), images_of(16, size=16, seed=2)
    own.critic_loss(real, fake)
    parent.critic_loss(real, fake)
    buffers = dict(own.critic.named_buffers())
    assert any("running_mean" in name for name in buffers)
    for name, value in parent.critic.named_buffers():
        assert torch.equal(buffers[name], value), name


def test_the_generator_meets_clean_images(model_of: ModelOf, images_of: Images) -> None:
    own, parent = model_of(AdversariallyTrainedGAN, epsilon=0.5), model_of(GAN)
    real, fake = images_of(8, seed=1), images_of(8, seed=2)
    assert torch.equal(own.generator_loss(real, fake), parent.generator_loss(real, fake))
