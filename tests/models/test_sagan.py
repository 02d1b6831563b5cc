"""SAGAN: attention that starts as the identity, two learning rates, a normalised generator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.linalg import matrix_norm

from bench.models.gan import GAN
from bench.models.sagan import SAGAN
from bench.networks import dcgan, sagan
from bench.networks.sagan import SelfAttention
from bench.networks.shape import ImageShape

ModelOf = Callable[..., Any]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 8, "latent_dim": 6}


def test_attention_starts_as_the_identity_and_learns_to_be_more() -> None:
    torch.manual_seed(0)
    layer, features = SelfAttention(16, "none"), torch.randn(3, 16, 4, 4)
    assert torch.equal(layer(features), features)
    layer(features).square().sum().backward()
    assert layer.gamma.grad is not None
    assert layer.gamma.grad.abs() > 1e-3
    nn.init.ones_(layer.gamma)
    assert (layer(features) - features).abs().max() > 1e-3


def test_every_position_shares_out_all_of_its_attention() -> None:
    torch.manual_seed(0)
    weights = SelfAttention(16, "none").weights(torch.randn(3, 16, 4, 5))
    assert weights.shape == (3, 20, 20)
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(2), torch.ones(3, 20))
    assert (weights.sum(1) - 1).abs().max() > 1e-2  # columns need not


def test_attention_is_the_formula_written_position_by_position() -> None:
    torch.manual_seed(0)
    layer, features = SelfAttention(16, "none"), torch.randn(1, 16, 2, 3)
    nn.init.constant_(layer.gamma, 0.7)
    key, query, value = (
        convolution(features)[0].flatten(1) for convolution in (layer.key, layer.query, layer.value)
    )
    mixed = torch.zeros_like(value)
    for j in range(6):
        scores = torch.stack([key[:, i] @ query[:, j] for i in range(6)])
        mixed[:, j] = value @ torch.softmax(scores, 0)
    expected = features + 0.7 * layer.out(mixed.view(1, -1, 2, 3))
    torch.testing.assert_close(layer(features), expected)


def test_the_networks_attend_on_half_the_images_grid() -> None:
    seen: list[torch.Size] = []
    for network, inputs in (
        (sagan.Generator(ImageShape(3, 16), 6, 8, "batch"), torch.randn(2, 6)),
        (sagan.Critic(ImageShape(3, 16), 8, "none"), torch.randn(2, 3, 16, 16)),
    ):
        (layer,) = (module for module in network.modules() if isinstance(module, SelfAttention))
        layer.register_forward_pre_hook(lambda _, args: seen.append(args[0].shape))
        network(inputs)
    assert seen == [(2, 8, 8, 8)] * 2


def test_without_attention_the_networks_are_dcgans() -> None:
    shape = ImageShape(1, 16)
    torch.manual_seed(0)
    plain = dcgan.Critic(shape, 8, "none")
    torch.manual_seed(0)
    attentive = sagan.Critic(shape, 8, "none")
    images = torch.randn(3, 1, 16, 16)
    assert torch.equal(attentive(images), plain(images))
    torch.testing.assert_close(attentive.head(attentive.features(images)), attentive(images))


def test_the_networks_learn_at_two_rates(model_of: ModelOf) -> None:
    rates = {"optimizer": {"lr": 1e-4}, "critic_optimizer": {"lr": 4e-4}}
    optimizers = model_of(SAGAN, **SMALL, **rates).optimizers()
    (generator,), (critic,) = (optimizers[n].param_groups for n in ("generator", "critic"))
    assert (generator["lr"], critic["lr"]) == (1e-4, 4e-4)
    assert (generator["betas"], critic["betas"]) == ((0.0, 0.9),) * 2


def test_every_matrix_of_both_networks_has_norm_one(model_of: ModelOf) -> None:
    model = model_of(SAGAN, size=16, **SMALL)
    for _ in range(30):
        # every pass is a power iteration
        with torch.no_grad(), model.given(torch.zeros(4, dtype=torch.int64)):
            model.critic(model.fakes(4))
    checked = 0
    model.eval()
    for network in (model.generator, model.critic):
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                norm = matrix_norm(module.weight.flatten(1), 2).item()
                assert abs(norm - 1) < 0.1
                checked += 1
    assert checked > 8


def test_with_its_settings_taken_back_it_is_the_projection_gan(
    model_of: ModelOf, one_step: OneStep
) -> None:
    optimizer = {"lr": 1e-3, "betas": [0.0, 0.9]}
    settings: dict[str, Any] = {
        **SMALL,
        "backbone": "dcgan",
        "loss": "hinge",
        "critic_norm": "spectral",
        "conditioning": {"generator": "batch-norm", "critic": "projection"},
        "optimizer": optimizer,
    }
    own = model_of(SAGAN, generator_spectral=False, critic_optimizer=optimizer, **settings)
    parent = model_of(GAN, **settings)
    for seed in (0, 1):
        one_step(own, seed=seed)
        one_step(parent, seed=seed)
    state = own.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in parent.state_dict().items())
    other = model_of(
        SAGAN, generator_spectral=False, critic_optimizer={**optimizer, "lr": 2e-3}, **settings
    )
    one_step(other, seed=0)
    one_step(other, seed=1)
    assert any(not torch.equal(value, state[name]) for name, value in other.state_dict().items())
