"""From the names of image files to splits, classes and an order that further files do not change.

A name decides by its hash, so the same file is in the same split on every machine, whatever else
is added or removed, and images of all classes are mixed.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalog.errors import InvalidInput

TRAIN, TEST, VALIDATION = "train", "test", "validation"
VALIDATION_FOLDERS = ("val", "valid", VALIDATION)
MIN_IMAGES = 2
"""Of each split: a spread needs two."""
SHOWN = 5
"""Names that a message lists."""


@dataclass(frozen=True)
class Place:
    """Where one image belongs.

    Attributes:
        name: of the file.
        label: position of its class in the sorted classes; 0 without classes.
    """

    name: str
    label: int


@dataclass(frozen=True)
class Layout:
    """What a tree of files stands for.

    Attributes:
        splits: the images of each split in their order.
        classes: sorted names; none if the images lie in no folders.
        notes: what was left out, in words.
    """

    splits: dict[str, tuple[Place, ...]]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def laid_out(names: Iterable[str], folders: Iterable[str], test_share: float) -> Layout:
    """Find splits and classes.

    Folders around everything are passed over. If then a folder ``train`` and one of ``test``,
    ``val``, ``valid`` and ``validation`` lie at the top, they are the splits; otherwise a share of
    the files becomes ``test`` by the hash of their names. A class is a folder, and all that lies
    below it at any depth is of that class.

    Args:
        names: relative names of the image files.
        folders: relative names of all folders, those without images too.
        test_share: expected share of each class in ``test``, between 0 and 1, if no folders say so.

    Raises:
        InvalidInput: images lie beside class folders, a class has no image to train on, or a split
            has fewer than two.
    """
    names, folders = list(names), list(folders)
    around = _around(names, folders)
    inner = {name: name.removeprefix(around) for name in names}
    inner_folders = [folder.removeprefix(around) for folder in folders if folder + "/" != around]
    split_of = _split_folders({name.partition("/")[0] for name in inner.values() if "/" in name})
    if split_of:
        below = {n: s for n, s in inner.items() if "/" in s and s.partition("/")[0] in split_of}
        parts = {name: short.partition("/")[::2] for name, short in below.items()}
        chosen = {name: split_of[top] for name, (top, _) in parts.items()}
        inside = {name: rest for name, (_, rest) in parts.items()}
        inner_folders = [f.partition("/")[2] for f in inner_folders if f.partition("/")[0] in split_of]
    else:
        inside = inner
        chosen = {n: TEST if _draw(short) < test_share else TRAIN for n, short in inner.items()}
    classes = _classes(inside, inner_folders)
    label_of = {name: position for position, name in enumerate(classes)}
    splits: dict[str, list[Place]] = defaultdict(list)
    for name in sorted(inside, key=lambda name: (_draw(inner[name]), name)):
        splits[chosen[name]].append(Place(name, label_of.get(_top(inside[name]), 0)))
    n_outside = len(names) - len(inside)
    notes = (f"{n_outside} images outside of {' and '.join(sorted(split_of))} left out",)
    found = {name: tuple(places) for name, places in splits.items()}
    return Layout(found, classes, notes if n_outside else ())
