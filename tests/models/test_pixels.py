"""Models of pixels: what a pixel may see, sums of probabilities, and the cached samplers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.models.base import MeasuresItself
from bench.models.noise import ImageNoise
from bench.models.pixels import ImageGPT, PixelCNN, PixelModel
from bench.networks.gated_pixelcnn import GatedPixelCNN, gate
from bench.networks.pixel_gpt import PixelGPT
from bench.networks.shape import ImageShape
from bench.networks.transformer import CachedSteps
from bench.objectives.levels import bits_per_dim, from_levels, invert, to_levels
from catalog.errors import InvalidInput

ModelOf = Callable[..., Any]
Images = Callable[..., Tensor]
OneStep = Callable[..., dict[str, Tensor]]
Watched = Callable[..., Any]

SETTINGS: dict[type[PixelModel], dict[str, Any]] = {
    PixelCNN: {"width": 12, "n_layers": 3, "first_kernel": 5, "head_width": 32},
    ImageGPT: {"dim": 16, "n_layers": 2, "n_heads": 2},
}
every_model = pytest.mark.parametrize("algorithm", list(SETTINGS))
both_channels = pytest.mark.parametrize("channels", [1, 3])
SIZE = 6


@pytest.fixture
def pixel_model(model_of: ModelOf) -> ModelOf:
    """A model in evaluation mode whose weights are far from their start, so that all matter."""

    def make(
        algorithm: type[PixelModel], channels: int = 1, size: int = SIZE, **change: Any
    ) -> Any:
        settings = {"n_levels": 4} | SETTINGS[algorithm] | change
        model = model_of(algorithm, channels, size, **settings).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
        return model

    torch.manual_seed(0)
    return make


def levels_of(n: int, channels: int, size: int = SIZE, n_levels: int = 4, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, n_levels, (n, channels, size, size), generator=generator)


def token_logits(model: PixelModel, levels: Tensor) -> Tensor:
    """Logits in the order in which tokens are drawn, (N, tokens, K)."""
    network = model.network
    if isinstance(network, PixelGPT):
        return network.transformer(network.tokens(levels))
    return network(levels).permute(0, 3, 4, 2, 1).flatten(1, 3)


def tokens_of(model: PixelModel, levels: Tensor) -> Tensor:
    network = model.network
    if isinstance(network, PixelGPT):
        return network.tokens(levels)
    return levels.permute(0, 2, 3, 1).flatten(1)


def influence(model: PixelModel, channels: int) -> Tensor:
    """Whether changing token j changes a logit of token t, (tokens j, tokens t)."""
    model.double()  # far pixels change a logit by little
    levels = levels_of(1, channels)
    changed = []
    for j in range(model.network.n_tokens):
        other = levels.clone()
        if isinstance(model.network, PixelGPT):
            y, x = divmod(j, SIZE)
            other[0, :, y, x] = (other[0, :, y, x] + 1) % 4
        else:
            pixel, channel = divmod(j, channels)
            y, x = divmod(pixel, SIZE)
            other[0, channel, y, x] = (other[0, channel, y, x] + 1) % 4
        changed.append(other)
    with torch.no_grad():
        moved = token_logits(model, torch.cat(changed)) - token_logits(model, levels)
    return moved.abs().amax(2) > 1e-13


@every_model
@both_channels
def test_no_token_sees_itself_or_a_later_one(
    algorithm: type[PixelModel], channels: int, pixel_model: ModelOf
) -> None:
    seen = influence(pixel_model(algorithm, channels), channels)
    assert not seen.tril().any()  # j <= t counts as seen only above the diagonal
    assert seen.any()


@both_channels
def test_a_gpt_sees_every_earlier_pixel(channels: int, pixel_model: ModelOf) -> None:
    seen = influence(pixel_model(ImageGPT, channels), channels)
    assert torch.equal(seen, torch.ones_like(seen).triu(1))


@both_channels
def test_the_two_stacks_have_no_blind_spot(channels: int, pixel_model: ModelOf) -> None:
    """Every earlier value is seen if the convolutions reach it, to the right and above as well."""
    model = pixel_model(PixelCNN, channels, first_kernel=7, kernel=5, n_layers=4)
    seen = influence(model, channels)  # 3 + 3 * 2 pixels to either side, more than the image has
    assert torch.equal(seen, torch.ones_like(seen).triu(1))


def test_a_pixelcnn_sees_as_far_as_its_kernels_reach(pixel_model: ModelOf) -> None:
    """One layer of width 3: a pixel to the left of the last, and three by two pixels above."""
    model = pixel_model(PixelCNN, 1, first_kernel=3, n_layers=1)
    of_centre = influence(model, 1)[:, 3 * SIZE + 3].view(SIZE, SIZE)
    expected = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    expected[1:3, 2:5] = True
    expected[3, 1:3] = True
    assert torch.equal(of_centre, expected)


@every_model
@pytest.mark.parametrize(("channels", "size"), [(1, 2), (2, 1), (3, 1)])
def test_the_probabilities_of_all_images_sum_to_one(
    algorithm: type[PixelModel], channels: int, size: int, pixel_model: ModelOf
) -> None:
    model = pixel_model(algorithm, channels, size, n_levels=2)
    n_values = channels * size**2
    images = torch.tensor(list(itertools.product((0, 1), repeat=n_values)))
    images = images.view(-1, channels, size, size)
    with torch.no_grad():
        p = torch.exp(-model.network.nats(images).double())
    assert p.sum().item() == pytest.approx(1.0, abs=1e-5)
    assert p.max() > 1.5 * p.min()  # and they are not all alike


@every_model
def test_images_are_drawn_as_often_as_their_likelihood_says(
    algorithm: type[PixelModel], pixel_model: ModelOf
) -> None:
    model = pixel_model(algorithm, 1, 2, n_levels=2)
    n = 20_000
    drawn = model.network.draw(torch.rand(n, 4)).flatten(1)
    counts = torch.bincount((drawn * torch.tensor([8, 4, 2, 1])).sum(1), minlength=16)
    images = torch.tensor(list(itertools.product((0, 1), repeat=4))).view(-1, 1, 2, 2)
    with torch.no_grad():
        p = torch.exp(-model.network.nats(images))
    spread = (p * (1.0 - p) / n).sqrt()
    assert ((counts / n - p).abs() < 4.5 * spread + 1e-4).all()


@every_model
@both_channels
def test_cached_draws_are_those_of_the_full_network(
    algorithm: type[PixelModel], channels: int, pixel_model: ModelOf
) -> None:
    """Token t, drawn with the caches, is what the whole image's logits give for its uniform."""
    model = pixel_model(algorithm, channels)
    uniforms = torch.rand(20, model.network.n_tokens)
    drawn = model.network.draw(uniforms)
    with torch.no_grad():
        p = torch.softmax(token_logits(model, drawn), 2).double()
    token = tokens_of(model, drawn)[:, :, None]
    upper = p.cumsum(2).gather(2, token)[..., 0]
    lower = upper - p.gather(2, token)[..., 0]
    assert (lower - 1e-5 <= uniforms).all()
    assert (uniforms <= upper + 1e-5).all()


