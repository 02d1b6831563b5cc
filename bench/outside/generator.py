"""What every opened source comes down to: something that gives images for noise and classes.

An opener (see ``bench.outside.openers``) returns an ``Opened``: what the file itself tells
of its convention, and a function that makes the generator once the convention is complete. Sets of
samples are ``OpenedImages``: there is nothing to draw.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.models.noise import ImageNoise
from bench.networks.shape import ImageShape
from bench.outside.convention import (
    Convention,
    StatedConvention,
    label_tensor,
    noise_tensor,
    to_images,
)
from bench.outside.source import Source
from bench.sample.draw import Draw, sample_images


class OutsideGenerator(Protocol):
    """A generator of somebody else, with its convention already applied to what it takes."""

    def draw(self, noise: ImageNoise, labels: Tensor | None) -> Tensor:
        """What the file gives for one batch, in its own range, layout and channels.

        Args:
            noise: a stream for every image, from which all randomness comes; image i must not
                depend on other images of the batch.
            labels: (N,) int64, the class that each image is asked to show; None where the
                convention says that it takes none.
        """
        ...


@dataclass(frozen=True)
class Opening:
    """What an opener is asked for.

    Attributes:
        source: what the user named; its file has been hashed.
        device: where the generator shall work.
        shape: of the images of the data set beside which it is put.
        n_classes: of that data set.
        stated: what the user says of the convention.
        options: of the kind alone, such as ``variant`` and ``keys`` of a state dict.
    """

    source: Source
    device: torch.device
    shape: ImageShape
    n_classes: int
    stated: StatedConvention
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """A source that is open, but for the choices that it leaves to its user.

    Attributes:
        told: what the file itself says of its convention; what the user states goes before it.
        generator: makes the generator under a complete convention; called more than once.
        said: sentences for the user about choices that opening it took, such as renamed tensors.
        n_parameters: scalars in its weights, where that is known.
        seed: of the noise from which its images are drawn.
        details: options with which it opens again in the same way, as plain data; they enter the
            load hash, since they decide its images.
    """

    told: StatedConvention
    generator: Callable[[Convention], OutsideGenerator]
    said: tuple[str, ...] = ()
    n_parameters: int | None = None
    seed: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OpenedImages:
    """A set of samples.

    Attributes:
        images: (N, C, H, W) uint8 in their own size, on the CPU.
        labels: (N,) int64, the class that each was made for, where the set says so.
        said: as in ``Opened``.
    """

    images: Tensor
    labels: Tensor | None = None
    said: tuple[str, ...] = ()


Opener = Callable[[Opening], "Opened | OpenedImages"]
Forward = Callable[..., Tensor]
"""A network: (noise), (noise, labels) or (labels, noise) to images of its own convention."""


@dataclass(frozen=True)
class LatentGenerator:
    """An ``OutsideGenerator`` whose images are one call on noise of a fixed shape.

    Attributes:
        forward: the network, on its device, in the mode that the convention says.
        n_classes: that one-hot classes have.
        dtype: of the noise.
    """

    forward: Forward
    convention: Convention
    n_classes: int
    dtype: torch.dtype = torch.float32

    def draw(self, noise: ImageNoise, labels: Tensor | None) -> Tensor:
        """As ``OutsideGenerator.draw``."""
        z = noise_tensor(noise, self.convention).to(self.dtype)
        y = None if labels is None else label_tensor(labels, self.convention, self.n_classes)
        if y is None:
            return self.forward(z)
        if y.is_floating_point():
            y = y.to(self.dtype)
        if self.convention.label_place == "joined":
            ones = y.reshape(*y.shape, *[1] * (z.ndim - 2)).expand(-1, -1, *z.shape[2:])
            return self.forward(torch.cat([z, ones], dim=1))
        return self.forward(y, z) if self.convention.label_place == "before" else self.forward(z, y)


def as_draw(generator: OutsideGenerator, convention: Convention, shape: ImageShape) -> Draw:
    """A generator as ``bench.sample.draw`` takes one: images of a data set's shape in -1 .. 1."""

    def draw(noise: ImageNoise, labels: Tensor) -> Tensor:
        asked = None if convention.labels == "none" else labels
        return to_images(generator.draw(noise, asked), convention, shape)

    return draw


def draw_outside(
    generator: OutsideGenerator,
    convention: Convention,
    shape: ImageShape,
    n: int,
    *,
    n_classes: int,
    seed: int,
    device: torch.device,
) -> Tensor:
    """Images 0 .. n - 1, (n, C, H, W) uint8 on the CPU, drawn as those of a trained model are.

    Raises:
        NonFiniteImages: a pixel is NaN or infinite.
        InvalidInput: what comes out is not what the convention says.
    """
    return sample_images(as_draw(generator, convention, shape), n, n_classes, seed, device)
