"""The article's order of updates, its loss and its rates, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.models.article import PrintedLossGAN, UpdateOrderGAN
from bench.models.base import Batch, StepContext
from bench.models.build import resolve_recipe
from bench.models.gan import GAN
from bench.objectives.adversarial import non_saturating_g_loss, printed_d_loss, printed_g_loss
from catalog.errors import InvalidInput
from catalog.schema import Registry

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]


def state(*modules: Any) -> list[Tensor]:
    return [value.detach().clone() for m in modules for value in m.parameters()]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return all(map(torch.equal, first, second))


@pytest.mark.parametrize(
    ("algorithm", "settings"),
    [(UpdateOrderGAN, {"first": "critic"}), (PrintedLossGAN, {"formula": "named"})],
)
def test_a_neutral_setting_is_the_parent(
    algorithm: Any, settings: Any, model_of: ModelOf, one_step: OneStep
) -> None:
    own, parent = model_of(algorithm, **settings), model_of(GAN)
    for seed in (0, 1):
        assert one_step(own, seed=seed) == one_step(parent, seed=seed)
        assert same(state(own), state(parent))


def test_the_generator_learns_from_the_critic_of_the_step_before(
    model_of: ModelOf, images_of: Images
) -> None:
    """Its first gradient is that of a critic with its initial weights; the parent's is not."""
    orders = {}
    for first in ("generator", "critic"):
        model = model_of(UpdateOrderGAN, first=first).train()
        initial, judged_by = state(model.critic), []
        update = model.update_generator

        def watch(
            real: Tensor,
            fake: Tensor,
            model: Any = model,
            update: Any = update,
            seen: Any = judged_by,
        ) -> Tensor:
            seen.append(state(model.critic))
            loss: Tensor = update(real, fake)
            return loss

        model.update_generator = watch
        torch.manual_seed(0)
        model.step(Batch(images_of(8), torch.arange(8)), StepContext(0, 10, 40))
        assert len(judged_by) == 1
        orders[first] = same(judged_by[0], initial)
        assert not same(state(model.critic), initial)
    assert orders == {"generator": True, "critic": False}


def test_both_orders_give_the_critic_the_same_first_lesson(
    model_of: ModelOf, one_step: OneStep
) -> None:
    """The fakes are made once, before either update, so only the generator's loss differs."""
    generator_first, critic_first = (
        model_of(UpdateOrderGAN, first=first) for first in ("generator", "critic")
    )
    losses = [one_step(model) for model in (generator_first, critic_first)]
    assert torch.equal(losses[0]["d_loss"], losses[1]["d_loss"])
    assert not torch.equal(losses[0]["g_loss"], losses[1]["g_loss"])
    assert same(state(generator_first.critic), state(critic_first.critic))
    assert not same(state(generator_first.generator), state(critic_first.generator))


def test_generator_first_is_one_update_each(model_of: ModelOf) -> None:
    with pytest.raises(InvalidInput, match="critic_steps"):
        model_of(UpdateOrderGAN, first="generator", critic_steps=2)


def test_the_printed_loss_in_closed_form() -> None:
    real, fake = torch.tensor([0.0, 1000.0]), torch.tensor([0.0, -1000.0, 0.0, -1000.0])
    assert printed_d_loss(real, fake).item() == pytest.approx(0.25 - 0.75, abs=1e-6)
    assert printed_g_loss(fake).item() == pytest.approx(-0.25, abs=1e-6)
    assert printed_d_loss(fake, fake).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("score", [-20.0, 20.0])
def test_its_gradient_fades_where_the_critic_is_sure(score: float) -> None:
    """s(1 - s) at any score; the non-saturating loss still teaches where fakes are found out."""
    for value, expected in ((score, 0.0), (0.0, 0.25)):
        fake = torch.tensor([value], requires_grad=True)
        (slope,) = torch.autograd.grad(printed_g_loss(fake), fake)
        assert slope.item() == pytest.approx(-expected, abs=1e-6)
    fake = torch.tensor([-20.0], requires_grad=True)
    (slope,) = torch.autograd.grad(non_saturating_g_loss(fake), fake)
    assert slope.item() == pytest.approx(-1.0, abs=1e-6)


def test_each_side_wants_what_it_should() -> None:
    real, fake = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    printed_d_loss(real, fake).backward()
    assert real.grad is not None
    assert fake.grad is not None
    assert real.grad.item() == -0.25  # descending raises the score of reals
    assert fake.grad.item() == 0.25
    fake.grad = None
    printed_g_loss(fake).backward()
    assert fake.grad.item() == -0.25


def test_the_printed_loss_is_played(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(PrintedLossGAN)
    real, fake = images_of(8, seed=1), images_of(8, seed=2)
    scores = model.critic(real), model.critic(fake)
    assert torch.equal(model.critic_loss(real, fake), printed_d_loss(*scores))
    assert torch.equal(model.generator_loss(real, fake), printed_g_loss(scores[1]))


CHILDREN = {
    "diffaugment-gan": {"augment"},
    "ada-gan": {"augment"},
    "augment-reals-only": {"augment"},
    "gman-2": {"n_critics"},
    "gman-5": {"n_critics"},
    "adversarial-training": {"epsilon"},
    "dcgan-article-rates": {"optimizer"},
    "dcgan-generator-first": {"first"},
    "dcgan-printed-loss": {"formula"},
}
"""Rows that test a claim, and the one setting in which each differs from DCGAN."""


@pytest.mark.parametrize("variant", CHILDREN)
def test_a_row_differs_from_dcgan_in_one_thing(variant: str, registry: Registry) -> None:
    for dataset in ("digits", "any other"):
        own, parent = (
            resolve_recipe(registry, registry.variant(each), dataset).model_dump()
            for each in (variant, "dcgan")
        )
        inherited = {name: own[name] for name in parent}
        changed = {name for name in parent if inherited[name] != parent[name]}
        assert changed == CHILDREN[variant] & parent.keys()
        assert changed <= CHILDREN[variant]
    assert registry.variant(variant).parent == "dcgan"


def test_reals_only_differs_from_diffaugment_in_that_alone(registry: Registry) -> None:
    own, other = (
        resolve_recipe(registry, registry.variant(each), "digits").model_dump()
        for each in ("augment-reals-only", "diffaugment-gan")
    )
    own["augment"]["reals_only"] = False
    assert own == other


def test_the_articles_rates_are_pytorchs_defaults_but_for_the_rate(registry: Registry) -> None:
    recipe = resolve_recipe(registry, registry.variant("dcgan-article-rates"), "digits")
    default = torch.optim.Adam([torch.zeros(1)]).defaults
    assert recipe.optimizer.lr == 0.002
    assert recipe.optimizer.betas == default["betas"]
