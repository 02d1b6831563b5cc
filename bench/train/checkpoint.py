"""Saving and restoring everything that decides the future of a training.

A checkpoint holds networks, averages, optimisers, random states and counters as tensors and plain
containers, so it is read with ``weights_only=True`` and runs no code. Whose it is and of which step
also stands before that, where it is read without torch. The checkpoint before the last is kept: if
the last one is damaged, the training goes on from there.
"""

from __future__ import annotations

import io
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from bench.models.base import GenerativeModel
from bench.records.checkpoint_file import (
    START_AGAIN,
    Identity,
    files,
    head,
    previous,
    require_own,
    stored,
)
from bench.train.ema import AveragedWeights
from catalog.errors import InvalidInput
from catalog.files import atomic_file


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
            out.write(head(identity, content["step"], data))
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
        require_own(content["train_hash"], identity.train_hash, candidate)
        if content["code"] == identity.code:
            return content
    return None


def remove(file: Path) -> None:
    """Remove the last checkpoint and the one before."""
    for path in files(file):
        path.unlink(missing_ok=True)


def _content(file: Path, device: torch.device) -> dict[str, Any] | None:
    """What a file holds, or None where it is absent or damaged."""
    found = stored(file)
    if found is None:
        return None
    try:
        content: dict[str, Any] = torch.load(
            io.BytesIO(found.payload), map_location=device, weights_only=True
        )
    except UnpicklingError as error:
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInput(
            f"the checkpoint holds more than data, and is not opened: {reason}",
            where=str(file),
            hint=START_AGAIN,
        ) from error
    return content
