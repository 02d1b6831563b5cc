"""From what a generator gives to images of a data set, exactly; and what is doubted about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bench.data.dataset import quantise
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.outside.convention import Convention, StatedConvention, noise_values, to_images
from bench.outside.generator import LatentGenerator, Opened, Opening
from bench.outside.graph_call import Signature, require_function
from bench.outside.module_generator import NetworkGenerator
from bench.outside.settle import Settled, settle
from bench.outside.source import Source
from catalog.errors import InvalidInput

GREY, COLOUR = ImageShape(1, 32), ImageShape(3, 32)
LEVELS = torch.arange(1024).remainder(256).to(torch.uint8).reshape(1, 1, 32, 32)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("0..255", LEVELS),
        ("0..255", LEVELS.float()),
        ("0..1", LEVELS / 255),
        ("-1..1", LEVELS / 127.5 - 1),
    ],
)
def test_every_grey_level_survives_every_range(name: Any, raw: Tensor) -> None:
    made = to_images(raw, Convention(channels=1, resolution=32, range=name), GREY)
    assert torch.equal(quantise(made), LEVELS)
    assert made.dtype == torch.float32


def test_axes_channels_and_borders() -> None:
    last = LEVELS.permute(0, 2, 3, 1)
    of_bytes = partial(Convention, range="0..255")
    made = to_images(last, of_bytes(channels=1, resolution=32, layout="NHWC"), COLOUR)
    assert torch.equal(quantise(made), LEVELS.expand(1, 3, 32, 32))
    three = torch.stack([LEVELS[:, 0], LEVELS[:, 0] // 2, LEVELS[:, 0] * 0], 1)
    mean = quantise(to_images(three, of_bytes(channels=3, resolution=32), GREY))
    assert (mean.float() - three.float().mean(1, keepdim=True)).abs().max() <= 0.5
    small = torch.ones(2, 28, 28)
    padded = to_images(small, Convention(channels=1, resolution=28), GREY)
    assert padded.shape == (2, 1, 32, 32)
    assert padded[:, :, :2].eq(-1).all()
    assert padded[:, :, 2:-2, 2:-2].eq(1).all()
    for size, shape in ((28, COLOUR), (64, GREY), (16, GREY)):
        with pytest.raises(InvalidInput, match=f"{size} x {size}"):
            to_images(torch.zeros(1, 1, size, size), Convention(channels=1, resolution=size), shape)
    with pytest.raises(InvalidInput, match="its convention says"):
        to_images(torch.zeros(1, 3, 32, 32), Convention(channels=1, resolution=32), GREY)


def test_noise_has_the_stated_distribution_and_is_the_images_own() -> None:
    of = partial(Convention, channels=1, resolution=32)
    for convention, low, high, deviation in (
        (of(noise="uniform"), -1.0, 1.0, 3**-0.5),
        (of(noise="uniform-0..1"), 0.0, 1.0, 12**-0.5),
        (of(noise="truncated", truncation=0.5), -0.5, 0.5, 0.284),
        (of(noise="truncated", truncation=10.0), -10.0, 10.0, 1.0),
    ):
        drawn = noise_values(ImageNoise(3, range(100)), 200, convention)
        assert low <= drawn.min() < drawn.max() <= high
        assert drawn.std().item() == pytest.approx(deviation, rel=0.03)
        alone = noise_values(ImageNoise(3, [41]), 200, convention)
        assert torch.equal(drawn[41], alone[0])


class Map(nn.Module):
    """Any function of the noise as a network, with a layer of batch normalisation."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.norm = nn.BatchNorm1d(1024)

    def forward(self, z: Tensor) -> Tensor:
        return self.function(self.norm(z))


def opening_of(**stated: Any) -> Opening:
    source = Source("torchscript", "theirs", Path())
    return Opening(source, torch.device("cpu"), GREY, 10, StatedConvention(**stated))


def settled(function: Callable[[Tensor], Tensor], **stated: Any) -> Settled:
    opening, told = opening_of(**stated), StatedConvention(noise_shape=(1024,))
    return settle(Opened(told, partial(NetworkGenerator, Map(function), 10)), opening)


