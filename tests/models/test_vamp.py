"""VampPrior VAE: what its prior is made of, that the bound and the sampler both use it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import bench.models.vamp
from bench.models.build import resolve_recipe
from bench.models.noise import ImageNoise
from bench.models.vae import VAE
from bench.models.vamp import VampVAE, draw_and_kl
from bench.objectives.elbo import kl_to_standard_normal, reparameterise
from catalog.schema import Registry

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 4, "latent_dim": 5, "n_pseudo_inputs": 12}


def test_the_components_are_the_posteriors_of_the_pseudo_inputs(model_of: ModelOf) -> None:
    model = model_of(VampVAE, **SMALL).eval()
    means, log_variances = model.prior()
    assert means.shape == log_variances.shape == (12, 5)
    pseudo_inputs = model.pseudo_inputs()
    torch.testing.assert_close(means, model.encode(pseudo_inputs))
    outputs = model.encoder(pseudo_inputs)
    torch.testing.assert_close(log_variances, outputs[:, 5:])


def test_pseudo_inputs_start_at_the_first_images_and_stay_images(
    model_of: ModelOf, images_of: Images, one_step: OneStep
) -> None:
    model = model_of(VampVAE, **SMALL)
    one_step(model)  # eight images for twelve pseudo-inputs
    assert model.pseudo_inputs.n_started.item() == 8
    one_step(model, seed=1)
    assert model.pseudo_inputs.n_started.item() == 12
    started = model.pseudo_inputs()
    assert started.abs().max() < 1.0
    seen = torch.cat([images_of(8), images_of(8, seed=1)[:4]])
    away = (started - seen).square().mean((1, 2, 3)).sqrt()
    assert away.max() < 0.15
    before = model.pseudo_inputs.raw.detach().clone()
    one_step(model, seed=2)
    moved = (model.pseudo_inputs.raw - before).abs()
    assert 0.0 < moved.max() < 0.01  # it learns, and it does not start again
    with torch.no_grad():
        model.pseudo_inputs.raw.mul_(100.0)
    assert model.pseudo_inputs().abs().max() <= 1.0


def test_the_start_is_finite_at_the_pixels_bounds(model_of: ModelOf) -> None:
    model = model_of(VampVAE, **SMALL)
    model.pseudo_inputs.start(torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8))
    assert torch.isfinite(model.pseudo_inputs.raw).all()
    assert model.pseudo_inputs()[1].mean().item() == pytest.approx(0.9, abs=0.02)


def test_the_kl_agrees_with_the_closed_form_under_a_standard_prior(
    model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(VampVAE, **SMALL).eval()
    posterior = model.encoder(images_of(6)).detach()
    torch.manual_seed(0)
    zeros = torch.zeros(12, 10)
    estimates = torch.stack([draw_and_kl(posterior.repeat(500, 1), zeros)[1] for _ in range(40)])
    closed = kl_to_standard_normal(*posterior.chunk(2, 1)).item()
    error = estimates.std().item() / math.sqrt(len(estimates))
    assert error < 0.02
    assert estimates.mean().item() == pytest.approx(closed, abs=4.0 * error)


def test_the_kl_vanishes_where_all_posteriors_are_the_prior() -> None:
    same = torch.randn(1, 10, generator=torch.Generator().manual_seed(0))
    _, kl = draw_and_kl(same.expand(6, 10), same.expand(12, 10))
    assert kl.item() == pytest.approx(0.0, abs=1e-5)


def test_it_starts_and_draws_as_a_vae_does(model_of: ModelOf, images_of: Images) -> None:
    vae, vamp = model_of(VAE, **_vae(SMALL)), model_of(VampVAE, **SMALL)
    for name, tensor in vae.state_dict().items():
        assert torch.equal(tensor, vamp.state_dict()[name]), name
    posterior = vae.eval().encoder(images_of(6))
    torch.manual_seed(3)
    latents, _ = draw_and_kl(posterior, torch.zeros(12, 10))
    torch.manual_seed(3)
    assert torch.equal(latents, reparameterise(*posterior.chunk(2, 1)))


def test_under_a_standard_prior_its_gradients_are_the_vaes(
    model_of: ModelOf, images_of: Images, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the batch as pseudo-inputs, so that batch normalisation sees nothing new."""
    settings = SMALL | {"n_pseudo_inputs": 8}

    def gradients(model: Any) -> dict[str, Tensor]:
        one_step(model)
        both = ((n, p.grad) for n, p in model.named_parameters() if not n.startswith("pseudo"))
        return {name: gradient for name, gradient in both if gradient is not None}

    def batch_as_pseudo_inputs() -> VampVAE:
        model: VampVAE = model_of(VampVAE, **settings)
        monkeypatch.setattr(model.pseudo_inputs, "start", lambda _: None)
        monkeypatch.setattr(model.pseudo_inputs, "forward", lambda: images_of(8))
        return model

    def closed_form(posterior: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
        assert posterior.shape == prior.shape == (8, 10)
        mean, log_variance = posterior.chunk(2, 1)
        return reparameterise(mean, log_variance), kl_to_standard_normal(mean, log_variance)

    expected = gradients(model_of(VAE, likelihood="unit-gaussian", **_vae(SMALL)))
    kept = gradients(batch_as_pseudo_inputs())
    monkeypatch.setattr(bench.models.vamp, "draw_and_kl", closed_form)
    reset = gradients(batch_as_pseudo_inputs())
    assert reset.keys() == expected.keys() == kept.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(reset[name], gradient, rtol=1e-3, atol=1e-4, msg=name)
    encoder = [n for n in expected if n.startswith("encoder")]
    assert max((kept[n] - expected[n]).abs().max().item() for n in encoder) > 0.01


@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_the_bound_is_reconstruction_plus_beta_kl(
    beta: float, model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    descended: list[Tensor] = []
    monkeypatch.setattr(bench.models.vamp, "descend", lambda loss, _: descended.append(loss))
    losses = one_step(model_of(VampVAE, beta=beta, **SMALL))
    expected = losses["reconstruction"] + beta * losses["kl"]
    torch.testing.assert_close(descended[0].detach(), expected)
    assert losses["kl"].item() > 0.0


def test_the_priors_gradient_reaches_encoder_and_pseudo_inputs(
    model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(VampVAE, **SMALL)
    images = images_of(6)
    posterior = model.encoder(images).detach()
    prior = model.encoder(model.pseudo_inputs())
    draw_and_kl(posterior, prior)[1].backward()
    assert model.pseudo_inputs.raw.grad.abs().max() > 0.0
    assert all(p.grad is not None for p in model.encoder.parameters())


def test_it_samples_the_mixture_and_not_the_standard_normal(
    model_of: ModelOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(VampVAE, **SMALL).eval()
    means = 20.0 * torch.arange(12.0)[:, None].expand(12, 5)
    log_variances = torch.full((12, 5), math.log(4.0))
    monkeypatch.setattr(model, "prior", lambda: (means, log_variances))
    monkeypatch.setattr(model, "decode", lambda drawn: drawn)
    drawn = model.sample(ImageNoise(0, range(3000)))
    component = (drawn.mean(1) / 20.0).round().long()
    counts = torch.bincount(component, minlength=12)
    assert len(counts) == 12
    assert 180 < counts.min() <= counts.max() < 325  # 250 expected of each, deviation 15
    within = drawn - means[component]
    assert within.std().item() == pytest.approx(2.0, abs=0.06)
    assert within.mean().item() == pytest.approx(0.0, abs=0.08)


def test_its_losses_do_not_change_with_a_repeated_batch(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(VampVAE, **SMALL).eval()
    posterior, prior = model.encoder(images_of(6)), model.encoder(images_of(12, seed=1))
    monkeypatch.setattr(torch, "randn_like", lambda like: 0.5 * torch.ones_like(like))
    _, once = draw_and_kl(posterior, prior)
    _, tiled = draw_and_kl(posterior.repeat(3, 1), prior)
    torch.testing.assert_close(tiled, once)
    _, doubled = draw_and_kl(posterior, prior.repeat(2, 1))
    torch.testing.assert_close(doubled, once)


def _vae(settings: dict[str, int]) -> dict[str, int]:
    return {name: value for name, value in settings.items() if name != "n_pseudo_inputs"}


def test_its_control_has_every_setting_but_those_of_the_prior(registry: Registry) -> None:
    """On every data set, so that what the two rows differ by is the prior."""
    for dataset in registry.datasets:
        vamp, control = (
            resolve_recipe(registry, registry.variant(name), dataset.id).model_dump()
            for name in ("vamp-vae", "gaussian-vae")
        )
        assert control.pop("terms") == {}
        assert control.pop("posterior") == "gaussian"
        assert vamp.pop("n_pseudo_inputs") > 1
        assert vamp == control
        assert (vamp["likelihood"], vamp["beta"]) == ("unit-gaussian", 0.012)
