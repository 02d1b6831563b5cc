"""How classes enter a GAN's networks, and that nothing changes where they do not."""

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
from bench.models.noise import ImageNoise
from bench.networks import conditional, dcgan, mlp
from bench.networks.conditional import (
    AuxiliaryCritic,
    ConditionalBatchNorm,
    JoinLabels,
    ProjectionCritic,
)
from bench.networks.parts import frozen_batch_statistics, given
from bench.networks.shape import ImageShape
from bench.objectives.penalties import gradient_penalty, r1_penalty
from catalog.errors import InvalidInput

ModelOf = Callable[..., GAN]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Watched = Callable[..., Any]

SMALL = {"width": 4, "latent_dim": 6, "critic_norm": "none"}
SHAPE = ImageShape(1, 8)
LABELS = torch.tensor([3, 0, 9, 3])
WAYS = [
    {"generator": "concat", "critic": "concat"},
    {"generator": "concat", "critic": "auxiliary"},
    {"generator": "batch-norm", "critic": "projection"},
]
all_ways = pytest.mark.parametrize("way", WAYS, ids=lambda way: "-".join(way.values()))
both_backbones = pytest.mark.parametrize("backbone", ["dcgan", "mlp"])


def test_a_label_joins_vectors_and_images(images_of: Images) -> None:
    join, images = JoinLabels(10), images_of(4, 3)
    with given(LABELS, join):
        vectors, planes = join(torch.ones(4, 6)), join(images)
    one_hot = torch.eye(10)[LABELS]
    assert torch.equal(vectors, torch.cat([torch.ones(4, 6), one_hot], 1))
    assert torch.equal(planes[:, :3], images)
    assert torch.equal(planes[:, 3:], one_hot[:, :, None, None].expand(4, 10, 8, 8))


@both_backbones
@all_ways
def test_images_follow_their_label_and_nothing_else_of_the_batch(
    backbone: str, way: dict[str, str], model_of: ModelOf, one_step: OneStep
) -> None:
    model = model_of(GAN, backbone=backbone, conditioning=way, **SMALL)
    assert model.conditional
    one_step(model)  # classes of conditional batch normalisation start equal
    model.eval()
    with torch.no_grad():
        first = model.sample(ImageNoise(0, range(4)), LABELS)
        other = model.sample(ImageNoise(0, range(4)), torch.tensor([3, 1, 9, 4]))
        alone = model.sample(ImageNoise(0, [2]), torch.tensor([9]))
    changed = (first - other).abs().amax((1, 2, 3))
    assert torch.equal(changed > 1e-5, torch.tensor([False, True, False, True]))
    torch.testing.assert_close(alone[0], first[2], rtol=0, atol=1e-6)


@all_ways
def test_sampling_needs_labels(way: dict[str, str], model_of: ModelOf) -> None:
    model = model_of(GAN, conditioning=way, **SMALL)
    with pytest.raises(ValueError, match="without labels"):
        model.sample(ImageNoise(0, range(4)))


