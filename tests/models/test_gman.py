"""The soft mean of several critics' losses, and what each network learns from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.gan import GAN
from bench.models.gman import GMAN
from bench.objectives.adversarial import non_saturating_d_loss, non_saturating_g_loss, soft_mean
from catalog.errors import InvalidInput

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

LOSSES = torch.tensor([0.5, 2.0, 1.0])


def test_the_soft_mean_goes_from_the_mean_to_the_largest() -> None:
    assert soft_mean(LOSSES, 0.0).item() == pytest.approx(LOSSES.mean().item(), abs=1e-6)
    means = [soft_mean(LOSSES, sharpness).item() for sharpness in (0.0, 0.5, 1.0, 3.0, 100.0)]
    assert means == sorted(means)
    assert means[-1] == pytest.approx(2.0, abs=1e-6)
    factors = torch.tensor([0.5, 2.0, 1.0]).exp()
    expected = (factors * LOSSES).sum() / factors.sum()
    assert soft_mean(LOSSES, 1.0).item() == pytest.approx(expected.item(), abs=1e-6)


def test_one_critic_is_the_parent(model_of: ModelOf, one_step: OneStep) -> None:
    own, parent = model_of(GMAN, n_critics=1, sharpness=3.0), model_of(GAN)
    for seed in (0, 1):
        assert one_step(own, seed=seed) == one_step(parent, seed=seed)
    for mine, theirs in zip(own.parameters(), parent.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    own = model_of(GMAN, n_critics=2)
    one_step(own)
    parent = model_of(GAN)
    one_step(parent)
    first = zip(own.generator.parameters(), parent.generator.parameters(), strict=True)
    assert not all(torch.equal(*pair) for pair in first)


def test_critics_differ_from_the_start(model_of: ModelOf, images_of: Images) -> None:
    scores = model_of(GMAN, n_critics=3).critic(images_of(5))
    assert scores.shape == (3, 5)
    assert len(scores.unique(dim=0)) == 3


def test_every_critic_minimises_its_own_loss(model_of: ModelOf, images_of: Images) -> None:
    """The gradient of the sum is, for each critic, that of its loss alone."""
    model = model_of(GMAN, n_critics=3)
    real, fake = images_of(8, seed=1), images_of(8, seed=2)
    together = torch.autograd.grad(model.critic_loss(real, fake), list(model.critic.parameters()))
    alone: list[Tensor] = []
    for critic in model.critic.critics:
        loss = non_saturating_d_loss(critic(real), critic(fake))
        alone += torch.autograd.grad(loss, list(critic.parameters()))
    for mine, theirs in zip(together, alone, strict=True):
        torch.testing.assert_close(mine, theirs)


def test_one_adam_for_all_critics_is_one_each(
    model_of: ModelOf, images_of: Images, one_step: OneStep
) -> None:
    """What a critic learns does not depend on how many others there are."""
    panel, lonely = model_of(GMAN, n_critics=3), model_of(GMAN, n_critics=1)
    one_step(panel)
    one_step(lonely)
    pairs = zip(
        panel.critic.critics[0].parameters(), lonely.critic.critics[0].parameters(), strict=True
    )
    for mine, theirs in pairs:
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("sharpness", [0.0, 1.0, 1000.0])
def test_the_generator_minimises_the_soft_mean(
    sharpness: float, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(GMAN, n_critics=3, sharpness=sharpness)
    fake = images_of(8)
    with torch.no_grad():
        for critic, shift in zip(model.critic.critics, (-1.0, 2.0, 0.0), strict=True):
            critic.layers[-1].bias += shift
        losses = torch.stack([non_saturating_g_loss(scores) for scores in model.critic(fake)])
        loss = model.generator_loss(fake, fake).item()
    assert losses.argmax().item() == 0  # the strictest gives the lowest scores
    expected = {0.0: losses.mean(), 1000.0: losses.max()}.get(sharpness, soft_mean(losses, 1.0))
    assert loss == pytest.approx(expected.item(), abs=1e-5)


def test_dropout_is_spaced_evenly_over_the_critics(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(GMAN, n_critics=3, dropout=[0.2, 0.6])
    rates = [layer.p for layer in model.modules() if isinstance(layer, nn.Dropout)]
    assert rates == pytest.approx([0.2, 0.4, 0.6])
    images = images_of(5)
    assert not torch.equal(model.train().critic(images), model.critic(images))
    assert torch.equal(model.eval().critic(images), model.critic(images))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "relativistic"}, "no pairs"),
        ({"penalty": {"r1": 1.0}, "critic_norm": "none"}, "penalty"),
        ({"lecam": {}}, "lecam"),
        ({"conditioning": {"generator": "concat", "critic": "concat"}}, "conditioning"),
        ({"n_critics": 0}, "n_critics"),
    ],
)
def test_what_does_not_go_together_is_refused(
    settings: Any, message: str, model_of: ModelOf
) -> None:
    with pytest.raises(InvalidInput, match=message):
        model_of(GMAN, **settings)
