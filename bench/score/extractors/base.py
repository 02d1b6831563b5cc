"""What a feature extractor is, how one is found by name, and how its weights are verified.

An extractor called ``some-name`` is the module ``some_name`` of this package, with a function
``load(entry, weights) -> FeatureExtractor``. Nothing else has to be registered.
"""

from __future__ import annotations

import hashlib
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import cast

import torch
from torch import Tensor, nn

from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.files import reason, regular_bytes
from catalog.schema import Extractor

_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")


class FeatureExtractor(nn.Module):
    """A frozen network that maps images to named layers of features.

    Calling it maps (B, 3, H, W) uint8 to a dict from layer name to (B, d) float32.

    Attributes:
        name: id in the registry; every distance is labelled with it.
        layers: names of the layers that a call returns.
        sha256: of the weights file, or None for an extractor without weights.
    """

    def __init__(self, name: str, layers: tuple[str, ...], sha256: str | None = None) -> None:
        super().__init__()
        self.name = name
        self.layers = layers
        self.sha256 = sha256

    def check(self, images: Tensor, source: str) -> None:
        """Refuse images that the extractor was not made for.

        Args:
            images: (N, C, H, W) uint8 with C of 1 or 3.
            source: where they come from, for the message.

        Raises:
            InvalidInput: naming the source and the broken rule.
        """


def load_extractor(
    entry: Extractor, device: torch.device | str, weights: Path | None = None
) -> FeatureExtractor:
    """The registered extractor on a device, frozen and in evaluation mode.

    Args:
        entry: its entry in the registry.
        device: where it is to run.
        weights: file to read instead of the usual one; it has to hold the same bytes.

    Raises:
        MissingPrerequisite: the weights file is absent.
        InvalidInput: there is no such extractor, the weights file is not the registered one or
            does not fit, or the registry names a layer that the extractor has not.
    """
    extractor = cast("FeatureExtractor", _module(entry).load(entry, weights))
    absent = sorted(set(entry.layers.values()) - set(extractor.layers))
    if absent:
        raise InvalidInput(
            f"{entry.id} has no layer '{absent[0]}'", hint=f"it has: {', '.join(extractor.layers)}"
        )
    return extractor.requires_grad_(False).eval().to(device)


def weights_place(entry: Extractor) -> Path | None:
    """Where the weights of an extractor are expected; None for one without weights."""
    return cast("Path", _module(entry).weights_place(entry)) if entry.weights else None


def require_extractor(entry: Extractor) -> None:
    """Refuse an entry that is no module of this package; InvalidInput names it."""
    name = _module_name(entry)
    if not _ID.fullmatch(entry.id) or find_spec(name) is None:
        raise InvalidInput(f"the program has no extractor '{entry.id}'")
    if not hasattr(import_module(name), "load"):
        raise InvalidInput(f"'{entry.id}' is not an extractor")


def _module(entry: Extractor) -> ModuleType:
    require_extractor(entry)
    return import_module(_module_name(entry))


def _module_name(entry: Extractor) -> str:
    return f"bench.score.extractors.{entry.id.replace('-', '_')}"


def verified_weights(path: Path, entry: Extractor) -> bytes:
    """The content of a weights file once its size and sha256 are those of the registry.

    Raises:
        MissingPrerequisite: there is no such file.
        InvalidInput: it holds other bytes; they are not parsed.
    """
    if not path.is_file():
        raise MissingPrerequisite(
            f"weights of {entry.id} are absent: {entry.weights}"
            f" (sha256 {entry.sha256}, {entry.n_bytes} bytes)",
            where=str(path),
            hint="put the file there or name it with --extractor-weights",
        )
    found = path.stat().st_size
    if found != entry.n_bytes:
        raise InvalidInput(
            f"{path}: weights of {entry.id} have {entry.n_bytes} bytes, this file has {found}"
        )
    try:
        content = regular_bytes(path, found)
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read ({reason(error)})") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != entry.sha256:
        raise InvalidInput(
            f"{path}: weights of {entry.id} have sha256 {entry.sha256}, this file has {digest}"
        )
    return content


def require_grey(images: Tensor, extractor: str, source: str) -> None:
    """Refuse (N, C, H, W) images whose channels differ.

    Raises:
        InvalidInput: naming the source, the first such image and the rule.
    """
    differs = (images != images[:, :1]).flatten(1).any(dim=1)  # (N,)
    if bool(differs.any()):
        first = int(differs.int().argmax())
        raise InvalidInput(
            f"{source}: {extractor} reads grey images, and the channels of image {first} differ"
        )
