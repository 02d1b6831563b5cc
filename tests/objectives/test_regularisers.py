"""Regularisers of autoencoders: closed forms, and which weights their gradients reach."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from bench.objectives.regularisers import (
    half_squared_norm,
    half_squared_weights,
    squared_jacobian,
)


def latents(n: int, dim: int, seed: int = 0) -> Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def test_half_squared_norm_is_summed_over_latents_and_averaged_over_images() -> None:
    value = half_squared_norm(torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    assert value.item() == pytest.approx(0.5 * (25.0 + 1.0) / 2)


def test_weights_decay_and_biases_do_not() -> None:
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 1))
    value = half_squared_weights(network)
    first, last = network[0].weight, network[2].weight
    by_hand = 0.5 * (first.square().sum() + last.square().sum())
    assert value.item() == pytest.approx(by_hand.item(), rel=1e-6)
    value.backward()
    torch.testing.assert_close(first.grad, first.detach())  # the step of weight decay
    assert network[0].bias.grad is None
    assert network[1].weight.grad is None


def test_jacobian_of_a_linear_decoder_is_its_weight() -> None:
    torch.manual_seed(0)
    decoder = nn.Linear(4, 30, dtype=torch.float64)
    exact = decoder.weight.square().sum().item()
    value = squared_jacobian(decoder, latents(50_000, 4).double()).item()
    assert value == pytest.approx(exact, rel=0.02)


def test_one_output_makes_the_estimate_exact() -> None:
    decoder = nn.Linear(6, 1)  # the sign of the only direction cancels
    value = squared_jacobian(decoder, latents(3, 6)).item()
    assert value == pytest.approx(decoder.weight.square().sum().item(), rel=1e-5)


def test_jacobian_is_taken_at_each_latent() -> None:
    z = latents(5, 3)
    value = squared_jacobian(lambda inputs: 0.5 * inputs.square().sum(1), z).item()
    assert value == pytest.approx(z.square().sum(1).mean().item(), rel=1e-5)  # its gradient is z


def test_directions_are_independent_between_images() -> None:
    """With one sign for all, outputs that share a mean would add up over the batch."""
    n, dim = 400, 3

    def coupled(inputs: Tensor) -> Tensor:
        return inputs.mean(0).expand_as(inputs)

    values = [squared_jacobian(coupled, latents(n, dim)).item() for _ in range(20)]
    assert sum(values) / 20 < 5 * dim / n  # dim / n in expectation, dim if signs were shared


def test_gradient_reaches_the_decoder_and_not_the_encoder() -> None:
    encoder, decoder = nn.Linear(5, 4), nn.Sequential(nn.Linear(4, 8), nn.Tanh())
    squared_jacobian(decoder, encoder(latents(6, 5))).backward()
    assert all(weight.grad is None for weight in encoder.parameters())
    assert decoder[0].weight.grad is not None
    assert decoder[0].weight.grad.abs().max() > 0.0
