"""One image file as people have them: in colour or grey, with a palette, transparent, or turned.

What is common in the wild and has one sensible meaning becomes 8-bit grey or RGB, and it is said
what was done; what would lose more than that is refused. Colour profiles are not applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import IO

from PIL import ExifTags, Image, ImageOps

from bench.data.decode.image_files import DAMAGED, broken_rule, opened_image
from catalog.files import reason

GREY_MODES = ("1", "L", "LA")
MODES = (*GREY_MODES, "P", "PA", "RGB", "RGBA", "CMYK")
FIRST_OF_SEVERAL = "MPO"
"""A photograph as telephones save it, followed by previews or depth in the same file."""


class Change(StrEnum):
    """A change of an image besides resizing, as notes count them."""

    TURNED = "turned as its EXIF orientation says"
    TRANSPARENT = "laid over white where it is transparent"
    CMYK = "made RGB from CMYK, without its colour profile"
    GREY_TO_RGB = "made RGB from grey"
    RGB_TO_GREY = "made grey from RGB"
    ENLARGED = "enlarged"


class Unusable(ValueError):
    """A file is no image for a data set; the text is the reason, without the file's name."""


@dataclass(frozen=True)
class Picture:
    """An image of mode ``L`` or ``RGB``, and what was done to the file's own."""

    image: Image.Image
    changes: tuple[Change, ...] = ()


def read_picture(stream: IO[bytes]) -> Picture:
    """Decode one file: turn it upright, lay it over white, make it 8-bit grey or RGB.

    Palettes become RGB, black-and-white becomes grey. Of a photograph with previews the first
    image is taken.

    Raises:
        Unusable: it cannot be decoded, is cut short, too large, animated, or has 16 bits per
            channel or another colour model.
    """
    try:
        with opened_image(stream) as image:
            _require_usable(image)
            image.load()
            return _upright(image)
    except Unusable:
        raise
    except DAMAGED as error:
        raise Unusable(f"not a readable image ({_in_words(error)})") from None


def _require_usable(image: Image.Image) -> None:
    """Refuse unusable files by their header, before memory is taken for pixels."""
    rule = broken_rule(image)
    if rule is not None:
        raise Unusable(rule)
    if image.mode not in MODES:
        raise Unusable(f"images are 8-bit grey or RGB, this one has mode {image.mode}")
    n_images = getattr(image, "n_frames", 1)
    if n_images != 1 and image.format != FIRST_OF_SEVERAL:
        raise Unusable(f"holds {n_images} images, animations are not read")


def _upright(image: Image.Image) -> Picture:
    changes = []
    if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
        changes.append(Change.TURNED)
    if image.mode == "CMYK":
        changes.append(Change.CMYK)
    upright = ImageOps.exif_transpose(image)
    if upright.has_transparency_data:
        colours = upright.convert("RGBA")
        if colours.getchannel("A").getextrema() != (255, 255):
            changes.append(Change.TRANSPARENT)
        ground = Image.new("RGBA", colours.size, "white")
        upright = Image.alpha_composite(ground, colours)
    plain = upright.convert("L" if image.mode in GREY_MODES else "RGB")
    return Picture(plain, tuple(changes))


def _in_words(error: BaseException) -> str:
    text = reason(error) if isinstance(error, Exception) else str(error)
    return "not a PNG, JPEG, BMP or WebP file" if "cannot identify" in text else text
