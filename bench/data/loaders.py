"""Every data set that the program can read, and the one way to load one.

To add a data set, write its file, and name its function here under the ``loader`` of its entry in
the registry. Loading verifies counts and fingerprint, so that no model is ever trained on, or
compared with, other pixels than the registry promises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bench.data import celeba, cifar10, digits, fashion, mnist, shapes, stl10
from bench.data.dataset import ImageData, Splits, fingerprint
from bench.data.decode.cached import read_decoded
from catalog.errors import InvalidInput
from catalog.schema import Dataset


class Loader(NamedTuple):
    """Functions that bring the images of a data set into memory.

    Attributes:
        load: makes or reads all splits.
        decode: makes them, once, of the files in a folder (``download`` fetches missing ones), and
            raises MissingPrerequisite; None where nothing has to be decoded, or a user's folder.
    """

    load: Callable[[Dataset], Splits]
    decode: Callable[..., Splits] | None = None


LOADERS: dict[str, Loader] = {
    "celeba": Loader(read_decoded, celeba.decode),
    "cifar10": Loader(read_decoded, cifar10.decode),
    "digits": Loader(digits.load),
    "fashion": Loader(read_decoded, fashion.decode),
    "folder": Loader(read_decoded),
    "mnist": Loader(read_decoded, mnist.decode),
    "shapes": Loader(shapes.load),
    "stl10": Loader(read_decoded, stl10.decode),
}
"""Loaders by the name that ``loader`` has in the registry."""


def require_loader(dataset: Dataset) -> Loader:
    """The loader of a data set.

    Raises:
        InvalidInput: there is none of that name.
    """
    if dataset.loader not in LOADERS:
        raise InvalidInput(f"data set '{dataset.id}': the program has no loader '{dataset.loader}'")
    return LOADERS[dataset.loader]


def load_dataset(dataset: Dataset) -> ImageData:
    """Load a registered data set and prove that it is the one the registry describes.

    Raises:
        InvalidInput: there is no such loader, or sizes or fingerprint differ from the registry's.
        MissingPrerequisite: it was not decoded on this machine yet.
    """
    splits = require_loader(dataset).load(dataset)
    found = {name: len(split) for name, split in splits.items()}
    if found != dataset.splits:
        raise InvalidInput(
            f"data set '{dataset.id}' has splits {found}, the registry says {dataset.splits}"
        )
    actual = fingerprint(splits)
    if actual != dataset.fingerprint:
        raise InvalidInput(
            f"data set '{dataset.id}' does not hold the registered pixels",
            where=f"fingerprint {actual[:16]}…, registered {dataset.fingerprint[:16]}…",
            hint="scores against other pixels compare with nothing; restore the original data",
        )
    return ImageData(splits, actual)
