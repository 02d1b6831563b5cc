"""Image sets of known quality, made from the data alone, that give the numbers of a table scale.

From good to useless: real images that nobody trained on, the training images themselves, a
Gaussian per class and one for all in the space of principal components, the mean image, and
noise. Gaussians and noise are drawn from ``numpy.random.default_rng(SEED + draw)``, so that every
set is the same on each call. The Gaussians are drawn several times: rows of a table are compared
with them, and a comparison has to know how much of a number is the draw.

All but the held-out images are made from the first ``N_FITTED`` reference images alone.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from torch import Tensor

from bench.data import ImageData, ImageSplit
from bench.identity.protocol import ScoringProtocol
from catalog.errors import UsageError
from catalog.names import suggestion

SEED = 0
N_FITTED = 10_000
"""Number of first reference images that simple densities are fitted to and copies are made of:
principal components of more take hours where images are large, and change little."""
VARIANCE = 0.95
"""Share of the variance that the principal components keep."""

Floats = NDArray[np.float64]


def calibration_images(
    name: str, data: ImageData, protocol: ScoringProtocol, draw: int = 0
) -> Tensor:
    """The calibration set called ``name``.

    Args:
        name: one of ``CALIBRATIONS``.
        data: the protocol's data set.
        protocol: says how many images are scored and which splits play which part.
        draw: which of several draws; no matter for a set that is not random.

    Returns:
        (n_fake, C, H, W) uint8; ``held-out`` has the size of its split.

    Raises:
        UsageError: there is no such set.
    """
    if name == "held-out":
        return data[protocol.held_out_split].images
    maker = MAKERS.get(name)
    if maker is None:
        near = suggestion(name, CALIBRATIONS)
        raise UsageError(f"no calibration set is called '{name}'{near}")
    generator = np.random.default_rng(SEED + draw)
    return maker(fitted_images(data, protocol), protocol.n_fake, generator)


def calibration_labels(name: str, data: ImageData, protocol: ScoringProtocol) -> Tensor | None:
    """The class of each image of a set, (n,) int64, or None where images belong to no class."""
    if name == "held-out":
        return data[protocol.held_out_split].labels
    split, order = fitted_images(data, protocol), torch.arange(protocol.n_fake)
    if name == "train-copies":
        return split.labels[order % len(split)]
    if name == "class-pca-gaussian":
        classes: Tensor = split.labels.unique()
        return classes[order % len(classes)]
    return None


def fitted_images(data: ImageData, protocol: ScoringProtocol) -> ImageSplit:
    """The reference images that calibration sets are made from: the first ``N_FITTED``."""
    split = data[protocol.reference_split]
    return ImageSplit(split.images[:N_FITTED], split.labels[:N_FITTED])


def train_copies(split: ImageSplit, n_images: int, _: np.random.Generator) -> Tensor:
    """The split's images over and over, (n_images, C, H, W) uint8: a model that only copies."""
    return split.images[torch.arange(n_images) % len(split)]


def mean_image(split: ImageSplit, n_images: int, _: np.random.Generator) -> Tensor:
    """The rounded mean of the split, (n_images, C, H, W) uint8."""
    mean = split.images.to(torch.float64).mean(dim=0, keepdim=True)
    return mean.round().to(torch.uint8).repeat(n_images, 1, 1, 1)


def noise(split: ImageSplit, n_images: int, generator: np.random.Generator) -> Tensor:
    """Independent pixels, uniform over 0 .. 255, (n_images, C, H, W) uint8."""
    shape = (n_images, *split.images.shape[1:])
    return torch.from_numpy(generator.integers(0, 256, shape, dtype=np.uint8))


def pca_gaussian(split: ImageSplit, n_images: int, generator: np.random.Generator) -> Tensor:
    """Draws from one Gaussian fitted to the leading principal components of all images.

    Returns:
        (n_images, C, H, W) uint8.
    """
    drawn = _draw(_flat(split.images), n_images, generator)
    return _as_images(drawn, split)


def class_pca_gaussian(split: ImageSplit, n_images: int, generator: np.random.Generator) -> Tensor:
    """Draws from one such Gaussian per class; image i is of class i modulo the number of classes.

    Returns:
        (n_images, C, H, W) uint8.
    """
    flat = _flat(split.images)
    classes = split.labels.unique().tolist()
    drawn = np.empty((n_images, flat.shape[1]))
    for position, label in enumerate(classes):
        members = flat[(split.labels == label).numpy()]
        slots = drawn[position :: len(classes)]
        slots[:] = _draw(members, len(slots), generator)
    return _as_images(drawn, split)


MAKERS: dict[str, Callable[[ImageSplit, int, np.random.Generator], Tensor]] = {
    "train-copies": train_copies,
    "class-pca-gaussian": class_pca_gaussian,
    "pca-gaussian": pca_gaussian,
    "mean-image": mean_image,
    "noise": noise,
}
CALIBRATIONS = ("held-out", *MAKERS)


def _draw(flat: Floats, n_images: int, generator: np.random.Generator) -> Floats:
    pca = PCA(n_components=VARIANCE, svd_solver="full").fit(flat)
    white = generator.standard_normal((n_images, pca.n_components_))  # (n, k)
    drawn: Floats = pca.mean_ + white * np.sqrt(pca.explained_variance_) @ pca.components_
    return drawn  # (n, C * H * W)


def _flat(images: Tensor) -> Floats:
    return images.flatten(1).numpy().astype(np.float64)  # (N, C * H * W)


def _as_images(flat: Floats, split: ImageSplit) -> Tensor:
    pixels = torch.from_numpy(flat.round().clip(0, 255).astype(np.uint8))
    return pixels.reshape(-1, *split.images.shape[1:])
