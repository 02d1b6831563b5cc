"""Rows that differ from a VAE or an autoencoder by terms on the latents, and FactorVAE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import bench.models.vae
from bench.models.autoencoder import Autoencoder
from bench.models.base import Batch, GenerativeModel, StepContext
from bench.models.build import algorithm_class, build_model, resolve_recipe
from bench.models.factor_vae import FactorVAE
from bench.models.vae import VAE
from bench.networks.shape import ImageShape
from bench.objectives.latent import Encoded, dip_diagonal, total_correlation
from catalog.errors import InvalidInput
from catalog.schema import Registry

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 4, "latent_dim": 5}
CRITIC = {"critic_width": 16, "critic_layers": 2}


def networks(model: Any) -> dict[str, Tensor]:
    """Everything in encoder and decoder, running averages included."""
    both = nn.ModuleDict({"encoder": model.encoder, "decoder": model.decoder})
    return both.state_dict()


def same_bits(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    assert first.keys() == second.keys()
    return all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def stepped(model: GenerativeModel, images: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(0)
    model.train().step(
        Batch(images, torch.zeros(len(images), dtype=torch.int64)), StepContext(0, 9, 100)
    )
    return networks(model)


@pytest.mark.parametrize(
    ("row", "reset"),
    [
        ("vae", {"likelihood": "unit-gaussian", "posterior": "point", "beta": 0.0}),
        ("beta-vae", {"beta": 1.0}),
        ("beta-tc-vae", {"terms": {}}),
        ("dip-vae", {"terms": {}}),
        ("info-vae", {"terms": {"mmd": 0.0}}),
        ("wae-mmd", {"terms": {}}),
        ("factor-vae", {"gamma": 0.0}),
    ],
)
def test_a_row_without_its_difference_takes_the_first_step_of_its_parent(
    row: str, reset: dict[str, Any], registry: Registry, images_of: Images
) -> None:
    entry = registry.variant(row)
    assert entry.parent is not None
    parent = registry.variant(entry.parent)
    theirs = resolve_recipe(registry, parent, "any")
    images = images_of(16)

    def first_step(algorithm: str, recipe: Any) -> dict[str, Tensor]:
        model = build_model(algorithm_class(algorithm), recipe, ImageShape(1, 8), 10, seed=0)
        return stepped(model, images[: 8 * model.batches_per_step])

    expected = first_step(parent.algorithm, theirs)
    own = resolve_recipe(registry, entry, "any")
    assert not same_bits(first_step(entry.algorithm, own), expected)
    without = own.model_copy(update=reset)  # the rest is as registered
    assert same_bits(first_step(entry.algorithm, without), expected)


@pytest.mark.parametrize("term", ["total-correlation", "dip-diagonal", "dip-off-diagonal", "mmd"])
def test_the_objective_adds_every_term_by_its_weight(
    term: str, model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    descended: list[Tensor] = []
    monkeypatch.setattr(bench.models.vae, "descend", lambda loss, _: descended.append(loss))
    losses = one_step(model_of(VAE, terms={term: 7.0}, beta=0.5, **SMALL))
    expected = losses["reconstruction"] + 0.5 * losses["kl"] + 7.0 * losses[term]
    torch.testing.assert_close(descended[0].detach(), expected)
    assert losses[term].item() != 0.0


def test_the_total_correlation_is_told_the_true_size_of_the_data(
    model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(VAE, terms={"total-correlation": 1.0}, **SMALL).train()

    def estimate(n_train: int) -> float:
        torch.manual_seed(0)
        _, parts, encoded = model.objective(images_of(8), n_train)
        assert encoded.n_train == n_train
        torch.testing.assert_close(parts["total-correlation"], total_correlation(encoded).detach())
        return parts["total-correlation"].item()

    assert estimate(100) != pytest.approx(estimate(10_000), rel=0.01)
    torch.manual_seed(0)
    losses = model.step(
        Batch(images_of(8), torch.zeros(8, dtype=torch.int64)), StepContext(0, 9, 100)
    )
    assert losses["total-correlation"].item() == pytest.approx(estimate(100), abs=5.0)


def test_a_point_is_its_own_draw(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(VAE, posterior="point", beta=0.0, terms={"dip-diagonal": 1.0}, **SMALL)
    before = torch.get_rng_state()
    _, parts, encoded = model.train().objective(images_of(8), 100)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(encoded.latents, encoded.mean)
    variance = encoded.mean.var(0, correction=0)
    torch.testing.assert_close(parts["dip-diagonal"], (variance - 1.0).square().sum().detach())
    assert set(parts) == {"reconstruction", "dip-diagonal"}
    assert networks(model).keys() == networks(model_of(Autoencoder, **SMALL)).keys()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"terms": {"mdm": 1.0}}, "no term is called 'mdm'.*mmd"),
        ({"terms": {"mmd": -0.47}}, "weight of 'mmd' is -0.47.*alpha \\+ lambda - 1"),
        ({"terms": {"mmd": 1.0}, "batch_size": 1}, "batch_size must be 2 or more"),
        ({"posterior": "point"}, "needs beta: 0"),
        (
            {"posterior": "point", "beta": 0.0, "terms": {"total-correlation": 1.0}},
            "no density, which 'total-correlation' needs",
        ),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    settings: dict[str, Any], message: str, model_of: ModelOf
) -> None:
    with pytest.raises(InvalidInput, match=message):
        model_of(VAE, **settings)


def test_info_vae_is_alpha_and_lambda(registry: Registry) -> None:
    alpha, scale = 0.0, 1000.0
    recipe = resolve_recipe(registry, registry.variant("info-vae"), "any").model_dump()
    assert recipe["beta"] == 1.0 - alpha
    assert recipe["terms"] == {"mmd": alpha + scale - 1.0}


def test_dip_alone_whitens_the_latents(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(VAE, beta=0.0, terms={"dip-diagonal": 100.0}, optimizer={"lr": 1e-2}, **SMALL)
    images, labels = images_of(32), torch.zeros(32, dtype=torch.int64)

    def distance() -> float:
        with torch.no_grad():
            return dip_diagonal(Encoded(*model.posterior(images), images, 32)).item()

    model.train()
    before = distance()
    for step in range(60):
        model.step(Batch(images, labels), StepContext(step, 60, 32))
    assert distance() < 0.05 * before


def test_without_gamma_a_factor_vae_is_a_vae(model_of: ModelOf, images_of: Images) -> None:
    images = images_of(16)
    plain = model_of(VAE, **SMALL)
    factor = model_of(FactorVAE, gamma=0.0, **SMALL, **CRITIC)
    assert same_bits(networks(plain), networks(factor))
    expected = stepped(plain, images[:8])
    assert same_bits(stepped(factor, images), expected)
    weighted = model_of(FactorVAE, gamma=5.0, **SMALL, **CRITIC)
    assert not same_bits(stepped(weighted, images), expected)


def test_gamma_weighs_the_critics_estimate_on_the_first_batch(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    descended: list[Tensor] = []
    monkeypatch.setattr("bench.models.factor_vae.descend", lambda loss, _: descended.append(loss))
    model, images = model_of(FactorVAE, gamma=7.0, **SMALL, **CRITIC).train(), images_of(16)
    labels = torch.zeros(16, dtype=torch.int64)
    torch.manual_seed(0)
    losses = model.step(Batch(images, labels), StepContext(0, 9, 100))
    torch.manual_seed(0)
    bound, parts, encoded = model.objective(images[:8], 100)  # a whole batch, not half of one
    estimate = model.critic(encoded.latents).mean()
    torch.testing.assert_close(losses["total-correlation"], estimate.detach())
    assert estimate.abs() > 1e-4
    torch.testing.assert_close(descended[0].detach(), (bound + 7.0 * estimate).detach())
    torch.testing.assert_close(losses["reconstruction"], parts["reconstruction"])
    independent = model.critic(model.shuffled(images[8:]))
    joint = model.critic(encoded.latents)
    cross_entropy = 0.5 * (softplus(-joint).mean() + softplus(independent).mean())
    torch.testing.assert_close(losses["critic_loss"], cross_entropy.detach())
    assert torch.equal(descended[1].detach(), losses["critic_loss"])


def test_copies_of_both_batches_change_no_term_of_a_factor_vae(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given its draws; shuffled copies would have other partners, which is chance and no scale."""
    monkeypatch.setattr("bench.models.factor_vae.descend", lambda *_: None)
    monkeypatch.setattr("bench.models.factor_vae.shuffle_each_dimension", lambda latents: latents)
    monkeypatch.setattr(torch, "randn_like", lambda like: 0.5 * torch.ones_like(like))
    model = model_of(FactorVAE, **SMALL, **CRITIC).train()
    batches = images_of(12).chunk(2)

    def losses(times: int) -> dict[str, Tensor]:
        images = torch.cat([batch.repeat(times, 1, 1, 1) for batch in batches])
        labels = torch.zeros(len(images), dtype=torch.int64)
        return model.step(Batch(images, labels), StepContext(0, 9, 100))

    once, thrice = losses(1), losses(3)
    assert set(once) == {"reconstruction", "kl", "total-correlation", "critic_loss"}
    for name, loss in once.items():
        torch.testing.assert_close(thrice[name], loss, rtol=1e-4, atol=1e-6, msg=name)


