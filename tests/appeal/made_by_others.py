"""The numbers of the registered appeals, made once by other code: pytorch-fid, clean-fid, numpy.

Judges are this project's, since nobody else has them; decoding, resizing, rounding and arithmetic
are not. ``python tests/appeal/made_by_others.py`` prints every number as its claim has it.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from cleanfid.fid import frechet_distance, kernel_distance
from cleanfid.resize import make_resizer
from numpy.typing import NDArray
from PIL import Image
from pytorch_fid.fid_score import calculate_frechet_distance
from torch import nn

from bench.data import load_dataset
from bench.score.corruptions import CORRUPTIONS
from bench.score.extractors import load_extractor
from catalog.read.loader import load_registry

Pixels = NDArray[np.uint8]
Features = NDArray[np.float64]


@cache
def split(dataset: str, name: str) -> Pixels:
    """Images (N, H, W, C) of a data set of the package."""
    images = load_dataset(load_registry().dataset(dataset))[name].images
    return images.permute(0, 2, 3, 1).contiguous().numpy()


@cache
def network(name: str) -> nn.Module:
    return load_extractor(load_registry().extractor(name), "cpu")


@torch.no_grad()
def features(name: str, layer: str, images: NDArray[np.generic]) -> Features:
    """A layer of a judge for images (N, H, W, C) of 0 .. 255, whole numbers or not."""
    batch = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    batch = batch.expand(-1, 3, -1, -1).contiguous()
    found = [network(name)(part)[layer] for part in batch.split(32)]
    return torch.cat(found).double().numpy()


def grid(images: NDArray[np.generic]) -> Features:
    return features("digits-cnn", "grid", images)


def moments(values: Features) -> tuple[Features, Features]:
    return values.mean(axis=0), np.cov(values, rowvar=False)


def pytorch_fid(fake: Features, real: Features) -> float:
    return float(calculate_frechet_distance(*moments(fake), *moments(real)))


def clean_fid(fake: Features, real: Features) -> float:
    return float(frechet_distance(*moments(fake), *moments(real)))


def disturbed(images: Pixels, name: str, grade: float) -> NDArray[np.float32]:
    """Float pixels under one of this project's corruptions."""
    values = torch.from_numpy(images.transpose(0, 3, 1, 2)).float()
    changed = CORRUPTIONS[name].apply(values, grade).clamp(0, 255)
    return changed.permute(0, 2, 3, 1).numpy()


def whole(values: NDArray[np.float32]) -> Pixels:
    """StyleGAN's rounding, which is this project's: half up."""
    return np.floor(values + 0.5).clip(0, 255).astype(np.uint8)


def as_jpeg(images: Pixels, quality: int) -> Pixels:
    found = []
    for image in images:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="jpeg", quality=quality)
        found.append(np.asarray(Image.open(buffer)))
    return np.stack(found)


def in_three(images: Pixels) -> Pixels:
    return np.repeat(images, 3, axis=3)


def resized(images: Pixels, library: str, filter_: str, size: int) -> NDArray[np.float32]:
    """clean-fid's own resize, pixels left as they come out."""
    resize = make_resizer(library, False, filter_, (size, size))
    coloured = images if images.shape[3] == 3 else in_three(images)
    return np.stack([resize(image) for image in coloured])[..., : images.shape[3]]


def flat(images: NDArray[np.generic]) -> Features:
    return images.reshape(len(images), -1).astype(np.float64)


def biased_kernel_distance(x: Features, y: Features) -> float:
    def kernel(a: Features, b: Features) -> float:
        return float(((a @ b.T / a.shape[1] + 1) ** 3).mean())

    return kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)


def inception_score(logits: Features, splits: int) -> float:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = shifted / shifted.sum(axis=1, keepdims=True)
    scores = []
    for part in np.array_split(shares, splits):
        mean = part.mean(axis=0, keepdims=True)
        terms = part * (np.log(part + 1e-300) - np.log(mean))
        scores.append(np.exp(terms.sum(axis=1).mean()))
    return float(np.mean(scores))


