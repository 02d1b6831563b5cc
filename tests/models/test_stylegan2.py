"""StyleGAN2: modulation, noise, lazy regularisers, and the plain GAN that it is without them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from bench.models.base import Batch, StepContext
from bench.models.gan import GAN
from bench.models.noise import ImageNoise
from bench.models.stylegan2 import StyleGAN2
from bench.networks.parts import FeatureCritic
from bench.networks.shape import ImageShape
from bench.networks.stylegan2 import Critic, Generator, ModulatedConv, pyramid
from bench.objectives.penalties import r1_penalty

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 4, "latent_dim": 6, "minibatch_group": 4}
OFF = {"weight": 0.0}


def with_noise(model: StyleGAN2, strength: float) -> StyleGAN2:
    for name, parameter in model.generator.named_parameters():
        if name.endswith("noise_strength"):
            nn.init.constant_(parameter, strength)
    return model


def gradients(network: nn.Module) -> dict[str, Tensor]:
    return {
        name: parameter.grad.clone()
        for name, parameter in network.named_parameters()
        if parameter.grad is not None
    }


@pytest.mark.parametrize("demodulate", [True, False])
def test_scaling_activations_is_scaling_the_weights_of_each_image(demodulate: bool) -> None:
    """Equations 1 and 3 with weights of every image's own, one image at a time."""
    torch.manual_seed(0)
    layer = ModulatedConv(5, 7, 3, 4, demodulate=demodulate)
    features, styles = torch.randn(3, 5, 6, 6), torch.randn(3, 4)
    result = layer(features, styles)
    for image, style, expected in zip(features, layer.style(styles), result, strict=True):
        weight = layer.weight * layer.scale * style[None, :, None, None]
        if demodulate:
            norm = (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
            weight = weight / norm
        alone = conv2d(image[None], weight, padding=1)[0]
        torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("double", [False, True])
def test_the_size_of_a_style_leaves_a_demodulated_output_alone(double: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv(5, 7, 3, 4, double=double)
    features, scales = torch.randn(3, 5, 8, 8), torch.randn(3, 5)
    result = layer.convolve(features, scales)
    torch.testing.assert_close(layer.convolve(features, 7.0 * scales), result, rtol=1e-4, atol=1e-5)
    other = scales.clone()
    other[:, 0] *= 7.0  # another direction, not another size
    assert (layer.convolve(features, other) - result).abs().max() > 0.1
    plain = ModulatedConv(5, 7, 3, 4, demodulate=False)
    doubled = plain.convolve(features, 2.0 * scales)
    torch.testing.assert_close(doubled, 2.0 * plain.convolve(features, scales))


@pytest.mark.parametrize("double", [False, True])
def test_demodulated_outputs_have_unit_power(double: bool) -> None:
    torch.manual_seed(0)
    layer = ModulatedConv(64, 64, 3, 8, double=double)
    scales = torch.rand(4, 64) + 0.1
    result = layer.convolve(torch.randn(4, 64, 16, 16), scales)[..., 4:-4, 4:-4]
    # Noise that is interpolated loses power; what is smooth would not.
    assert result.std().item() == pytest.approx(0.63 if double else 1.0, abs=0.06)


def test_channels_double_up_to_a_bound() -> None:
    assert pyramid(ImageShape(3, 32), 16, 64) == [16, 32, 64, 64]
    assert pyramid(ImageShape(1, 16), 16, 8) == [16, 16, 16]
    assert pyramid(ImageShape(1, 28), 8, 64) == [8, 16, 32]


def test_noise_changes_pixels_where_it_has_strength(model_of: ModelOf) -> None:
    model = model_of(StyleGAN2, **SMALL).eval()
    latents = torch.randn(3, 6)
    noises = [torch.randn(3, model.generator.n_noise) for _ in range(2)]
    with torch.no_grad():
        first, second = (model.generator(latents, noise) for noise in noises)
        assert torch.equal(first, second)  # strengths start at zero
        torch.testing.assert_close(first, model.generator(latents, None))
        with_noise(model, 0.5)
        first, second = (model.generator(latents, noise) for noise in noises)
        assert (first - second).abs().amax((1, 2, 3)).min() > 1e-2
        assert torch.equal(model.generator(latents, noises[0]), first)


def test_noise_of_a_sample_is_of_its_own_stream(model_of: ModelOf) -> None:
    model = with_noise(model_of(StyleGAN2, size=16, **SMALL), 0.5).eval()
    assert model.generator.n_noise == 16 + 2 * 64 + 2 * 256
    with torch.no_grad():
        torch.manual_seed(1)
        together = model.sample(ImageNoise(0, range(6)))
        torch.manual_seed(2)
        alone = model.sample(ImageNoise(0, [4]))
        torch.testing.assert_close(alone[0], together[4], rtol=0, atol=1e-5)
        noise = ImageNoise(0, [4])
        by_hand = model.generator(noise.normal(6), noise.normal(model.generator.n_noise))
    assert torch.equal(alone, by_hand.clamp(-1.0, 1.0))


def test_every_layer_learns_from_the_generators_loss(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(StyleGAN2, size=16, **SMALL)
    model.update_generator(model.synthesise(model.styles(8)))
    found = gradients(model.generator)
    assert found.keys() == dict(model.generator.named_parameters()).keys()
    assert all(gradient.abs().max() > 0.0 for gradient in found.values())
    assert sum(name.startswith("mapping.") for name in found) == 2 * 2
    assert not gradients(model.critic)


def test_the_mapping_network_is_slow(model_of: ModelOf, one_step: OneStep) -> None:
    model = model_of(StyleGAN2, **SMALL)
    before = {name: value.detach().clone() for name, value in model.generator.named_parameters()}
    one_step(model)
    after = dict(model.generator.named_parameters())
    rate = model.recipe.optimizer.lr
    for name in ("mapping.layers.0.weight", "layers.0.conv.weight"):
        assert (after[name] - before[name]).abs().max().item() == pytest.approx(rate, rel=0.05)
    assert before["mapping.layers.0.weight"].std().item() == pytest.approx(100.0, rel=0.3)


class Plain(GAN):
    """The GAN of the other rows, on these networks."""

    def build_generator(self, n_codes: int = 0) -> nn.Module:
        return Generator(self.shape, self.recipe.latent_dim + n_codes, self.recipe.width, 512, 2)

    def build_critic(self) -> FeatureCritic:
        return Critic(self.shape, self.recipe.width, 512, 4)


def test_without_noise_and_regularisers_it_is_a_gan(model_of: ModelOf, one_step: OneStep) -> None:
    adam = {"lr": 2.5e-3, "betas": [0.0, 0.99]}
    plain = model_of(Plain, width=4, latent_dim=6, critic_norm="none", optimizer=adam)
    own = model_of(StyleGAN2, layer_noise=False, r1=OFF, **SMALL)
    noisy = model_of(StyleGAN2, r1=OFF, **SMALL)
    for seed in (0, 1):
        assert one_step(own, seed=seed) == one_step(plain, seed=seed)
        one_step(noisy, seed=seed)
    mine, noised = own.state_dict(), noisy.state_dict()
    for name, value in plain.state_dict().items():
        assert torch.equal(mine[name], value), name
    assert any(not torch.equal(mine[name], value) for name, value in noised.items())


@pytest.mark.parametrize("setting", ["r1", "path_length"])
def test_regularisers_act_every_k_steps(
    setting: str, model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    penalty = {"weight": 0.5, "every": 3}
    model = model_of(StyleGAN2, **SMALL, **({"r1": OFF} | {setting: penalty}))
    method = {"r1": "regularise_critic", "path_length": "regularise_generator"}[setting]
    calls: list[Any] = []
    monkeypatch.setattr(model, method, calls.append)
    counts = []
    for step in range(7):
        model.step(Batch(images_of(8), torch.zeros(8)), StepContext(step, 10, 100))
        counts.append(len(calls))
    assert counts == [1, 1, 1, 2, 2, 2, 3]


def test_lazy_r1_is_k_times_as_strong(model_of: ModelOf, images_of: Images) -> None:
    images = images_of(8)
    model = model_of(StyleGAN2, r1={"weight": 0.3, "every": 5}, **SMALL)
    twin = model_of(StyleGAN2, r1=OFF, **SMALL)
    model.regularise_critic(images)
    (0.3 * r1_penalty(twin.critic, images, images)).backward()
    lazy, eager = gradients(model.critic), gradients(twin.critic)
    assert max(gradient.abs().max() for gradient in eager.values()) > 1e-4
    for name, gradient in eager.items():
        torch.testing.assert_close(lazy[name], 5.0 * gradient, rtol=1e-4, atol=1e-7)
    assert not gradients(model.generator)


def test_lazy_path_length_is_k_times_as_strong(model_of: ModelOf) -> None:
    found = []
    for every in (1, 4):
        model = model_of(StyleGAN2, path_length={"weight": 2.0, "every": every}, **SMALL)
        torch.manual_seed(0)
        model.regularise_generator(8)
        found.append(gradients(model.generator))
        assert model.path_length.mean > 0.0
        assert not gradients(model.critic)
    assert any(name.startswith("mapping.") for name in found[0])
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], 4.0 * gradient, rtol=1e-4, atol=1e-6)


def test_adam_makes_up_for_the_updates_of_a_lazy_regulariser(model_of: ModelOf) -> None:
    adam = {"lr": 0.01, "betas": [0.5, 0.9]}
    model = model_of(StyleGAN2, r1={"weight": 1.0, "every": 4}, optimizer=adam, **SMALL)
    groups = {name: optimizer.param_groups[0] for name, optimizer in model.optimizers().items()}
    assert groups["critic"]["lr"] == pytest.approx(0.008)
    assert groups["critic"]["betas"] == pytest.approx((0.5**0.8, 0.9**0.8))
    assert groups["generator"]["lr"] == 0.01
    assert groups["generator"]["betas"] == (0.5, 0.9)


def test_styles_are_mixed_at_one_place(model_of: ModelOf) -> None:
    whole = model_of(StyleGAN2, size=16, **SMALL).styles(5)
    assert torch.equal(whole, whole[:, :1].expand(-1, 6, -1))
    torch.manual_seed(0)
    model = model_of(StyleGAN2, size=16, style_mixing=0.7, **SMALL)
    styles = model.styles(2000)
    changes = (styles[:, 1:] != styles[:, :-1]).any(2)  # (N, n_styles - 1)
    assert set(changes.sum(1).tolist()) == {0, 1}
    assert changes.any(1).float().mean().item() == pytest.approx(0.7, abs=0.04)
    places = changes.float().mean(0) * 5.0
    torch.testing.assert_close(places, torch.full((5,), 0.7), rtol=0, atol=0.12)


def test_the_critic_sees_how_much_a_group_differs(images_of: Images) -> None:
    torch.manual_seed(0)
    critic = Critic(ImageShape(1, 8), 4, 512, 4)
    images = images_of(4)
    same = images[:1].expand(4, -1, -1, -1)
    with torch.no_grad():
        assert (critic(images)[0] - critic(same)[0]).abs() > 1e-3
        torch.testing.assert_close(critic(same), critic(same)[:1].expand(4))
        torch.testing.assert_close(critic.head(critic.features(images)), critic(images))


ADA = {"augmentation": {"images_to_full": 100, "interval": 2}}


@pytest.mark.parametrize(("sure", "expected"), [(8, 0.64), (6, 0.0), (7, 0.64)])
def test_augmentation_rises_while_the_critic_is_sure_of_real_images(
    sure: int, expected: float, model_of: ModelOf, images_of: Images, monkeypatch: Any
) -> None:
    """Of 8 images, 7 on the right side are r_t = 0.75 and 6 are 0.5; the target is 0.6."""
    model = model_of(StyleGAN2, **ADA, **SMALL)
    real, fake = images_of(8), images_of(8, seed=1)
    judged = model.judge
    scores = torch.tensor([1.0] * sure + [-1.0] * (8 - sure))
    monkeypatch.setattr(model, "judge", lambda seen: scores + 0.0 * judged(seen))
    for _ in range(8):
        model.update_critic(real, fake)
    assert model.probability.value.item() == pytest.approx(expected, abs=1e-6)
    scores = torch.tensor([1.0, -1.0] * 4)
    for _ in range(4):
        model.update_critic(real, fake)
    assert model.probability.value.item() == pytest.approx(max(0.0, expected - 0.32), abs=1e-6)


def test_augmentation_reaches_everything_that_the_critic_sees(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(StyleGAN2, **ADA, path_length={"weight": 1.0, "every": 1}, **SMALL)
    seen: list[Tensor] = []

    def halved(images: Tensor, _: Tensor) -> Tensor:
        seen.append(images)
        return 0.5 * images

    monkeypatch.setattr(model.pipe, "forward", halved)
    judged: list[Tensor] = []
    model.critic.register_forward_hook(lambda _, args, __: judged.append(args[0]))
    real = images_of(8)
    model.step(Batch(real, torch.zeros(8)), StepContext(0, 10, 100))
    assert len(seen) == len(judged) == 4  # real, fake, real again for R1, fake for the generator
    assert all(torch.equal(out, 0.5 * into) for into, out in zip(seen, judged, strict=True))
    assert torch.equal(seen[0], real)
    assert torch.equal(seen[2], real)
    assert torch.equal(seen[1], seen[3])


def test_r1_is_of_the_images_before_augmentation(model_of: ModelOf, images_of: Images) -> None:
    """Images at half their contrast have half the gradient, and a quarter of its square."""
    images = images_of(8)
    model = model_of(StyleGAN2, **ADA, **SMALL)
    model.pipe.forward = lambda seen, _: 0.5 * seen
    expected = 0.25 * r1_penalty(model.critic, 0.5 * images, images)
    torch.testing.assert_close(r1_penalty(model.judge, images, images), expected)


def test_at_probability_zero_the_first_update_is_that_without(
    model_of: ModelOf, images_of: Images
) -> None:
    real, fake = images_of(8), images_of(8, seed=1)
    plain, own = model_of(StyleGAN2, **SMALL), model_of(StyleGAN2, **ADA, **SMALL)
    assert torch.equal(plain.update_critic(real, fake), own.update_critic(real, fake))
    state = own.state_dict()
    assert all(torch.equal(state[name], value) for name, value in plain.state_dict().items())
    own.probability.value.fill_(1.0)
    assert not torch.equal(plain.update_critic(real, fake), own.update_critic(real, fake))
