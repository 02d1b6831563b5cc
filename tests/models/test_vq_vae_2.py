"""VQ-VAE-2: what each grid of codes tells the next, and where gradients go."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.models.base import Batch, MeasuresItself, StepContext
from bench.models.noise import ImageNoise
from bench.models.vq_vae_2 import VQVAE2
from bench.networks.quantisers import as_vectors
from bench.networks.two_grids import coarser

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {
    "width": 8,
    "n_codes": 12,
    "code_dim": 4,
    "prior_dim": 16,
    "prior_layers": 2,
    "prior_heads": 2,
}
N_TOP, N_BOTTOM = 4, 16


@pytest.fixture
def model(model_of: ModelOf) -> VQVAE2:
    return model_of(VQVAE2, **SMALL)


@pytest.fixture
def trained(model: VQVAE2, one_step: OneStep) -> VQVAE2:
    """In evaluation mode after some updates, its priors far from their start."""
    for seed in range(3):
        one_step(model, seed=seed)
    with torch.no_grad():
        for parameter in [*model.top_prior.parameters(), *model.bottom_prior.parameters()]:
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def tokens_of(n: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(0, 12, (n, length), generator=torch.Generator().manual_seed(seed))


def has_gradient(network: nn.Module) -> bool:
    return any(p.grad is not None and bool(p.grad.any()) for p in network.parameters())


@pytest.mark.parametrize(("size", "top"), [(8, 4), (7, 4), (4, 2), (2, 1)])
def test_the_top_grid_is_half_as_wide(size: int, top: int) -> None:
    assert coarser(size) == top


@pytest.mark.parametrize(("pixels", "bottom"), [(8, 4), (16, 8), (28, 7), (32, 8)])
def test_both_grids_have_their_size(
    pixels: int, bottom: int, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(VQVAE2, 1, pixels, **SMALL)
    top, low = model.as_tokens(model.quantise(images_of(2, 1, pixels)))
    assert top.shape == (2, coarser(bottom) ** 2)
    assert low.shape == (2, bottom**2)


@pytest.mark.parametrize("grid", ["top", "bottom"])
def test_the_picture_depends_on_both_grids(grid: str, trained: VQVAE2) -> None:
    top, bottom = tokens_of(3, N_TOP), tokens_of(3, N_BOTTOM)
    images = trained.decode_tokens(top, bottom)
    other = [(top + 1) % 12, bottom] if grid == "top" else [top, (bottom + 1) % 12]
    assert ((trained.decode_tokens(*other) - images).abs().amax((1, 2, 3)) > 1e-3).all()


def test_the_bottom_codes_see_the_top_ones(trained: VQVAE2, images_of: Images) -> None:
    images = images_of(6)
    before = trained.quantise(images)
    trained.top_codebook.codes.copy_(trained.top_codebook.codes.roll(1, 0) * 5.0)
    after = trained.quantise(images)
    assert not torch.equal(before.bottom.indices, after.bottom.indices)


def test_one_loss_trains_all_of_the_autoencoder(model: VQVAE2, images_of: Images) -> None:
    """Straight through both quantisers, and never into a prior."""
    images = images_of(4)
    grids = model.quantise(images)
    model.decode_grids(grids.top.grid, grids.bottom.grid).square().mean().backward()
    for network in (model.encoder, model.down, model.up, model.joined, model.decoder):
        assert has_gradient(network)
    assert not has_gradient(model.top_prior)
    assert not has_gradient(model.bottom_prior)


def test_commitment_does_not_reach_the_decoder(model: VQVAE2, images_of: Images) -> None:
    grids = model.quantise(images_of(4))
    (grids.top.commitment + grids.bottom.commitment).backward()
    assert has_gradient(model.encoder)
    assert has_gradient(model.down)
    assert not has_gradient(model.decoder)
    assert not has_gradient(model.bottom_prior)


def test_the_priors_teach_nothing_to_the_autoencoder(model: VQVAE2, images_of: Images) -> None:
    losses = model.prior_losses(*model.as_tokens(model.quantise(images_of(4))))
    sum(losses).backward()
    assert has_gradient(model.top_prior)
    assert has_gradient(model.bottom_prior)
    for network in (model.encoder, model.down, model.up, model.joined, model.decoder):
        assert not has_gradient(network)


@pytest.mark.parametrize("j", range(N_BOTTOM))
def test_a_bottom_code_is_seen_by_later_ones_alone(j: int, trained: VQVAE2) -> None:
    top, bottom = tokens_of(1, N_TOP), tokens_of(1, N_BOTTOM)
    other = bottom.clone()
    other[0, j] = (other[0, j] + 1) % 12
    with torch.no_grad():
        moved = trained.bottom_prior(other, top) - trained.bottom_prior(bottom, top)
    seen = moved[0].abs().amax(1) > 1e-7
    assert torch.equal(seen, torch.arange(N_BOTTOM) > j)


@pytest.mark.parametrize("j", range(N_TOP))
def test_every_top_code_is_seen_below_it(j: int, trained: VQVAE2) -> None:
    """Where it stands, from the first code under it on; by no earlier rows than its neighbours'."""
    top, bottom = tokens_of(1, N_TOP), tokens_of(1, N_BOTTOM)
    other = top.clone()
    other[0, j] = (other[0, j] + 1) % 12
    with torch.no_grad():
        moved = trained.bottom_prior(bottom, other) - trained.bottom_prior(bottom, top)
    first = 8 * (j // 2) + 2 * (j % 2)
    assert (moved[0, first:].abs().amax(1) > 1e-7).all()


def test_cached_draws_are_those_of_the_full_prior(trained: VQVAE2) -> None:
    uniforms, top = torch.rand(20, N_BOTTOM), tokens_of(20, N_TOP)
    drawn = trained.bottom_prior.generate(uniforms, top)
    with torch.no_grad():
        p = torch.softmax(trained.bottom_prior(drawn, top), 2).double()
    upper = p.cumsum(2).gather(2, drawn[:, :, None])[..., 0]
    lower = upper - p.gather(2, drawn[:, :, None])[..., 0]
    assert (lower - 1e-5 <= uniforms).all()
    assert (uniforms <= upper + 1e-5).all()


def test_the_drawn_bottom_depends_on_the_top(trained: VQVAE2) -> None:
    uniforms = torch.rand(40, N_BOTTOM)
    first, second = (trained.bottom_prior.generate(uniforms, tokens_of(40, 4, s)) for s in (0, 1))
    assert not torch.equal(first, second)


def test_fresh_priors_guess(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(VQVAE2, **SMALL | {"n_codes": 64})
    tokens = model.as_tokens(model.quantise(images_of(16)))
    for loss in model.prior_losses(*tokens):
        assert loss.item() == pytest.approx(math.log(64.0), rel=0.05)


def test_both_grids_use_more_than_one_code(model: VQVAE2) -> None:
    """On images that have something to tell at either scale: a grey level and a pattern."""
    greys = torch.linspace(-0.8, 0.8, 8)[:, None, None, None].expand(8, 1, 8, 8)
    stripes = 0.2 * torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(2)
    images = greys + stripes * torch.tensor([1.0, -1.0]).repeat(4)[:, None, None, None]
    for step in range(40):
        losses = model.train().step(Batch(images, torch.arange(8)), StepContext(step, 40, 8))
    for grid in ("top", "bottom"):
        assert 2.0 <= losses[f"{grid}_codes_used"] <= 12.0
        assert 1.2 < losses[f"{grid}_perplexity"] <= losses[f"{grid}_codes_used"] + 1e-4


def test_a_code_for_every_vector_loses_nothing(model_of: ModelOf, images_of: Images) -> None:
    """With the encoder's own vectors as codes, there is nothing to commit to."""
    model, images = model_of(VQVAE2, **SMALL | {"n_codes": 64}).eval(), images_of(4)
    features = model.encoder(images).detach()
    top = model.down(features).detach()
    model.top_codebook.codes[: 4 * N_TOP].copy_(as_vectors(top))
    joined = model.joined(torch.cat([features, model.up(top)], 1)).detach()
    model.bottom_codebook.codes.copy_(as_vectors(joined))
    grids = model.quantise(images)
    assert grids.top.commitment.item() == pytest.approx(0.0, abs=1e-10)
    assert grids.bottom.commitment.item() == pytest.approx(0.0, abs=1e-10)
    torch.testing.assert_close(model.reconstruct(images), model.decode_grids(top, joined))


def test_samples_are_decoded_draws_of_both_priors(trained: VQVAE2) -> None:
    noise = ImageNoise(5, range(3))
    top = trained.top_prior.generate(noise.uniform(N_TOP))
    bottom = trained.bottom_prior.generate(noise.uniform(N_BOTTOM), top)
    drawn = trained.sample(ImageNoise(5, range(3)))
    assert torch.equal(drawn, trained.decode_tokens(top, bottom))


def test_it_measures_its_priors_on_unseen_images(trained: VQVAE2, images_of: Images) -> None:
    assert isinstance(trained, MeasuresItself)
    images = images_of(12)
    with torch.no_grad():
        measured = trained.measure(images, torch.zeros(12))
        top, bottom = trained.as_tokens(trained.quantise(images))
        losses = trained.prior_losses(top, bottom)
    assert measured["top_nats_per_token"] == pytest.approx(losses[0].item(), rel=1e-5)
    assert measured["bottom_nats_per_token"] == pytest.approx(losses[1].item(), rel=1e-5)
    assert measured["top_codes_used"] == len(top.unique())
    assert measured["bottom_codes_used"] == len(bottom.unique())
