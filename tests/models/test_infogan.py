"""Codes that stay readable, and a plain GAN where there are none."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.base import Batch, StepContext
from bench.models.build import parse_recipe
from bench.models.gan import GAN
from bench.models.infogan import InfoGAN
from bench.models.noise import ImageNoise
from bench.networks.parts import given
from bench.objectives.information import categorical_code_loss, continuous_code_loss
from catalog.errors import InvalidInput

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Watched = Callable[..., Any]

SMALL = {"width": 4, "latent_dim": 6}
WEIGHTLESS = {"categorical": 0.0, "continuous": 0.0}


def test_information_of_guessing_and_of_knowing() -> None:
    codes = torch.tensor([3, 0, 9, 3])
    assert categorical_code_loss(torch.zeros(4, 10), codes).item() == pytest.approx(math.log(10.0))
    assert categorical_code_loss(50.0 * torch.eye(10)[codes], codes).item() == pytest.approx(0.0)
    continuous = torch.tensor([[1.0, -1.0], [0.5, 0.0]])
    assert continuous_code_loss(continuous, continuous).item() == 0.0
    assert continuous_code_loss(torch.zeros(2, 2), continuous).item() == pytest.approx(2.25 / 4)


def test_codes_come_from_uniform_draws(model_of: ModelOf) -> None:
    model = model_of(InfoGAN, **SMALL)
    uniforms = torch.tensor([[0.0, 0.0, 0.5], [0.35, 0.25, 1.0], [1.0 - 2.0**-24, 0.75, 0.5]])
    codes = model.codes(uniforms)
    assert codes[:, :10].argmax(1).tolist() == [0, 3, 9]
    assert torch.equal(codes[:, :10].sum(1), torch.ones(3))
    assert codes[:, 10:].tolist() == [[-1.0, 0.0], [-0.5, 1.0], [0.5, 0.0]]
    many = model.codes(torch.rand(20_000, 3, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(many[:, :10].mean(0), torch.full((10,), 0.1), rtol=0, atol=0.01)
    torch.testing.assert_close(many[:, 10:].var(0), torch.full((2,), 1 / 3), rtol=0, atol=0.01)


def test_samples_come_from_noise_and_codes_of_their_own(model_of: ModelOf) -> None:
    model = model_of(InfoGAN, **SMALL).eval()
    assert not model.conditional
    noise = ImageNoise(3, range(5))
    normal, uniforms = noise.normal(6), noise.uniform(3)
    with given(model.codes(uniforms), model.generator):
        expected = model.generator(normal)
    assert torch.equal(model.sample(ImageNoise(3, range(5))), expected)
    assert torch.equal(model.sample(ImageNoise(3, range(5)), torch.arange(5)), expected)


def test_without_codes_it_is_a_gan(model_of: ModelOf, one_step: OneStep) -> None:
    plain = model_of(GAN, **SMALL)
    without = model_of(InfoGAN, n_categories=0, n_continuous=0, **SMALL)
    for model in (plain, without):
        one_step(model)
    assert plain.state_dict().keys() == without.state_dict().keys()
    for name, tensor in plain.state_dict().items():
        assert torch.equal(without.state_dict()[name], tensor), name


def named_weights(generator: nn.Module, critic: nn.Module) -> dict[str, Tensor]:
    """Of both networks, without the rows of the first layer that only codes reach."""
    named = {f"generator.{name}": tensor for name, tensor in generator.named_parameters()}
    first = next(iter(named))
    named[first] = named[first][: SMALL["latent_dim"]]
    return named | {f"critic.{name}": tensor for name, tensor in critic.named_parameters()}


def shared_weights_after_a_step(
    information: dict[str, float] | None, model_of: ModelOf, one_step: OneStep, patch: Any
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Of a GAN, and of an InfoGAN that starts from its weights, deaf to codes that cost no draw."""
    gan = model_of(GAN, critic_norm="none", **SMALL)
    model = model_of(InfoGAN, critic_norm="none", information=information, **SMALL)
    with torch.no_grad():
        for own, theirs in zip(
            model.generator.parameters(), gan.generator.parameters(), strict=True
        ):
            own.zero_()[: len(theirs)] = theirs
    model.critic.critic.load_state_dict(gan.critic.state_dict())
    one_step(gan)
    codes = model.codes(torch.rand(8, 3))
    patch.setattr(model, "given", lambda _: given(codes, model.generator, model.critic))
    one_step(model)
    return (
        named_weights(gan.generator, gan.critic),
        named_weights(model.generator[1], model.critic.critic),
    )