def test_gamma_does_not_teach_the_critic(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The estimate's gradient passes through the critic; its own update starts from none."""
    critics = []
    for gamma in (0.0, 500.0):
        model = model_of(FactorVAE, gamma=gamma, **SMALL, **CRITIC)
        monkeypatch.setattr(model, "shuffled", lambda _: torch.linspace(-1, 1, 40).view(8, 5))
        stepped(model, images_of(16))
        critics.append(model.critic.state_dict())
    assert same_bits(*critics)
    fresh = model_of(FactorVAE, **SMALL, **CRITIC).critic.state_dict()
    assert not same_bits(critics[0], fresh)


def test_a_factor_vae_needs_two_equal_batches(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(FactorVAE, **SMALL, **CRITIC)
    assert model.batches_per_step == 2
    with pytest.raises(ValueError, match="two batches of one size"):
        stepped(model, images_of(7))


def test_the_critic_estimates_the_log_ratio_with_its_sign(model_of: ModelOf) -> None:
    """On Gaussians of known total correlation; a wrong sign would give its negative."""
    rho = 0.9
    model = model_of(
        FactorVAE,
        width=4,
        latent_dim=2,
        critic_width=64,
        critic_layers=2,
        critic_optimizer={"lr": 3e-3},
    )
    generator = torch.Generator().manual_seed(0)

    def draw(n: int, correlation: float) -> Tensor:
        z = torch.randn(n, 2, generator=generator)
        second = correlation * z[:, 0] + (1.0 - correlation**2) ** 0.5 * z[:, 1]
        return torch.stack([z[:, 0], second], 1)

    for _ in range(300):
        model.update_critic(draw(256, rho), draw(256, 0.0))
    with torch.no_grad():
        estimate = model.critic(draw(4000, rho)).mean().item()
        elsewhere = model.critic(draw(4000, 0.0)).mean().item()
    exact = -0.5 * torch.log(torch.tensor(1.0 - rho**2)).item()  # 0.83 nats
    assert 0.7 * exact < estimate < 1.3 * exact
    assert elsewhere < -0.3  # minus the opposite divergence


def test_the_critic_learns_from_draws_it_cannot_change(
    model_of: ModelOf, images_of: Images, watched: Callable[..., Any]
) -> None:
    model = model_of(FactorVAE, **SMALL, **CRITIC).train()
    with watched(model.encoder) as encoder, watched(model.critic) as critic:
        shuffled = model.shuffled(images_of(8))
        model.update_critic(torch.zeros_like(shuffled), shuffled)
        assert not encoder()
        assert critic()
    assert not shuffled.requires_grad
