"""The benchmark harness: train, sample, score and rank generative image models.

``load_variant``, ``open_run`` and ``score`` are the way in for code; ``aigc`` is the way
in for people. Importing this package imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from bench.models.base import GenerativeModel
    from bench.run.opened import OpenedRun
    from bench.score.from_python import Images, Scores

__all__ = ["load_variant", "open_run", "score"]


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


def open_run(path: str | Path, device: str = "cpu") -> OpenedRun:
    """The model and the sampler of a run directory, trained here or loaded from elsewhere.

    Args:
        path: the run directory, such as ``runs/dcgan-digits-s0-…``.
        device: a torch device string.

    Returns:
        ``model``, ``sample`` and ``record``: ``run.sample(64)`` are images 0 to 63, (64, C, H, W)
        uint8, the first of those that its scores are of.

    Raises:
        InvalidInput: it is no run directory, or a file of it is not the one on record.
        MissingPrerequisite: its weights, or the file that it was loaded from, are not here.
    """
    from bench.run.opened import open_run as opened

    return opened(path, device)


def score(images: Images, reference: Images, protocol: str, device: str = "cpu") -> Scores:
    """Metrics of images under a protocol, by name, as records call them.

    Args:
        images: (N, H, W), (N, C, H, W) or (N, H, W, C) uint8, or a text or path as ``aigc bench
            score --fake`` takes it.
        reference: the id of the protocol's data set, for everything that the protocol asks for; or
            real images of one's own, for distances, inception score, precision and recall alone.
        protocol: its id, such as ``digits-10k``; it names the judge.
        device: where features are made.

    Raises:
        UsageError: there is no such protocol.
        InvalidInput: the images are not uint8 or of another size.
        MissingPrerequisite: pixels or judge are not here.
    """
    from bench.score.from_python import score as scored

    return scored(images, reference, protocol, device)
