"""A user's own images as a data set: from a folder, a ``.npy`` file or a ``.zip`` archive.

One folder per class, or all in one; in this folder ``folder_layout`` says how splits and classes
are found, ``picture`` which files are images, ``resize`` what becomes of them.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import psutil
import torch

from bench.data.dataset import ImageSplit, Splits
from bench.data.decode.folder_layout import (
    TEST,
    TRAIN,
    LabelledFile,
    Layout,
    laid_out,
    require_enough,
)
from bench.data.decode.image_files import SUFFIXES, Pixels
from bench.data.decode.image_sources import ArraySource, FolderSource, ImageSource
from bench.data.decode.picture import Change, Picture, Unusable
from bench.data.decode.resize import Crop, NotSquare, fitted
from bench.data.decode.zip_images import ZipSource
from catalog.errors import InvalidInput, UsageError

MAX_IMAGES = 1_000_000
MAX_RESOLUTION = 1024
SKIP_HINT = "--skip-bad leaves out such files and names them"


@dataclass(frozen=True)
class FolderSettings:
    """Settings by which images become a data set; each changes its pixels or its set of images.

    Attributes:
        resolution: height and width of every image, 1 .. 1024.
        crop: what is done to images that are not square.
        channels: 1 for grey, 3 for RGB.
        test_share: expected share of each class that is held out, above 0 and below 1; without
            effect if folders ``train`` and ``test`` (or ``val``) are there.
        skip_bad: whether unusable files are left out instead of ending everything.

    Raises:
        UsageError: a value is out of its range.
    """

    resolution: int
    crop: Crop = "center"
    channels: int = 3
    test_share: float = 0.1
    skip_bad: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.resolution <= MAX_RESOLUTION:
            raise UsageError(f"resolution {self.resolution}: images have 1 to {MAX_RESOLUTION}")
        if self.crop not in get_args(Crop):
            raise UsageError(f"crop '{self.crop}': choose of {', '.join(get_args(Crop))}")
        if self.channels not in (1, 3):
            raise UsageError(f"channels {self.channels}: images have 1 or 3")
        if not 0 < self.test_share < 1:
            raise UsageError(f"test share {self.test_share}: it lies between 0 and 1")


@dataclass(frozen=True)
class FolderImages:
    """Decoded images.

    Attributes:
        splits: ``train`` and ``test``, and ``validation`` if there are folders for all three; in
            an order in which classes are mixed and that does not change when files are added.
        classes: names of the classes in order of their labels; none if all images are alike.
        skipped: files left out as unusable, each with the reason, in order of their names.
        notes: what else was left out or changed, in words with numbers.
    """

    splits: Splits
    classes: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


def decode_folder(source: Path, settings: FolderSettings) -> FolderImages:
    """Read, convert and resize all images of a folder, a ``.npy`` file or a ``.zip`` archive.

    Raises:
        InvalidInput: there are too few images, or too many for the memory; the folders contradict
            each other; an archive is refused; or a file is unusable and ``skip_bad`` is not set.
    """
    found = _source(source)
    decoder = _Decoder(source, found, settings)
    for name, reason in sorted(found.refused.items()):
        decoder.leave_out(name, reason)
    if not found.names:
        others = f"; of other kinds: {_kinds(found.ignored)}" if found.ignored else ""
        raise InvalidInput(f"{source}: holds no usable {', '.join(SUFFIXES)} file{others}")
    layout = laid_out(found.names, found.folders, settings.test_share)
    listed = {name: [file.label for file in files] for name, files in layout.splits.items()}
    require_enough(listed, layout.classes)
    _require_room(sum(map(len, listed.values())), settings)
    splits = {name: decoder.split(files) for name, files in layout.splits.items()}
    usable = {name: split.labels.tolist() for name, split in splits.items()}
    require_enough(usable, layout.classes)
    notes = (*decoder.notes(), *layout.notes, *_notes_on(splits, layout))
    if found.ignored:
        notes = (*notes, f"files of other kinds ignored: {_kinds(found.ignored)}")
    return FolderImages(splits, layout.classes, tuple(sorted(decoder.skipped)), notes)


def _source(path: Path) -> ImageSource:
    if path.is_dir():
        return FolderSource(path)
    if not path.exists():
        raise InvalidInput(f"{path}: does not exist")
    if path.suffix.lower() == ".npy":
        return ArraySource(path)
    if path.suffix.lower() == ".zip":
        return ZipSource(path)
    raise InvalidInput(f"{path}: neither a folder, nor a .npy file, nor a .zip archive")


class _Decoder:
    """Decodes file after file, and keeps account of what was skipped and changed."""

    def __init__(self, path: Path, source: ImageSource, settings: FolderSettings) -> None:
        self.path = path
        self.source = source
        self.settings = settings
        self.skipped: list[tuple[str, str]] = []
        self.changes: Counter[Change] = Counter()

    def split(self, files: tuple[LabelledFile, ...]) -> ImageSplit:
        """The usable images of some files in their order; one array is filled."""
        side = self.settings.resolution
        images = np.empty((len(files), self.settings.channels, side, side), dtype=np.uint8)
        labels: list[int] = []
        for file in files:
            try:
                images[len(labels)] = self._pixels(self.source.picture(file.name))
            except (Unusable, NotSquare) as error:
                self.leave_out(file.name, str(error))
            else:
                labels.append(file.label)
        kept = torch.from_numpy(images[: len(labels)])
        return ImageSplit(kept, torch.tensor(labels, dtype=torch.int64))

    def leave_out(self, name: str, reason: str) -> None:
        """Skip a file, or refuse to go on without it."""
        if not self.settings.skip_bad:
            raise InvalidInput(f"{self.path / name}: {reason}", hint=SKIP_HINT)
        self.skipped.append((name, reason))

    def notes(self) -> list[str]:
        """Counts of images by kind of change, in words."""
        return [f"{_images(self.changes[kind])} {kind}" for kind in Change if self.changes[kind]]

    def _pixels(self, picture: Picture) -> Pixels:
        settings, image = self.settings, picture.image
        pixels = fitted(image, settings.resolution, settings.crop, settings.channels)
        self.changes.update(picture.changes)
        if image.mode == "L" and settings.channels == 3:
            self.changes[Change.GREY_TO_RGB] += 1
        if image.mode == "RGB" and settings.channels == 1:
            self.changes[Change.RGB_TO_GREY] += 1
        if min(image.size) < settings.resolution:
            self.changes[Change.ENLARGED] += 1
        return pixels


def _require_room(n: int, settings: FolderSettings) -> None:
    if n > MAX_IMAGES:
        raise InvalidInput(f"{n} images: a data set has at most {MAX_IMAGES}")
    needed = n * settings.channels * settings.resolution**2
    free = psutil.virtual_memory().available
    if needed > free:
        raise InvalidInput(
            f"{n} images take {needed / 1e9:.1f} GB of memory, {free / 1e9:.1f} GB are free",
            hint="ask for a lower --resolution, or bring fewer images",
        )


def _notes_on(splits: Splits, layout: Layout) -> list[str]:
    notes = []
    untested = set(range(len(layout.classes))) - set(splits[TEST].labels.tolist())
    if untested:
        names = ", ".join(layout.classes[label] for label in sorted(untested))
        notes.append(f"without images in {TEST}: {names}")
    known = set(map(_content, splits[TRAIN].images))
    n_copies = sum(_content(image) in known for image in splits[TEST].images)
    if n_copies:
        notes.append(f"{_images(n_copies)} of {TEST} equal in every pixel to one of {TRAIN}")
    return notes


def _content(image: torch.Tensor) -> bytes:
    return hashlib.blake2b(image.numpy().tobytes(), digest_size=16).digest()


def _images(n: int) -> str:
    return f"{n} image" if n == 1 else f"{n} images"


def _kinds(ignored: Counter[str]) -> str:
    return ", ".join(f"{kind} {n}" for kind, n in sorted(ignored.items()))
