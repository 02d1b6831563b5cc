"""Which transformations an augmentation pipe has, and how strong each is."""

from __future__ import annotations

from pydantic import NonNegativeFloat

from bench.models.base import Settings


class PipeSettings(Settings):
    """Strengths of ADA's pipe (Karras et al. 2020, 2006.06676, appendix B); 0 leaves one out.

    The defaults are the paper's, but for mirror images and quarter turns, which are off: not every
    data set has them, and a generator takes them over most easily.

    Attributes:
        flip: mirror left and right.
        quarter_turns: turn by a multiple of 90 degrees.
        translation: largest shift by whole pixels, as a share of the size.
        scale: standard deviation of the binary logarithm of a magnification.
        rotation: largest angle, as a share of half a turn, either way.
        stretch: as ``scale``, of the width, while the height shrinks by as much.
        fractional_translation: standard deviation of a shift, as a share of the size.
        brightness: standard deviation of a shift, where black and white are 2 apart.
        contrast: standard deviation of the binary logarithm of a factor.
        luma_flip: turn light into dark; of colour images only.
        saturation: standard deviation of the binary logarithm of a factor; of colour images only.
    """

    flip: bool = False
    quarter_turns: bool = False
    translation: NonNegativeFloat = 0.125
    scale: NonNegativeFloat = 0.2
    rotation: NonNegativeFloat = 1.0
    stretch: NonNegativeFloat = 0.2
    fractional_translation: NonNegativeFloat = 0.125
    brightness: NonNegativeFloat = 0.2
    contrast: NonNegativeFloat = 0.5
    luma_flip: bool = True
    saturation: NonNegativeFloat = 1.0
