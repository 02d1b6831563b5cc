"""Images between two images: what a model makes of the noise that lies between theirs.

The noise of a model is whatever its sampler asks for, so the way between two images is laid through
the noise itself: the sampler runs as always, and every normal draw that it asks for is the point on
the great circle between the draws of two images. Independent normal vectors of many values lie at
nearly the same distance from the origin, and so do all points between them, which a straight line
would miss (White 2016, 1609.04468).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from bench.models.noise import ImageNoise
from bench.replay.pictures.record import Between
from bench.sample.draw import SAMPLING_BATCH, sample_images
from bench.sample.trained_model import TrainedModel

N_PAIRS = 6
MOST_DRAWS = 8
"""A sampler that asks for normal noise oftener walks along a chain of small random steps."""
NEARLY_PARALLEL = 1e-4
"""Below this sine of their angle, a straight line replaces the great circle of two vectors."""


class NoiseBetween(ImageNoise):
    """Streams between those of two images each; draws are made on both sides in step.

    Args:
        seed: of all streams.
        lefts, rights: positions of the two images in the whole set, one pair per stream.
        shares: how far to the right each stream stands, 0 .. 1.
        device: where draws are put.
    """

    def __init__(
        self,
        seed: int,
        lefts: Sequence[int],
        rights: Sequence[int],
        shares: Sequence[float],
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(seed, lefts, device)
        self._rights = ImageNoise(seed, rights, device)
        self._shares = torch.tensor(shares, dtype=torch.float64, device=self.device)
        self.n_normal = 0
        self.n_uniform = 0

    def normal(self, n_values: int) -> Tensor:
        """The next draws between both sides, (N, n_values) float32."""
        self.n_normal += 1
        return slerp(super().normal(n_values), self._rights.normal(n_values), self._shares)

    def uniform(self, n_values: int) -> Tensor:
        """The next draws of the left side: a choice has nothing between it and another one."""
        self.n_uniform += 1
        self._rights.uniform(n_values)
        return super().uniform(n_values)


def slerp(left: Tensor, right: Tensor, shares: Tensor) -> Tensor:
    """Points on the great circles between vectors; the ends are exact.

    Args:
        left: (N, D).
        right: (N, D).
        shares: (N,) float64, 0 gives ``left`` and 1 gives ``right``.

    Returns:
        (N, D), of the type of ``left``.
    """
    a, b, share = left.double(), right.double(), shares[:, None]
    lengths = (a.norm(dim=1) * b.norm(dim=1)).clamp_min(torch.finfo(torch.float64).tiny)
    angle = torch.arccos(((a * b).sum(dim=1) / lengths).clamp(-1.0, 1.0))[:, None]
    sine = torch.sin(angle)
    flat = sine < NEARLY_PARALLEL
    safe = torch.where(flat, torch.ones_like(sine), sine)
    of_left = torch.where(flat, 1.0 - share, torch.sin((1.0 - share) * angle) / safe)
    of_right = torch.where(flat, share, torch.sin(share * angle) / safe)
    return (of_left * a + of_right * b).to(left.dtype)


@torch.no_grad()
def kind_of(model: TrainedModel) -> Between:
    """How images between a model's images can be drawn, as its first sampler asks for noise."""
    probe = NoiseBetween(0, [0], [1], [0.5], model.device)
    model.model.sample(probe, torch.zeros(1, dtype=torch.int64, device=model.device))
    if not probe.n_normal:
        return "none-choices"
    if probe.n_normal > MOST_DRAWS:
        return "none-chain"
    return "slerp-held" if probe.n_uniform else "slerp"


def interpolate(
    model: TrainedModel, n_points: int, *, seed: int, ema: bool
) -> tuple[Tensor | None, Between]:
    """Rows of images from one of the model's images to another, drawn by its first sampler.

    Both images of a pair have the same label, so a conditional model keeps it along the row.

    Args:
        model: that has been trained.
        n_points: images of a row, both ends included; at least 2.
        seed: of the noise; both ends are images of that sample.
        ema: whether to draw from averaged weights.

    Returns:
        (N_PAIRS * n_points, C, H, W) uint8 row by row, or None and the reason why there are none.

    Raises:
        NonFiniteImages: a pixel is NaN or infinite.
    """
    between = kind_of(model)
    if between.startswith("none"):
        return None, between
    n_classes = model.spec.dataset.n_classes
    lefts = [pair for pair in range(N_PAIRS) for _ in range(n_points)]
    shares = [point / (n_points - 1) for _ in range(N_PAIRS) for point in range(n_points)]
    n = len(lefts)
    # A network's last digit may depend on the batch size, so the batch is that of all samples.
    lefts += [0] * (SAMPLING_BATCH - n)
    shares += [0.0] * (SAMPLING_BATCH - n)
    rights = [left + n_classes for left in lefts]
    labels = torch.tensor(lefts, device=model.device) % n_classes

    def draw(_noise: ImageNoise, _labels: Tensor) -> Tensor:
        noise = NoiseBetween(seed, lefts, rights, shares, model.device)
        return model.model.sample(noise, labels)

    with model.average.applied() if ema and model.average is not None else nullcontext():
        return sample_images(draw, n, n_classes, seed, model.device), between
