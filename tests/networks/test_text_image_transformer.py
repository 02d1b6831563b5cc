"""Who sees whom in the transformer over text and image tokens, and that its cache is exact."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from bench.networks.text_image_transformer import TextImageTransformer, layer_patterns, visibility

T, GRID, WORDS, CODES = 3, 4, 9, 7
N_PLACES = GRID**2


@pytest.fixture(scope="module")
def network() -> TextImageTransformer:
    torch.manual_seed(0)
    made = TextImageTransformer(WORDS, T, CODES, GRID, dim=16, n_layers=5, n_heads=2, dropout=0.1)
    return made.double().eval()


@pytest.fixture
def text() -> Tensor:
    return torch.randint(WORDS, (3, T), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def codes() -> Tensor:
    return torch.randint(CODES, (3, N_PLACES), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("place", range(N_PLACES))
def test_an_image_token_changes_only_what_follows(
    network: TextImageTransformer, text: Tensor, codes: Tensor, place: int
) -> None:
    changed = codes.clone()
    changed[:, place] = (changed[:, place] + 1) % CODES
    with torch.no_grad():
        of_text, of_image = network(text, codes)
        text_after, image_after = network(text, changed)
    assert torch.equal(of_text, text_after)
    moved = (of_image != image_after).any(2).any(0)
    assert not moved[: place + 1].any()
    assert moved.any() == (place + 1 < N_PLACES)


@pytest.mark.parametrize("place", range(T))
def test_a_word_changes_later_words_and_the_whole_image(
    network: TextImageTransformer, text: Tensor, codes: Tensor, place: int
) -> None:
    changed = text.clone()
    changed[:, place] = (changed[:, place] + 1) % WORDS
    with torch.no_grad():
        of_text, of_image = network(text, codes)
        text_after, image_after = network(changed, codes)
    moved = (of_text != text_after).any(2).all(0)
    assert moved.tolist() == [t > place for t in range(T)]
    assert (of_image != image_after).any(2).all()


def test_cached_logits_are_the_full_ones(
    network: TextImageTransformer, text: Tensor, codes: Tensor
) -> None:
    with torch.no_grad():
        _, full = network(text, codes)
    cached = torch.stack([logits for _, logits in network.cached_logits(text, codes)], 1)
    torch.testing.assert_close(cached, full, rtol=1e-10, atol=1e-10)


def test_generation_inverts_the_conditionals(network: TextImageTransformer, text: Tensor) -> None:
    uniforms = torch.rand(3, N_PLACES, generator=torch.Generator().manual_seed(3)).double()
    drawn = network.generate(text, uniforms)
    with torch.no_grad():
        _, logits = network(text, drawn)
    above = logits.softmax(2).cumsum(2).gather(2, drawn[..., None])[..., 0]
    below = above - logits.softmax(2).gather(2, drawn[..., None])[..., 0]
    assert (below <= uniforms + 1e-9).all()
    assert (uniforms < above + 1e-9).all()
    assert network.generate(text[:0], uniforms[:0]).shape == (0, N_PLACES)


def test_at_first_every_token_costs_about_the_logarithm_of_its_vocabulary(
    network: TextImageTransformer, text: Tensor, codes: Tensor
) -> None:
    of_text, of_image = network(text, codes)
    text_loss = cross_entropy(of_text.flatten(0, 1), text.flatten())
    image_loss = cross_entropy(of_image.flatten(0, 1), codes.flatten())
    assert text_loss.item() == pytest.approx(math.log(WORDS), abs=0.5)
    assert image_loss.item() == pytest.approx(math.log(CODES), abs=0.5)
    text_loss.backward()
    for parameter in (network.start, network.text_position, network.text_head.weight):
        assert parameter.grad is not None
        assert parameter.grad.any()
    assert network.text_embedding.weight.grad is not None
    network.zero_grad()


def test_patterns_in_order() -> None:
    rows = ["row", "column", "row", "row", "row", "column", "row", "convolution"]
    assert layer_patterns(8) == rows
    assert layer_patterns(4) == ["row", "column", "row", "convolution"]
    assert layer_patterns(1) == ["convolution"]


def test_what_one_token_sees() -> None:
    query, first = 9, T + 1  # row 2, column 1
    seen = {
        pattern: visibility(pattern, T, GRID)[first + query].nonzero().flatten().tolist()
        for pattern in ("row", "column", "convolution")
    }
    text = list(range(first))
    assert seen["row"] == text + [first + i for i in (6, 7, 8, 9)]
    assert seen["column"] == text + [first + i for i in (1, 5, 9)]
    assert seen["convolution"] == text + [first + i for i in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)]
    wide = visibility("convolution", T, 8)[first + 8 * 4 + 4].nonzero().flatten() - first
    assert wide[wide >= 0].tolist() == [
        *range(18, 23), *range(26, 31), *range(34, 37)
    ]  # fmt: skip
