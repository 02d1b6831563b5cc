"""Extractor ``shapes-judge``: which caption of the data set ``shapes`` fits a picture, exactly.

It has no weights: it knows how the pictures are drawn. A picture is compared with the drawing of
every caption in the middle colour, at a few radii and all places that the caption allows; with
x the picture and t a drawing, each less its mean, the drawing explains |x|^2 - |x - t|^2 of the
picture. A caption that explains less than four fifths of the picture does not fit it.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from bench.data import shapes as drawing
from bench.data.captions.shapes import PLACES, SHAPES, SIZES
from bench.score.extractors.base import FeatureExtractor, require_no_weights, require_size
from catalog.schema import Extractor

LEAST_SHARE = 0.8
"""Least share of a picture's variance that a caption explains; a second shape costs a quarter."""
NOISE = 0.1
"""Standard deviation of a pixel value in 0 .. 1, which gives the logits their scale."""
CELLS = 8


class ShapesJudge(FeatureExtractor):
    """A matched filter for every caption.

    A call maps (B, 3, 32, 32) uint8 to two layers. ``logits`` (B, 160) are log-likelihood ratios of
    the captions against the hypothesis that none fits, and 0 for a caption that does not fit: where
    all are 0 none does, and as the largest one is then the first, such pictures are right at the
    rate of chance. ``scene`` (B, 207) in 0 .. 1 holds the means over 8 x 8 cells in each colour,
    and how much of the picture the best caption with each colour, shape, size and place explains.
    """

    templates: Tensor
    colours: Tensor

    def __init__(self) -> None:
        super().__init__("shapes-judge", ("scene", "logits"))
        templates = torch.stack([_centred(masks) for masks in _allowed_masks()])
        self.register_buffer("templates", templates, persistent=False)  # (40 captions, J, 1024)
        colours = (torch.tensor(drawing.RGB) - drawing.GROUND) / 255.0
        self.register_buffer("colours", colours, persistent=False)  # (4, 3), less the ground

    def check(self, images: Tensor, source: str) -> None:
        """Refuse other sizes than 32 x 32."""
        require_size(images, drawing.SIZE, self.name, source)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Features of (B, 3, 32, 32) uint8 images."""
        pixels = images.to(torch.float32) / 255.0
        flat = pixels.flatten(2)
        centred = flat - flat.mean(dim=2, keepdim=True)  # (B, 3, 1024)
        energy = centred.square().sum(dim=(1, 2))[:, None, None, None, None]
        explained = self._explained(centred)  # (B, colours, shapes, sizes, places)
        logits = F.relu(explained - LEAST_SHARE * energy) / (2.0 * NOISE**2)
        shares = (explained / energy.clamp(min=1e-6)).clamp(0.0, 1.0)
        axes = [tuple(other for other in range(1, 5) if other != axis) for axis in range(1, 5)]
        best = [shares.amax(dim=others) for others in axes]
        cells = F.avg_pool2d(pixels, drawing.SIZE // CELLS).flatten(1)  # (B, 192)
        return {"scene": torch.cat([cells, *best], dim=1), "logits": logits.flatten(1)}

    def _explained(self, centred: Tensor) -> Tensor:
        """Energy of (B, 3, 1024) pictures that the captions explain, (B, 4, 4, 2, 5)."""
        n_captions, n_drawings, _ = self.templates.shape
        overlap = centred @ self.templates.flatten(0, 1).T  # (B, 3, captions * J)
        area = self.templates.square().sum(dim=2).flatten()  # (captions * J)
        size = self.colours.square().sum(dim=1)  # (4,)
        found = 2.0 * self.colours @ overlap - size[:, None] * area  # (B, 4, captions * J)
        best: Tensor = found.unflatten(2, (n_captions, n_drawings)).amax(dim=3)  # (B, 4, captions)
        return best.reshape(len(best), -1, len(SHAPES), len(SIZES), len(PLACES))


def _allowed_masks() -> list[Tensor]:
    """Drawings that a caption allows, (J, 1024) in 0 .. 1, for each shape, size and place."""
    shifts = [drawing.UNIT * d for d in range(-drawing.PLACE_JITTER, drawing.PLACE_JITTER + 1)]
    sets = []
    for shape, size, place in product(range(len(SHAPES)), range(len(SIZES)), range(len(PLACES))):
        x, y = drawing.CENTRES[place]
        jitter = drawing.RADIUS_JITTER[size]
        radii = [drawing.RADII[size] + step for step in (-jitter, 0, jitter)]
        masks = [
            drawing.coverage(shape, radius, (x + dx, y + dy))
            for radius, dx, dy in product(radii, shifts, shifts)
        ]
        covered = torch.stack([torch.from_numpy(mask) for mask in masks]).flatten(1)
        sets.append(covered.to(torch.float32) / drawing.SHADES)
    return sets


def _centred(masks: Tensor) -> Tensor:
    return masks - masks.mean(dim=1, keepdim=True)


def load(entry: Extractor, weights: Path | None) -> FeatureExtractor:
    """The judge; UsageError if weights are given, since it has none."""
    require_no_weights(entry, weights)
    return ShapesJudge()
