"""One sampler of a trained model as a network: columns of noise and classes in, images out.

A sampler asks its noise for draws as it goes. Which it asks for is found out by drawing once; the
network then takes them all at once, one row per image, and hands them out in the same order.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bench.data.dataset import quantise
from bench.models.base import GenerativeModel
from bench.models.noise import ImageNoise
from bench.outside.export_record import Draws, Pixels
from bench.sample.draw import Draw, labels_of
from bench.sample.trained_model import TrainedModel

N_PROBED = 2


class CountedNoise(ImageNoise):
    """Noise that remembers what was asked of it."""

    def __init__(self, seed: int, indices: Sequence[int], device: torch.device) -> None:
        super().__init__(seed, indices, device)
        self.draws: list[Draws] = []

    def normal(self, n_values: int) -> Tensor:
        """As of any noise."""
        self.draws.append(Draws(kind="normal", n=n_values))
        return super().normal(n_values)

    def uniform(self, n_values: int) -> Tensor:
        """As of any noise."""
        self.draws.append(Draws(kind="uniform", n=n_values))
        return super().uniform(n_values)


class GivenNoise(ImageNoise):
    """Draws that were made before, (N, columns), handed out from left to right."""

    def __init__(self, columns: Tensor) -> None:
        self.device = columns.device
        self._columns = columns
        self._at = 0

    def __len__(self) -> int:
        return self._columns.shape[0]

    def normal(self, n_values: int) -> Tensor:
        """The next columns, whatever they hold."""
        first, self._at = self._at, self._at + n_values
        return self._columns[:, first : self._at]

    def uniform(self, n_values: int) -> Tensor:
        """The next columns, whatever they hold."""
        return self.normal(n_values)


def columns_of(noise: ImageNoise, draws: Sequence[Draws]) -> Tensor:
    """All draws of a sampler at once, (N, columns) float32."""
    pieces = [
        noise.normal(piece.n) if piece.kind == "normal" else noise.uniform(piece.n)
        for piece in draws
    ]
    return torch.cat(pieces, 1) if pieces else torch.empty(len(noise), 0, device=noise.device)


def frozen(run: TrainedModel, *, averaged: bool) -> TrainedModel:
    """A copy whose own weights are the averaged or the raw ones, and that learns no more.

    Raises:
        UsageError: the run has no averaged weights.
    """
    with run._weights(ema=averaged):  # noqa: SLF001 (a new name there would be other code of trainings)
        model = copy.deepcopy(run.model).requires_grad_(False)
    mixtures = {False: run.mixtures[averaged]} if averaged in run.mixtures else {}
    return TrainedModel(run.spec, model, None, mixtures, run.device)


def draw_of(model: TrainedModel, sampler: str) -> Draw:
    """What a sampler of a frozen model draws, (noise, labels) to images in -1 .. 1."""
    return model._draw(sampler, ema=False)  # noqa: SLF001 (as above)


@dataclass(frozen=True)
class Surveyed:
    """What one drawing showed.

    Attributes:
        draws: the noise that it took, for each image.
        n_passes: how often the most used layer was passed; 1 but for samplers that go step by step.
    """

    draws: tuple[Draws, ...]
    n_passes: int


@torch.no_grad()
def survey(model: TrainedModel, sampler: str) -> Surveyed:
    """Draw two images and look at what happens."""
    noise = CountedNoise(0, range(N_PROBED), model.device)
    labels = labels_of(range(N_PROBED), model.spec.dataset.n_classes).to(model.device)
    passes: Counter[nn.Module] = Counter()
    layers = [module for module in model.model.modules() if not list(module.children())]
    hooks = [
        layer.register_forward_hook(lambda layer, *_: passes.update([layer])) for layer in layers
    ]
    try:
        draw_of(model, sampler)(noise, labels)
    finally:
        for hook in hooks:
            hook.remove()
    return Surveyed(tuple(noise.draws), max(passes.values(), default=1))


class SamplerNetwork(nn.Module):
    """A sampler as others call it: tensors in, one tensor out.

    Args:
        model: frozen.
        sampler: one of its samplers.
        pixels: float32 in -1 .. 1 as the model makes them, or uint8 as they are scored.
    """

    model: GenerativeModel

    def __init__(self, model: TrainedModel, sampler: str, pixels: Pixels) -> None:
        super().__init__()
        self.model = model.model
        self._draw = draw_of(model, sampler)
        self._as_uint8 = pixels == "uint8"

    def forward(self, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """Columns of noise (N, columns) and classes (N,) int64 to images (N, C, H, W)."""
        images = self._draw(GivenNoise(noise), labels)  # type: ignore[arg-type]
        return quantise(images) if self._as_uint8 else images
