"""One coloured shape on a dark ground at 32 x 32: pictures for captions, drawn by arithmetic.

Everything is integer arithmetic on a counter, so the pixels are the same on every machine and with
every version of a library. Within its caption a picture varies in place, size, colour and ground.
Lengths are in eighths of a pixel; a pixel's colour mixes ground and shape by how many of 4 x 4
points inside it the shape covers.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from bench.data.captions.shapes import CLASSES, SHAPES, Attributes
from bench.data.dataset import ImageSplit, Splits
from catalog.schema import Dataset

SIZE = 32
UNIT = 8  # lengths per pixel
POINTS = 4  # sample points along each side of a pixel
SHADES = POINTS * POINTS  # degrees of coverage above none

RGB = ((210, 50, 50), (50, 180, 70), (60, 90, 220), (220, 200, 60))
"""Mean RGB value of each colour, 0 .. 255."""
COLOUR_JITTER = 20
GROUND, GROUND_JITTER = 32, 12
RADII, RADIUS_JITTER = (30, 52), (2, 3)
"""Radii and their jitter, of a small and a large shape, in eighths of a pixel."""
NEAR, MIDDLE, FAR = 9 * UNIT, 16 * UNIT, 23 * UNIT
CENTRES = ((NEAR, NEAR), (FAR, NEAR), (MIDDLE, MIDDLE), (NEAR, FAR), (FAR, FAR))
"""Centre of each place, across and down, in eighths of a pixel."""
PLACE_JITTER = 1  # whole pixels

PER_CLASS = {"train": 60, "reference": 12, "test": 4}
"""Pictures per class in each split; ``train`` has only the classes that are trained."""
STREAMS = {"train": 1, "reference": 2, "test": 3}

Integers = NDArray[np.int64]


def load(dataset: Dataset) -> Splits:
    """All splits, (N, 3, 32, 32) uint8, class by class."""
    del dataset  # the drawing has a fixed size
    return {name: _split(name) for name in PER_CLASS}


def coverage(shape: int, radius: int, centre: tuple[int, int]) -> Integers:
    """Number of points of each pixel that a shape covers, (32, 32) in 0 .. 16.

    Args:
        shape: position in ``SHAPES``.
        radius: half of its extent, roughly, in eighths of a pixel.
        centre: across and down, in eighths of a pixel.
    """
    step = UNIT // POINTS
    points = np.arange(SIZE * POINTS, dtype=np.int64) * step + step // 2
    across, down = (points - middle for middle in centre)
    inside = _inside(SHAPES[shape], radius, across[None, :], down[:, None])
    covered: Integers = inside.reshape(SIZE, POINTS, SIZE, POINTS).sum(axis=(1, 3))
    return covered


def _inside(shape: str, r: int, x: Integers, y: Integers) -> NDArray[np.bool_]:
    """Mask of the points (x across, y down) from the centre in a shape of radius ``r``."""
    if shape == "circle":
        return x * x + y * y <= r * r
    if shape == "square":
        return 8 * np.maximum(abs(x), abs(y)) <= 7 * r
    if shape == "triangle":  # apex 9/8 r above the centre, base 7/8 r below, as wide as 9/4 r
        return (128 * abs(x) <= 9 * (8 * y + 9 * r)) & (8 * y <= 7 * r)
    arm, length = 3 * r, 8 * r
    upright = (8 * abs(x) <= arm) & (8 * abs(y) <= length)
    return upright | ((8 * abs(y) <= arm) & (8 * abs(x) <= length))


def picture(attributes: Attributes, key: int) -> Integers:
    """The picture number ``key`` of a class, (3, 32, 32) in 0 .. 255."""
    place, radius, rgb = attributes.place, RADII[attributes.size], RGB[attributes.colour]
    jitter = Jitter(key)
    centre = tuple(middle + UNIT * jitter(PLACE_JITTER) for middle in CENTRES[place])
    radius += jitter(RADIUS_JITTER[attributes.size])
    ground = GROUND + jitter(GROUND_JITTER)
    colour = [[[level + jitter(COLOUR_JITTER)]] for level in rgb]  # (3, 1, 1)
    covered = coverage(attributes.shape, radius, (centre[0], centre[1]))
    mixed = ground * (SHADES - covered) + np.array(colour, dtype=np.int64) * covered
    rounded: Integers = (mixed + SHADES // 2) // SHADES
    return rounded


class Jitter:
    """Integers that look random: splitmix64 (Steele, Lea and Flood 2014), started from a key."""

    MASK = 2**64 - 1
    GOLDEN = 0x9E3779B97F4A7C15

    def __init__(self, key: int) -> None:
        self.state = self._mixed(key)  # mixed, or the streams of neighbouring keys would overlap

    def __call__(self, bound: int) -> int:
        """The next integer in -bound .. bound; the bias of the remainder is below 1e-16."""
        self.state = (self.state + self.GOLDEN) & self.MASK
        return self._mixed(self.state) % (2 * bound + 1) - bound

    def _mixed(self, z: int) -> int:
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & self.MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & self.MASK
        return z ^ (z >> 31)


def _split(name: str) -> ImageSplit:
    first = STREAMS[name] << 40
    chosen = [
        (label, number)
        for label, attributes in enumerate(CLASSES)
        for number in range(PER_CLASS[name])
        if attributes.is_trained or name != "train"
    ]
    pixels = [picture(CLASSES[label], first + (label << 20) + number) for label, number in chosen]
    images = torch.from_numpy(np.stack(pixels).astype(np.uint8))  # (N, 3, 32, 32)
    return ImageSplit(images, torch.tensor([label for label, _ in chosen]))
