"""The convention of a generator, found out where nobody states it, and doubted where somebody does.

A first batch is drawn and looked at: its shape says layout, channels and resolution, its values say
in which range pixels are. What was found is said, and so is what looks wrong.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from bench.data.dataset import quantise
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.outside.convention import (
    Convention,
    StatedConvention,
    is_padded,
    require_pixels,
    to_images,
)
from bench.outside.generator import Opened, Opening, OutsideGenerator
from bench.sample.draw import labels_of
from catalog.errors import AigcError, InvalidInput
from catalog.schema.loads import PixelRange

N_LOOKED_AT = 64
"""Images of the first batch."""
SLACK = 0.05
"""How far values may lie outside of a range before that is odd."""
MOST_OF_ONE = 0.9
"""Share of black or of white pixels from which a grid shows nothing."""
NEAR_THE_END = 2
"""Grey levels from black or white that look like it."""
FAILS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Exceptions of a network that is given something else than it was made for."""
RANGES: dict[PixelRange, tuple[float, float]] = {
    "-1..1": (-1.0, 1.0),
    "0..1": (0.0, 1.0),
    "0..255": (0.0, 255.0),
}


@dataclass(frozen=True)
class Settled:
    """A generator that is ready to draw.

    Attributes:
        said: what was found out, a sentence each.
        warnings: what looks wrong, a sentence each, with the likely right setting.
    """

    generator: OutsideGenerator
    convention: Convention
    said: tuple[str, ...]
    warnings: tuple[str, ...]


@torch.no_grad()
def settle(opened: Opened, opening: Opening) -> Settled:
    """The generator of an opened source under its complete convention.

    Raises:
        InvalidInput: the shape of the noise is neither stated nor known, the network cannot be run
            on it, or what comes out are no images that fit the data set.
    """
    known = opened.told.model_dump(exclude_none=True) | opening.stated.model_dump(exclude_none=True)
    if "noise_shape" not in known:
        raise InvalidInput(
            f"{opening.source.text} does not say what noise it takes",
            hint="state --noise-shape: numbers per image, such as 100 or 100x1x1",
        )
    if known.get("label_place") == "joined":
        known.setdefault("labels", "one-hot")
    provisional = _complete({"channels": 1, "resolution": 1, **known}, opening)
    raw = _first_batch(opened, opening, provisional)
    found, said = _found(raw, known, opening.shape)
    convention = _complete({**found, **known}, opening)
    generator = opened.generator(convention)
    images = to_images(raw, convention, opening.shape)
    warnings = _doubts(raw, images, convention, opened.told, opening)
    return Settled(
        generator,
        convention,
        (*said, described(convention), *_fitted(convention, opening.shape)),
        tuple(warnings),
    )


def _complete(choices: dict[str, Any], opening: Opening) -> Convention:
    """A convention of all choices; InvalidInput where what is stated and what is told disagree."""
    try:
        return Convention(**choices)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"{name}: " for name in first["loc"])
        raise InvalidInput(
            f"{opening.source.text}: what is stated does not go with what it is",
            where=f"{place}{first['msg'].removeprefix('Value error, ')}",
            hint="leave out what the file says itself",
        ) from error


def described(convention: Convention) -> str:
    """A convention in one line."""
    c = convention
    shape = " x ".join(map(str, c.noise_shape))
    noise = f"{c.noise} noise ({shape})" if c.noise_shape else "noise drawn as it goes"
    if c.truncation is not None:
        noise += f" truncated at {c.truncation:g}"
    classes = f"classes as {c.labels}, {c.label_place}" if c.labels != "none" else "no classes"
    norm = "" if c.batch_norm == "eval" else ", batch norm by statistics of the batch"
    return (
        f"convention: {noise}, {classes}, images {c.channels} x {c.resolution} x {c.resolution}"
        f" in {c.layout}, pixels in {c.range}{norm}"
    )


def _first_batch(opened: Opened, opening: Opening, convention: Convention) -> Tensor:
    indices = range(N_LOOKED_AT)
    noise = ImageNoise(opened.seed, indices, opening.device)
    labels = labels_of(indices, opening.n_classes).to(opening.device)
    try:
        generator = opened.generator(convention)
        raw = generator.draw(noise, None if convention.labels == "none" else labels)
    except AigcError:
        raise
    except FAILS as error:
        first = str(error).strip().partition("\n")[0][:200]
        raise InvalidInput(
            f"{opening.source.text}: the network fails on {described_input(convention)}",
            where=f"{type(error).__name__}: {first}",
            hint="state what it takes: --noise-shape 100 or 100x1x1; --labels none, index, one-hot",
        ) from error
    if not isinstance(raw, Tensor) or raw.ndim not in (2, 3, 4) or len(raw) != N_LOOKED_AT:
        form = tuple(raw.shape) if isinstance(raw, Tensor) else type(raw).__name__
        raise InvalidInput(
            f"{opening.source.text}: the network gives {form} for {N_LOOKED_AT} draws of noise,"
            " which are no images"
        )
    require_pixels(raw, opening.source.text)
    return raw.detach()


