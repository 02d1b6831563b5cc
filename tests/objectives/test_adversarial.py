"""Adversarial losses: hand-computed values, equal scores, and gradients far from the margin."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bench.objectives.adversarial import LOSSES, AdversarialLoss

REAL = torch.tensor([2.0, -1.0])
FAKE = torch.tensor([0.5, -3.0])

# softplus by hand: s(-2) .126928, s(1) 1.313262, s(.5) .974077, s(-3) .048587, s(-1.5) .201413;
# sigmoid by hand: 2 .880797, -1 .268941, .5 .622459, -3 .047426
BY_HAND = {
    "wasserstein": (-1.75, 1.25),
    "least-squares": (0.5 * 2.5 + 0.5 * 4.625, 0.5 * 8.125),
    "hinge": (1.0 + 0.75, 1.25),
    "non-saturating": (0.720095 + 0.511332, (0.474077 + 3.048587) / 2),
    "minimax": (0.720095 + 0.511332, -0.511332),
    "relativistic": ((0.201413 + 0.126928) / 2, (1.701413 + 2.126928) / 2),
    "article": (0.574869 + 0.334942, 0.334942),
}


def generator_side(loss: AdversarialLoss, fake: Tensor, real: Tensor) -> Tensor:
    if loss.paired_generator is not None:
        return loss.paired_generator(fake, real)
    assert loss.generator is not None
    return loss.generator(fake)


def softplus(x: float) -> float:
    return math.log1p(math.exp(x))


def test_every_loss_has_a_hand_computed_value() -> None:
    assert set(BY_HAND) == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
def test_hand_computed_values(name: str) -> None:
    critic, generator = BY_HAND[name]
    loss = LOSSES[name]
    assert loss.critic(REAL, FAKE).item() == pytest.approx(critic, abs=2e-6)
    assert generator_side(loss, FAKE, REAL).item() == pytest.approx(generator, abs=2e-6)


@pytest.mark.parametrize("c", [-1.0, -0.3, 0.0, 0.7, 1.0])
def test_equal_scores(c: float) -> None:
    scores = torch.full((5,), c)
    expected = {
        "wasserstein": (0.0, -c),
        "hinge": (2.0, -c),
        "non-saturating": (softplus(-c) + softplus(c), softplus(-c)),
        "minimax": (softplus(-c) + softplus(c), -softplus(c)),
        "relativistic": (math.log(2.0), math.log(2.0)),
        "least-squares": (0.5 * (c - 1) ** 2 + 0.5 * c**2, 0.5 * (c - 1) ** 2),
        "article": (2.0 / (1.0 + math.exp(-c)), 1.0 / (1.0 + math.exp(-c))),
    }
    for name, loss in LOSSES.items():
        critic, generator = expected[name]
        assert loss.critic(scores, scores).item() == pytest.approx(critic, abs=1e-6), name
        actual = generator_side(loss, scores, scores).item()
        assert actual == pytest.approx(generator, abs=1e-6), name


@pytest.mark.parametrize("name", LOSSES)
def test_repeating_the_batch_changes_nothing(name: str) -> None:
    loss = LOSSES[name]
    real, fake = REAL.repeat(3), FAKE.repeat(3)
    torch.testing.assert_close(loss.critic(real, fake), loss.critic(REAL, FAKE))
    torch.testing.assert_close(generator_side(loss, fake, real), generator_side(loss, FAKE, REAL))


@pytest.mark.parametrize(
    ("name", "slope"),
    [("non-saturating", -1.0), ("relativistic", -1.0), ("wasserstein", -1.0), ("hinge", -1.0)],
)
def test_generator_gradient_survives_a_sure_critic(name: str, slope: float) -> None:
    fake = torch.tensor([-200.0], requires_grad=True)
    generator_side(LOSSES[name], fake, torch.tensor([200.0])).backward()
    assert fake.grad is not None
    assert fake.grad.item() == pytest.approx(slope, abs=1e-6)


def test_minimax_is_the_one_that_saturates() -> None:
    fake = torch.tensor([-200.0], requires_grad=True)
    generator_side(LOSSES["minimax"], fake, REAL).backward()
    assert fake.grad is not None
    assert fake.grad.item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("name", ["non-saturating", "relativistic", "hinge", "wasserstein"])
def test_critic_gradient_survives_being_fooled(name: str) -> None:
    real = torch.tensor([-200.0], requires_grad=True)
    fake = torch.tensor([200.0], requires_grad=True)
    LOSSES[name].critic(real, fake).backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert real.grad.item() == pytest.approx(-1.0, abs=1e-6)
    assert fake.grad.item() == pytest.approx(1.0, abs=1e-6)


def test_hinge_ignores_scores_beyond_the_margin() -> None:
    real = torch.tensor([1.5], requires_grad=True)
    fake = torch.tensor([-1.5], requires_grad=True)
    LOSSES["hinge"].critic(real, fake).backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert real.grad.item() == fake.grad.item() == 0.0


def test_relativistic_scores_are_compared_pair_by_pair() -> None:
    real, fake = torch.tensor([0.0, 10.0]), torch.tensor([0.0, 10.0])
    loss = LOSSES["relativistic"].critic
    assert loss(real, fake).item() == pytest.approx(math.log(2.0), abs=1e-6)
    crossed = loss(real, fake.flip(0)).item()
    assert crossed == pytest.approx((softplus(10.0) + softplus(-10.0)) / 2, abs=1e-5)
