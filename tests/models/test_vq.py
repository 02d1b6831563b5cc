"""VQ-VAE: where gradients go, what the codebook converges to, and the order of codes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.models.noise import ImageNoise
from bench.models.vq import FSQVAE, VQVAE, perplexity
from bench.networks.quantisers import AveragedCodebook, as_vectors

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Watched = Callable[..., Any]

SMALL = {
    "width": 8,
    "n_codes": 12,
    "code_dim": 4,
    "prior_dim": 16,
    "prior_layers": 1,
    "prior_heads": 2,
}


@pytest.fixture
def model(model_of: ModelOf) -> VQVAE:
    return model_of(VQVAE, **SMALL)


def has_gradient(network: torch.nn.Module) -> bool:
    return any(p.grad is not None and bool(p.grad.any()) for p in network.parameters())


def test_reconstruction_gradient_passes_straight_through(model: VQVAE, images_of: Images) -> None:
    grids: list[Tensor] = []

    def keep_output(_: Any, __: Any, output: Tensor) -> None:
        output.retain_grad()
        grids.append(output)

    def keep_input(_: Any, args: tuple[Tensor]) -> None:
        args[0].retain_grad()
        grids.append(args[0])

    model.encoder.register_forward_hook(keep_output)
    model.decoder.register_forward_pre_hook(keep_input)
    reconstruction, _, _ = model.autoencoder_losses(images_of(4))
    reconstruction.backward()
    encoded, decoded = grids
    assert encoded.grad is not None
    assert decoded.grad is not None
    assert encoded.grad.any()
    assert torch.equal(encoded.grad, decoded.grad)
    assert not torch.allclose(encoded, decoded)  # the decoder saw codes, not the encoder's output


def test_the_decoder_sees_codes(model: VQVAE, images_of: Images) -> None:
    seen: list[Tensor] = []
    model.decoder.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    model.train()
    model.autoencoder_losses(images_of(4))
    model.eval()
    _, _, indices = model.autoencoder_losses(images_of(4))
    vectors = seen[1].permute(0, 2, 3, 1).flatten(0, 2)
    torch.testing.assert_close(vectors, model.codebook.codes[indices], rtol=1e-5, atol=1e-6)


def test_commitment_reaches_the_encoder_alone(model: VQVAE, images_of: Images) -> None:
    _, commitment, _ = model.autoencoder_losses(images_of(4))
    commitment.backward()
    assert has_gradient(model.encoder)
    assert not has_gradient(model.decoder)
    assert not has_gradient(model.prior)
    assert not model.codebook.codes.requires_grad


def test_commitment_pulls_the_encoder_towards_its_codes(model: VQVAE, images_of: Images) -> None:
    images = images_of(4)
    model.autoencoder_losses(images)
    model.eval()
    grid = model.encoder(images).detach()
    vectors = grid.permute(0, 2, 3, 1).flatten(0, 2)
    _, commitment, indices = model.autoencoder_losses(images)
    expected = (vectors - model.codebook.codes[indices]).square().mean()
    torch.testing.assert_close(commitment.detach(), expected)


def test_a_code_for_every_vector_makes_it_a_plain_autoencoder(
    model_of: ModelOf, images_of: Images
) -> None:
    """Without loss in between: the same error, the same gradients, nothing to commit to."""
    model, images = model_of(VQVAE, **SMALL | {"n_codes": 4 * 16}).eval(), images_of(4)

    def gradients(loss: Tensor) -> list[Tensor]:
        networks = [*model.encoder.parameters(), *model.decoder.parameters()]
        return list(torch.autograd.grad(loss, networks))

    plain = (torch.tanh(model.decoder(model.encoder(images))) - images).square().mean()
    expected = gradients(plain)
    coarse, commitment, _ = model.autoencoder_losses(images)
    assert commitment.item() > 1e-3
    assert not all(map(torch.allclose, gradients(coarse), expected))
    model.codebook.codes.copy_(as_vectors(model.encoder(images).detach()))
    exact, commitment, _ = model.autoencoder_losses(images)
    assert commitment.item() == pytest.approx(0.0, abs=1e-12)
    torch.testing.assert_close(exact, plain)
    for actual, gradient in zip(gradients(exact), expected, strict=True):
        torch.testing.assert_close(actual, gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("algorithm", [VQVAE, FSQVAE])
def test_the_reconstruction_term_is_the_error_of_the_reconstruction(
    algorithm: type, model_of: ModelOf, images_of: Images, one_step: OneStep
) -> None:
    """In one range of pixels: decoded images are scored as they are shown."""
    settings = {name: value for name, value in SMALL.items() if name != "n_codes"}
    settings.pop("code_dim")
    model = model_of(algorithm, **settings)
    one_step(model)
    model.eval()
    images = images_of(4)
    reconstruction, _, _ = model.autoencoder_losses(images)
    error = (model.reconstruct(images) - images).square().mean()
    torch.testing.assert_close(reconstruction, error)


def test_the_prior_teaches_nothing_to_the_autoencoder(model: VQVAE, images_of: Images) -> None:
    _, _, indices = model.autoencoder_losses(images_of(4))
    model.prior_loss(indices.view(4, -1)).backward()
    assert has_gradient(model.prior)
    assert not has_gradient(model.encoder)
    assert not has_gradient(model.decoder)


@pytest.mark.parametrize("beta", [0.25, 2.0])
def test_the_commitment_weight_is_on_the_commitment(
    beta: float, model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bench.models.vq

    descended: list[Tensor] = []
    monkeypatch.setattr(bench.models.vq, "descend", lambda loss, _: descended.append(loss))
    losses = one_step(model_of(VQVAE, commitment=beta, **SMALL))
    torch.testing.assert_close(
        descended[0].detach(), losses["reconstruction"] + beta * losses["commitment"]
    )
    torch.testing.assert_close(descended[1].detach(), losses["prior"])


def test_a_step_moves_every_group(model: VQVAE, one_step: OneStep, watched: Watched) -> None:
    groups = [model.encoder, model.decoder, model.codebook, model.prior]
    for group in groups:
        with watched(group) as changed:
            one_step(model)
            assert changed()
    held = [
        {id(p) for group in optimizer.param_groups for p in group["params"]}
        for optimizer in model.optimizers().values()
    ]
    assert held[0].isdisjoint(held[1])
    assert held[0] | held[1] == {id(p) for p in model.parameters()}


def test_evaluation_does_not_move_the_codebook(
    model: VQVAE, images_of: Images, watched: Watched
) -> None:
    model.eval()
    with watched(model.codebook) as changed:
        model.autoencoder_losses(images_of(4))
        model.reconstruct(images_of(4))
        model.sample(ImageNoise(0, range(2)))
        assert not changed()


def test_a_fresh_prior_guesses(model_of: ModelOf, images_of: Images) -> None:
    model = model_of(VQVAE, **{**SMALL, "n_codes": 64})
    _, _, indices = model.autoencoder_losses(images_of(16))
    assert model.prior_loss(indices.view(16, -1)).item() == pytest.approx(math.log(64.0), rel=0.03)


@pytest.mark.parametrize("term", [0, 1])
def test_repeating_the_batch_changes_no_term(
    term: int, model: VQVAE, images_of: Images, one_step: OneStep
) -> None:
    one_step(model)
    model.eval()
    images = images_of(4)
    once = model.autoencoder_losses(images)[term]
    thrice = model.autoencoder_losses(images.repeat(3, 1, 1, 1))[term]
    torch.testing.assert_close(thrice, once)


def test_repeating_the_sequences_does_not_change_the_loss_of_the_prior(model: VQVAE) -> None:
    tokens = torch.randint(0, 12, (3, 16), generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.prior_loss(tokens.repeat(4, 1)), model.prior_loss(tokens))


def test_codes_start_at_vectors_of_the_first_batch() -> None:
    codebook = AveragedCodebook(6, 3, 0.9)
    vectors = torch.randn(20, 3)
    codebook.start(vectors)
    assert codebook.started
    assert all((vectors == code).all(1).any() for code in codebook.codes)
    torch.testing.assert_close(codebook.sums / codebook.counts[:, None], codebook.codes)
    assert codebook.counts.sum().item() == pytest.approx(20.0)


def test_codes_start_once(model: VQVAE, images_of: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    starts: list[int] = []
    start = model.codebook.start
    monkeypatch.setattr(
        model.codebook, "start", lambda vectors: (starts.append(len(vectors)), start(vectors))
    )
    for seed in range(3):
        model.autoencoder_losses(images_of(4, seed=seed))
    assert starts == [4 * 16]


def test_nearest_is_the_least_distance() -> None:
    codebook = AveragedCodebook(9, 5, 0.9)
    codebook.codes.normal_()
    vectors = torch.randn(50, 5)
    expected = torch.cdist(vectors, codebook.codes).argmin(1)
    assert torch.equal(codebook.indices(vectors), expected)


def test_codes_converge_to_the_means_of_their_clusters() -> None:
    torch.manual_seed(0)
    codebook = AveragedCodebook(4, 2, 0.9)
    indices = torch.tensor([0] * 5 + [1] * 20 + [2] * 1)  # the fourth code is never used
    vectors = torch.randn(26, 2) + 3.0 * indices[:, None]
    for _ in range(300):
        codebook.update(vectors, indices)
    means = torch.stack([vectors[indices == k].mean(0) for k in range(3)])
    torch.testing.assert_close(codebook.codes[:3], means, rtol=1e-4, atol=1e-4)
    assert torch.isfinite(codebook.codes).all()
    torch.testing.assert_close(
        codebook.counts, torch.tensor([5.0, 20.0, 1.0, 0.0]), rtol=1e-4, atol=1e-4
    )


def test_one_update_moves_by_one_minus_the_decay() -> None:
    codebook = AveragedCodebook(2, 1, 0.75)
    codebook.counts.copy_(torch.tensor([4.0, 4.0]))
    codebook.sums.copy_(torch.tensor([[4.0], [8.0]]))
    codebook.update(torch.tensor([[3.0], [5.0]]), torch.tensor([0, 0]))
    torch.testing.assert_close(codebook.counts, torch.tensor([3.5, 3.0]))
    torch.testing.assert_close(codebook.sums, torch.tensor([[5.0], [6.0]]))
    torch.testing.assert_close(
        codebook.codes, torch.tensor([[5.0 / 3.5], [2.0]]), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    ("indices", "expected"),
    [
        ([3] * 10, 1.0),
        (list(range(8)) * 4, 8.0),
        ([0, 0, 5, 5], 2.0),
        ([0, 0, 0, 1], 4.0 / 3.0**0.75),
    ],
)
def test_perplexity(indices: list[int], expected: float) -> None:
    assert perplexity(torch.tensor(indices), 8).item() == pytest.approx(expected, rel=1e-5)


def test_perplexity_is_within_its_bounds() -> None:
    for seed in range(5):
        indices = torch.randint(0, 8, (30,), generator=torch.Generator().manual_seed(seed))
        assert 1.0 <= perplexity(indices, 8).item() <= 8.0 + 1e-4


def test_codes_of_an_image_decode_to_its_reconstruction(
    model: VQVAE, images_of: Images, one_step: OneStep
) -> None:
    one_step(model)
    model.eval()
    images = images_of(4)
    _, _, indices = model.autoencoder_losses(images)
    torch.testing.assert_close(model.decode_tokens(indices.view(4, -1)), model.reconstruct(images))


def test_codes_are_in_raster_order(model: VQVAE) -> None:
    model.eval()
    tokens = torch.zeros(2, 16, dtype=torch.int64)
    tokens[1, 3] = 1  # the last of the first row
    model.codebook.codes[1] += 5.0
    first, second = model.decode_tokens(tokens)
    changed = (first - second)[0].abs()
    upper_right, lower_left = changed[:4, 4:].mean().item(), changed[4:, :4].mean().item()
    assert upper_right > 3.0 * lower_left


def test_samples_are_decoded_draws_of_the_prior(model: VQVAE) -> None:
    model.eval()
    tokens = model.prior.generate(ImageNoise(5, range(3)).uniform(16))
    assert torch.equal(model.sample(ImageNoise(5, range(3))), model.decode_tokens(tokens))
    assert set(model.sampling_modules()) == {"prior", "codebook", "decoder"}
