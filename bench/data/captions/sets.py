"""Every set of captions by the name that a recipe gives: a new one is a module and a line here."""

from __future__ import annotations

from bench.data.captions import shapes
from bench.data.captions.base import Captions

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEMPLATES = (
    "a handwritten {word}",
    "the digit {word}",
    "a picture of the number {word}",
    "{word} written by hand",
    "a scan of a {word}",
)

DIGITS = Captions(
    of_class=tuple(tuple(text.format(word=word) for text in TEMPLATES) for word in WORDS),
    held_out=frozenset((digit, digit % len(TEMPLATES)) for digit in range(len(WORDS))),
)
"""Five ways to name each digit, of which one, another for each digit, is held out.

Every word and every template is trained, in forty of their fifty pairs.
"""

SETS: dict[str, Captions] = {
    "digits": DIGITS,
    "shapes": shapes.CAPTIONS,
}
