"""BigGAN: chunks of noise, one embedding for all blocks, orthogonal weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.biggan import BigGAN
from bench.networks.biggan import Critic, Generator, ModulatedBatchNorm, chunk_sizes
from bench.networks.parts import given
from bench.networks.shape import ImageShape
from bench.objectives.regularisers import off_diagonal_gram, orthogonal_penalty

ModelOf = Callable[..., Any]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 8, "latent_dim": 9}


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(ImageShape(1, 16), 9, 8, n_classes=10, embedding_dim=5).eval()


@pytest.mark.parametrize(
    ("length", "n", "sizes"), [(9, 3, [3, 3, 3]), (11, 3, [5, 3, 3]), (3, 3, [1, 1, 1])]
)
def test_chunks_cover_the_noise(length: int, n: int, sizes: list[int]) -> None:
    assert chunk_sizes(length, n) == sizes


def test_too_little_noise_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be cut into 3 chunks"):
        chunk_sizes(2, 3)


def test_each_chunk_reaches_its_block_and_no_earlier_one(generator: Generator) -> None:
    inputs: list[Tensor] = []
    for block in generator.blocks:
        block.register_forward_pre_hook(lambda _, args: inputs.extend(args))
    noise, labels = torch.randn(2, 9), torch.tensor([3, 7])
    with given(labels, generator):
        generator(noise)
    features, first, _, second = inputs
    embedded = generator.embedding(labels)
    torch.testing.assert_close(first, torch.cat([embedded, noise[:, 3:6]], 1))
    torch.testing.assert_close(second, torch.cat([embedded, noise[:, 6:9]], 1))
    changed = torch.cat([noise[:, :3], noise[:, 3:] + 1], 1)
    with given(labels, generator):
        generator(changed)
    assert torch.equal(inputs[4], features)  # what enters the first block sees the first chunk
    assert not torch.equal(inputs[6], inputs[2])


@pytest.mark.parametrize("index", [0, 1])
def test_the_shared_embedding_learns_from_every_block(index: int, generator: Generator) -> None:
    """The other block's condition is cut from the graph, so what is left came through this one."""
    for number, block in enumerate(generator.blocks):
        if number != index:
            block.register_forward_pre_hook(lambda _, args: (args[0], args[1].detach()))
    with given(torch.tensor([3, 7]), generator):
        generator(torch.randn(2, 9)).square().sum().backward()
    gradient = generator.embedding.weight.grad
    assert gradient is not None
    assert gradient.abs().sum(1).nonzero().flatten().tolist() == [3, 7]


def test_modulation_starts_from_gain_one() -> None:
    layer, features = ModulatedBatchNorm(4, 6), torch.randn(8, 4, 3, 3)
    plain = nn.BatchNorm2d(4, affine=False)(features)
    torch.testing.assert_close(layer(features, torch.zeros(8, 6)), plain)
    condition = torch.randn(8, 6)
    gain, bias = layer.gain(condition), layer.bias(condition)
    expected = (1 + gain)[:, :, None, None] * plain + bias[:, :, None, None]
    torch.testing.assert_close(layer(features, condition), expected)


def test_orthogonal_penalty_by_hand() -> None:
    weight = torch.tensor([[1.0, 0.0], [2.0, 3.0]])
    assert off_diagonal_gram(weight).item() == pytest.approx(8.0)
    orthonormal = torch.linalg.qr(torch.randn(6, 6, dtype=torch.float64)).Q[:4]
    assert off_diagonal_gram(orthonormal).item() == pytest.approx(0.0, abs=1e-20)
    assert off_diagonal_gram(5 * orthonormal).item() == pytest.approx(0.0, abs=1e-20)
    kernel = weight.view(2, 1, 1, 2)
    assert orthogonal_penalty([kernel, weight]).item() == pytest.approx(16.0)


def test_networks_start_orthogonal(model_of: ModelOf) -> None:
    model = model_of(BigGAN, size=16, **SMALL)
    wide = [w for w in model.regularised_weights() if len(w) <= w[0].numel()]
    assert len(wide) > 5
    for weight in wide:
        assert off_diagonal_gram(weight).item() == pytest.approx(0.0, abs=1e-8)


def test_the_penalty_is_of_all_matrices_but_the_embedding(model_of: ModelOf) -> None:
    model = model_of(BigGAN, size=16, orthogonal=0.5, **SMALL)
    free = model_of(BigGAN, size=16, orthogonal=0.0, **SMALL)
    names = {id(p): name for name, p in model.generator.named_parameters()}
    regularised = {names[id(weight)] for weight in model.regularised_weights()}
    assert "embedding.weight" not in regularised
    assert {"first.parametrizations.weight.original"} < regularised
    with torch.no_grad():
        for network in (model.generator, free.generator):
            for parameter in network.parameters():
                parameter.add_(0.1)
    labels, noise = torch.arange(4), torch.randn(4, 9)
    losses = []
    for each in (model, free):
        each.eval()
        with each.given(labels), torch.no_grad():
            fake = each.generator(noise)
            losses.append(each.generator_loss(fake, fake))
    expected = 0.5 * orthogonal_penalty(model.regularised_weights())
    torch.testing.assert_close(losses[0] - losses[1], expected)


def test_one_step_is_two_critic_updates_and_one_of_the_generator(
    model_of: ModelOf, one_step: OneStep
) -> None:
    model = model_of(BigGAN, **SMALL)
    assert model.batches_per_step == 2
    one_step(model)
    counts = {
        name: {state["step"].item() for state in optimizer.state.values()}
        for name, optimizer in model.optimizers().items()
    }
    assert counts == {"generator": {1}, "critic": {2}}


def test_the_critics_head_is_linear_in_its_features() -> None:
    torch.manual_seed(0)
    critic, images = Critic(ImageShape(1, 16), 8, "spectral").eval(), torch.randn(3, 1, 16, 16)
    torch.testing.assert_close(critic.head(critic.features(images)), critic(images))
