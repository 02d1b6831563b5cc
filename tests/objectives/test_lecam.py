"""LeCam: the formula by hand, the anchors' averages, and that they are state of the model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.models.gan import GAN
from bench.objectives.lecam import LeCam, lecam_penalty

ModelOf = Callable[..., GAN]
Images = Callable[..., Tensor]

SMALL = {"width": 4, "latent_dim": 6, "loss": "hinge"}
REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])


def test_hand_computed_value() -> None:
    value = lecam_penalty(REAL, FAKE, torch.tensor(1.0), torch.tensor(-2.0))
    # reals to the fakes' anchor: (16 + 1) / 2; fakes to the reals' anchor: (.25 + 16) / 2
    assert value.item() == pytest.approx(8.5 + 8.125, abs=1e-6)


def test_scores_at_the_anchor_of_the_other_side_cost_nothing() -> None:
    real, fake = torch.full((3,), -0.7), torch.full((3,), 0.4)
    anchors = {"real_anchor": torch.tensor(0.4), "fake_anchor": torch.tensor(-0.7)}
    assert lecam_penalty(real, fake, **anchors).item() == 0.0
    assert lecam_penalty(fake, real, **anchors).item() == pytest.approx(2 * 1.1**2, abs=1e-5)


def test_repeating_the_batch_changes_nothing() -> None:
    once, thrice = LeCam(0.3, 0.9), LeCam(0.3, 0.9)
    for _ in range(3):
        torch.testing.assert_close(thrice(REAL.repeat(3), FAKE.repeat(3)), once(REAL, FAKE))
    torch.testing.assert_close(thrice.real_anchor, once.real_anchor)


def test_anchors_average_what_the_critic_said_before() -> None:
    lecam = LeCam(0.5, 0.9)
    first = lecam(REAL, FAKE)
    assert first.item() == pytest.approx(0.5 * (2.5 + 4.625), abs=1e-6)  # anchors at zero
    assert lecam.real_anchor.item() == pytest.approx(0.1 * 0.5, abs=1e-6)
    assert lecam.fake_anchor.item() == pytest.approx(0.1 * -1.25, abs=1e-6)
    second = lecam(REAL + 1.0, FAKE)
    by_hand = lecam_penalty(REAL + 1.0, FAKE, torch.tensor(0.05), torch.tensor(-0.125))
    assert second.item() == pytest.approx(0.5 * by_hand.item(), abs=1e-6)
    assert lecam.real_anchor.item() == pytest.approx(0.9 * 0.05 + 0.1 * 1.5, abs=1e-6)


def test_gradients_reach_the_scores_but_not_the_anchors() -> None:
    lecam = LeCam(1.0, 0.5)
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    (lecam(real, fake) + lecam(real, fake)).backward()
    assert not lecam.real_anchor.requires_grad
    assert real.grad is not None
    # 2 (r - a) / n with a = 0, then a = -.625
    torch.testing.assert_close(real.grad, REAL + (REAL + 0.625))


def test_the_penalty_joins_the_critic_loss_with_its_weight(
    model_of: ModelOf, images_of: Images
) -> None:
    plain = model_of(GAN, **SMALL)
    with_lecam = model_of(GAN, lecam={"weight": 70.0}, **SMALL)
    real, fake = images_of(4), images_of(4, seed=1)
    scores = plain.critic(real), plain.critic(fake)
    expected = 70.0 * (scores[0].square().mean() + scores[1].square().mean())
    added = with_lecam.critic_loss(real, fake) - plain.critic_loss(real, fake)
    torch.testing.assert_close(added, expected, rtol=1e-3, atol=1e-6)
    assert added.item() != 0.0


def test_the_generator_moves_no_anchor(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(GAN, lecam={}, **SMALL)
    assert model.lecam is not None
    model.update_generator(images_of(4), model.fakes(4))
    assert model.lecam.fake_anchor.item() == 0.0
    model.update_critic(images_of(4), images_of(4, seed=1))
    assert model.lecam.fake_anchor.item() != 0.0


def test_only_a_model_that_uses_them_has_anchors(model_of: ModelOf) -> None:
    plain, with_lecam = model_of(GAN, **SMALL), model_of(GAN, lecam={}, **SMALL)
    added = with_lecam.state_dict().keys() - plain.state_dict().keys()
    assert added == {"lecam.real_anchor", "lecam.fake_anchor"}
    assert [n for n, _ in with_lecam.named_parameters()] == [n for n, _ in plain.named_parameters()]