@all_ways
def test_labels_are_forgotten_after_a_step_even_a_failed_one(
    way: dict[str, str], model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(GAN, conditioning=way, **SMALL)
    layers = [m for m in model.modules() if isinstance(m, conditional.Conditioned)]
    assert len(layers) >= 2
    one_step(model)
    assert all(layer.present is None for layer in layers)

    def fail(real: Tensor, fake: Tensor) -> Tensor:
        assert all(layer.present is not None for layer in layers)
        raise RuntimeError("boom")

    monkeypatch.setattr(model, "update_generator", fail)
    with pytest.raises(RuntimeError, match="boom"):
        one_step(model)
    assert all(layer.present is None for layer in layers)


def test_every_critic_update_knows_the_classes_of_its_own_images(
    model_of: ModelOf, images_of: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_of(GAN, conditioning=WAYS[0], critic_steps=3, **SMALL)
    seen: list[tuple[Tensor, Tensor]] = []
    joins = [m for m in model.modules() if isinstance(m, JoinLabels)]
    update = model.update_critic

    def recorded(real: Tensor, fake: Tensor) -> Tensor:
        seen.append((real.clone(), torch.stack([join.condition for join in joins])))
        return update(real, fake)

    monkeypatch.setattr(model, "update_critic", recorded)
    images, labels = images_of(12), torch.arange(12) % 10
    model.train().step(Batch(images, labels), StepContext(0, 10, 100))
    assert torch.equal(torch.cat([real for real, _ in seen]), images)
    for which in (0, 1):
        assert torch.equal(torch.cat([classes[which] for _, classes in seen]), labels)


@both_backbones
@all_ways
def test_without_conditioning_a_step_is_the_plain_one(
    backbone: str, way: dict[str, str], model_of: ModelOf, one_step: OneStep
) -> None:
    def after_a_step(**settings: Any) -> dict[str, Tensor]:
        model = model_of(GAN, backbone=backbone, **SMALL, **settings)
        one_step(model)
        return model.state_dict()

    plain, reset = after_a_step(), after_a_step(conditioning=None)
    assert plain.keys() == reset.keys()
    assert all(torch.equal(plain[name], reset[name]) for name in plain)
    kept = after_a_step(conditioning=way)
    assert plain.keys() != kept.keys()


def test_a_plain_gan_has_no_trace_of_conditioning(model_of: ModelOf) -> None:
    model = model_of(GAN, **SMALL)
    assert not model.conditional
    assert type(model.generator) is dcgan.Generator
    assert type(model.critic) is dcgan.Critic
    noise = ImageNoise(0, range(4)).normal(6)
    assert torch.equal(model.sample(ImageNoise(0, range(4)), LABELS), model.generator(noise))


def test_conditional_batch_norm_starts_as_the_layer_it_replaces(model_of: ModelOf) -> None:
    plain = model_of(GAN, **SMALL)
    model = model_of(GAN, conditioning=WAYS[2], **SMALL)
    noise = torch.randn(4, 6)
    with given(LABELS, model.generator):
        images = model.generator(noise)
    torch.testing.assert_close(images, plain.generator(noise))


def test_conditional_batch_norm_scales_and_shifts_by_class() -> None:
    layer = ConditionalBatchNorm(nn.BatchNorm2d(2), 10)
    nn.init.normal_(layer.gain)
    nn.init.normal_(layer.bias)
    inputs = torch.randn(4, 2, 3, 3)
    normal = nn.BatchNorm2d(2, affine=False)(inputs)
    with given(LABELS, layer):
        outputs = layer(inputs)
    for i, label in enumerate(LABELS):
        expected = layer.gain[label, :, None, None] * normal[i] + layer.bias[label, :, None, None]
        torch.testing.assert_close(outputs[i], expected)


def test_conditional_batch_norm_can_be_frozen(watched: Watched) -> None:
    layer = ConditionalBatchNorm(nn.BatchNorm2d(2), 10)
    with watched(layer) as changed, given(LABELS, layer):
        with frozen_batch_statistics(layer):
            layer(torch.randn(4, 2, 3, 3))
        assert not changed()
        layer(torch.randn(4, 2, 3, 3))
        assert changed()


@pytest.mark.parametrize("norm", ["none", "batch", "layer", "spectral"])
@pytest.mark.parametrize("backbone", [dcgan, mlp], ids=["dcgan", "mlp"])
@pytest.mark.parametrize("size", [8, 16, 28])
def test_the_head_of_the_features_is_the_score(
    backbone: Any, norm: str, size: int, images_of: Images
) -> None:
    critic = backbone.Critic(ImageShape(3, size), 4, norm).eval()
    images = images_of(3, 3, size)
    features = critic.features(images)
    assert features.shape == (3, critic.n_features)
    torch.testing.assert_close(critic.head(features), critic(images))


def test_projection_adds_the_inner_product_of_class_and_features(images_of: Images) -> None:
    critic = ProjectionCritic(dcgan.Critic(SHAPE, 4, "none"), 10, "none")
    nn.init.normal_(critic.embedding.weight)
    images = images_of(4)
    with given(LABELS, critic):
        added = critic(images) - critic.critic(images)
    features = critic.critic.features(images)
    for i, label in enumerate(LABELS):
        torch.testing.assert_close(added[i], critic.embedding.weight[label] @ features[i])
    assert added.abs().min() > 1e-4
    nn.init.zeros_(critic.embedding.weight)
    with given(LABELS, critic):
        torch.testing.assert_close(critic(images), critic.critic(images))


def test_spectral_norm_extends_to_the_heads_for_classes(images_of: Images) -> None:
    torch.manual_seed(0)
    projection = ProjectionCritic(dcgan.Critic(SHAPE, 4, "spectral"), 10, "spectral")
    auxiliary = AuxiliaryCritic(dcgan.Critic(SHAPE, 4, "spectral"), 10, "spectral", 1.0)
    with torch.no_grad(), given(LABELS, projection, auxiliary):
        for _ in range(150):
            projection(images_of(4))
            auxiliary.judge(images_of(4), fake=True)
    for layer in (projection.embedding, auxiliary.classifier):
        layer.eval()
        sigma = torch.linalg.matrix_norm(layer.weight.detach(), 2).item()
        assert sigma == pytest.approx(1.0, abs=1e-2)
    plain = ProjectionCritic(dcgan.Critic(SHAPE, 4, "none"), 10, "none")
    assert torch.linalg.matrix_norm(plain.embedding.weight.detach(), 2) < 0.5


def test_class_loss_is_the_cross_entropy_in_nats(images_of: Images) -> None:
    critic = AuxiliaryCritic(dcgan.Critic(SHAPE, 4, "none"), 10, "none", 2.0)
    nn.init.zeros_(critic.classifier.weight)
    images = images_of(4)
    with given(LABELS, critic), torch.no_grad():
        scores, loss = critic.judge(images, fake=False)
        torch.testing.assert_close(scores, critic(images))
        assert loss.item() == pytest.approx(2.0 * math.log(10.0), rel=1e-5)
        critic.classifier.bias[3] = math.log(9.0)  # probability 1/2 for class 3, 1/18 for others
        for fake in (False, True):
            _, loss = critic.judge(images, fake=fake)
            assert loss.item() == pytest.approx(math.log(2.0) + math.log(18.0), rel=1e-5)


def test_the_classifier_adds_to_both_losses_with_its_weight(
    model_of: ModelOf, images_of: Images
) -> None:
    real, fake = images_of(4), images_of(4, seed=1)

    def losses(weight: float) -> tuple[Tensor, Tensor]:
        model = model_of(GAN, conditioning={**WAYS[1], "weight": weight}, **SMALL)
        with model.given(LABELS):
            return model.critic_loss(real, fake), model.generator_loss(real, fake)

    critic = model_of(GAN, conditioning=WAYS[1], **SMALL).critic
    assert isinstance(critic, AuxiliaryCritic)

    def class_loss(images: Tensor) -> Tensor:
        logits = critic.classifier(critic.critic.features(images))
        return nn.functional.cross_entropy(logits, LABELS)

    added = [three - zero for three, zero in zip(losses(3.0), losses(0.0), strict=True)]
    torch.testing.assert_close(added[0], 3.0 * (class_loss(real) + class_loss(fake)))
    torch.testing.assert_close(added[1], 3.0 * class_loss(fake))


def test_a_weightless_classifier_leaves_the_scores_to_themselves(
    model_of: ModelOf, one_step: OneStep
) -> None:
    weights = []
    for critic in ("auxiliary", "projection"):
        way = {"generator": "concat", "critic": critic, "weight": 0.0}
        model = model_of(GAN, conditioning=way, **SMALL)
        if isinstance(model.critic, ProjectionCritic):
            model.critic.embedding.weight.requires_grad_(False).zero_()
        one_step(model)
        weights.append(model.generator.state_dict())
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=0, atol=1e-6)


@all_ways
@pytest.mark.parametrize("penalty", [r1_penalty, gradient_penalty])
def test_penalties_see_a_function_of_images_alone(
    way: dict[str, str], penalty: Callable[..., Tensor], model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(GAN, conditioning=way, **SMALL)
    real, fake = images_of(4), images_of(4, seed=1)

    def value(labels: Tensor, repeats: int = 1) -> Tensor:
        many = real.repeat(repeats, 1, 1, 1)  # between equal images lies the image itself
        with model.given(labels.repeat(repeats)):
            return penalty(model.critic, many, many)

    torch.testing.assert_close(value(LABELS, 2), value(LABELS))  # per image, not per batch
    if way["critic"] == "projection":
        assert not torch.allclose(value(LABELS), value((LABELS + 1) % 10), rtol=1e-4)
    with model.given(LABELS):
        penalty(model.critic, real, fake).backward()
    assert any(parameter.grad is not None for parameter in model.critic.parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"conditioning": {"generator": "concat"}}, "to the generator and to the critic"),
        ({"conditioning": {"critic": "projection"}}, "to the generator and to the critic"),
        ({"conditioning": WAYS[2], "generator_norm": "none"}, "needs generator_norm: batch"),
        ({"conditioning": {"generator": "cbn", "critic": "concat"}}, "conditioning.generator"),
        ({"conditioning": {**WAYS[1], "weight": -1.0}}, "conditioning.weight"),
    ],
    ids=range(5),
)
def test_broken_conditioning_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        parse_recipe(GAN, settings, "the test")


@all_ways
def test_a_conditional_gan_learns_to_make_what_it_is_asked_for(
    way: dict[str, str], model_of: ModelOf
) -> None:
    model = model_of(
        GAN,
        backbone="mlp",
        critic_norm="none",
        width=8,
        latent_dim=8,
        optimizer={"lr": 1e-3, "betas": [0.5, 0.99]},
        penalty={"r1": 0.3},
        conditioning=way,
    )
    labels = torch.arange(32) % 2
    images = torch.full((32, 1, 8, 8), -0.9)
    images[labels == 0, :, :, :4] = 0.9
    images[labels == 1, :, :, 4:] = 0.9
    torch.manual_seed(0)
    model.train()
    for step in range(200):
        model.step(Batch(images, labels), StepContext(step, 200, 32))
    with torch.no_grad():
        made = model.eval().sample(ImageNoise(0, range(100)), torch.arange(100) % 2)
    left_minus_right = (made[..., :4] - made[..., 4:]).mean((1, 2, 3))
    assert (left_minus_right[::2] > 0.9).float().mean() > 0.9
    assert (left_minus_right[1::2] < -0.9).float().mean() > 0.9
