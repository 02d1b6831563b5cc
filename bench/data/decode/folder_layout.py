"""Splits, classes and a stable order of image files, all found from their names.

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
"""Fewest images of a split: a spread needs two."""
SHOWN = 5
"""Number of names that a message lists."""


@dataclass(frozen=True)
class LabelledFile:
    """An image file and the class that it belongs to.

    Attributes:
        name: of the file.
        label: position of its class in the sorted classes; 0 without classes.
    """

    name: str
    label: int


@dataclass(frozen=True)
class Layout:
    """Splits and classes found in a tree of files.

    Attributes:
        splits: the images of each split in their order.
        classes: sorted names; none if the images lie in no folders.
        notes: what was left out, in words.
    """

    splits: dict[str, tuple[LabelledFile, ...]]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Tree:
    """File names seen from some folder downwards.

    Attributes:
        inside: full name of each file to its name relative to that folder.
        folders: relative names of the folders below it.
    """

    inside: dict[str, str]
    folders: list[str]

    def below(self, tops: Iterable[str]) -> _Tree:
        """The tree below some top folders, with names relative to them."""
        chosen = tuple(f"{top}/" for top in tops)
        return _Tree(
            {n: s.partition("/")[2] for n, s in self.inside.items() if s.startswith(chosen)},
            [f.partition("/")[2] for f in self.folders if f.startswith(chosen)],
        )

    @property
    def tops(self) -> set[str]:
        """The top folders that hold images."""
        return {_top(short) for short in self.inside.values() if "/" in short}

    def unwrapped(self) -> _Tree:
        """The tree without folders that hold everything else, such as one around ``train``."""
        tree = self
        while (
            len(tree.tops) == 1
            and all("/" in short for short in tree.inside.values())
            and {_top(folder) for folder in tree.folders} <= tree.tops
        ):
            tree = tree.below(tree.tops)
        return tree


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
        InvalidInput: images lie beside class folders, or a class folder holds none.
    """
    tree = _Tree({name: name for name in names}, list(folders)).unwrapped()
    split_of = _split_folders(tree.tops)
    within = tree.below(split_of) if split_of else tree
    classes = _classes(within)
    labels = {name: position for position, name in enumerate(classes)}
    splits: dict[str, list[LabelledFile]] = defaultdict(list)
    for name in sorted(within.inside, key=lambda name: (draw(tree.inside[name]), name)):
        by_draw = TEST if draw(tree.inside[name]) < test_share else TRAIN
        split = split_of[_top(tree.inside[name])] if split_of else by_draw
        splits[split].append(LabelledFile(name, labels.get(_top(within.inside[name]), 0)))
    n_outside = len(tree.inside) - len(within.inside)
    notes = (f"left out, because not in {', '.join(sorted(split_of))}: {n_outside} images",)
    found = {name: tuple(places) for name, places in sorted(splits.items())}
    return Layout(found, classes, notes if n_outside else ())


def _top(name: str) -> str:
    return name.partition("/")[0]


def draw(name: str) -> float:
    """A number from 0 to below 1 that looks random but belongs to the name.

    Names that differ only in how their accents are encoded have the same number, because systems
    store the same name in either way.
    """
    text = unicodedata.normalize("NFC", name).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(text).digest()[:6]) / 2**48


def _split_folders(tops: set[str]) -> dict[str, str]:
    """Split named by each top folder; empty where folders name none."""
    held_out = [name for name in VALIDATION_FOLDERS if name in tops]
    if TRAIN not in tops or not (held_out or TEST in tops):
        return {}
    named = {TRAIN: TRAIN, TEST: TEST} if TEST in tops else {TRAIN: TRAIN}
    return named | dict.fromkeys(held_out, VALIDATION if TEST in tops else TEST)


def _classes(tree: _Tree) -> tuple[str, ...]:
    beside = sorted(name for name, short in tree.inside.items() if "/" not in short)
    classes = sorted(tree.tops)
    if not classes:
        return ()
    if beside:
        raise InvalidInput(
            f"{_some(beside)}: beside the class folders {_some(classes)}, so of no class",
            hint="move images into class folders, or all of them into one folder",
        )
    empty = sorted({folder for folder in tree.folders if "/" not in folder} - tree.tops)
    if empty:
        raise InvalidInput(f"{_some(empty)}: a class folder without images", hint="remove it")
    return tuple(classes)


def require_enough(splits: Mapping[str, Iterable[int]], classes: tuple[str, ...]) -> None:
    """Refuse splits that are too small to train on or to compare with.

    Args:
        splits: the labels of each split's images.
        classes: names of the classes.

    Raises:
        InvalidInput: a split has fewer than two images, or a class none to train on.
    """
    labels = {name: list(splits.get(name, ())) for name in {TRAIN, TEST, *splits}}
    for name, present in sorted(labels.items()):
        if len(present) < MIN_IMAGES:
            n = sum(map(len, labels.values()))
            raise InvalidInput(
                f"split '{name}' has {len(present)} of {n} usable images, it needs {MIN_IMAGES}",
                hint="add images, change --test-share, or make folders train and test",
            )
    absent = [name for label, name in enumerate(classes) if label not in set(labels[TRAIN])]
    if absent:
        raise InvalidInput(f"{_some(absent)}: a class without usable images to train on")


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