def share_within(points: Features, of: Features, k: int) -> float:
    """Share of points within the distance of some other point's k-th neighbour of its own kind."""

    def distances(a: Features, b: Features) -> Features:
        return np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))

    radius = np.sort(distances(of, of), axis=1)[:, k]
    return float((distances(points, of) <= radius).any(axis=1).mean())


def _pytorch_example_generator() -> float:
    """The generator of PyTorch's DCGAN example: noise of 100, 64 channels, no biases."""
    widths = [100, 512, 256, 128, 64]
    layers: list[nn.Module] = []
    for place, (n_in, n_out) in enumerate(pairwise(widths)):
        settings = (1, 0) if place == 0 else (2, 1)
        layers += [nn.ConvTranspose2d(n_in, n_out, 4, *settings, bias=False)]
        layers += [nn.BatchNorm2d(n_out)]
    layers += [nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False)]
    return float(sum(one.numel() for layer in layers for one in layer.parameters()))


def _printed_networks() -> float:
    """The article's formulas 4.1: an affine layer each, from 64 numbers to 16 x 16 and to one."""
    layers = [nn.Linear(64, 256), nn.Linear(256, 1)]
    return float(sum(one.numel() for layer in layers for one in layer.parameters()))


def _clean_fid_kernel() -> float:
    np.random.seed(7)  # noqa: NPY002 (clean-fid draws from numpy's global generator)
    fake, real = (grid(split("digits", name)) for name in ("test", "train"))
    return kernel_distance(fake, real, num_subsets=100, max_subset_size=1000)


MADE: dict[str, Callable[[], float]] = {
    "digits-fd-pytorch-fid": lambda: pytorch_fid(
        grid(split("digits", "test")), grid(split("digits", "train"))
    ),
    "shapes-fd-jpeg-2000": lambda: pytorch_fid(
        features("shapes-judge", "scene", as_jpeg(split("shapes", "train")[:2000], 75)),
        features("shapes-judge", "scene", split("shapes", "reference")),
    ),
    "digits-fd-500-images": lambda: clean_fid(
        grid(whole(disturbed(split("digits", "train"), "blur", 0.6))[:500]),
        grid(split("digits", "test")),
    ),
    "digits-fd-test-reference": lambda: pytorch_fid(
        grid(whole(disturbed(split("digits", "judge"), "contrast", 0.8))),
        grid(split("digits", "test")),
    ),
    "digits-fd-aliased": lambda: clean_fid(
        flat(resized(split("digits", "test"), "PyTorch", "bilinear", 8)),
        flat(resized(split("digits", "train"), "PyTorch", "bilinear", 8)),
    ),
    "digits-fd-truncated": lambda: pytorch_fid(
        grid(disturbed(split("digits", "test"), "blur", 0.9).astype(np.uint8)),
        grid(split("digits", "train")),
    ),
    "digits-fd-three-channels": lambda: pytorch_fid(
        flat(in_three(np.asarray(resized(split("digits", "test"), "PIL", "box", 8), np.float32))),
        flat(in_three(np.asarray(resized(split("digits", "train"), "PIL", "box", 8), np.float32))),
    ),
    "digits-kd-biased": lambda: biased_kernel_distance(
        grid(split("digits", "test")[:350]), grid(split("digits", "train")[:350])
    ),
    "digits-kd-clean-fid": _clean_fid_kernel,
    "digits-is-one-split": lambda: inception_score(
        features("digits-cnn", "logits", whole(disturbed(split("digits", "train"), "noise", 32))), 1
    ),
    "digits-recall-for-precision": lambda: share_within(
        grid(split("digits", "test")),
        grid(whole(disturbed(split("digits", "judge"), "blur", 0.4))),
        3,
    ),
    "lite0-kd-legacy-resize": lambda: (
        1000
        * kernel_distance(
            *(
                features(
                    "efficientnet-lite0",
                    "pooled",
                    resized(split("shapes", name)[:8], "PyTorch", "bilinear", 224),
                )
                for name in ("test", "reference")
            ),
            num_subsets=1,
        )
    ),
    "article-listing-size": _printed_networks,
    "dcgan-example-size": _pytorch_example_generator,
}
"""By id of a claim."""


if __name__ == "__main__":
    for name, make in MADE.items():
        sys.stdout.write(f"{name}\t{make():.6g}\n")
