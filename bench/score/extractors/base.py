"""Contract of feature extractors, verification of their weights, and checks of their images."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from torch import Tensor, nn

from catalog.errors import InvalidInput, MissingPrerequisite, UsageError
from catalog.files import cache_dir, reason, regular_bytes
from catalog.schema import Extractor

SHIPPED = Path(__file__).parent / "weights"


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


@dataclass(frozen=True)
class Build:
    """A trained extractor as the bytes of its file, with its accuracy by split, 0 .. 1."""

    content: bytes
    accuracy: dict[str, float]

    @property
    def sha256(self) -> str:
        """Hex sha256 of the file."""
        return hashlib.sha256(self.content).hexdigest()


def trained_dir() -> Path:
    """Folder of the judges that this machine trained."""
    return cache_dir() / "extractors"


def weights_file(entry: Extractor) -> Path:
    """Path of our own weights: inside this package, or among those trained here."""
    shipped = SHIPPED / str(entry.weights)
    return shipped if shipped.is_file() else trained_dir() / str(entry.weights)


def hub_checkpoint(entry: Extractor) -> Path:
    """Path of weights that torch-fidelity fetches: in torch.hub's cache, as it has them."""
    return Path(torch.hub.get_dir()) / "checkpoints" / str(entry.weights)


def filled(
    entry: Extractor,
    weights: Path | None,
    make: Callable[[dict[str, Tensor]], FeatureExtractor],
) -> FeatureExtractor:
    """The extractor that ``make`` builds for some tensors, holding them, once they are verified.

    Raises:
        MissingPrerequisite: the file is absent.
        InvalidInput: it is not the registered one, or holds another network.
    """
    path = weights or weights_file(entry)
    content = verified_weights(path, entry)
    try:
        state = parse_safetensors(content)
        extractor = make(state)
        extractor.load_state_dict(state)
    # A registry of somebody else may have registered any file.
    except (SafetensorError, RuntimeError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path}: not the weights of {entry.id}", where=str(error)) from error
    return extractor


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


def pickled_tensors(path: Path, content: bytes) -> dict[str, Tensor]:
    """The tensors of a pickled state dict; nothing else in it is made, let alone run.

    Args:
        path: where the bytes are from, for the message.
        content: verified bytes of the file.

    Raises:
        InvalidInput: it holds anything but tensors by name.
    """
    try:
        state = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except (UnpicklingError, RuntimeError, EOFError, ValueError, LookupError, TypeError) as error:
        raise InvalidInput(
            f"{path}: not a file of tensors alone, so it was not loaded",
            where=str(error).partition("\n")[0],
        ) from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise InvalidInput(f"{path}: holds something other than tensors by name")
    return state


def require_no_weights(entry: Extractor, weights: Path | None) -> None:
    """Refuse a weights file for an extractor that has none; UsageError names it."""
    if weights is not None:
        raise UsageError(f"{entry.id} has no weights, so --extractor-weights names nothing")


def require_size(images: Tensor, size: int, extractor: str, source: str) -> None:
    """Refuse (N, C, H, W) images of another height or width than ``size``.

    Raises:
        InvalidInput: naming the source and both sizes.
    """
    height, width = images.shape[2:]
    if (height, width) != (size, size):
        raise InvalidInput(
            f"{source}: {extractor} reads {size} x {size} images, these are {height} x {width}"
        )


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
