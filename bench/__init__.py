"""The benchmark harness: train, sample, score and rank generative image models.

``load_variant`` is the way in for code; the ``aigc`` command is the way in for people. Importing
this package imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.models.base import GenerativeModel

__all__ = ["load_variant"]


def load_variant(
    variant: str, dataset: str = "digits", seed: int = 0, device: str = "cpu"
) -> GenerativeModel:
    """A freshly initialised model of the registry, ready to ``step`` and to ``sample``.

    Args:
        variant: id of the variant, as ``aigc bench list`` shows it.
        dataset: id of the data set whose resolution, channels and classes it is built for.
        seed: the initialisation is a function of it; the global random state is left alone.
        device: a torch device string.

    Raises:
        UsageError: there is no such variant or data set.
    """
    from bench.models.build import load_variant as load

    return load(variant, dataset, seed, device)
