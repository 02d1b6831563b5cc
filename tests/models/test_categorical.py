"""Categorical latents: the relaxation and its limits, the KL term, the schedule, the prior."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

import bench.models.categorical_vae
from bench.models.autoencoder import unit_pixels
from bench.models.base import Batch, StepContext
from bench.models.categorical_vae import CategoricalVAE
from bench.models.noise import ImageNoise
from bench.objectives.categorical import hardened, kl_to_uniform, relaxed_sample
from bench.objectives.elbo import bernoulli_nll
from bench.objectives.schedules import geometric

ModelOf = Callable[..., CategoricalVAE]
Images = Callable[..., Tensor]

SMALL = {"width": 8, "n_variables": 3, "n_categories": 4}


def test_kl_of_equal_logits_is_zero() -> None:
    assert kl_to_uniform(torch.full((5, 3, 7), 2.5)).item() == pytest.approx(0.0, abs=1e-5)


def test_kl_of_certainty_is_ln_k_per_variable() -> None:
    logits = torch.zeros(5, 3, 7)
    logits[..., 2] = 200.0
    assert kl_to_uniform(logits).item() == pytest.approx(3.0 * math.log(7.0), rel=1e-6)


def test_kl_is_the_library_s_and_a_batch_mean() -> None:
    logits = torch.randn(6, 4, 5)
    categorical = torch.distributions.Categorical(logits=logits)
    uniform = torch.distributions.Categorical(logits=torch.zeros(6, 4, 5))
    expected = torch.distributions.kl_divergence(categorical, uniform).sum(1).mean()
    torch.testing.assert_close(kl_to_uniform(logits), expected)
    torch.testing.assert_close(kl_to_uniform(logits.repeat(3, 1, 1)), expected)


@pytest.mark.parametrize("temperature", [2.0, 0.5, 0.05])
def test_relaxed_samples_are_on_the_simplex(temperature: float) -> None:
    sample = relaxed_sample(torch.randn(50, 3, 6), temperature, torch.rand(50, 3, 6))
    assert (sample >= 0.0).all()
    torch.testing.assert_close(sample.sum(-1), torch.ones(50, 3))


def test_cold_samples_tend_to_the_argmax_of_warm_ones() -> None:
    logits, uniforms = torch.randn(200, 5), torch.rand(200, 5)
    warm = relaxed_sample(logits, 1.0, uniforms)
    cold = relaxed_sample(logits, 1.0e-4, uniforms)
    assert torch.equal(cold.argmax(1), warm.argmax(1))
    assert cold.max(1).values.mean() > 0.999
    assert warm.max(1).values.mean() < 0.9


def test_the_largest_entry_is_a_draw_from_the_categorical() -> None:
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    logits = probabilities.log().expand(40_000, 4)
    sample = relaxed_sample(logits, 0.7, torch.rand(40_000, 4, generator=generator))
    frequency = torch.bincount(sample.argmax(1), minlength=4) / 40_000
    torch.testing.assert_close(frequency, probabilities, rtol=0, atol=0.012)


def test_a_uniform_of_zero_gives_no_infinity() -> None:
    logits = torch.zeros(1, 3, requires_grad=True)
    sample = relaxed_sample(logits, 0.1, torch.tensor([[0.0, 0.0, 1.0 - 2.0**-24]]))
    sample[0, 0].backward()
    assert torch.isfinite(sample).all()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_hardened_is_one_hot_with_the_relaxed_gradient() -> None:
    logits, uniforms = torch.randn(10, 4, requires_grad=True), torch.rand(10, 4)
    weights = torch.randn(10, 4)
    soft = relaxed_sample(logits, 0.5, uniforms)
    (expected,) = torch.autograd.grad((soft * weights).sum(), logits, retain_graph=True)
    hard = hardened(soft)
    (gradient,) = torch.autograd.grad((hard * weights).sum(), logits)
    torch.testing.assert_close(gradient, expected)
    torch.testing.assert_close(hard.max(1).values, torch.ones(10))
    torch.testing.assert_close(hard.sum(1), torch.ones(10))
    assert torch.equal(hard.argmax(1), soft.argmax(1))


def test_the_temperature_falls_geometrically_over_the_global_step() -> None:
    assert geometric(0, 101, 1.0, 0.25) == 1.0
    assert geometric(100, 101, 1.0, 0.25) == pytest.approx(0.25, rel=1e-12)
    assert geometric(50, 101, 1.0, 0.25) == pytest.approx(0.5, rel=1e-12)
    assert geometric(0, 1, 1.0, 0.25) == 1.0
    values = [geometric(step, 101, 1.0, 0.25) for step in range(101)]
    assert all(later < earlier for earlier, later in pairwise(values))


@pytest.fixture
def relaxations(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, Tensor]]:
    """Temperature and uniform draws of every relaxed sample that a model takes, as it goes."""
    seen: list[tuple[float, Tensor]] = []

    def spy(logits: Tensor, temperature: float, uniforms: Tensor) -> Tensor:
        seen.append((temperature, uniforms))
        return relaxed_sample(logits, temperature, uniforms)

    monkeypatch.setattr(bench.models.categorical_vae, "relaxed_sample", spy)
    return seen


def test_a_step_uses_the_temperature_of_its_place_in_the_budget(
    model_of: ModelOf, images_of: Images, relaxations: list[tuple[float, Tensor]]
) -> None:
    model = model_of(CategoricalVAE, first_temperature=2.0, last_temperature=0.5, **SMALL)
    for step in (8, 0, 4):  # not counted by the model itself
        model.step(Batch(images_of(8), torch.zeros(8)), StepContext(step, 9, 100))
    assert [temperature for temperature, _ in relaxations] == pytest.approx([0.5, 2.0, 1.0])


def test_every_value_of_every_step_has_a_draw_of_its_own(
    model_of: ModelOf, images_of: Images, relaxations: list[tuple[float, Tensor]]
) -> None:
    model = model_of(CategoricalVAE, **SMALL)
    torch.manual_seed(0)
    for step in range(10):
        model.step(Batch(images_of(8), torch.zeros(8)), StepContext(step, 10, 100))
    uniforms = torch.stack([uniforms for _, uniforms in relaxations])
    assert uniforms.shape == (10, 8, 3, 4)
    assert len(uniforms.unique()) == 960
    assert 0.0 <= uniforms.min() < 0.01
    assert 0.99 < uniforms.max() < 1.0
    assert uniforms.mean().item() == pytest.approx(0.5, abs=4.0 / (12.0 * 960) ** 0.5)


@pytest.mark.parametrize("beta", [0.0, 3.0])
def test_the_loss_is_reconstruction_and_weighted_kl(
    beta: float, model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bench.models.categorical_vae as module

    descended: list[Tensor] = []
    monkeypatch.setattr(module, "descend", lambda loss, _: descended.append(loss.detach()))
    model = model_of(CategoricalVAE, beta=beta, **SMALL)
    losses = model.step(Batch(images_of(8), torch.zeros(8)), StepContext(0, 9, 100))
    torch.testing.assert_close(descended[0], losses["reconstruction"] + beta * losses["kl"])
    torch.testing.assert_close(losses["kl"], kl_to_uniform(model.logits(images_of(8))).detach())


@pytest.mark.parametrize("straight_through", [False, True])
def test_what_the_decoder_is_trained_on(
    straight_through: bool, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(CategoricalVAE, straight_through=straight_through, **SMALL)
    seen: list[Tensor] = []
    model.decoder.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    model.step(Batch(images_of(8), torch.zeros(8)), StepContext(0, 9, 100))
    codes = seen[0].view(8, 3, 4)
    torch.testing.assert_close(codes.sum(2), torch.ones(8, 3))
    is_one_hot = bool((codes.max(2).values > 1.0 - 1e-5).all())
    assert is_one_hot == straight_through


def test_certain_codes_leave_the_reconstruction_of_those_codes(
    model_of: ModelOf, images_of: Images
) -> None:
    """Without doubt the bound is the likelihood at the codes, minus V ln K: no noise is left."""
    model = model_of(CategoricalVAE, **SMALL)
    with torch.no_grad():
        for parameter in model.encoder.layers[-1].parameters():  # type: ignore[union-attr]
            parameter.mul_(1.0e5)
    images = images_of(8)
    codes: list[Tensor] = []
    model.decoder.register_forward_pre_hook(lambda _, args: codes.append(args[0].detach()))
    logits = model.logits(images).detach()
    losses = model.step(Batch(images, torch.zeros(8)), StepContext(8, 9, 100))
    assert torch.equal(codes[0].view(8, 3, 4).argmax(2), logits.argmax(2))
    assert losses["kl"].item() == pytest.approx(3.0 * math.log(4.0), rel=1e-3)


def test_samples_decode_uniform_one_hot_codes(model_of: ModelOf) -> None:
    model = model_of(CategoricalVAE, **SMALL).eval()
    seen: list[Tensor] = []
    model.decoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.no_grad():
        model.sample(ImageNoise(0, range(4_000)))
    codes = seen[0].view(4_000, 3, 4)
    assert set(codes.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(codes.sum(2), torch.ones(4_000, 3))
    torch.testing.assert_close(codes.mean(0), torch.full((3, 4), 0.25), rtol=0, atol=0.03)
    pairs = torch.bincount(4 * codes[:, 0].argmax(1) + codes[:, 1].argmax(1), minlength=16)
    assert (pairs / 4_000 - 1.0 / 16.0).abs().max() < 0.02  # independent, too


def test_reconstructions_use_the_most_probable_categories(
    model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(CategoricalVAE, **SMALL).eval()
    images = images_of(4)
    categories = model.logits(images).argmax(2)
    assert torch.equal(model.reconstruct(images), model.decode_categories(categories))


def test_it_is_the_parent_s_likelihood_of_pixels(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(CategoricalVAE, straight_through=True, **SMALL)
    outputs: list[Tensor] = []
    model.decoder.register_forward_hook(lambda _, __, output: outputs.append(output.detach()))
    images = images_of(8)
    losses = model.step(Batch(images, torch.zeros(8)), StepContext(0, 9, 100))
    expected = bernoulli_nll(outputs[0], unit_pixels(images))
    torch.testing.assert_close(losses["reconstruction"], expected)
