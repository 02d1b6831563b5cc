"""The VAE-GAN: which of its losses moves which of its three networks, and what each one is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.autoencoder import mean_image
from bench.models.noise import ImageNoise
from bench.models.vae import VAE
from bench.models.vae_gan import VAEGAN

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 4, "latent_dim": 5}
CRITIC = {"critic_width": 4}
NETWORKS = ("encoder", "decoder", "critic")


def norms(model: Any) -> dict[str, float]:
    """The squared gradients of each network."""
    return {
        name: sum(
            p.grad.square().sum().item()
            for p in getattr(model, name).parameters()
            if p.grad is not None
        )
        for name in NETWORKS
    }


def losses_of(
    model: Any, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The loss handed to each network in one step, and the logged terms; nothing moves."""
    seen: dict[str, Tensor] = {}
    monkeypatch.setattr(model, "descend_together", seen.update)
    terms = one_step(model)
    return seen, terms


def test_each_network_has_the_loss_of_algorithm_1(
    model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(VAEGAN, beta=2.0, adversarial_weight=0.3, **SMALL, **CRITIC)
    seen, terms = losses_of(model, one_step, monkeypatch)
    expected = {
        "encoder": 2.0 * terms["kl"] + terms["similarity"],
        "decoder": terms["similarity"] + 0.3 * terms["g_loss"],
        "critic": terms["d_loss"],
    }
    assert seen.keys() == expected.keys()
    for name, loss in seen.items():
        torch.testing.assert_close(loss.detach(), expected[name])
    assert all(term.item() > 0.0 for term in terms.values())


def test_fakes_are_reconstructions_and_draws_of_the_prior(
    model_of: ModelOf, images_of: Images, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(VAEGAN, **SMALL, **CRITIC)
    nn.init.zeros_(model.encoder.layers[-1].weight)
    with torch.no_grad():
        model.encoder.layers[-1].bias.copy_(torch.tensor([9.0] * 5 + [-20.0] * 5))
    latents, logits, judged = [], [], []
    model.decoder.register_forward_pre_hook(lambda _, args: latents.append(args[0].detach()))
    model.decoder.register_forward_hook(lambda _, __, output: logits.append(output.detach()))
    critic_loss = model.critic_loss
    monkeypatch.setattr(model, "critic_loss", lambda *a: (judged.extend(a), critic_loss(*a))[1])
    one_step(model, n=64)
    of_images, of_the_prior = latents
    assert (of_images - 9.0).abs().max() < 0.01
    assert of_the_prior.mean().item() == pytest.approx(0.0, abs=4.0 / 320**0.5)
    assert of_the_prior.std().item() == pytest.approx(1.0, abs=4.0 / 640**0.5)
    assert not any(fake.requires_grad for fake in judged)
    for images, expected in zip(judged, [images_of(64), *map(mean_image, logits)], strict=True):
        assert torch.equal(images, expected)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_loss_moves_its_own_network_alone(
    name: str, model_of: ModelOf, images_of: Images, watched: Callable[..., Any]
) -> None:
    """Although the graph of every loss passes through all three."""
    model = model_of(VAEGAN, **SMALL, **CRITIC).train()
    logits = model.decoder(model.encoder(images_of(6))[:, :5])
    everywhere = model.similarity(logits, images_of(6)) + model.critic(mean_image(logits)).sum()
    everywhere.backward(retain_graph=True)
    assert min(norms(model).values()) > 0.0
    model.zero_grad()
    others = [getattr(model, other) for other in NETWORKS if other != name]
    with watched(*others) as other, watched(getattr(model, name)) as own:
        model.descend_together({name: everywhere})
        assert own()
        assert not other()


def test_gradients_are_of_each_networks_own_loss(
    model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(VAEGAN, **SMALL, **CRITIC)
    seen, _ = losses_of(model, one_step, monkeypatch)
    monkeypatch.undo()
    expected = {
        name: torch.autograd.grad(loss, list(getattr(model, name).parameters()), retain_graph=True)
        for name, loss in seen.items()
    }
    model.descend_together(seen)
    for name, gradients in expected.items():
        for weight, gradient in zip(getattr(model, name).parameters(), gradients, strict=True):
            torch.testing.assert_close(weight.grad, gradient, rtol=1e-4, atol=1e-6)


def test_the_adversarial_loss_does_not_reach_the_encoder(
    model_of: ModelOf, one_step: OneStep
) -> None:
    with_it = model_of(VAEGAN, adversarial_weight=50.0, **SMALL, **CRITIC)
    without = model_of(VAEGAN, adversarial_weight=0.0, **SMALL, **CRITIC)
    for model in (with_it, without):
        one_step(model)
    for network, same in (("encoder", True), ("critic", True), ("decoder", False)):
        first = getattr(with_it, network).state_dict()
        second = getattr(without, network).state_dict()
        assert all(torch.equal(first[name], second[name]) for name in first) == same, network


def test_the_similarity_does_not_reach_the_critic(model_of: ModelOf, one_step: OneStep) -> None:
    by_features = model_of(VAEGAN, **SMALL, **CRITIC)
    by_pixels = model_of(VAEGAN, similarity="pixels", **SMALL, **CRITIC)
    for model in (by_features, by_pixels):
        one_step(model)
    first, second = by_features.critic.state_dict(), by_pixels.critic.state_dict()
    moved = dict(by_features.critic.named_parameters())
    assert all(torch.equal(first[name], second[name]) for name in moved)


@pytest.mark.parametrize("likelihood", ["bernoulli", "unit-gaussian"])
def test_with_pixels_and_without_the_critic_it_is_a_vae(
    likelihood: str, model_of: ModelOf, one_step: OneStep
) -> None:
    settings = {"likelihood": likelihood, **SMALL}
    parent = model_of(VAE, **settings)
    neutral = model_of(VAEGAN, similarity="pixels", adversarial_weight=0.0, **settings)
    for changed in ({"similarity": "pixels"}, {"adversarial_weight": 0.0}):
        other = model_of(VAEGAN, **changed, **settings)
        one_step(other)
        assert other.decoder.layers[0].weight.ne(parent.decoder.layers[0].weight).any()
    one_step(parent)
    one_step(neutral)
    for network in ("encoder", "decoder"):
        expected = dict(getattr(parent, network).named_parameters())
        for name, weight in getattr(neutral, network).named_parameters():
            assert torch.equal(weight, expected[name]), name


def identity_features(model: Any) -> None:
    """A fixed critic whose features are the pixels."""
    model.critic.layers = nn.Sequential(nn.Identity(), nn.Identity())


def test_similarity_on_a_fixed_critic(model_of: ModelOf, images_of: Images) -> None:
    """Half the squared distance of the features, summed over them and averaged over images."""
    model = model_of(VAEGAN, **SMALL, **CRITIC)
    identity_features(model)
    logits, images = 3.0 * images_of(4, seed=1), images_of(4)
    distance = (2.0 * torch.sigmoid(logits) - 1.0 - images).square().sum((1, 2, 3))
    value = model.similarity(logits, images)
    torch.testing.assert_close(value, 0.5 * distance.mean())
    assert model.similarity(torch.atanh(images) * 2.0, images).item() == pytest.approx(0, abs=1e-6)


def test_features_are_what_the_last_layer_of_the_critic_reads(
    model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(VAEGAN, 3, 16, **SMALL, **CRITIC).eval()
    images = images_of(4, 3, 16)
    features = model.critic.features(images)
    head = model.critic.layers[-1]
    scores = features @ head.weight.flatten(1).T + head.bias
    torch.testing.assert_close(scores.squeeze(1), model.critic(images))
    assert features.shape == (4, 8 * 4 * 4)


def test_a_critic_that_cannot_tell(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(VAEGAN, **SMALL, **CRITIC)
    nn.init.zeros_(model.critic.layers[-1].weight)
    images = images_of(4)
    d_loss, g_loss = model.critic_loss(images, images, images), model.generator_loss(images, images)
    assert d_loss.item() == pytest.approx(3.0 * math.log(2.0), abs=1e-6)
    assert g_loss.item() == pytest.approx(2.0 * math.log(2.0), abs=1e-6)
    nn.init.constant_(model.critic.layers[-1].bias, 60.0)  # logits: no saturation
    assert model.critic_loss(images, images, images).item() == pytest.approx(120.0, rel=1e-5)
    assert model.generator_loss(images, images).item() == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("critic_norm", ["none", "batch"])
def test_losses_do_not_change_when_the_batch_is_tiled(
    critic_norm: str, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(VAEGAN, critic_norm=critic_norm, **SMALL, **CRITIC).train()
    logits, real = images_of(4, seed=1), images_of(4)
    drawn = images_of(4, seed=2)
    tiled = [tensor.repeat(3, 1, 1, 1) for tensor in (logits, real, drawn)]

    def terms(logits: Tensor, real: Tensor, drawn: Tensor) -> tuple[Tensor, ...]:
        fake = mean_image(logits)
        return (
            model.similarity(logits, real),
            model.critic_loss(real, fake, drawn),
            model.generator_loss(fake, drawn),
        )

    for once, thrice in zip(terms(logits, real, drawn), terms(*tiled), strict=True):
        torch.testing.assert_close(thrice, once, rtol=1e-4, atol=1e-5)


def test_it_samples_its_prior(model_of: ModelOf, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(VAEGAN, **SMALL, **CRITIC).eval()
    monkeypatch.setattr(model, "decode", lambda drawn: drawn)
    assert torch.equal(model.sample(ImageNoise(1, range(6))), ImageNoise(1, range(6)).normal(5))


def test_three_optimizers(model_of: ModelOf) -> None:
    model = model_of(VAEGAN, **SMALL, **CRITIC)
    for name, optimizer in model.optimizers().items():
        held = {id(p) for group in optimizer.param_groups for p in group["params"]}
        assert held == {id(p) for p in getattr(model, name).parameters()}
