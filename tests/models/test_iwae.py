"""IWAE: one draw is the VAE, more draws tighten the bound up to the likelihood itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import MultivariateNormal

from bench.models.iwae import IWAE
from bench.models.noise import ImageNoise
from bench.models.vae import VAE
from bench.objectives.densities import log_mean_exp

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 4, "latent_dim": 5}
N_PIXELS, N_LATENTS, NOISE = 16, 2, 0.5


def test_one_draw_updates_the_decoder_as_a_vae_does(model_of: ModelOf, one_step: OneStep) -> None:
    vae, iwae = model_of(VAE, **SMALL), model_of(IWAE, n_draws=1, **SMALL)
    for name, tensor in vae.state_dict().items():
        assert torch.equal(tensor, iwae.state_dict()[name]), name
    one_step(vae)
    one_step(iwae)
    for name, tensor in vae.decoder.state_dict().items():
        torch.testing.assert_close(iwae.decoder.state_dict()[name], tensor, rtol=0, atol=1e-6)
    many = model_of(IWAE, n_draws=3, **SMALL)
    one_step(many)
    moved = [
        (many.decoder.state_dict()[name] - tensor).abs().max().item()
        for name, tensor in vae.decoder.named_parameters()
    ]
    assert max(moved) > 1e-4


def test_one_draw_is_the_evidence_lower_bound_on_average(
    model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(IWAE, likelihood="unit-gaussian", **SMALL).eval()
    images = images_of(6)
    torch.manual_seed(0)
    with torch.no_grad():
        # the reconstruction's expectation has no closed form: take it off, draw by draw
        model.negative_log_likelihood = lambda logits, _: 0.0 * logits.sum()
        ratios = model.log_weights(images, 4000)  # log p(z) - log q(z|x)
        mean, log_variance = model.encoder(images).chunk(2, 1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1)
    error = ratios.std(0) / math.sqrt(len(ratios))
    assert ((-ratios.mean(0) - kl).abs() < 4.5 * error).all()
    assert error.max() < 0.04


class Linear(nn.Module):
    """x = W z + noise, with whatever diagonal Gaussian is asked for as q(z|x)."""

    def __init__(self, log_variance: float, *, exact: bool) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        # orthogonal columns make the exact posterior diagonal
        basis, _ = torch.linalg.qr(torch.randn(N_PIXELS, N_LATENTS, generator=generator))
        self.loadings = basis * torch.tensor([1.5, 0.7])
        precision = 1.0 + self.loadings.square().sum(0) / NOISE**2
        self.gain = self.loadings / NOISE**2 / precision if exact else 0.6 * self.loadings
        self.log_variance = -precision.log() if exact else torch.full((N_LATENTS,), log_variance)

    def encode(self, images: Tensor) -> Tensor:
        mean = (0.5 * (images + 1.0)).flatten(1) @ self.gain
        return torch.cat([mean, self.log_variance.expand_as(mean)], 1)

    def decode(self, latents: Tensor) -> Tensor:
        return (latents @ self.loadings.T).view(-1, 1, 4, 4)

    def log_likelihood(self, images: Tensor) -> Tensor:
        covariance = self.loadings @ self.loadings.T + NOISE**2 * torch.eye(N_PIXELS)
        pixels = (0.5 * (images + 1.0)).flatten(1)
        return MultivariateNormal(torch.zeros(N_PIXELS), covariance).log_prob(pixels)


def gaussian_nll(means: Tensor, pixels: Tensor) -> Tensor:
    constant = 0.5 * N_PIXELS * math.log(2.0 * math.pi * NOISE**2)
    return (0.5 * (means - pixels).square() / NOISE**2).flatten(1).sum(1).mean() + constant


def linear_iwae(model_of: ModelOf, linear: Linear) -> IWAE:
    model: IWAE = model_of(IWAE, latent_dim=N_LATENTS, width=4)
    del model.encoder, model.decoder
    model.encoder, model.decoder = linear.encode, linear.decode  # type: ignore[assignment]
    model.negative_log_likelihood = gaussian_nll
    return model


def test_every_weight_is_the_likelihood_under_the_exact_posterior(
    model_of: ModelOf, images_of: Images
) -> None:
    linear, images = Linear(0.0, exact=True), images_of(5, size=4)
    torch.manual_seed(0)
    log_weights = linear_iwae(model_of, linear).log_weights(images, 3)
    expected = linear.log_likelihood(images).expand(3, 5)
    torch.testing.assert_close(log_weights, expected, rtol=0, atol=1e-4)


def test_the_bound_rises_with_the_draws_to_the_likelihood(
    model_of: ModelOf, images_of: Images
) -> None:
    linear, images = Linear(0.0, exact=False), images_of(4, size=4)
    torch.manual_seed(0)
    log_weights = linear_iwae(model_of, linear).log_weights(images, 8000)
    exact = linear.log_likelihood(images).mean().item()
    bounds = []
    for k in (1, 2, 5, 50):  # the same draws, grouped
        groups = log_weights[: len(log_weights) // k * k].view(-1, k, len(images))
        bounds.append(log_mean_exp(groups, dim=1).mean().item())
    assert bounds == sorted(bounds)
    assert exact - bounds[0] > 0.3
    assert bounds[0] < bounds[1] - 0.05
    assert bounds[-1] == pytest.approx(exact, abs=0.05)


def test_repeating_the_batch_repeats_the_weights(model_of: ModelOf, images_of: Images) -> None:
    model, images = linear_iwae(model_of, Linear(0.0, exact=True)), images_of(3, size=4)
    torch.manual_seed(0)
    once = model.log_weights(images, 4)
    tiled = model.log_weights(images.repeat(2, 1, 1, 1), 4)
    assert tiled.shape == (4, 6)
    # the exact posterior has no noise in its weights, so order is all that can differ
    torch.testing.assert_close(tiled, once.repeat(1, 2), rtol=0, atol=1e-4)


def test_the_best_draw_weighs_most(
    model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By hand: images are averaged, draws are weighted by w, and w is not the error."""
    model, weights = model_of(IWAE, n_draws=3, **SMALL), torch.tensor([[1.0, 8.0]] * 3)
    weights[1] = torch.tensor([2.0, 1.0])
    weights[2] = torch.tensor([5.0, 1.0])
    log_weights = weights.log().requires_grad_(True)
    monkeypatch.setattr(model, "log_weights", lambda *_: log_weights)
    descended: list[Tensor] = []
    monkeypatch.setattr("bench.models.iwae.descend", lambda loss, _: descended.append(loss))
    losses = one_step(model)
    (loss,) = descended
    assert loss.item() == pytest.approx(-0.5 * (math.log(8.0 / 3.0) + math.log(10.0 / 3.0)))
    assert losses["loss"].item() == loss.item()
    assert losses["elbo"].item() == pytest.approx(math.log(80.0) / 6.0)
    (gradient,) = torch.autograd.grad(loss, log_weights)
    share = torch.tensor([[1 / 8, 8 / 10], [2 / 8, 1 / 10], [5 / 8, 1 / 10]])
    torch.testing.assert_close(gradient, -share / 2)