def described_input(convention: Convention) -> str:
    """What a network is given, in words."""
    shape = " x ".join(map(str, convention.noise_shape)) or "no"
    classes = {"none": "", "index": " and classes", "one-hot": " and one-hot classes"}
    return f"{convention.noise} noise of {shape} values an image{classes[convention.labels]}"


def _found(
    raw: Tensor, known: dict[str, Any], shape: ImageShape
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Layout, channels, resolution and range as the first batch shows them."""
    found: dict[str, Any] = dict(_axes(raw, known, shape))
    said = [f"found by its shape: {name} {found[name]}" for name in found if name not in known]
    found["range"] = likely_range(raw)
    if "range" not in known:
        low, high = float(raw.min()), float(raw.max())
        said.append(f"found by its values, {low:.3g} to {high:.3g}: range {found['range']}")
    return found, tuple(said)


def _axes(raw: Tensor, known: dict[str, Any], shape: ImageShape) -> Iterator[tuple[str, Any]]:
    if raw.ndim == 2:
        possible = [known["channels"]] if "channels" in known else [shape.channels, 1, 3]
        sizes = [(channels, math.isqrt(raw.shape[1] // channels)) for channels in possible]
        fitting = [(c, size) for c, size in sizes if c * size * size == raw.shape[1]]
        if not fitting:
            raise InvalidInput(
                f"the generator gives {raw.shape[1]} values an image, which make no square of"
                f" {' or '.join(map(str, sorted(set(possible))))} channels"
            )
        yield from (("channels", fitting[0][0]), ("resolution", fitting[0][1]))
        return
    if raw.ndim == 3:
        _require_square(raw.shape[1], raw.shape[2])
        yield from (("channels", 1), ("resolution", raw.shape[2]))
        return
    layout = known.get("layout") or ("NCHW" if raw.shape[1] in (1, 3) else "NHWC")
    channels, size = (raw.shape[1], raw.shape[3]) if layout == "NCHW" else raw.shape[3:0:-2]
    if channels not in (1, 3):
        raise InvalidInput(
            f"the generator gives {tuple(raw.shape[1:])} an image, which is neither grey nor RGB",
            hint="state --layout NCHW or NHWC; other numbers of channels are no images here",
        )
    _require_square(*(raw.shape[2:] if layout == "NCHW" else raw.shape[1:3]))
    yield from (("layout", layout), ("channels", channels), ("resolution", size))


def _require_square(height: int, width: int) -> None:
    if height != width:
        raise InvalidInput(
            f"the generator gives images of {height} x {width}, the data set's are square",
            hint="resizing changes what a score says, so nothing is resized here",
        )


def likely_range(raw: Tensor) -> PixelRange:
    """In which range pixels seem to be."""
    if not raw.is_floating_point():
        return "0..255"
    low, high = float(raw.min()), float(raw.max())
    if high > 2.0 + SLACK and low > -SLACK * high:
        return "0..255"
    return "0..1" if low >= -SLACK else "-1..1"


def _fitted(convention: Convention, shape: ImageShape) -> Iterator[str]:
    if convention.channels < shape.channels:
        yield "grey is repeated as three channels"
    elif convention.channels > shape.channels:
        yield "the mean of three channels is taken as grey"
    if is_padded(convention.resolution, shape):
        yield f"a black border makes {convention.resolution} pixels {shape.size}, as MNIST's here"


def _doubts(
    raw: Tensor, images: Tensor, convention: Convention, told: StatedConvention, opening: Opening
) -> Iterator[str]:
    """What looks wrong with the pixels."""
    low, high = float(raw.min()), float(raw.max())
    first, last = RANGES[convention.range]
    slack = SLACK * (last - first)
    likely = likely_range(raw)
    is_known = told.range is not None and opening.stated.range is None
    if likely != convention.range and not is_known:
        yield (
            f"pixels of the first {len(raw)} images lie in {low:.3g} .. {high:.3g}, which is not"
            f" {convention.range}; likely right: --range {likely}"
        )
    elif low < first - slack or high > last + slack:
        outside = float(((raw < first - slack) | (raw > last + slack)).float().mean())
        yield (
            f"{100 * outside:.2g} % of the first pixels lie outside of {convention.range} and are"
            f" cut off; they reach from {low:.3g} to {high:.3g}"
        )
    pixels = quantise(images.clone())
    ends = (("black", pixels <= NEAR_THE_END), ("white", pixels >= 255 - NEAR_THE_END))
    for colour, there in ends:
        share = float(there.float().mean())
        if share >= MOST_OF_ONE:
            yield (
                f"{100 * share:.0f} % of the first pixels are {colour}; if that is not what it"
                f" draws, the range is another one (--range) or so is the noise (--noise)"
            )
    if convention.batch_norm == "train":
        yield "with batch norm by statistics of the batch, an image depends on its neighbours"
