"""Regularised autoencoders: what each weight adds to the plain one, and nothing when it is 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import bench.models.autoencoder
from bench.identity.spec import inherited_recipe
from bench.models.autoencoder import Autoencoder, PlainRecipe
from bench.models.vae import VAE
from catalog.schema import Registry

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]

SMALL = {"width": 4, "latent_dim": 5}
NEUTRAL = {
    "latent_penalty": 0.0,
    "decoder_decay": 0.0,
    "decoder_gradient_penalty": 0.0,
    "decoder_spectral_norm": False,
}
ROWS = ("rae-l2", "rae-gp", "rae-sn")
all_rows = pytest.mark.parametrize("row", ROWS)


def settings_of(registry: Registry, row: str) -> dict[str, Any]:
    """What a row changes of the plain autoencoder's objective."""
    return {
        name: value
        for name, value in inherited_recipe(registry, registry.variant(row), "digits").items()
        if name in NEUTRAL
    }


def weights_after_a_step(model: Any, one_step: OneStep) -> dict[str, Tensor]:
    one_step(model)
    return {name: tensor.detach() for name, tensor in model.state_dict().items()}


@all_rows
def test_a_row_without_its_regularisers_is_the_plain_autoencoder(
    row: str, registry: Registry, model_of: ModelOf, one_step: OneStep
) -> None:
    changed = settings_of(registry, row)
    assert len(changed) == 2
    plain = weights_after_a_step(model_of(Autoencoder, **SMALL), one_step)
    reset = {name: NEUTRAL[name] for name in changed}
    same = weights_after_a_step(model_of(Autoencoder, **SMALL, **reset), one_step)
    assert plain.keys() == same.keys()
    assert all(torch.equal(plain[name], same[name]) for name in plain)
    for name, value in changed.items():
        other = weights_after_a_step(model_of(Autoencoder, **SMALL, **{name: value}), one_step)
        assert plain.keys() != other.keys() or not all(
            torch.equal(plain[key], other[key]) for key in plain
        ), name


def test_regularisers_change_no_initial_weight(model_of: ModelOf, images_of: Images) -> None:
    plain = model_of(Autoencoder, **SMALL)
    normed = model_of(Autoencoder, decoder_spectral_norm=True, **SMALL)
    for first, second in zip(plain.parameters(), normed.parameters(), strict=True):
        assert any(torch.equal(first, other) for other in normed.parameters())
        assert any(torch.equal(second, other) for other in plain.parameters())


@pytest.mark.parametrize("name", [name for name in NEUTRAL if name != "decoder_spectral_norm"])
def test_the_loss_grows_by_the_weighted_term(
    name: str, model_of: ModelOf, one_step: OneStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses: dict[float, Tensor] = {}
    for weight in (0.0, 1.0, 3.0):
        model = model_of(Autoencoder, **SMALL, **{name: weight})
        monkeypatch.setattr(bench.models.autoencoder, "descend", lambda *_: None)
        losses[weight] = one_step(model)["loss"].double()
    term = losses[1.0] - losses[0.0]
    assert term.item() > 1e-4
    torch.testing.assert_close(losses[3.0] - losses[0.0], 3.0 * term, rtol=2e-3, atol=1e-4)


def gradients(model: Any, term: Callable[[Tensor], Tensor], images: Tensor) -> dict[str, bool]:
    """Which of the two networks a regulariser moves."""
    term(model.train().encoder(images)).backward()
    networks = {"encoder": model.encoder, "decoder": model.decoder}
    return {
        name: any(p.grad is not None and p.grad.abs().max() > 0.0 for p in network.parameters())
        for name, network in networks.items()
    }


@pytest.mark.parametrize(
    ("name", "encoder", "decoder"),
    [
        ("latent_penalty", True, False),
        ("decoder_decay", False, True),
        ("decoder_gradient_penalty", False, True),
    ],
)
def test_each_regulariser_moves_its_own_network(
    name: str, encoder: bool, decoder: bool, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(Autoencoder, **SMALL, **{name: 1.0})
    ((_, term),) = model.regularisers
    assert gradients(model, term, images_of(6)) == {"encoder": encoder, "decoder": decoder}


def test_decay_is_of_the_decoder_alone(model_of: ModelOf) -> None:
    model = model_of(Autoencoder, **SMALL, decoder_decay=1.0)
    ((_, term),) = model.regularisers
    before = term(torch.zeros(2, 5)).item()
    matrices = [m for m in model.decoder.modules() if hasattr(m, "weight") and m.weight.dim() > 1]
    by_hand = 0.5 * sum(m.weight.detach().square().sum().item() for m in matrices)
    assert before == pytest.approx(by_hand, rel=1e-5)
    with torch.no_grad():
        for weight in model.encoder.parameters():
            weight.add_(1.0)
    assert term(torch.zeros(2, 5)).item() == before


def test_the_derivative_is_of_the_mean_pixels_at_the_decoder_input(
    model_of: ModelOf, images_of: Images
) -> None:
    """Against the whole Jacobian by autograd; the encoder's own derivative plays no part."""
    model = model_of(Autoencoder, **SMALL, decoder_gradient_penalty=1.0)
    latents = model.eval().encoder(images_of(3)).detach()
    torch.manual_seed(0)
    many = latents.repeat(2000, 1)
    jacobian = torch.autograd.functional.jacobian(
        lambda z: torch.sigmoid(model.decoder(z)).flatten(1).sum(0), latents
    )  # (n_pixels, 3, latent_dim): images do not see each other in evaluation
    exact = jacobian.square().sum((0, 2)).mean().item()
    signs = bench.models.autoencoder.squared_jacobian(
        lambda z: torch.sigmoid(model.decoder(z)), many
    )
    assert signs.item() == pytest.approx(exact, rel=0.05)
    model.train()
    torch.manual_seed(1)
    trained = model.decoder_derivative(latents.repeat(300, 1)).item()
    model.encoder.requires_grad_(False).apply(
        lambda m: nn.init.zeros_(m.weight) if hasattr(m, "weight") else None
    )
    torch.manual_seed(1)
    assert model.decoder_derivative(latents.repeat(300, 1)).item() == trained


def test_the_penalty_leaves_running_averages_alone(
    model_of: ModelOf, images_of: Images, watched: Callable[..., Any]
) -> None:
    model = model_of(Autoencoder, **SMALL, decoder_gradient_penalty=1.0).train()
    latents = model.encoder(images_of(6))
    with watched(model) as changed:
        model.decoder_derivative(latents)
        assert not changed()


def test_the_decoder_reaches_norm_one(model_of: ModelOf) -> None:
    model = model_of(Autoencoder, 3, 16, **SMALL, decoder_spectral_norm=True)
    model.train()
    with torch.no_grad():
        for _ in range(200):
            model.decoder(torch.randn(4, 5))
    model.eval()
    kinds = (nn.Linear, nn.ConvTranspose2d)
    layers = [module for module in model.decoder.modules() if isinstance(module, kinds)]
    assert len(layers) == 3
    for layer in layers:
        weight = layer.weight.detach()
        matrix = weight.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else weight
        sigma = torch.linalg.matrix_norm(matrix.flatten(1), 2).item()
        assert sigma == pytest.approx(1.0, abs=1e-2)
    assert not any("parametrizations" in name for name, _ in model.encoder.named_parameters())


def test_a_vae_has_none_of_these_settings() -> None:
    own = set(PlainRecipe.model_fields) - set(VAE.recipe_type.model_fields)
    assert own == set(NEUTRAL)