@pytest.mark.parametrize("n_draws", [1, 7])
def test_exactly_the_draws_asked_for_are_used(
    n_draws: int, model_of: ModelOf, one_step: OneStep
) -> None:
    model, decoded = model_of(IWAE, n_draws=n_draws, **SMALL), []
    model.decoder.register_forward_pre_hook(lambda _, args: decoded.append(args[0].detach()))
    one_step(model)
    (latents,) = decoded
    assert latents.shape == (n_draws * 8, 5)
    assert len(latents.unique(dim=0)) == n_draws * 8


def test_an_image_far_from_its_reconstructions_has_finite_gradients(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(IWAE, **SMALL)
    nll = model.negative_log_likelihood
    monkeypatch.setattr(model, "negative_log_likelihood", lambda *args: 1e3 * nll(*args))
    loss = -log_mean_exp(model.log_weights(images_of(6), 5), dim=0).mean()
    loss.backward()
    assert loss.item() > 1e4  # its weights underflow
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_it_samples_its_prior(model_of: ModelOf, monkeypatch: pytest.MonkeyPatch) -> None:
    model = model_of(IWAE, **SMALL).eval()
    monkeypatch.setattr(model, "decode", lambda drawn: drawn)
    assert torch.equal(model.sample(ImageNoise(1, range(6))), ImageNoise(1, range(6)).normal(5))
