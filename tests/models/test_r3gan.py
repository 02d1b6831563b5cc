"""R3GAN: branches that start at zero, two penalties, no normaliser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.build import resolve_recipe
from bench.models.gan import GAN
from bench.networks.r3gan import GAIN, Block, Critic, Generator, pyramid
from bench.networks.shape import ImageShape
from bench.objectives.penalties import r1_penalty, r2_penalty
from catalog.schema import Registry

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]


def test_every_block_starts_as_the_identity() -> None:
    for network in (
        Generator(ImageShape(1, 32), 6, 8, "none"),
        Critic(ImageShape(1, 32), 8, "none"),
    ):
        blocks = [module for module in network.modules() if isinstance(module, Block)]
        assert len(blocks) == 3
        for block in blocks:
            features = torch.randn(2, 8, 4, 4)
            assert torch.equal(block(features), features)
            nn.init.ones_(block.branch[-1].weight)
            assert (block(features) - features).abs().max() > 1e-3


@pytest.mark.parametrize("n_blocks", [1, 16])
def test_the_other_weights_shrink_with_the_number_of_blocks(n_blocks: int) -> None:
    """Fixup: L to the power -1 / (2 m - 2), with m = 3 weights in a branch."""
    torch.manual_seed(0)
    block = Block(64, n_blocks, "none")
    for layer in (block.branch[0], block.branch[3]):
        fan_in = layer.weight[0].numel()
        expected = GAIN * fan_in**-0.5 * n_blocks**-0.25
        assert layer.weight.std().item() == pytest.approx(expected, rel=0.05)
        assert not layer.bias.any()


def test_the_middle_convolution_is_grouped_and_twice_as_wide() -> None:
    first, middle, last = (m for m in Block(32, 1, "none").branch if isinstance(m, nn.Conv2d))
    assert (first.out_channels, middle.groups, last.out_channels) == (64, 4, 32)
    assert (first.kernel_size, middle.kernel_size, last.kernel_size) == ((1, 1), (3, 3), (1, 1))


def test_there_is_no_normaliser(model_of: ModelOf) -> None:
    settings = {"backbone": "r3gan", "generator_norm": "none", "critic_norm": "none", "width": 8}
    model = model_of(GAN, **settings)
    kinds = (nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
    assert not any(isinstance(module, kinds) for module in model.modules())
    assert not list(model.buffers())


@pytest.mark.parametrize(
    ("size", "expected"), [(5, (1, 1, 5)), (8, (1, 2, 4)), (16, (2, 2, 4)), (28, (2, 2, 7))]
)
def test_grids_from_the_tiles_down(size: int, expected: tuple[int, int, int]) -> None:
    assert pyramid(size) == expected
    shape = ImageShape(3, size)
    images = Generator(shape, 6, 8, "none")(torch.randn(2, 6))
    assert images.shape == (2, 3, size, size)
    critic = Critic(shape, 8, "none")
    torch.testing.assert_close(critic.head(critic.features(images)), critic(images))


def test_the_critic_minimises_pairs_and_both_penalties(
    model_of: ModelOf, images_of: Images, registry: Registry
) -> None:
    recipe = resolve_recipe(registry, registry.variant("r3gan"), "digits").model_dump(mode="json")
    assert set(recipe["penalty"]) == {"r1", "r2"}
    assert recipe["loss"] == "relativistic"
    model = model_of(GAN, size=16, **recipe | {"width": 8, "penalty": {"r1": 0.3, "r2": 0.7}})
    real, fake = images_of(6, size=16), images_of(6, size=16, seed=1)
    critic = model.critic
    for parameter in critic.parameters():
        nn.init.normal_(parameter, 0.0, 0.3)  # a critic of identities has one gradient everywhere
    pairs = nn.functional.softplus(critic(fake) - critic(real)).mean()
    expected = pairs + 0.3 * r1_penalty(critic, real, fake) + 0.7 * r2_penalty(critic, real, fake)
    torch.testing.assert_close(model.critic_loss(real, fake), expected)
    assert r1_penalty(critic, real, fake) != r2_penalty(critic, real, fake)
    torch.testing.assert_close(
        model.generator_loss(real, fake),
        nn.functional.softplus(critic(real) - critic(fake)).mean(),
    )
