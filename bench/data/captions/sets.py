"""Every set of captions by the name that a recipe gives; static imports, so that records cover it.

A new set is a module of this package and one line here.
"""

from __future__ import annotations

from bench.data.captions import digits, shapes
from bench.data.captions.base import Captions

SETS: dict[str, Captions] = {
    "digits": digits.CAPTIONS,
    "shapes": shapes.CAPTIONS,
}
