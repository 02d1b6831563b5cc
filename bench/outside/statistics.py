"""Reference statistics in files: mean and covariance of features, as FID's tools exchange them.

pytorch-fid, clean-fid, TTUR and ADM write ``.npz`` archives with ``mu`` and ``sigma`` (ADM's hold
``mu_s``, ``sigma_s`` and images besides, which are left unread). Ours hold a stamp as well, which
says what made them, and the features if they were asked for. An archive is read member by member,
after its header has promised the one shape that fits the extractor.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PositiveInt, ValidationError

from bench.data.decode.image_files import DAMAGED, npy_header
from bench.data.decode.zip_images import MAX_EXPANSION
from bench.identity.digest import sha256_of_file
from bench.identity.names import Digest
from bench.outside.archives import member_names, opened_member
from catalog.errors import InvalidInput
from catalog.files import reason, write_atomically

MU, SIGMA, FEATURES, STAMP = "mu", "sigma", "feats", "stamp"
"""Members; clean-fid calls the features so, too."""
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
MAX_FEATURES_BYTES = 2**32
MAX_STAMP_BYTES = 2**14
HEADER_BYTES = 2**14
Fits = Callable[[tuple[int, ...], np.dtype[Any]], None]
"""Refuses a shape or a type that was not asked for."""
ASYMMETRY = 1e-6
"""Largest difference of two opposite entries, as a share of the largest entry."""
NEGATIVE = 1e-6
"""Most negative eigenvalue as a share of the trace; rounding to float32 makes a tenth of it."""


class StatisticsStamp(BaseModel):
    """What made a file of statistics.

    Attributes:
        extractor, extractor_sha256: the network and its weights.
        layer: of the network.
        n_images, images_sha256: the images, as decoded.
        batch_size, device, torch, torch_fidelity: what decides the last digits.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    format: Literal[1] = 1
    extractor: str
    extractor_sha256: Digest | None
    layer: str
    n_images: PositiveInt
    images_sha256: Digest
    batch_size: PositiveInt
    device: str
    torch: str
    torch_fidelity: str


@dataclass(frozen=True)
class ReferenceStatistics:
    """Mean and covariance of the features of real images.

    Attributes:
        path, sha256: of the file.
        mu: (d,) float32 or float64, as the file has it.
        sigma: (d, d) float64.
        features: (N, d) float32 where the file holds them.
        stamp: None in files that others wrote.
    """

    path: Path
    sha256: str
    mu: NDArray[Any]
    sigma: NDArray[np.float64]
    features: NDArray[np.float32] | None = None
    stamp: StatisticsStamp | None = None

    def require_made_by(self, extractor: str, sha256: str | None, layer: str) -> None:
        """Refuse a file whose stamp names another network, or another layer of it.

        Raises:
            InvalidInput: naming both.
        """
        if self.stamp is None:
            return
        made_by = (self.stamp.extractor, self.stamp.extractor_sha256, self.stamp.layer)
        for what, found, asked in zip(
            ("extractor", "weights", "layer"), made_by, (extractor, sha256, layer), strict=True
        ):
            if found != asked:
                raise InvalidInput(
                    f"{self.path}: its statistics were made with {what} '{found}', not '{asked}'",
                    hint="score with what made them, or make them again: aigc bench stats",
                )


