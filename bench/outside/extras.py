"""Packages that only some sources need, and the sentence for where they are not installed."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Literal

from catalog.errors import MissingPrerequisite

Extra = Literal["diffusers", "hub", "onnx"]


def require(module: str, extra: Extra) -> Any:
    """A module of an optional package.

    Raises:
        MissingPrerequisite: it is not installed, or does not go with what else is.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingPrerequisite(
            f"the package {module.partition('.')[0]} is not installed, or cannot be imported",
            where=str(error),
            hint=f'pip install "aigc-bench[{extra}]"',
        ) from error