def test_weightless_information_leaves_the_parents_update(
    model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, own = shared_weights_after_a_step(WEIGHTLESS, model_of, one_step, monkeypatch)
    for name, tensor in plain.items():
        torch.testing.assert_close(own[name], tensor, rtol=0, atol=2e-6, msg=name)
    plain, own = shared_weights_after_a_step(None, model_of, one_step, monkeypatch)
    moved = {n for n, tensor in plain.items() if (own[n] - tensor).abs().max() > 1e-4}
    assert moved >= {"generator.layers.0.weight", "critic.layers.0.weight"}
    assert not moved & {"critic.layers.2.weight", "critic.layers.2.bias"}  # Q reads no scores


def test_information_adds_to_both_losses_with_its_weights(
    model_of: ModelOf, images_of: Images
) -> None:
    real, fake = images_of(4), images_of(4, seed=1)
    codes = model_of(InfoGAN, **SMALL).codes(torch.rand(4, 3))

    def losses(**weights: float) -> Tensor:
        information = {**WEIGHTLESS, **weights}
        model = model_of(InfoGAN, critic_norm="none", information=information, **SMALL)
        with given(codes, model.critic):
            return torch.stack([model.critic_loss(real, fake), model.generator_loss(real, fake)])

    model = model_of(InfoGAN, critic_norm="none", **SMALL)
    read = model.critic.reader(model.critic.critic.features(fake))
    categorical = categorical_code_loss(read[:, :10], codes[:, :10].argmax(1))
    continuous = continuous_code_loss(read[:, 10:], codes[:, 10:])
    zero = losses()
    torch.testing.assert_close(losses(categorical=2.0) - zero, 2.0 * categorical.expand(2))
    torch.testing.assert_close(losses(continuous=3.0) - zero, 3.0 * continuous.expand(2))


def test_real_images_have_no_codes(model_of: ModelOf, images_of: Images) -> None:
    critic = model_of(InfoGAN, critic_norm="none", **SMALL).critic
    images = images_of(4)
    with given(torch.eye(12)[:4], critic):
        real_scores, real_loss = critic.judge(images, fake=False)
        fake_scores, fake_loss = critic.judge(images, fake=True)
    assert real_loss.item() == 0.0
    assert fake_loss.item() == pytest.approx(math.log(10.0), abs=0.5)
    assert torch.equal(real_scores, fake_scores)
    torch.testing.assert_close(real_scores, critic(images))


def test_who_learns_to_read(model_of: ModelOf, images_of: Images, watched: Watched) -> None:
    model = model_of(InfoGAN, **SMALL)
    with model.given(torch.zeros(4, dtype=torch.int64)):
        fake = model.fakes(4)
        with watched(model.critic.reader) as reader, watched(model.generator) as generator:
            model.update_critic(images_of(4), fake.detach())
            assert reader()
            assert not generator()
        with watched(model.critic) as critic, watched(model.generator) as generator:
            model.update_generator(images_of(4), fake)
            assert generator()
            assert not critic()


def test_every_batch_has_codes_of_its_own(model_of: ModelOf) -> None:
    model = model_of(InfoGAN, **SMALL)
    seen = []
    for _ in range(2):
        with model.given(torch.zeros(8, dtype=torch.int64)):
            seen.append(model.critic.condition)
            assert torch.equal(model.generator[0].condition, seen[-1])
    assert seen[0].shape == (8, 12)
    assert (seen[0][:, 10:] != seen[1][:, 10:]).all()


def test_labels_are_refused() -> None:
    way = {"generator": "concat", "critic": "concat"}
    with pytest.raises(InvalidInput, match="not conditional"):
        parse_recipe(InfoGAN, {"conditioning": way}, "the test")


def test_codes_become_readable(model_of: ModelOf) -> None:
    model = model_of(
        InfoGAN,
        backbone="mlp",
        critic_norm="none",
        width=8,
        latent_dim=4,
        n_categories=2,
        n_continuous=0,
        optimizer={"lr": 1e-3, "betas": [0.5, 0.99]},
        penalty={"r1": 0.3},
    )
    images = torch.full((32, 1, 8, 8), -0.9)
    images[::2, :, :, :4] = 0.9
    images[1::2, :, :, 4:] = 0.9
    torch.manual_seed(0)
    model.train()
    for step in range(200):
        model.step(Batch(images, torch.zeros(32, dtype=torch.int64)), StepContext(step, 200, 32))
    model.eval()
    codes = torch.eye(2).repeat(50, 1)
    with torch.no_grad(), given(codes, model.generator, model.critic):
        made = model.generator(torch.randn(100, 4))
        loss = model.critic.judge(made, fake=True)[1].item()
    assert loss < 0.1  # ln 2 = .69 is guessing
    side = (made[..., :4] - made[..., 4:]).mean((1, 2, 3)) > 0.0
    assert side[::2].float().mean().item() == pytest.approx(1.0 - side[1::2].float().mean().item())
