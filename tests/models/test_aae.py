"""The adversarial autoencoder: which loss reaches which network, and what it amounts to."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.aae import AAE
from bench.models.autoencoder import Autoencoder
from bench.models.base import Batch, StepContext
from bench.models.noise import ImageNoise

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Watched = Callable[..., Any]

SMALL = {"width": 4, "latent_dim": 5}


def moved_by(loss: Tensor, model: Any) -> set[str]:
    """The networks that a loss has a gradient for."""
    loss.backward()
    return {
        name
        for name in ("encoder", "decoder", "discriminator")
        if any(p.grad is not None and p.grad.any() for p in getattr(model, name).parameters())
    }


def silence(discriminator: nn.Module, score: float = 0.0) -> None:
    """Make every score the same."""
    last = discriminator.layers[-2]
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, score)


def test_a_discriminator_that_cannot_tell_scores_ln_2(model_of: ModelOf, one_step: OneStep) -> None:
    model = model_of(AAE, discriminator_optimizer={"lr": 1e-12}, **SMALL)
    silence(model.discriminator)
    losses = one_step(model)
    assert losses["d_loss"].item() == pytest.approx(math.log(2.0), abs=1e-6)
    assert losses["g_loss"].item() == pytest.approx(math.log(2.0), abs=1e-6)


@pytest.mark.parametrize("score", [-2.0, 1.5, 60.0])
def test_losses_of_equal_logits(score: float, model_of: ModelOf, images_of: Images) -> None:
    """Logits, not probabilities: a score of 60 costs 60 nats where it is wrong."""
    model = model_of(AAE, **SMALL)
    silence(model.discriminator, score)
    latents = model.encoder(images_of(4))
    right, wrong = math.log1p(math.exp(-score)), score + math.log1p(math.exp(-score))
    d_loss = model.discriminator_loss(torch.randn(4, 5), latents).item()
    assert d_loss == pytest.approx(0.5 * (right + wrong), rel=1e-5)
    assert model.generator_loss(latents).item() == pytest.approx(right, rel=1e-5, abs=1e-12)


def test_the_discriminator_learns_that_the_prior_is_real(model_of: ModelOf) -> None:
    model = model_of(AAE, **SMALL)
    optimizer = model.optimizers()["discriminator"]
    torch.manual_seed(0)
    for _ in range(200):
        optimizer.zero_grad()
        model.discriminator_loss(torch.randn(64, 5), 3.0 + torch.randn(64, 5)).backward()
        optimizer.step()
    assert model.discriminator(torch.randn(64, 5)).mean() > 2.0
    assert model.discriminator(3.0 + torch.randn(64, 5)).mean() < -2.0


def test_the_adversarial_loss_moves_the_encoder_alone(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(AAE, **SMALL)
    latents = model.train().encoder(images_of(6))
    assert moved_by(model.generator_loss(latents), model) == {"encoder"}
    assert all(weight.requires_grad for weight in model.discriminator.parameters())


def test_the_discriminator_loss_moves_the_discriminator_alone(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch, one_step: OneStep
) -> None:
    model = model_of(AAE, **SMALL)
    losses: list[Tensor] = []
    monkeypatch.setattr("bench.models.aae.descend", lambda loss, _: losses.append(loss))
    one_step(model)
    d_loss, autoencoder_loss = losses
    assert moved_by(d_loss, model) == {"discriminator"}
    model.zero_grad()
    assert moved_by(autoencoder_loss, model) == {"encoder", "decoder"}


def test_the_adversarial_loss_is_added_with_its_weight(
    model_of: ModelOf, monkeypatch: pytest.MonkeyPatch, one_step: OneStep
) -> None:
    model, descended = model_of(AAE, adversarial_weight=30.0, **SMALL), []
    monkeypatch.setattr("bench.models.aae.descend", lambda *args: descended.append(args))
    losses = one_step(model)
    (d_loss, first), (loss, second) = descended
    assert {"discriminator": first, "autoencoder": second} == model.optimizers()
    assert torch.equal(d_loss.detach(), losses["d_loss"])
    expected = losses["reconstruction"] + 30.0 * losses["g_loss"]
    torch.testing.assert_close(loss.detach(), expected)


def test_without_weight_it_is_the_plain_autoencoder(model_of: ModelOf, one_step: OneStep) -> None:
    plain = model_of(Autoencoder, **SMALL)
    neutral = model_of(AAE, adversarial_weight=0.0, **SMALL)
    weighted = model_of(AAE, adversarial_weight=1.0, **SMALL)
    for model in (plain, neutral, weighted):
        one_step(model)
    for network in ("encoder", "decoder"):
        expected = getattr(plain, network).state_dict()
        for name, tensor in getattr(neutral, network).state_dict().items():
            assert torch.equal(tensor, expected[name]), name
    moved = weighted.encoder.state_dict()
    assert not all(torch.equal(moved[n], t) for n, t in plain.encoder.state_dict().items())


def test_losses_do_not_change_when_the_batch_is_tiled(model_of: ModelOf) -> None:
    model = model_of(AAE, **SMALL)
    prior, latents = torch.randn(4, 5), torch.randn(4, 5) + 1.0
    tiled = model.discriminator_loss(prior.repeat(3, 1), latents.repeat(3, 1))
    torch.testing.assert_close(tiled, model.discriminator_loss(prior, latents))
    torch.testing.assert_close(
        model.generator_loss(latents.repeat(3, 1)), model.generator_loss(latents)
    )


def test_it_samples_its_prior(model_of: ModelOf, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(AAE, **SMALL).eval()
    monkeypatch.setattr(model, "decode", lambda drawn: drawn)
    assert torch.equal(model.sample(ImageNoise(1, range(6))), ImageNoise(1, range(6)).normal(5))


# Measured with seeds 0 and 1: .08 and .09 with the adversarial term, .72 and .78 without it.
def test_latents_take_the_shape_of_the_prior(model_of: ModelOf, images_of: Images) -> None:
    def latents(weight: float) -> Tensor:
        model = model_of(AAE, adversarial_weight=weight, width=4, latent_dim=2)
        images, labels = images_of(64), torch.zeros(64, dtype=torch.int64)
        torch.manual_seed(0)
        model.train()
        for step in range(300):
            model.step(Batch(images, labels), StepContext(step, 300, 64))
        with torch.no_grad():
            return model.encoder(images)

    def distance(drawn: Tensor) -> float:
        """How far mean and standard deviation of each latent are from 0 and 1."""
        return (drawn.mean(0).abs() + (drawn.std(0) - 1.0).abs()).max().item()

    assert distance(latents(1.0)) < 0.25
    assert distance(latents(0.0)) > 0.5
