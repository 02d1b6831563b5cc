"""BEGAN: the control of k by hand, and the Wasserstein loss that it is when k stays at one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.models.began import BEGAN, next_k
from bench.models.build import parse_recipe
from bench.models.gan import GAN
from bench.networks.began import Critic
from bench.networks.shape import ImageShape
from catalog.errors import InvalidInput

ModelOf = Callable[..., GAN]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 4, "latent_dim": 6}


@pytest.mark.parametrize(
    ("k", "real", "fake", "expected"),
    [(0.3, 2.0, 0.5, 0.35), (0.3, 1.0, 1.5, 0.2), (0.02, 0.0, 9.0, 0.0), (0.9, 9.0, 0.0, 1.0)],
)
def test_k_by_hand(k: float, real: float, fake: float, expected: float) -> None:
    moved = next_k(torch.tensor(k), torch.tensor(real), torch.tensor(fake), gamma=0.5, gain=0.1)
    assert moved.item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("gamma", [0.3, 0.7])
def test_k_rests_where_the_errors_have_the_ratio_gamma(gamma: float) -> None:
    k, real = torch.tensor(0.4), torch.tensor(2.0)
    assert next_k(k, real, gamma * real, gamma, 0.5).item() == pytest.approx(0.4, abs=1e-6)
    assert next_k(k, real, 1.1 * gamma * real, gamma, 0.5) < 0.4
    assert next_k(k, real, 0.9 * gamma * real, gamma, 0.5) > 0.4


def test_scores_are_minus_the_mean_error_of_each_image(images_of: Images) -> None:
    critic, images = Critic(ImageShape(3, 16), 4, "none"), images_of(5, 3, 16)
    again = critic.reconstruct(images)
    assert again.shape == images.shape
    expected = torch.stack([-(a - b).abs().mean() for a, b in zip(images, again, strict=True)])
    torch.testing.assert_close(critic(images), expected)
    torch.testing.assert_close(critic(images)[:1], critic(images[:1]))


def test_loss_by_hand_and_k_after_it(model_of: ModelOf) -> None:
    model = model_of(BEGAN, gamma=0.5, lambda_k=0.1, k_start=0.25, **SMALL)
    assert isinstance(model, BEGAN)
    real, fake = torch.tensor([-3.0, -1.0]), torch.tensor([-0.5, -0.3])
    loss = model.score_loss(real, fake)
    assert loss.item() == pytest.approx(2.0 - 0.25 * 0.4, abs=1e-6)
    assert model.k.item() == pytest.approx(0.25 + 0.1 * (0.5 * 2.0 - 0.4), abs=1e-6)


def test_with_k_at_one_it_is_the_wasserstein_loss_on_its_scores(
    model_of: ModelOf, one_step: OneStep
) -> None:
    optimizer = {"lr": 1e-3, "betas": [0.5, 0.999]}
    settings: dict[str, Any] = {"optimizer": optimizer, "critic_steps": 2, **SMALL}
    balanced = model_of(BEGAN, k_start=1.0, lambda_k=0.0, **settings)
    wasserstein = model_of(
        GAN,
        backbone="began",
        loss="wasserstein",
        generator_norm="none",
        critic_norm="none",
        **settings,
    )
    for seed in (0, 1):
        one_step(balanced, seed=seed)
        one_step(wasserstein, seed=seed)
        state = balanced.state_dict()
        for name, value in wasserstein.state_dict().items():
            assert torch.equal(state[name], value), name
    controlled = model_of(BEGAN, k_start=0.5, lambda_k=0.0, **settings)
    one_step(controlled, seed=0)
    one_step(controlled, seed=1)
    assert any(not torch.equal(state[n], v) for n, v in controlled.state_dict().items() if n != "k")


def test_with_k_at_zero_the_critic_is_an_autoencoder_of_real_images(
    model_of: ModelOf, images_of: Images
) -> None:
    real, fakes = images_of(4), (images_of(4, seed=1), images_of(4, seed=2))
    models = [model_of(BEGAN, **SMALL) for _ in fakes]
    for model, fake in zip(models, fakes, strict=True):
        model.update_critic(real, fake)
    first, second = (model.critic.state_dict() for model in models)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_generator_lowers_the_error_of_its_images(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(BEGAN, **SMALL)
    fake = model.fakes(4)
    expected = (fake - model.critic.reconstruct(fake)).abs().mean()  # type: ignore[operator]
    assert model.update_generator(images_of(4), fake).item() == pytest.approx(expected.item())


def test_k_is_state_of_the_model_and_logged(model_of: ModelOf, one_step: OneStep) -> None:
    model = model_of(BEGAN, k_start=0.5, lambda_k=0.5, **SMALL)
    losses = one_step(model)
    assert isinstance(model, BEGAN)
    assert set(losses) == {"d_loss", "g_loss", "k"}
    assert losses["k"].item() == model.state_dict()["k"].item() != 0.5
    logged = losses["k"].item()
    one_step(model, seed=1)
    assert losses["k"].item() == logged  # a copy, not the buffer itself


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "hinge"}, "loss"),
        ({"lecam": {}}, "lecam"),
        ({"gamma": 1.5}, "gamma"),
        ({"k_start": -0.1}, "k_start"),
    ],
    ids=str,
)
def test_broken_recipes_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_recipe(BEGAN, settings, "the test")
