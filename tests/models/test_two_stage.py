"""Two-stage VAE: the first stage is a VAE that the second never touches, and the second samples."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from bench.models.base import Batch, StepContext, descend
from bench.models.noise import ImageNoise
from bench.models.two_stage import LatentVAE, TwoStageVAE, best_gamma_nll
from bench.models.vae import VAE

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Watched = Callable[..., Any]

FIRST = {"width": 4, "latent_dim": 5, "likelihood": "optimal-gaussian"}
SMALL = FIRST | {"second_width": 16}


def test_the_first_stage_is_updated_as_a_vae_to_the_bit(
    model_of: ModelOf, one_step: OneStep
) -> None:
    vae, model = model_of(VAE, **FIRST), model_of(TwoStageVAE, **SMALL)
    one_step(vae)
    one_step(model)
    for name, tensor in vae.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name


def test_the_second_stage_moves_nothing_of_the_first(
    model_of: ModelOf, images_of: Images, watched: Watched
) -> None:
    model = model_of(TwoStageVAE, **SMALL).train()
    latents, log_variance = model.frozen_posterior(images_of(8))
    assert not latents.requires_grad
    assert not log_variance.requires_grad
    with watched(model.encoder, model.decoder) as first, watched(model.second) as second:
        descend(sum(model.second.losses(latents)), model.optimizers()["second"])
        assert second()
        assert not first()
    assert all(p.grad is None for p in (*model.encoder.parameters(), *model.decoder.parameters()))
    assert model.encoder.training


def test_the_optimizers_share_nothing(model_of: ModelOf) -> None:
    model = model_of(TwoStageVAE, **SMALL)
    held = {
        name: {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, optimizer in model.optimizers().items()
    }
    assert held["second"] == {id(p) for p in model.second.parameters()}
    assert not held["second"] & held["autoencoder"]


@pytest.mark.parametrize("second_updates", [1, 3])
def test_the_second_stage_descends_its_own_bound_as_often_as_asked(
    second_updates: int, model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, descended = model_of(TwoStageVAE, second_updates=second_updates, **SMALL), []
    monkeypatch.setattr("bench.models.two_stage.descend", lambda *args: descended.append(args))
    losses = one_step(model)
    assert [used for _, used in descended] == second_updates * [model.optimizers()["second"]]
    expected = losses["second_reconstruction"] + losses["second_kl"]
    torch.testing.assert_close(descended[-1][0].detach(), expected)
    assert losses["second_kl"].item() > 0.0


def test_the_second_stage_learns_draws_and_not_means(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(TwoStageVAE, second_updates=300, **SMALL).train()
    images, seen = images_of(4), []
    losses = model.second.losses
    monkeypatch.setattr(model.second, "losses", lambda z: (seen.append(z), losses(z))[1])
    torch.manual_seed(0)
    model.step(Batch(images, torch.zeros(4, dtype=torch.int64)), StepContext(0, 10, 100))
    drawn = torch.stack(seen)  # (300, 4, 5)
    mean, log_variance = model.frozen_posterior(images)
    scale = (0.5 * log_variance).exp()
    assert ((drawn.mean(0) - mean) / scale).abs().max() < 4.5 / math.sqrt(300)
    assert (drawn.std(0) / scale - 1.0).abs().max() < 0.2


def test_the_best_gamma_is_the_minimum_of_the_likelihood() -> None:
    generator = torch.Generator().manual_seed(0)
    values, means = torch.randn(7, 3, generator=generator), torch.randn(7, 3, generator=generator)
    squared = (values - means).square().mean()
    gammas = torch.linspace(0.5, 2.0, 301) * squared
    explicit = [-Normal(means, g.sqrt()).log_prob(values).sum(1).mean().item() for g in gammas]
    assert best_gamma_nll(squared, 3).item() == pytest.approx(min(explicit), abs=1e-4)
    assert gammas[explicit.index(min(explicit))].item() == pytest.approx(squared.item(), rel=0.01)


def test_gamma_follows_the_squared_error_in_training_only() -> None:
    torch.manual_seed(0)
    second = LatentVAE(4, 8, 2, gamma_decay=0.9).train()
    vectors = torch.randn(32, 4)
    for _ in range(60):
        nll, _ = second.losses(vectors)
    error = math.exp(2.0 * nll.item() / 4.0 - 1.0 - math.log(2.0 * math.pi))
    assert second.gamma.item() == pytest.approx(error, rel=0.15)
    before = second.gamma.clone()
    second.eval().losses(vectors)
    assert torch.equal(second.gamma, before)


def test_a_perfect_decoder_keeps_the_loss_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    second = LatentVAE(4, 8, 2, gamma_decay=0.9)
    vectors = torch.randn(6, 4)
    monkeypatch.setattr(second.decoder, "forward", lambda _: vectors)
    nll, _ = second.losses(vectors)
    assert math.isfinite(nll.item())


def test_its_losses_do_not_change_with_a_repeated_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    second = LatentVAE(4, 8, 2, gamma_decay=0.9)
    vectors = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    monkeypatch.setattr(torch, "randn_like", lambda like: 0.5 * torch.ones_like(like))
    once, tiled = second.losses(vectors), second.losses(vectors.repeat(3, 1))
    for left, right in zip(once, tiled, strict=True):
        torch.testing.assert_close(left, right)


def test_samples_pass_both_decoders_with_gammas_noise(
    model_of: ModelOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(TwoStageVAE, **SMALL).eval()
    model.second.gamma.fill_(4.0)
    monkeypatch.setattr(model, "decode", lambda drawn: drawn)
    noise = ImageNoise(3, range(6))
    with torch.no_grad():
        mean = model.second.decoder(noise.normal(5))
        expected = mean + 2.0 * noise.normal(5)
        torch.testing.assert_close(model.sample(ImageNoise(3, range(6))), expected)


def test_the_second_stage_learns_what_a_standard_normal_is_not() -> None:
    # two clusters; N(0, I) would put a third of its draws between them
    torch.manual_seed(0)
    second = LatentVAE(2, 32, 2, gamma_decay=0.95).train()
    optimizer = torch.optim.Adam(second.parameters(), lr=5e-3)
    for _ in range(500):
        side = torch.randint(2, (64, 1)) * 2.0 - 1.0
        vectors = torch.cat([side, torch.zeros(64, 1)], 1) + 0.2 * torch.randn(64, 2)
        descend(sum(second.losses(vectors)), optimizer)
    with torch.no_grad():
        drawn = second.eval().sample(ImageNoise(0, range(2000)), 2)
    assert drawn[:, 1].std().item() == pytest.approx(0.2, abs=0.06)
    assert (drawn[:, 0].abs() < 0.4).float().mean().item() < 0.1
    assert (drawn[:, 0] > 0.0).float().mean().item() == pytest.approx(0.5, abs=0.12)
