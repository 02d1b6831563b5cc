"""VQGAN: the balance of its two gradients, who learns from what, and its parent as a limit."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.base import Batch, MeasuresItself, StepContext
from bench.models.vq import VQVAE
from bench.models.vqgan import VQGAN
from bench.networks.patch import PatchCritic
from bench.networks.shape import ImageShape
from bench.objectives.balance import adaptive_weight, feature_distance

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 8, "n_codes": 12, "code_dim": 4, "prior_dim": 16, "prior_layers": 1}
LABELS = torch.arange(8)


@pytest.fixture
def model(model_of: ModelOf) -> VQGAN:
    return model_of(VQGAN, critic_width=8, **SMALL)


def has_gradient(network: nn.Module) -> bool:
    return any(p.grad is not None and bool(p.grad.any()) for p in network.parameters())


def test_the_balance_in_closed_form() -> None:
    weight = torch.tensor([1.0, 2.0], requires_grad=True)
    reconstruction = (torch.tensor([3.0, 4.0]) * weight).sum()  # gradient of norm 5
    adversarial = (torch.tensor([0.0, 2.0]) * weight).sum()  # of norm 2
    balance = adaptive_weight(reconstruction, adversarial, weight)
    assert balance.item() == pytest.approx(5.0 / 2.0001, rel=1e-6)
    assert not balance.requires_grad
    weight.grad = None
    (balance * adversarial).backward()  # the graphs are still there
    assert weight.grad is not None
    assert weight.grad.norm().item() == pytest.approx(5.0, rel=1e-3)


def test_the_balance_is_bounded() -> None:
    weight = torch.ones(2, requires_grad=True)
    assert adaptive_weight(5.0 * weight.sum(), 0.0 * weight.sum(), weight).item() == 1.0e4
    assert adaptive_weight(0.0 * weight.sum(), weight.sum(), weight).item() == 0.0
    assert adaptive_weight(3.0 * weight.sum(), 0.0 * weight.sum(), weight, largest=7.0) == 7.0


def test_both_gradients_have_one_length_at_the_last_layer(model: VQGAN, images_of: Images) -> None:
    fake = torch.tanh(model.decoder(model.codebook(model.encoder(images_of(8))).grid))
    reconstruction = model.reconstruction_loss(fake, images_of(8))
    last = model.decoder.layers[-1].weight
    adversarial, _ = model.adversarial_loss(fake, reconstruction, heard=True)
    (wanted,) = torch.autograd.grad(reconstruction, last, retain_graph=True)
    (actual,) = torch.autograd.grad(adversarial, last)
    assert actual.norm().item() == pytest.approx(0.8 * wanted.norm().item(), rel=0.05)


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_feature_distance_in_closed_form(scale: float) -> None:
    first = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    second = scale * torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    assert feature_distance([first], [second]).item() == pytest.approx(2.0)
    assert feature_distance([first, first], [second, first]).item() == pytest.approx(1.0)
    assert feature_distance([first], [scale * first]).item() == pytest.approx(0.0, abs=1e-6)


def test_the_decoder_hears_the_critic_after_its_time(model: VQGAN, images_of: Images) -> None:
    images = images_of(8)
    heard = {
        step: model.step(Batch(images, LABELS), StepContext(step, 8, 100))["adversarial"].item()
        != 0.0
        for step in (0, 1, 2, 7)
    }
    assert heard == {0: False, 1: False, 2: True, 7: True}


def test_each_network_learns_from_its_own_loss(
    model: VQGAN, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradients that each of the three descents leaves, before its optimiser steps."""
    import bench.models.vqgan

    networks = {name: getattr(model, name) for name in ("encoder", "decoder", "critic", "prior")}
    reached: list[set[str]] = []

    def watch(loss: Tensor, _: Any) -> None:
        for network in networks.values():
            network.zero_grad(set_to_none=True)
        loss.backward()
        reached.append({name for name, network in networks.items() if has_gradient(network)})

    monkeypatch.setattr(bench.models.vqgan, "descend", watch)
    model.step(Batch(images_of(8), LABELS), StepContext(9, 10, 100))
    assert reached == [{"encoder", "decoder"}, {"critic"}, {"prior"}]
    assert all(parameter.requires_grad for parameter in model.critic.parameters())


def test_without_its_terms_it_is_a_vq_vae(model_of: ModelOf, one_step: OneStep) -> None:
    """Bit for bit, after one update."""
    neutral = {"pixel_loss": "squared", "perceptual_weight": 0.0, "adversarial_weight": 0.0}
    parent, own = model_of(VQVAE, **SMALL), model_of(VQGAN, **SMALL, **neutral)
    whole = model_of(VQGAN, **SMALL)
    for each in (parent, own, whole):
        one_step(each)
    expected, actual, other = (each.state_dict() for each in (parent, own, whole))
    assert expected.keys() <= actual.keys()
    assert all(torch.equal(value, actual[name]) for name, value in expected.items())
    assert not all(torch.equal(value, other[name]) for name, value in expected.items())


def test_a_score_belongs_to_a_patch() -> None:
    critic = PatchCritic(ImageShape(1, 32), 4, "none")
    image = torch.zeros(1, 1, 32, 32, requires_grad=True)
    scores = critic(image)
    assert scores.shape == (1, 16, 16)
    scores[0, 8, 8].backward()
    assert image.grad is not None
    rows, columns = image.grad[0, 0].nonzero(as_tuple=True)
    assert (int(rows.min()), int(rows.max())) == (11, 22)  # 12 x 12 pixels
    assert (int(columns.min()), int(columns.max())) == (11, 22)


def test_nothing_that_scores_takes_part() -> None:
    """The networks that measure likeness are the model's own."""
    model = sys.modules[VQGAN.__module__]
    for name in vars(model):
        origin = getattr(getattr(model, name), "__module__", "") or ""
        assert not origin.startswith(
            ("bench.score.extractors", "bench.score.scorer", "bench.score.features")
        )


def test_it_measures_its_prior_on_unseen_images(
    model: VQGAN, images_of: Images, one_step: OneStep
) -> None:
    one_step(model)
    model.eval()
    assert isinstance(model, MeasuresItself)
    images = images_of(12)
    with torch.no_grad():
        measured = model.measure(images, torch.zeros(12))
        _, _, indices = model.autoencoder_losses(images)
        expected = model.prior_loss(indices.view(12, -1)).item()
    assert measured["nats_per_token"] == pytest.approx(expected, rel=1e-5)
    assert measured["codes_used"] == len(indices.unique())
    assert 1.0 <= measured["perplexity"] <= measured["codes_used"] + 1e-3