def holds_statistics(path: Path) -> bool:
    """Whether a path names an archive with a mean and a covariance, whatever its name is.

    Raises:
        InvalidInput: it begins like an archive and is none.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            if file.read(2) != b"PK":
                return False
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({reason(error)})") from error
    return {f"{MU}.npy", f"{SIGMA}.npy"} <= set(member_names(path))


def read_statistics(path: Path, dimension: int, extractor: str) -> ReferenceStatistics:
    """The statistics of a file, once they are what statistics of so many features can be.

    Args:
        path: an archive that ``holds_statistics``.
        dimension: d, numbers per image in the extractor's features.
        extractor: what makes them, for messages.

    Raises:
        InvalidInput: naming the file and the broken rule; no array is allocated that does not fit.
    """
    names = set(member_names(path))
    try:
        sha256 = sha256_of_file(path)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({reason(error)})") from error
    member = _Member(path, dimension, extractor)
    mu, sigma = member.floats(MU, (dimension,)), member.floats(SIGMA, (dimension, dimension))
    features = None
    if f"{FEATURES}.npy" in names:
        features = member.floats(FEATURES, (None, dimension)).astype(np.float32)
    stamp = member.stamp() if f"{STAMP}.npy" in names else None
    if stamp is not None and features is not None and len(features) != stamp.n_images:
        raise InvalidInput(
            f"{path}: holds features of {len(features)} images, its stamp says {stamp.n_images}"
        )
    covariance = sigma.astype(np.float64, copy=False)
    _require_covariance(covariance, path)
    return ReferenceStatistics(path, sha256, mu, covariance, features, stamp)


def write_statistics(
    path: Path, features: NDArray[np.float32], stamp: StatisticsStamp, *, with_features: bool
) -> None:
    """Write mean and covariance of (N, d) features, and the features if asked; equal bytes always.

    The mean keeps the type that torch-fidelity's has, so that a distance through the file is the
    one without it to the last bit.

    Raises:
        InvalidInput: there are fewer than 2 images, which have no covariance.
    """
    if len(features) < 2:
        raise InvalidInput(f"{path}: statistics need at least 2 images, there are {len(features)}")
    arrays = {
        MU: np.mean(features, axis=0),
        SIGMA: np.atleast_2d(np.cov(features, rowvar=False)),
        STAMP: np.array(stamp.model_dump_json()),
    }
    if with_features:
        arrays[FEATURES] = features
    content = BytesIO()
    np.savez(content, allow_pickle=False, **arrays)  # members are dated 1980, whenever it is
    write_atomically(path, content.getvalue())


@dataclass(frozen=True)
class _Member:
    """Reads one array of the archive after another."""

    path: Path
    dimension: int
    extractor: str

    def floats(self, name: str, expected: tuple[int | None, ...]) -> NDArray[Any]:
        """An array of finite floats in one shape; a size of None is told by the header."""
        most = math.prod(size for size in expected if size is not None) * 8
        if None in expected:
            most = min(MAX_FEATURES_BYTES, MAX_EXPANSION * self.path.stat().st_size)

        def fits(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
            if dtype not in FLOATS:
                raise InvalidInput(
                    f"{self.path}: '{name}' is {dtype}, statistics are float32 or float64"
                )
            if len(shape) != len(expected) or any(
                asked not in (None, size) for size, asked in zip(shape, expected, strict=True)
            ):
                raise InvalidInput(
                    f"{self.path}: '{name}' has shape {shape}, features of {self.extractor} have"
                    f" {self.dimension} numbers",
                    hint="these are statistics of another extractor or layer",
                )

        values = self._array(name, HEADER_BYTES + most, fits)
        if not np.isfinite(values).all():
            raise InvalidInput(f"{self.path}: '{name}' is not finite everywhere")
        return values

    def stamp(self) -> StatisticsStamp:
        def fits(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
            if shape != () or dtype.kind != "U":
                raise InvalidInput(f"{self.path}: its '{STAMP}' is no text")

        text = str(self._array(STAMP, MAX_STAMP_BYTES, fits))
        try:
            return StatisticsStamp.model_validate_json(text)
        except ValidationError as error:
            [first, *_] = error.errors()
            place = ".".join(map(str, first["loc"]))
            raise InvalidInput(f"{self.path}: its stamp: {place}: {first['msg']}") from None

    def _array(self, name: str, at_most: int, fits: Fits) -> NDArray[Any]:
        with opened_member(self.path, f"{name}.npy", at_most) as (stream, n_bytes):
            try:
                return self._read(stream, n_bytes, name, fits)
            except (*DAMAGED, TokenError) as error:
                raise InvalidInput(f"{self.path}: '{name}' is no array ({error})") from None

    def _read(self, stream: IO[bytes], n_bytes: int, name: str, fits: Fits) -> NDArray[Any]:
        shape, fortran, dtype = npy_header(stream, self.path)
        fits(shape, dtype)
        promised = math.prod(shape) * dtype.itemsize
        if promised != n_bytes - stream.tell():
            raise InvalidInput(
                f"{self.path}: the header of '{name}' promises {promised} bytes,"
                f" {n_bytes - stream.tell()} are there"
            )
        content = stream.read(promised)
        if len(content) != promised:
            raise InvalidInput(f"{self.path}: '{name}' ends too early")
        values = np.frombuffer(content, dtype=dtype)
        return values.reshape(shape, order="F" if fortran else "C")


def _require_covariance(sigma: NDArray[np.float64], path: Path) -> None:
    """Refuse a square matrix that is the covariance of nothing.

    Raises:
        InvalidInput: naming the file and the rule.
    """
    scale = float(np.abs(sigma).max(initial=0.0))
    apart = float(np.abs(sigma - sigma.T).max(initial=0.0))
    if apart > ASYMMETRY * scale:
        raise InvalidInput(f"{path}: 'sigma' is not symmetric (entries differ by {apart:.3g})")
    least = float(np.linalg.eigvalsh(sigma)[0])
    if least < -NEGATIVE * max(float(np.trace(sigma)), 0.0):
        raise InvalidInput(
            f"{path}: 'sigma' is no covariance (its least eigenvalue is {least:.3g})"
        )
