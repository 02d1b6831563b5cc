"""What some models can do beside ``GenerativeModel``, told by the methods that they have."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from torch import Tensor

from bench.models.noise import ImageNoise


@runtime_checkable
class MeasuresItself(Protocol):
    """A model that knows numbers which its images alone do not show."""

    def measure(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Numbers by name, such as ``bits_per_dim``, in evaluation mode.

        Args:
            images: (N, C, H, W) in -1 .. 1, which no training saw.
            labels: one class per image.
        """


@runtime_checkable
class HasNamedSamplers(Protocol):
    """A model with several samplers of its own, which ``samplers`` names."""

    def sample_as(self, sampler: str, noise: ImageNoise, labels: Tensor) -> Tensor:
        """One image per stream of ``noise``, (N, C, H, W) in -1 .. 1, drawn by one sampler."""

    def asked(self, sampler: str, labels: Tensor) -> Tensor:
        """The class that an image of a sampler is asked to be of, from its usual label."""


@runtime_checkable
class TakesPrompts(Protocol):
    """A model that draws what a text says."""

    def generate(self, prompt: str, noise: ImageNoise) -> Tensor:
        """One image per stream of ``noise``, (N, C, H, W) in -1 .. 1.

        Raises:
            UnknownWord: a word of the prompt is not in the model's vocabulary.
        """
