"""Files of tensors that others wrote: read without running anything, within stated bounds.

A file is safetensors, or what ``torch.save`` writes, read with ``weights_only=True``. What it
claims to hold is compared with its size before memory is taken.
"""

from __future__ import annotations

import io
import pickletools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as parse_safetensors
from torch import Tensor

from bench.outside.archives import member_sizes
from bench.outside.source import Source, verified_bytes
from bench.records.files import MAX_WEIGHTS_BYTES
from catalog.errors import InvalidInput

WAYS_OUT = (
    "where it was made, save tensors alone: torch.save(model.state_dict(), FILE) or"
    " safetensors.torch.save_file; or export the network: torch.jit.save, torch.onnx.export"
)
DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    UnicodeDecodeError,
    ValueError,
)
DEEPEST = 6
"""Levels of nested dictionaries that are looked into."""
LEGACY_PICKLES = 4
"""Before its tensors' bytes, a file of torch before 1.6 has so many pickles that are read whole."""

StateDict = dict[str, Tensor]


def state_dicts(source: Source) -> dict[str, StateDict]:
    """Every dictionary of tensors in a file, by where it stands: ``""``, ``generator``, ``a.b``.

    Tensors are on the CPU, as they were saved.

    Raises:
        InvalidInput: the file is not the one that was hashed, damaged, out of proportion, holds
            what only running code could make, or no tensors.
    """
    path = source.path
    content = verified_bytes(source, MAX_WEIGHTS_BYTES)
    loaded = _parsed(path, content)
    found = dict(_inside(loaded, ""))
    if not found:
        raise InvalidInput(f"{path}: holds no dictionary of tensors", hint=WAYS_OUT)
    for place, state in found.items():
        _require_sound(path, place, state)
    return found


def _parsed(path: Path, content: bytes) -> Any:
    try:
        if content[:2] == b"PK":
            return _of_archive(path, content)
        if content[:1] == b"\x80":
            _require_honest_pickles(path, content)
            return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return parse_safetensors(content)
    except UnpicklingError as error:
        named = re.search(r"GLOBAL ([\w.]{1,100})", str(error))
        what = f" ({named[1]})" if named else ""
        raise InvalidInput(
            f"{path}: needs pickled classes{what}; reading them would run code of whoever made the"
            " file, so it was not read",
            hint=WAYS_OUT,
        ) from error
    except DAMAGED as error:
        first = str(error).partition("\n")[0][:200]
        raise InvalidInput(f"{path}: a damaged file of weights ({first})") from error


def _of_archive(path: Path, content: bytes) -> Any:
    """What ``torch.save`` wrote since 1.6: an archive with a pickle and a member per storage."""
    sizes = member_sizes(io.BytesIO(content), path, MAX_WEIGHTS_BYTES)
    loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    there = Counter(n for name, n in sizes.items() if "/data/" in f"/{name}")
    storages = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for _, state in _inside(loaded, "")
        for tensor in state.values()
    }
    if Counter(n for n in storages.values() if n) - there:
        raise InvalidInput(f"{path}: a tensor claims more values than the file holds")
    return loaded


def _require_honest_pickles(path: Path, content: bytes) -> None:
    """Refuse an old file whose numbers add up to more than it can hold.

    Before torch 1.6 the sizes of storages are numbers in a pickle, and memory is taken for them
    before their bytes are read.
    """
    stream, total = io.BytesIO(content), 0
    for _ in range(LEGACY_PICKLES):
        for _, argument, _ in pickletools.genops(stream):
            # The first pickle is a magic number of many more digits than any size.
            if isinstance(argument, int) and abs(argument) < 2**63:
                total += abs(argument)
    if total > 64 * len(content) + 2**20:
        raise InvalidInput(
            f"{path}: its tensors claim more values than the file holds",
            hint="if it is honest, load it where it was made and save it with today's torch",
        )


def _inside(value: Any, place: str, depth: int = 0) -> Iterator[tuple[str, StateDict]]:
    """Dictionaries that hold tensors, and those in them."""
    if not isinstance(value, Mapping) or depth > DEEPEST:
        return
    tensors = {
        str(name): item.detach()
        for name, item in value.items()
        if isinstance(item, Tensor) and item.layout == torch.strided and not item.is_quantized
    }
    if tensors:
        yield place, tensors
    for name, item in value.items():
        yield from _inside(item, f"{place}.{name}" if place else str(name), depth + 1)


def _require_sound(path: Path, place: str, state: StateDict) -> None:
    """No tensor is larger than its storage, as one that repeats itself is; and all are finite."""
    n_bytes = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    if n_bytes > MAX_WEIGHTS_BYTES:
        raise InvalidInput(f"{path}: its tensors hold more than {MAX_WEIGHTS_BYTES:,} bytes")
    for name, tensor in state.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            full = f"{place}.{name}" if place else name
            raise InvalidInput(f"{path}: tensor '{full}' is not finite")
