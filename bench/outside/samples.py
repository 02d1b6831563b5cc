"""Samples that others drew: pictures in a folder or a ``.zip``, arrays in ``.npy`` or ``.npz``.

Pixels are taken as they are, 8 bits each; only their axes may be put in order. ``.npz`` files are
those of ADM (Dhariwal and Nichol 2021, 2105.05233): ``arr_0`` are images, ``arr_1`` their classes.
"""

from __future__ import annotations

import math
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from bench.data.decode.image_files import (
    DAMAGED,
    SUFFIXES,
    Pixels,
    channels_first,
    npy_header,
    read_array,
    read_image,
)
from bench.data.decode.picture import Unusable
from bench.data.decode.torchvision_files import BORDER
from bench.data.decode.zip_images import ZipSource
from bench.networks.shape import ImageShape
from bench.outside.archives import member_names, opened_member
from bench.outside.convention import require_paddable
from bench.outside.generator import OpenedImages, Opening
from catalog.errors import InvalidInput

IMAGES, LABELS = "arr_0.npy", "arr_1.npy"
HIGHEST_CLASS = 2**31
MAX_BYTES = 2**33
HEADER_BYTES = 2**14
N_IMAGES = "n_images"
"""Option of an ``Opening``: how many samples are wanted."""


def open_samples(opening: Opening) -> OpenedImages:
    """The first samples of a set, as many as the protocol asks for, in the data set's shape.

    Raises:
        InvalidInput: there are fewer, the set breaks a rule, or its images have another size.
    """
    path, n = opening.source.path, int(opening.options.get(N_IMAGES, 0)) or None
    images, labels, total = _read(path, n)
    if n is not None and total < n:
        raise InvalidInput(
            f"{path}: holds {total:,} samples, the protocol scores {n:,}",
            hint=f"draw {n - total:,} more, or name a protocol that asks for fewer",
        )
    said = [f"{total:,} samples of {_described(images)}"]
    if n is not None and total > n:
        said.append(f"the first {n:,} are scored, in the order of the file")
    fitted, how = in_shape(images, opening.shape)
    return OpenedImages(fitted, labels, (*said, *how))


def in_shape(images: Tensor, shape: ImageShape) -> tuple[Tensor, tuple[str, ...]]:
    """Samples (N, C, H, W) uint8 in a data set's shape, and sentences that say what was done.

    Raises:
        InvalidInput: only resizing would lead there.
    """
    if images.shape[2] != images.shape[3]:
        raise InvalidInput(f"the samples are {_described(images)}, the data set's are square")
    said = []
    require_paddable(images.shape[3], shape)
    if images.shape[1] < shape.channels:
        said.append("grey is repeated as three channels")
        images = images.repeat(1, shape.channels, 1, 1)
    elif images.shape[1] > shape.channels:
        said.append("the mean of three channels is taken as grey")
        images = images.float().mean(dim=1, keepdim=True).add_(0.5).floor_().to(torch.uint8)
    if images.shape[3] != shape.size:
        said.append(f"a black border makes {images.shape[3]} pixels {shape.size}")
        images = F.pad(images, [BORDER] * 4)
    return images.contiguous(), tuple(said)


def read_directory(path: Path, at_most: int | None = None) -> Tensor:
    """The image files of a directory, in order of their names; its folders are not entered.

    Args:
        path: of the directory.
        at_most: so many of the first files.

    Returns:
        (N, C, H, W) uint8; C is 1 for grey files and 3 for RGB files.

    Raises:
        InvalidInput: there is none, one cannot be decoded, or they differ in size or mode.
    """
    files = picture_files(path)
    if not files:
        raise InvalidInput(f"{path}: holds no {', '.join(SUFFIXES)} file")
    images: list[Pixels] = []
    for file in files[:at_most]:
        image = read_image(file)
        if images and image.shape != images[0].shape:
            raise InvalidInput(
                f"{file}: is {_form(image)}, but {files[0].name} is {_form(images[0])};"
                " all images of a set have one size and mode"
            )
        images.append(image)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()  # (N, C, H, W)


def picture_files(path: Path) -> list[Path]:
    """The image files of a directory by their suffixes, sorted by name."""
    return sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)


def read_npy(path: Path) -> Tensor:
    """The images of a ``.npy`` file of uint8: (N, H, W), (N, C, H, W) or (N, H, W, C).

    Where both orders are possible, an axis of 3 is taken for the channels rather than an axis of
    1, and the first possible axis rather than the last.

    Returns:
        (N, C, H, W) uint8 with C of 1 or 3.

    Raises:
        InvalidInput: the file cannot be read, or dtype or shape is another one.
    """
    array = read_array(path)
    return torch.from_numpy(np.ascontiguousarray(channels_first(array, path)))


