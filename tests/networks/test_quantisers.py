"""Finite scalar quantisation, the restart of unused codes, and the grid they work on."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from bench.models.base import Batch, StepContext
from bench.models.noise import ImageNoise
from bench.models.vq import FSQVAE, VQVAE, FSQVAERecipe, codes_used
from bench.networks.quantised import GridEncoder, grid_size
from bench.networks.quantisers import (
    AveragedCodebook,
    FiniteScalar,
    as_grid,
    as_vectors,
)
from bench.networks.shape import ImageShape

ModelOf = Callable[..., FSQVAE | VQVAE]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 8, "prior_dim": 16, "prior_layers": 1, "prior_heads": 2}
LEVELS = [(8, 6, 5), (3,), (2, 7), (5, 5, 5), (4, 4)]
all_levels = pytest.mark.parametrize("levels", LEVELS, ids=str)


def wide_grid(n_channels: int, n: int = 40) -> Tensor:
    """Vectors far beyond and close to the origin, (n, D, 4, 4)."""
    generator = torch.Generator().manual_seed(0)
    return 3.0 * torch.randn(n, n_channels, 4, 4, generator=generator)


def level_values(count: int) -> list[float]:
    """What a channel of ``count`` levels may hold: one step is 1 / (count // 2)."""
    return [(digit - count // 2) / (count // 2) for digit in range(count)]


def test_vectors_and_grids_are_inverse() -> None:
    grid = torch.randn(3, 5, 4, 4)
    vectors = as_vectors(grid)
    assert torch.equal(vectors[16 + 4 * 1 + 2], grid[1, :, 1, 2])  # second image, row 1, column 2
    assert torch.equal(as_grid(vectors, 4), grid)
    assert as_grid(vectors[:0], 4).shape == (0, 5, 4, 4)


@all_levels
def test_values_lie_on_the_levels_and_all_levels_are_reached(levels: tuple[int, ...]) -> None:
    values = as_vectors(FiniteScalar(levels)(wide_grid(len(levels), 400)).grid)
    for channel, count in enumerate(levels):
        found = values[:, channel].unique()
        expected = torch.tensor(level_values(count))
        nearest = (found[:, None] - expected).abs().min(1)
        assert nearest.values.max() < 1e-6
        assert nearest.indices.tolist() == list(range(count))


@all_levels
def test_the_outermost_levels_are_never_passed(levels: tuple[int, ...]) -> None:
    quantiser = FiniteScalar(levels)
    extreme = torch.tensor([[-1e4], [1e4]]).expand(2, len(levels))
    low, high = quantiser.lookup(quantiser.indices(extreme))
    assert low.tolist() == [-1.0] * len(levels)
    for value, count in zip(high.tolist(), levels, strict=True):
        assert value == pytest.approx(level_values(count)[-1])


@all_levels
def test_every_code_survives_the_round_trip(levels: tuple[int, ...]) -> None:
    quantiser = FiniteScalar(levels)
    assert quantiser.n_codes == math.prod(levels)
    every = torch.arange(quantiser.n_codes)
    values = quantiser.lookup(every)
    assert len(values.unique(dim=0)) == quantiser.n_codes
    # vectors that the bound takes to the middle of a level
    rounded = values * quantiser.levels.div(2, rounding_mode="floor")
    shift = torch.atanh(quantiser.offset / quantiser.half_range)
    inside = torch.atanh((rounded + quantiser.offset) / quantiser.half_range) - shift
    assert torch.equal(quantiser.indices(inside), every)


@all_levels
def test_codes_of_indices_are_what_the_decoder_saw(levels: tuple[int, ...]) -> None:
    quantiser = FiniteScalar(levels)
    grid = wide_grid(len(levels))
    quantised = quantiser(grid)
    assert torch.equal(quantised.indices, quantiser.indices(as_vectors(grid)))
    looked_up = as_grid(quantiser.lookup(quantised.indices), grid.shape[2])
    torch.testing.assert_close(looked_up, quantised.grid, rtol=0, atol=1e-6)
    assert quantised.commitment.item() == 0.0


@all_levels
def test_rounding_is_the_nearest_code_of_the_implied_codebook(levels: tuple[int, ...]) -> None:
    finite = FiniteScalar(levels)
    codebook = AveragedCodebook(finite.n_codes, len(levels), 0.9)
    half = finite.levels.div(2, rounding_mode="floor")
    codebook.codes.copy_(finite.lookup(torch.arange(finite.n_codes)) * half)
    vectors = as_vectors(wide_grid(len(levels)))
    assert torch.equal(codebook.indices(finite.bound(vectors)), finite.indices(vectors))


@all_levels
def test_the_origin_stays_and_the_bound_rises(levels: tuple[int, ...]) -> None:
    quantiser = FiniteScalar(levels)
    zero = torch.zeros(1, len(levels))
    torch.testing.assert_close(quantiser.bound(zero), zero, rtol=0, atol=1e-5)
    line = torch.linspace(-2.0, 2.0, 50)[:, None].expand(50, len(levels))
    assert (quantiser.bound(line).diff(dim=0) > 0.0).all()


def test_the_gradient_is_the_decoders_through_the_bound() -> None:
    quantiser = FiniteScalar((8, 5))
    grid = torch.randn(2, 2, 4, 4, requires_grad=True)
    upstream = torch.randn(2, 2, 4, 4)
    quantiser(grid).grid.backward(upstream)
    shift = torch.atanh(quantiser.offset / quantiser.half_range)[:, None, None]
    slope = (1.0 - torch.tanh(grid.detach() + shift).square()) * quantiser.half_range[:, None, None]
    expected = upstream * slope / torch.tensor([4.0, 2.0])[:, None, None]
    assert grid.grad is not None
    torch.testing.assert_close(grid.grad, expected)


def test_finite_scalars_learn_and_keep_nothing() -> None:
    quantiser = FiniteScalar((5, 5))
    assert not list(quantiser.parameters())
    assert not quantiser.state_dict()
    before = quantiser.lookup(torch.arange(25))
    quantiser.train()(wide_grid(2))
    assert torch.equal(quantiser.lookup(torch.arange(25)), before)


@pytest.mark.parametrize("levels", [[], [1, 5]])
def test_levels_that_quantise_nothing_are_refused(levels: list[int]) -> None:
    with pytest.raises(ValidationError):
        FSQVAERecipe(levels=tuple(levels))


def test_reconstruction_is_all_that_fsq_descends(
    model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bench.models.vq

    descended: list[Tensor] = []
    monkeypatch.setattr(bench.models.vq, "descend", lambda loss, _: descended.append(loss))
    losses = one_step(model_of(FSQVAE, **SMALL))
    assert torch.equal(descended[0].detach(), losses["reconstruction"])
    assert torch.equal(descended[1].detach(), losses["prior"])


def test_fsq_samples_are_decoded_draws_of_its_prior(model_of: ModelOf) -> None:
    model = model_of(FSQVAE, levels=[4, 3], **SMALL).eval()
    assert model.prior.head.out_features == 12
    tokens = model.prior.generate(ImageNoise(5, range(3)).uniform(16))
    assert torch.equal(model.sample(ImageNoise(5, range(3))), model.decode_tokens(tokens))


def test_fsq_and_vq_share_everything_but_the_quantiser(
    model_of: ModelOf, one_step: OneStep, images_of: Images
) -> None:
    """With the same quantiser the two rows make the same first update, bit for bit."""
    finite = model_of(FSQVAE, levels=[4, 4, 4], **SMALL)
    vector = model_of(VQVAE, n_codes=64, code_dim=3, **SMALL)
    vector.load_state_dict({**vector.state_dict(), **finite.state_dict()})
    vector.codebook = FiniteScalar((4, 4, 4))
    one_step(finite)
    one_step(vector)
    for network in ("encoder", "decoder", "prior"):
        mine, theirs = finite.get_submodule(network), vector.get_submodule(network)
        assert all(map(torch.equal, mine.parameters(), theirs.parameters()))
    assert torch.equal(finite.reconstruct(images_of(2)), vector.reconstruct(images_of(2)))
    averaged = model_of(VQVAE, n_codes=64, code_dim=3, **SMALL)
    one_step(averaged)
    for network in ("encoder", "decoder", "prior"):
        mine, theirs = finite.get_submodule(network), averaged.get_submodule(network)
        assert not all(map(torch.equal, mine.parameters(), theirs.parameters()))


def codebook_with_dead_codes(restart_below: float) -> tuple[AveragedCodebook, Tensor]:
    codebook = AveragedCodebook(4, 2, 0.9, restart_below)
    codebook.started.fill_(True)
    codebook.codes.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0], [90.0, 90.0], [80.0, 80.0]]))
    codebook.counts.copy_(torch.tensor([8.0, 2.0, 1.9, 0.0]))
    codebook.sums.copy_(codebook.codes * codebook.counts[:, None])
    return codebook, torch.randn(20, 2)


