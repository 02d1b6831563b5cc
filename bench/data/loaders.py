"""Whether the program can read the data sets of a registry, asked before anything depends on it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from catalog.errors import InvalidInput
from catalog.schema import Dataset


def require_loader(dataset: Dataset) -> None:
    """Refuse a data set whose ``loader`` is no module of ``bench.data`` that loads anything.

    Raises:
        InvalidInput: naming data set and loader.
    """
    name = f"bench.data.{dataset.loader}"
    if find_spec(name) is None or not hasattr(import_module(name), "load"):
        raise InvalidInput(f"data set '{dataset.id}': the program has no loader '{dataset.loader}'")