def read_samples(path: Path) -> Tensor:
    """All samples of a set, (N, C, H, W) uint8, in their own size.

    Raises:
        InvalidInput: the set breaks a rule.
    """
    return _read(path, None)[0]


def _read(path: Path, n: int | None) -> tuple[Tensor, Tensor | None, int]:
    """Images, classes where there are any, and how many there are in all."""
    if path.is_dir():
        files = picture_files(path)
        links = [file.name for file in files if file.is_symlink()]
        if links:
            raise InvalidInput(f"{path}: {links[0]} is a link, so the set was not read")
        return read_directory(path, n), None, len(files)
    with path.open("rb") as file:
        is_archive = file.read(2) == b"PK"
    if not is_archive:
        images = read_npy(path)
        return images[:n], None, len(images)
    if any(name.endswith(".npy") for name in member_names(path)):
        return _read_npz(path, n)
    source = ZipSource(path)
    return _read_zip(source, path, n), None, len(source.names)


def _read_npz(path: Path, n: int | None) -> tuple[Tensor, Tensor | None, int]:
    names = member_names(path)
    if IMAGES not in names:
        listed = ", ".join(name.removesuffix(".npy") for name in names[:10])
        raise InvalidInput(
            f"{path}: has no 'arr_0', it holds: {listed}",
            hint="samples are images in arr_0 and classes in arr_1, as np.savez writes them",
        )
    array, total = _first_rows(path, IMAGES, n, np.uint8)
    labels = None
    if LABELS in names:
        found, n_labels = _first_rows(path, LABELS, n, np.int64)
        if found.ndim != 1 or n_labels != total:
            raise InvalidInput(f"{path}: arr_1 holds {n_labels} classes for {total} images")
        if found.min() < 0 or found.max() > HIGHEST_CLASS:
            wrong = found.min() if found.min() < 0 else found.max()
            raise InvalidInput(
                f"{path}: arr_1 holds {wrong}, which is no class",
                hint="classes count from 0; leave arr_1 out where images have none",
            )
        labels = torch.from_numpy(found.astype(np.int64))
    return torch.from_numpy(np.ascontiguousarray(channels_first(array, path))), labels, total


def _first_rows(path: Path, name: str, n: int | None, kind: type) -> tuple[NDArray[Any], int]:
    """The first rows of an array in an archive, and how many rows it has; memory for no more."""
    try:
        with opened_member(path, name, MAX_BYTES) as (stream, n_bytes):
            shape, fortran, dtype = npy_header(stream, path)
            plain = dtype == np.uint8 if kind is np.uint8 else dtype.kind in "iu"
            if not plain or fortran or not shape or shape[0] < 1:
                raise InvalidInput(
                    f"{path}: {name.removesuffix('.npy')} is {dtype} of shape {shape}, expected"
                    f" {'uint8 images' if kind is np.uint8 else 'one whole number per image'}"
                )
            if not 0 <= n_bytes - math.prod(shape) * dtype.itemsize <= HEADER_BYTES:
                raise InvalidInput(f"{path}: {name}: its header promises another size")
            rows = shape[0] if n is None else min(n, shape[0])
            wanted = rows * math.prod(shape[1:]) * dtype.itemsize
            values = np.frombuffer(stream.read(wanted), dtype=dtype)
            return values.reshape(rows, *shape[1:]).copy(), shape[0]
    except (*DAMAGED, TokenError) as error:
        raise InvalidInput(f"{path}: {name}: not a readable array ({error})") from error


def _read_zip(source: ZipSource, path: Path, n: int | None) -> Tensor:
    if source.refused:
        name, why = next(iter(source.refused.items()))
        raise InvalidInput(f"{path}: {name}: {why}")
    if not source.names:
        raise InvalidInput(f"{path}: holds no {', '.join(SUFFIXES)} file")
    images: list[Pixels] = []
    for name in source.names[:n]:
        try:
            picture = source.picture(name)
        except Unusable as error:
            raise InvalidInput(f"{path}: {name}: {error}") from error
        if picture.changes:
            raise InvalidInput(f"{path}: {name}: would have to be {picture.changes[0].value}")
        pixels = np.asarray(picture.image)
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        if images and pixels.shape != images[0].shape:
            raise InvalidInput(
                f"{path}: {name} is {_form(pixels)}, but {source.names[0]} is {_form(images[0])};"
                " all images of a set have one size and mode"
            )
        images.append(pixels)
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()


def _form(image: Pixels) -> str:
    height, width, channels = image.shape
    return f"{height} x {width} {'grey' if channels == 1 else 'RGB'}"


def _described(images: Tensor) -> str:
    _, channels, height, width = images.shape
    return f"{height} x {width} {'grey' if channels == 1 else 'RGB'}"
