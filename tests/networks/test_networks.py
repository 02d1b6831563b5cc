"""Backbones: shapes at every size, normalisation, and the causal transformer's identities."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import case
from scipy.stats import chi2
from torch import Tensor, nn

from bench.networks import affine, autoencoder, began, dcgan, mlp, quantised, resnet
from bench.networks.parts import frozen_batch_statistics
from bench.networks.shape import ImageShape, halvings, halvings_to_reach
from bench.networks.transformer import CausalTransformer

Images = Callable[..., Tensor]
Watched = Callable[..., Any]

SHAPES = [ImageShape(channels, size) for size in (8, 16, 28, 32) for channels in (1, 3)]
BACKBONES = [affine, dcgan, mlp, resnet, began]
all_shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)
all_backbones = pytest.mark.parametrize(
    "backbone", BACKBONES, ids=lambda module: module.__name__.rpartition(".")[2]
)


def of_shape(images_of: Images, shape: ImageShape, n: int = 3) -> Tensor:
    return images_of(n, shape.channels, shape.size)


@pytest.mark.parametrize(("size", "count"), [(4, 0), (8, 1), (16, 2), (28, 2), (32, 3), (9, 0)])
def test_halvings(size: int, count: int) -> None:
    assert halvings(size, 4) == count


@pytest.mark.parametrize(("size", "count"), [(8, 0), (16, 1), (28, 2), (32, 2), (9, 0), (18, 1)])
def test_halvings_to_reach(size: int, count: int) -> None:
    assert halvings_to_reach(size, 8) == count


@pytest.mark.parametrize(("size", "grid"), [(8, 4), (16, 8), (28, 7), (32, 8), (9, 9)])
def test_latent_grid(size: int, grid: int) -> None:
    assert quantised.grid_size(ImageShape(1, size)) == grid


@all_backbones
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_generator_makes_images(backbone: Any, norm: str) -> None:
    for shape in SHAPES:
        with case(shape):
            torch.manual_seed(0)
            images = backbone.Generator(shape, 5, 4, norm)(torch.randn(3, 5))
            assert images.shape == (3, shape.channels, shape.size, shape.size)
            assert images.abs().max() <= 1.0
            assert images.std() > 0.0


@all_backbones
@pytest.mark.parametrize("norm", ["none", "batch", "layer", "spectral"])
def test_critic_gives_one_score_an_image(backbone: Any, norm: str, images_of: Images) -> None:
    for shape in SHAPES:
        with case(shape):
            scores = backbone.Critic(shape, 4, norm)(of_shape(images_of, shape))
            assert scores.shape == (3,)
            assert len(scores.unique()) == 3


@pytest.mark.parametrize("backbone", [affine, dcgan, mlp, resnet], ids=lambda m: m.__name__)
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
@pytest.mark.parametrize("shift", [-50.0, 50.0])
def test_scores_are_raw(backbone: Any, norm: str, shift: float, images_of: Images) -> None:
    critic = backbone.Critic(ImageShape(1, 8), 4, norm).eval()
    images = images_of(4)
    before = critic(images)
    *_, bias = critic.parameters()
    with torch.no_grad():
        bias.add_(shift)
    torch.testing.assert_close(critic(images), before + shift)  # no sigmoid stands behind it


@all_backbones
@pytest.mark.parametrize("norm", ["none", "layer", "spectral"])
def test_critics_without_batch_norm_treat_images_independently(
    backbone: Any, norm: str, images_of: Images
) -> None:
    critic = backbone.Critic(ImageShape(1, 16), 4, norm).eval()
    images = images_of(4, 1, 16)
    torch.testing.assert_close(critic(images)[:1], critic(images[:1]))


def test_batch_norm_couples_the_images_of_a_batch(images_of: Images) -> None:
    critic = dcgan.Critic(ImageShape(1, 16), 4, "batch")
    images = images_of(4, 1, 16)
    assert (critic(images)[:2] - critic(images[:2])).abs().max() > 1e-3


@all_shapes
def test_autoencoder_networks(shape: ImageShape, images_of: Images) -> None:
    latents = autoencoder.Encoder(shape, 4, 6)(of_shape(images_of, shape))
    assert latents.shape == (3, 6)
    images = autoencoder.Decoder(shape, 4, 6)(latents)
    assert images.shape == (3, shape.channels, shape.size, shape.size)


@all_shapes
def test_quantised_networks(shape: ImageShape, images_of: Images) -> None:
    side = quantised.grid_size(shape)
    grid = quantised.GridEncoder(shape, 4, 5)(of_shape(images_of, shape))
    assert grid.shape == (3, 5, side, side)
    images = quantised.GridDecoder(shape, 4, 5)(grid)
    assert images.shape == (3, shape.channels, shape.size, shape.size)


@pytest.mark.parametrize(
    "network",
    [
        dcgan.Generator(ImageShape(3, 16), 8, 32, "batch"),
        dcgan.Critic(ImageShape(3, 16), 32, "batch"),
    ],
    ids=["generator", "critic"],
)
def test_dcgan_initialisation_and_layout(network: nn.Module) -> None:
    convolutions = [m for m in network.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    weights = torch.cat([m.weight.detach().flatten() for m in convolutions])
    assert weights.std().item() == pytest.approx(0.02, rel=0.03)
    assert weights.mean().item() == pytest.approx(0.0, abs=1e-3)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    next_to_pixels = convolutions[-1] if isinstance(network, dcgan.Generator) else convolutions[0]
    assert next_to_pixels.bias is not None  # not followed by a normaliser that would undo it
    assert len(norms) == (len(convolutions) - 1 if isinstance(network, dcgan.Generator) else 1)


@all_backbones
def test_spectral_norm_makes_the_largest_singular_value_one(backbone: Any) -> None:
    torch.manual_seed(0)
    critic = backbone.Critic(ImageShape(3, 16), 8, "spectral")
    with torch.no_grad():
        for parameter in critic.parameters():
            parameter.mul_(3.0)  # the norm is of the weights as they are now, not as they were
        layers = [m for m in critic.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
        assert len(layers) >= (1 if backbone is affine else 3)
        for layer in layers * 1000:
            _ = layer.weight  # every use in training is one power iteration
    critic.eval()
    for layer in layers:
        sigma = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2).item()
        assert sigma == pytest.approx(1.0, abs=1e-3)


def test_frozen_batch_statistics_are_frozen_and_given_back(watched: Watched) -> None:
    generator = dcgan.Generator(ImageShape(1, 16), 5, 4, "batch")
    noise = torch.randn(6, 5)
    layer = next(m for m in generator.modules() if isinstance(m, nn.BatchNorm2d))
    buffer = layer.running_mean
    with watched(generator) as changed:
        with frozen_batch_statistics(generator):
            frozen = generator(noise)
        assert not changed()
        assert torch.equal(generator(noise), frozen)  # batch statistics are used either way
        assert changed()
    assert layer.running_mean is buffer
    assert layer.num_batches_tracked == 1


def test_frozen_batch_statistics_come_back_after_an_error() -> None:
    generator = dcgan.Generator(ImageShape(1, 16), 5, 4, "batch")
    with pytest.raises(RuntimeError, match="boom"), frozen_batch_statistics(generator):
        raise RuntimeError("boom")
    generator(torch.randn(6, 5))
    layer = next(m for m in generator.modules() if isinstance(m, nn.BatchNorm2d))
    assert layer.running_mean is not None
    assert layer.num_batches_tracked == 1


def transformer(n_tokens: int, length: int, scale: float = 1.0) -> CausalTransformer:
    """A small one whose conditional distributions are as uneven as ``scale`` makes them."""
    torch.manual_seed(0)
    network = CausalTransformer(n_tokens, length, dim=16, n_layers=2, n_heads=2)
    with torch.no_grad():
        for parameter in (network.head.weight, network.embedding.weight, network.position):
            parameter.mul_(scale)
    return network.eval()


@pytest.mark.parametrize("position", range(6))
def test_logits_see_only_earlier_tokens(position: int) -> None:
    network = transformer(7, 6, scale=20.0)
    tokens = torch.randint(0, 7, (4, 6), generator=torch.Generator().manual_seed(1))
    changed = tokens.clone()
    changed[:, position] = (changed[:, position] + 1) % 7
    before, after = network(tokens), network(changed)
    assert torch.equal(before[:, : position + 1], after[:, : position + 1])
    for later in range(position + 1, 6):
        assert (before[:, later] - after[:, later]).abs().max() > 1e-4


def test_tokens_are_names_and_not_quantities() -> None:
    """Another numbering of the vocabulary, told to both ends, changes nothing but the numbers."""
    network = transformer(7, 6, scale=20.0)
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(0, 7, (4, 6), generator=generator)
    logits, number = network(tokens), torch.randperm(7, generator=generator)
    with torch.no_grad():
        for table in (network.embedding.weight, network.head.weight, network.head.bias):
            table[number] = table.clone()
    torch.testing.assert_close(network(number[tokens])[..., number], logits, rtol=1e-4, atol=1e-5)
    assert (network(tokens) - logits).abs().max() > 1e-2


def test_cached_generation_inverts_the_distributions_of_the_full_pass() -> None:
    network = transformer(9, 8, scale=20.0)
    uniforms = torch.rand(64, 8, generator=torch.Generator().manual_seed(2))
    tokens = network.generate(uniforms)
    cumulative = network(tokens).softmax(2).cumsum(2)  # (N, T, V)
    upper = cumulative.gather(2, tokens[..., None])[..., 0]
    lower = upper - network(tokens).softmax(2).gather(2, tokens[..., None])[..., 0]
    assert (uniforms <= upper + 1e-5).all()
    assert (uniforms >= lower - 1e-5).all()
    assert len(tokens.unique()) > 3


def test_generation_is_row_by_row() -> None:
    network = transformer(9, 8, scale=20.0)
    uniforms = torch.rand(16, 8, generator=torch.Generator().manual_seed(2))
    assert torch.equal(network.generate(uniforms)[3:4], network.generate(uniforms[3:4]))


def test_generated_sequences_follow_the_model() -> None:
    network = transformer(3, 2, scale=30.0)
    n = 20_000
    uniforms = torch.rand(n, 2, generator=torch.Generator().manual_seed(3))
    counts = torch.bincount(network.generate(uniforms) @ torch.tensor([3, 1]), minlength=9)
    sequences = torch.tensor([(a, b) for a in range(3) for b in range(3)])
    conditionals = network(sequences).log_softmax(2).gather(2, sequences[..., None])
    expected = n * conditionals.sum((1, 2)).exp()
    assert expected.sum().item() == pytest.approx(n, rel=1e-4)
    assert expected.max() > 2.0 * expected.min()  # uneven enough to tell it from uniform
    statistic = ((counts - expected).square() / expected).sum().item()
    assert chi2.ppf(0.001, 8) < statistic < chi2.ppf(0.999, 8)


@pytest.mark.parametrize(("uniform", "token"), [(0.0, 0), (1.0 - 2.0**-24, 4)])
def test_extreme_draws_are_tokens(uniform: float, token: int) -> None:
    network = transformer(5, 3)
    assert network.generate(torch.full((1, 3), uniform)).tolist() == [[token] * 3]


def test_loss_of_a_fresh_transformer_is_that_of_guessing() -> None:
    torch.manual_seed(0)
    network = CausalTransformer(64, 16, dim=64, n_layers=3, n_heads=4)
    tokens = torch.randint(0, 64, (32, 16))
    loss = nn.functional.cross_entropy(network(tokens).flatten(0, 1), tokens.flatten())
    assert loss.item() == pytest.approx(math.log(64.0), rel=0.02)
