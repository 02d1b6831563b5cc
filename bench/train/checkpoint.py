"""Saving and restoring everything that decides the future of a training.

A checkpoint holds networks, averages, optimisers, random states and counters as tensors and plain
containers, so it is read with ``weights_only=True`` and runs no code. Its first line is the sha256
of the rest, which is checked before anything is parsed. The checkpoint before the last is kept: if
the last one is damaged, the training goes on from there.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from bench.identity.code import Loop, code_of_spec
from bench.identity.spec import TrainSpec
from bench.models.base import GenerativeModel
from bench.records.files import MAX_WEIGHTS_BYTES
from bench.train.ema import AveragedWeights
from catalog.errors import InvalidInput
from catalog.files import atomic_file, unlinked_bytes

HEADER = b"aigc checkpoint, sha256 "
MAX_BYTES = 4 * MAX_WEIGHTS_BYTES
"""Weights, their average and two moments of each."""
START_AGAIN = "remove it to train from the start"


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to; one of other training or other code is of no use.

    Attributes:
        train_hash: of the spec.
        code: digest of the definitions that decide the training.
    """

    train_hash: str = ""
    code: str = ""

    @classmethod
    def of(cls, spec: TrainSpec, loop: Loop = "plain") -> Identity:
        """What the checkpoints of a training are, made by the present code of a loop."""
        return cls(spec.train_hash, code_of_spec(spec, loop))


def capture(model: GenerativeModel, average: AveragedWeights | None) -> dict[str, Any]:
    """State of networks, averages, optimisers and the random generators of model's device."""
    device = next(model.parameters()).device
    return {
        "model": model.state_dict(),
        "average": average.state_dict() if average else None,
        "optimizers": {
            name: optimizer.state_dict() for name, optimizer in model.optimizers().items()
        },
        "rng": torch.get_rng_state(),
        "cuda_rng": torch.cuda.get_rng_state(device) if device.type == "cuda" else None,
    }


def restore(saved: dict[str, Any], model: GenerativeModel, average: AveragedWeights | None) -> None:
    """Bring freshly built objects, and the random generators, to a captured state."""
    model.load_state_dict(saved["model"])
    for name, optimizer in model.optimizers().items():
        optimizer.load_state_dict(saved["optimizers"][name])
    if average is not None:
        average.load_state_dict(saved["average"])
    torch.set_rng_state(saved["rng"].cpu())
    if saved["cuda_rng"] is not None:
        torch.cuda.set_rng_state(saved["cuda_rng"].cpu(), next(model.parameters()).device)


def write(file: Path, identity: Identity, content: dict[str, Any]) -> None:
    """Put a new checkpoint in the place of the last, which becomes the one before.

    There is a whole checkpoint under one of the two names at any moment.

    Raises:
        OSError: the disk refuses; both files are as they were, or the last is the one before.
    """
    payload = io.BytesIO()
    torch.save({**vars(identity), **content}, payload)
    data = payload.getbuffer()
    with atomic_file(file) as draft:
        with draft.open("wb") as out:
            out.write(HEADER + hashlib.sha256(data).hexdigest().encode() + b"\n")
            out.write(data)
        if file.exists():
            file.replace(previous(file))


def read(file: Path, identity: Identity, device: torch.device) -> dict[str, Any] | None:
    """The content of the newest usable checkpoint, or None where there is none.

    A damaged file is passed over, and so is one of other code: training again gives the same
    weights as going on from it would have, or better ones.

    Raises:
        InvalidInput: a whole file belongs to another run, or holds more than data.
    """
    for candidate in (file, previous(file)):
        content = _content(candidate, device)
        if content is None:
            continue
        if content["train_hash"] != identity.train_hash:
            raise InvalidInput(
                "the checkpoint belongs to another run", where=str(candidate), hint=START_AGAIN
            )
        if content["code"] == identity.code:
            return content
    return None


def remove(file: Path) -> None:
    """Remove the last checkpoint and the one before."""
    for path in files(file):
        path.unlink(missing_ok=True)


def previous(file: Path) -> Path:
    """Where the checkpoint before the last is kept."""
    return file.with_stem(f"{file.stem}-previous")


def files(file: Path) -> Iterator[Path]:
    """The checkpoint files that are there, newest first."""
    yield from (path for path in (file, previous(file)) if path.exists())


def _content(file: Path, device: torch.device) -> dict[str, Any] | None:
    """What a file holds, or None where it is absent or damaged."""
    try:
        header, _, data = unlinked_bytes(file, MAX_BYTES).partition(b"\n")
    except FileNotFoundError:
        return None
    except InvalidInput as error:
        raise InvalidInput(
            "the checkpoint is no file of its own", where=error.what, hint=START_AGAIN
        ) from error
    if header != HEADER + hashlib.sha256(data).hexdigest().encode():
        return None
    try:
        content: dict[str, Any] = torch.load(
            io.BytesIO(data), map_location=device, weights_only=True
        )
    except UnpicklingError as error:
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInput(
            f"the checkpoint holds more than data, and is not opened: {reason}",
            where=str(file),
            hint=START_AGAIN,
        ) from error
    return content
