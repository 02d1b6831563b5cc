"""From what a generator of somebody else takes and gives to what ours take and give."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.data.decode.torchvision_files import BORDER
from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from catalog.errors import InvalidInput
from catalog.schema.loads import Convention, StatedConvention

__all__ = [
    "Convention",
    "StatedConvention",
    "label_tensor",
    "noise_tensor",
    "noise_values",
    "require_pixels",
    "to_images",
]

PIXEL_TYPES = (
    *(torch.uint8, torch.int16, torch.int32, torch.int64),
    *(torch.float16, torch.bfloat16, torch.float32, torch.float64),
)
"""Numbers that hold pixels in one of the ranges."""


def noise_tensor(noise: ImageNoise, convention: Convention) -> Tensor:
    """The noise of a batch as a convention wants it, (N, *noise_shape) float32."""
    values = noise_values(noise, math.prod(convention.noise_shape), convention)
    return values.reshape(len(noise), *convention.noise_shape)


def noise_values(noise: ImageNoise, n_values: int, convention: Convention) -> Tensor:
    """The next ``n_values`` draws of every image from a convention's distribution, (N, n_values).

    Truncated noise is the normal distribution's quantile of a uniform draw between the two ends,
    which has the distribution of drawing again and needs one draw.
    """
    if convention.noise == "normal":
        return noise.normal(n_values)
    uniform = noise.uniform(n_values)
    if convention.noise == "truncated":
        bound = torch.tensor(convention.truncation, dtype=torch.float64, device=uniform.device)
        low = torch.special.ndtr(-bound)
        quantiles: Tensor = torch.special.ndtri(low + (1.0 - 2.0 * low) * uniform.double())
        return quantiles.clamp(-bound, bound).float()
    return 2.0 * uniform - 1.0 if convention.noise == "uniform" else uniform


def label_tensor(labels: Tensor, convention: Convention, n_classes: int) -> Tensor | None:
    """Classes (N,) int64 as a convention wants them: (N,) int64, or (N, K) float32 of 0 and 1."""
    if convention.labels == "none":
        return None
    if convention.labels == "index":
        return labels
    return F.one_hot(labels, n_classes).float()


def require_pixels(raw: Tensor, name: str) -> None:
    """Refuse what a generator gives where its numbers cannot be pixels.

    Args:
        raw: what it gives for a batch.
        name: of its source, for the message.

    Raises:
        InvalidInput: it is empty or sparse, of another type of numbers, or not finite.
    """
    kind = str(raw.dtype).removeprefix("torch.")
    if raw.layout != torch.strided:
        kind = f"sparse {kind}"
    if kind.startswith("sparse") or raw.dtype not in PIXEL_TYPES or not raw.numel():
        given = f"{kind} numbers" if raw.numel() else "nothing"
        raise InvalidInput(
            f"{name}: the network gives {given} of shape {tuple(raw.shape)}, which are no pixels",
            hint="images are dense floating point numbers, or whole ones in 0 .. 255",
        )
    if not bool(torch.isfinite(raw.float()).all()):
        raise InvalidInput(f"{name}: the network makes pixels that are not finite")


def to_images(raw: Tensor, convention: Convention, shape: ImageShape) -> Tensor:
    """Images of a data set's shape in -1 .. 1, (N, C, H, W) float32, from what a generator gives.

    Axes are put in order and the range is mapped; grey is repeated, or the mean of colours taken,
    where the data set has the other; images of 28 x 28 get the black border that the data sets in
    MNIST's format have here. Nothing is clamped: quantising does that.

    Args:
        raw: (N, C, H, W), (N, H, W, C), (N, C * H * W) or, of one channel, (N, H, W); integers or
            floats.
        convention: of the generator.
        shape: of the images of the data set.

    Raises:
        InvalidInput: the shape is not that of the convention, or no such step leads to the data
            set's.
    """
    channels, size = convention.channels, convention.resolution
    images = raw.float()
    if images.ndim == 2 and images.shape[1] == channels * size * size:
        images = images.reshape(-1, channels, size, size)
    elif images.ndim == 3 and channels == 1:
        images = images.unsqueeze(1)
    elif images.ndim == 4 and convention.layout == "NHWC":
        images = images.permute(0, 3, 1, 2)
    if tuple(images.shape[1:]) != (channels, size, size):
        raise InvalidInput(
            f"the generator gives {_sizes(raw)} an image, its convention says {channels} x {size}"
            f" x {size} in the layout {convention.layout}",
            hint="state --layout as it is, or leave it out; all images have one size",
        )
    images = _in_unit_range(images, convention)
    if channels < shape.channels:
        images = images.repeat(1, shape.channels, 1, 1)
    elif channels > shape.channels:
        images = images.mean(dim=1, keepdim=True)
    if size != shape.size:
        require_paddable(size, shape)
        images = F.pad(images, [BORDER] * 4, value=-1.0)
    return images.contiguous()


def is_padded(size: int, shape: ImageShape) -> bool:
    """Whether images of a size get a black border to be like those of a data set."""
    return shape.channels == 1 and shape.size - size == 2 * BORDER


def require_paddable(size: int, shape: ImageShape) -> None:
    """Refuse a size from which only resizing would lead to the data set's.

    Raises:
        InvalidInput: it names both sizes.
    """
    if size != shape.size and not is_padded(size, shape):
        raise InvalidInput(
            f"the generator gives images of {size} x {size}, the data set's are {shape.size} x"
            f" {shape.size}",
            hint="resizing changes what a score says, so nothing is resized here; name a data set"
            " of this size, or write the samples in the data set's size and load them by samples:",
        )


def _in_unit_range(images: Tensor, convention: Convention) -> Tensor:
    if convention.range == "0..1":
        return images * 2.0 - 1.0
    if convention.range == "0..255":
        return images / 127.5 - 1.0
    return images


def _sizes(raw: Tensor) -> str:
    return " x ".join(map(str, raw.shape[1:])) or "a single number"
