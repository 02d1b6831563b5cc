"""Attributes and captions of the data set ``shapes``, and which captions are trained.

A class is a colour, a shape, a size and a place; its number counts through the lists below like
the digits of a number, the place fastest. Three classes in ten are trained, which a congruence
decides: every word and every pair of attributes is trained, but seven tenths of the captions are
not, and have to be composed of what was.
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from bench.data.captions.base import Captions

COLOURS = ("red", "green", "blue", "yellow")
SHAPES = ("circle", "square", "triangle", "cross")
SIZES = ("small", "large")
PLACES = (
    "at the top left",
    "at the top right",
    "in the centre",
    "at the bottom left",
    "at the bottom right",
)
MODULUS = 10
TRAINED_RESIDUES = (0, 3, 6)


class Attributes(NamedTuple):
    """A class as positions in the four lists."""

    colour: int
    shape: int
    size: int
    place: int

    @property
    def caption(self) -> str:
        """The caption, such as ``a large red circle at the top left``."""
        size, colour, shape = SIZES[self.size], COLOURS[self.colour], SHAPES[self.shape]
        return f"a {size} {colour} {shape} {PLACES[self.place]}"

    @property
    def is_trained(self) -> bool:
        """Whether the training split holds pictures of this class."""
        turn = self.colour + self.shape + self.size + 2 * self.place
        return turn % MODULUS in TRAINED_RESIDUES


CLASSES = tuple(
    Attributes(*indices)
    for indices in product(*(range(len(words)) for words in (COLOURS, SHAPES, SIZES, PLACES)))
)
"""Attributes of all 160 classes, in order of their numbers."""

CAPTIONS = Captions(
    of_class=tuple((attributes.caption,) for attributes in CLASSES),
    held_out=frozenset((k, 0) for k, attributes in enumerate(CLASSES) if not attributes.is_trained),
)
"""One caption of each class; those that are held out have no training pictures either."""