def test_only_unused_codes_restart_at_vectors_of_the_batch() -> None:
    codebook, vectors = codebook_with_dead_codes(2.0)
    before = codebook.codes.clone()
    codebook.restart(vectors)
    assert torch.equal(codebook.codes[:2], before[:2])
    assert all((vectors == code).all(1).any() for code in codebook.codes[2:])
    assert codebook.counts.tolist() == [8.0, 2.0, 2.0, 2.0]
    torch.testing.assert_close(codebook.sums / codebook.counts[:, None], codebook.codes)


def test_without_a_threshold_nothing_restarts_and_nothing_is_drawn() -> None:
    codebook, vectors = codebook_with_dead_codes(0.0)
    before, generator = codebook.codes.clone(), torch.get_rng_state()
    codebook.restart(vectors)
    assert torch.equal(codebook.codes, before)
    assert torch.equal(torch.get_rng_state(), generator)


def test_restarts_happen_in_training_alone(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(VQVAE, n_codes=12, code_dim=4, restart_below=1.0e9, **SMALL)
    model.autoencoder_losses(images_of(4))
    assert (model.codebook.counts == 1.0e9).all()
    before = model.codebook.codes.clone()
    model.eval()
    model.autoencoder_losses(images_of(4, seed=1))
    assert torch.equal(model.codebook.codes, before)


def test_restarting_brings_codes_to_an_encoder_that_moved() -> None:
    """Codes start where the encoder first was; without restarts most of them stay there."""

    def used(restart_below: float) -> float:
        torch.manual_seed(0)
        codebook = AveragedCodebook(16, 2, 0.9, restart_below).train()
        codebook(0.01 * torch.randn(8, 2, 4, 4))
        for _ in range(60):
            codebook(10.0 + torch.randn(8, 2, 4, 4))
        return codes_used(codebook.indices(10.0 + torch.randn(500, 2)), 16).item()

    assert used(1.0) >= 14.0
    assert used(0.0) <= 4.0


@pytest.mark.parametrize(
    ("size", "largest", "expected"),
    [(16, 8, 8), (16, 4, 4), (32, 4, 4), (28, 4, 7), (8, 4, 4), (8, 8, 4), (15, 4, 15)],
)
def test_the_grid_is_halved_until_it_is_small_enough(
    size: int, largest: int, expected: int
) -> None:
    shape = ImageShape(1, size)
    assert grid_size(shape, largest) == expected
    grid = GridEncoder(shape, 8, 3, largest)(torch.zeros(2, 1, size, size))
    assert grid.shape == (2, 3, expected, expected)


def test_a_smaller_grid_reaches_prior_and_decoder(model_of: ModelOf) -> None:
    model = model_of(VQVAE, size=16, largest_grid=4, **SMALL)
    assert model.prior.length == 16
    losses = model.step(Batch(torch.zeros(4, 1, 16, 16), torch.zeros(4)), StepContext(0, 1, 4))
    assert torch.isfinite(losses["reconstruction"])
    assert model.eval().sample(ImageNoise(0, range(2))).shape == (2, 1, 16, 16)


@pytest.mark.parametrize(("indices", "expected"), [([3, 3, 3], 1.0), ([0, 7, 7, 2], 3.0)])
def test_codes_used(indices: list[int], expected: float) -> None:
    assert codes_used(torch.tensor(indices), 8).item() == expected