def square(z: Tensor) -> Tensor:
    return z.reshape(-1, 1, 32, 32)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda z: square(z).tanh(), "-1..1"),
        (lambda z: square(z).sigmoid(), "0..1"),
        (lambda z: 255 * square(z).sigmoid(), "0..255"),
        (lambda z: (255 * square(z).sigmoid()).to(torch.uint8), "0..255"),
    ],
)
def test_ranges_are_found_and_a_wrong_one_is_doubted(
    function: Callable[[Tensor], Tensor], expected: str
) -> None:
    found = settled(function)
    assert found.convention.range == expected
    assert found.warnings == ()
    for other in {"-1..1", "0..1", "0..255"} - {expected}:
        doubted = settled(function, range=other)
        assert doubted.convention.range == other  # who states something is not overruled
        assert any(f"--range {expected}" in warning for warning in doubted.warnings)


def test_what_else_is_doubted() -> None:
    [outside] = settled(lambda z: 1.5 * square(z).tanh()).warnings
    assert "% of the first pixels lie outside of -1..1" in outside
    black = settled(lambda z: square(z) * 0.001 - 0.999).warnings
    assert any("pixels are black" in warning for warning in black)
    [neighbours] = settled(lambda z: square(z).tanh(), batch_norm="train").warnings
    assert "depends on its neighbours" in neighbours


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda z: z[:5], "are no images"),
        (lambda z: square(z).expand(-1, 5, -1, -1), "neither grey nor RGB"),
        (lambda z: square(z) / 0, "not finite"),
        (lambda z: z @ z, "fails on normal noise of 1024 values"),
        (lambda z: torch.complex(square(z), square(z)), "gives complex64 numbers"),
        (lambda z: square(z) > 0, "gives bool numbers"),
        (lambda z: square(z).to_sparse(), "gives sparse float32 numbers"),
        (lambda z: square(z)[:, :0], "gives nothing"),
        (lambda z: z[:, :301], "301 values an image, which make no square"),
        (lambda z: z.reshape(-1, 1, 16, 64), "images of 16 x 64, the data set's are square"),
        (lambda z: z.reshape(-1, 16, 64), "images of 16 x 64, the data set's are square"),
    ],
)
def test_what_gives_no_images_is_refused(
    function: Callable[[Tensor], Tensor], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        settled(function)


def test_what_a_graph_does_otherwise_than_a_function_is_called_by_its_name() -> None:
    convention = Convention(channels=1, resolution=32, noise_shape=(1024,))
    sizes = iter((32, 32, 16))
    functions: tuple[tuple[Callable[[Tensor], Tensor], str], ...] = (
        (lambda z: square(z).where(z.sum() > 1e9, torch.nan), "not finite"),
        (lambda z: square(z)[..., : next(sizes), :], "change their size: 1 x 32 x 32 and 1 x 16"),
        (lambda z: torch.complex(square(z), square(z)), "complex64"),
        (lambda z: torch.randn_like(square(z)), "random numbers of its own"),
    )
    for function, message in functions:
        with pytest.raises(InvalidInput, match=message):
            require_function(LatentGenerator(function, convention, 10), convention, opening_of())


def test_a_joined_class_leaves_noise() -> None:
    opening = opening_of(label_place="joined")
    for n_values in (5, 10):
        signature = Signature((n_values,), "none", "after", None, torch.float32)
        with pytest.raises(InvalidInput, match=f"{n_values} values cannot hold 10 classes"):
            signature.told(opening)
    assert Signature((11,), "none", "after", None, torch.float32).told(opening).noise_shape == (1,)
    stated = opening_of(label_place="joined", noise_shape=(5,))
    assert Signature((5,), "none", "after", None, torch.float32).told(stated).labels == "one-hot"


def test_what_is_stated_against_what_is_told_is_refused() -> None:
    told = StatedConvention(noise_shape=(1024,), labels="index")
    opened = Opened(told, partial(NetworkGenerator, Map(square), 10))
    with pytest.raises(InvalidInput, match="does not go with what it is"):
        settle(opened, opening_of(label_place="joined"))


def test_grey_in_a_row_is_found_beside_colours() -> None:
    opening = replace(opening_of(), shape=COLOUR)
    opened = Opened(
        StatedConvention(noise_shape=(1024,)), partial(NetworkGenerator, Map(torch.tanh), 10)
    )
    found = settle(opened, opening).convention
    assert (found.channels, found.resolution) == (1, 32)


def test_whoever_truncates_means_truncated_noise() -> None:
    assert StatedConvention(truncation=0.5).noise == "truncated"
    assert StatedConvention().noise is None
    with pytest.raises(ValueError, match=r"greater than or equal to 0\.01"):
        StatedConvention(truncation=1e-300)
