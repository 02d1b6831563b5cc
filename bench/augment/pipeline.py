"""The augmentation pipe of ADA (Karras et al. 2020, 2006.06676, appendix B).

Every transformation acts on every image with the same probability, independently. All motions are
gathered in one matrix per image, so pixels are interpolated once; bilinear interpolation stands
for the paper's wavelet filter, and there is neither hue, nor image-space filtering, noise or
cutout, none of which the paper's best settings need but hue.
"""

from __future__ import annotations

import math

import torch
from pydantic import NonNegativeFloat
from torch import Tensor, nn

from bench.augment.colour import brighter, contrasted, luma_flipped, saturated
from bench.augment.geometry import rotation, scaling, translation, warp
from bench.identity.settings import Settings


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


class AugmentationPipe(nn.Module):
    """Differentiable random transformations; without weights, buffers or state.

    Args:
        settings: which transformations there are, and how strong.
    """

    def __init__(self, settings: PipeSettings | None = None) -> None:
        super().__init__()
        self.settings = settings or PipeSettings()

    def forward(self, images: Tensor, probability: Tensor) -> Tensor:
        """Images (N, C, H, W) in -1 .. 1 to as many, of which colours may leave that range.

        Args:
            images: what is augmented; gradients flow to it, any number of times.
            probability: of each transformation, scalar in 0 .. 1; at 0 nothing changes a bit.
        """
        draws = _Draws(images, probability)
        return self._recolour(self._move(images, draws), draws)

    def _move(self, images: Tensor, draws: _Draws) -> Tensor:
        steps = self._blits(draws, images.shape[-1]) + self._motions(draws, images.shape[-1])
        if not steps:
            return images
        motion = steps[0]
        for step in steps[1:]:
            motion = motion @ step
        return warp(images, motion)

    def _blits(self, draws: _Draws, size: int) -> list[Tensor]:
        """Motions that copy pixels."""
        chosen, one = self.settings, draws.ones
        steps = []
        if chosen.flip:
            steps.append(scaling(1.0 - 2.0 * draws.whole(2), one))
        if chosen.quarter_turns:
            turns = draws.whole(4)  # cosines and sines of 0, 90, 180 and 270 degrees, exactly
            steps.append(rotation((turns - 2.0).abs() - 1.0, 1.0 - (turns - 1.0).abs()))
        if chosen.translation:
            right, down = draws.plane(chosen.translation * size)
            steps.append(translation(right.round(), down.round()))
        return steps

    def _motions(self, draws: _Draws, size: int) -> list[Tensor]:
        """Motions that interpolate; the two rotations together have the given probability."""
        chosen = self.settings
        steps = []
        if chosen.scale:
            factor = draws.log_normal(chosen.scale)
            steps.append(scaling(factor, factor))
        if chosen.rotation:
            steps.append(draws.turn(chosen.rotation))
        if chosen.stretch:
            factor = draws.log_normal(chosen.stretch)
            steps.append(scaling(factor, 1.0 / factor))
        if chosen.rotation:
            steps.append(draws.turn(chosen.rotation))
        if chosen.fractional_translation:
            steps.append(translation(*draws.normal_plane(chosen.fractional_translation * size)))
        return steps

    def _recolour(self, images: Tensor, draws: _Draws) -> Tensor:
        chosen = self.settings
        if chosen.brightness:
            images = brighter(images, draws.normal(chosen.brightness))
        if chosen.contrast:
            images = contrasted(images, draws.log_normal(chosen.contrast))
        if images.shape[1] == 1:
            return images
        if chosen.luma_flip:
            images = luma_flipped(images, draws.whole(2))
        if chosen.saturation:
            images = saturated(images, draws.log_normal(chosen.saturation))
        return images


class _Draws:
    """Parameters of transformations, one per image, neutral where the image is left alone."""

    def __init__(self, images: Tensor, probability: Tensor) -> None:
        self.n = len(images)
        self.device = images.device
        self.probability = probability.detach().to(images.device)
        self.ones = torch.ones(self.n, device=self.device)

    def uniform(self, *shape: int) -> Tensor:
        return torch.rand(*shape, self.n, device=self.device)

    def gate(self, probability: Tensor | None = None) -> Tensor:
        """Gates (N,): 1 with the given probability, else 0."""
        limit = self.probability if probability is None else probability
        return (self.uniform() < limit).to(self.ones.dtype)

    def whole(self, n: int) -> Tensor:
        """Whole numbers below ``n``, as floats; neutral: 0."""
        return self.gate() * (self.uniform() * n).floor().clamp_max(n - 1)

    def plane(self, largest: float) -> Tensor:
        """Uniform shifts in both directions, (2, N); neutral: 0."""
        return self.gate() * largest * (2.0 * self.uniform(2) - 1.0)

    def normal(self, deviation: float) -> Tensor:
        """Normal draws with mean 0, (N,); neutral: 0."""
        return self.gate() * deviation * torch.randn(self.n, device=self.device)

    def normal_plane(self, deviation: float) -> Tensor:
        """Normal shifts in both directions, (2, N); neutral: 0."""
        return self.gate() * deviation * torch.randn(2, self.n, device=self.device)

    def log_normal(self, deviation: float) -> Tensor:
        """2 to the power of a normal draw; neutral: 1."""
        return self.normal(deviation).exp2()

    def turn(self, largest: float) -> Tensor:
        """One of two rotations of which at least one acts with the probability of the others."""
        gate = self.gate(1.0 - (1.0 - self.probability).sqrt())
        angle = gate * largest * math.pi * (2.0 * self.uniform() - 1.0)
        return rotation(angle.cos(), angle.sin())
