"""Saving and restoring everything that decides the future of a training.

A checkpoint holds networks, averages, optimisers, random states and counters as tensors and plain
containers, so it is read with ``weights_only=True`` and runs no code.
"""

from __future__ import annotations

from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from bench.ema import AveragedWeights
from bench.models.base import GenerativeModel
from bench.store import atomic_torch_save
from catalog.errors import InvalidInput

START_AGAIN = "remove it to train from the start"


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


def write(file: Path, fingerprint: str, content: dict[str, Any]) -> None:
    """Replace a checkpoint, whole or not at all."""
    atomic_torch_save({"fingerprint": fingerprint, **content}, file)


def read(file: Path, fingerprint: str, device: torch.device) -> dict[str, Any] | None:
    """The content of a checkpoint, or None where there is no file.

    Raises:
        InvalidInput: the file is damaged or belongs to another run.
    """
    if not file.exists():
        return None
    try:
        content: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError, OSError) as error:
        raise InvalidInput(
            "the checkpoint is damaged", where=str(file), hint=START_AGAIN
        ) from error
    if content["fingerprint"] != fingerprint:
        raise InvalidInput(
            "the checkpoint belongs to another run", where=str(file), hint=START_AGAIN
        )
    return content


def saved_step(file: Path) -> int | None:
    """The step that a checkpoint holds; None where there is no readable one."""
    try:
        content: dict[str, Any] = torch.load(file, weights_only=True, mmap=True)
    except (RuntimeError, UnpicklingError, EOFError, ValueError, OSError):
        return None
    return int(content["step"])