@both_channels
def test_cached_logits_are_the_full_ones_of_the_gpt(channels: int, pixel_model: ModelOf) -> None:
    model = pixel_model(ImageGPT, channels)
    tokens = model.network.tokens(levels_of(3, channels))
    with torch.no_grad():
        full = model.network.transformer(tokens)
        steps = CachedSteps(model.network.transformer, 3)
        one_by_one = [steps.logits(tokens[:, t - 1] if t else None) for t in range(SIZE**2)]
    torch.testing.assert_close(torch.stack(one_by_one, 1), full, rtol=1e-4, atol=1e-5)


@both_channels
def test_cached_logits_are_the_full_ones_of_the_pixelcnn(
    channels: int, pixel_model: ModelOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sampler is made to draw a given image, and the logits that it used are compared."""
    model = pixel_model(PixelCNN, channels)
    levels = levels_of(3, channels)
    used: list[Tensor] = []
    given = iter(levels.permute(2, 3, 1, 0).flatten(0, 2))

    def forced(probabilities: Tensor, _: Tensor) -> Tensor:
        used.append(probabilities.log())
        return next(given)

    monkeypatch.setattr("bench.networks.gated_pixelcnn.invert", forced)
    assert torch.equal(model.network.draw(torch.rand(3, model.network.n_tokens)), levels)
    with torch.no_grad():
        full = token_logits(model, levels).log_softmax(2)
    torch.testing.assert_close(torch.stack(used, 1), full, rtol=1e-4, atol=1e-5)


@every_model
@pytest.mark.parametrize("n_levels", [4, 16])
def test_a_fresh_model_guesses(
    algorithm: type[PixelModel], n_levels: int, model_of: ModelOf, images_of: Images
) -> None:
    model = model_of(algorithm, 1, SIZE, n_levels=n_levels, **SETTINGS[algorithm])
    per_value = model.nats(images_of(8, 1, SIZE)).mean().item() / SIZE**2
    assert per_value == pytest.approx(math.log(n_levels), rel=0.05)


@every_model
def test_its_measures_are_its_likelihood_in_other_units(
    algorithm: type[PixelModel], pixel_model: ModelOf, images_of: Images
) -> None:
    model, images = pixel_model(algorithm, 3), images_of(70, 3, SIZE)
    assert isinstance(model, MeasuresItself)
    with torch.no_grad():
        measured = model.measure(images, torch.zeros(70))
        nats = model.nats(images).mean().item()
    assert measured["bits_per_dim"] * math.log(2.0) * 3 * SIZE**2 == pytest.approx(nats, rel=1e-5)
    assert measured["nats_per_token"] * model.network.n_tokens == pytest.approx(nats, rel=1e-5)


@every_model
def test_training_lowers_the_nats(
    algorithm: type[PixelModel], model_of: ModelOf, one_step: OneStep
) -> None:
    model = model_of(algorithm, 1, SIZE, **SETTINGS[algorithm])
    losses = [one_step(model)["nats_per_value"].item() for _ in range(30)]
    assert losses[-1] < losses[0] - 0.02


@every_model
def test_samples_lie_on_the_levels(algorithm: type[PixelModel], pixel_model: ModelOf) -> None:
    images = pixel_model(algorithm).sample(ImageNoise(0, range(9)))
    assert set(images.unique().tolist()) <= set(from_levels(torch.arange(4), 4).tolist())
    assert len(images.unique()) > 1


@pytest.mark.parametrize("n_levels", [2, 3, 16, 256])
def test_levels_and_what_they_stand_for(n_levels: int) -> None:
    levels = torch.arange(n_levels)
    values = from_levels(levels, n_levels)
    assert values[0] == -1.0
    assert values[-1] == pytest.approx(1.0, abs=1e-6)
    assert torch.equal(to_levels(values, n_levels), levels)
    step = 2.0 / (n_levels - 1)
    assert torch.equal(to_levels((values + 0.49 * step).clamp_max(1.0), n_levels), levels)
    assert torch.equal(to_levels((values - 0.49 * step).clamp_min(-1.0), n_levels), levels)


def test_bits_per_dim_of_a_fair_coin_per_value() -> None:
    assert bits_per_dim(12 * math.log(2.0), 12) == pytest.approx(1.0)
    assert bits_per_dim(12 * math.log(16.0), 12) == pytest.approx(4.0)


def test_inverting_a_distribution() -> None:
    p = torch.tensor([0.25, 0.0, 0.5, 0.25]).expand(6, 4)
    uniforms = torch.tensor([0.0, 0.2499, 0.25, 0.74, 0.75, 1.0 - 2**-24])
    assert invert(p, uniforms).tolist() == [0, 0, 2, 2, 3, 3]
    short = torch.tensor([[0.5, 0.4999, 0.0]])  # a sum that rounding left below 1
    assert invert(short, torch.tensor([1.0 - 2**-24])).item() == 1


def test_the_gate() -> None:
    features = torch.tensor([[0.5, -1.0, 0.0, 2.0]])
    expected = [math.tanh(0.5) * 0.5, math.tanh(-1.0) / (1.0 + math.exp(-2.0))]
    torch.testing.assert_close(gate(features), torch.tensor([expected]))


def test_colours_and_levels_are_the_same_thing() -> None:
    network = PixelGPT(ImageShape(3, 4), 5, 8, 1, 2)
    levels = levels_of(2, 3, 4, 5)
    tokens = network.tokens(levels)
    assert tokens[1, 6] == levels[1, 0, 1, 2] + 5 * levels[1, 1, 1, 2] + 25 * levels[1, 2, 1, 2]
    assert torch.equal(network.levels(tokens), levels)


def test_a_palette_too_large_to_embed_is_refused() -> None:
    with pytest.raises(ValueError, match="colours"):
        PixelGPT(ImageShape(3, 4), 256, 8, 1, 2)


@pytest.mark.parametrize("change", [{"n_levels": 1}, {"n_levels": 257}, {"kernel": 4}])
def test_impossible_settings_are_refused(change: dict[str, int], model_of: ModelOf) -> None:
    with pytest.raises(InvalidInput, match=next(iter(change))):
        model_of(PixelCNN, 1, SIZE, **change)


def test_the_first_row_of_a_pixelcnn_starts_from_nothing() -> None:
    network = GatedPixelCNN(ImageShape(1, 4), 3, 4, 2, 3, 3, 4)
    first = network(levels_of(5, 1, 4, 3))[..., 0, 0]
    assert torch.equal(first, first[:1].expand_as(first))
