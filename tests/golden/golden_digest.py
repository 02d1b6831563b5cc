"""Digests of tensors and plain data, the machine they belong to, and how two files of them differ.

Nothing here comes from the code that is to be proved: a refactoring of it must not change a digest.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

Parts = dict[str, str]
"""What was computed, by the name of the part: a sha256, or a number as Python writes it."""
PACKAGES = ("torch", "torchvision", "torch-fidelity", "numpy", "scipy", "scikit-learn")
LIMITS = ("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA")
"""Environment variables that make a machine calculate as another one would."""
SECTIONS = ("variants", "scores")


def digest(value: Any) -> str:
    """Hex sha256 of tensors in mappings and sequences of any depth, types and names included.

    The order of a mapping and the memory layout of a tensor are no part of it.
    """
    state = hashlib.sha256()
    for piece in _pieces(value):
        state.update(piece)
    return state.hexdigest()


def _pieces(value: Any) -> Iterator[bytes]:
    if isinstance(value, Tensor):
        flat = value.detach().cpu().contiguous().reshape(-1)
        yield f"tensor {value.dtype} {tuple(value.shape)} ".encode()
        yield flat.view(torch.uint8).numpy().tobytes()
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)} ".encode()
        for key in sorted(value, key=str):
            yield f"{key!r}: ".encode()
            yield from _pieces(value[key])
    elif isinstance(value, list | tuple):
        yield f"sequence {len(value)} ".encode()
        for inner in value:
            yield from _pieces(inner)
    elif value is None or isinstance(value, bool | int | float | str):
        yield f"{value!r} ".encode()
    else:
        raise TypeError(f"no digest of a {type(value).__name__}")


def machine() -> dict[str, str]:
    """Everything outside of the project that the last digit of a number depends on."""
    return {
        "processor": _processor(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        **{name: os.environ[name] for name in LIMITS if name in os.environ},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def other_machine(recorded: Mapping[str, str], present: Mapping[str, str]) -> str | None:
    """The sentence that refuses to compare numbers of two machines; None where they are alike."""
    for name in sorted(recorded.keys() | present.keys()):
        before, now = recorded.get(name, "absent"), present.get(name, "absent")
        if before != now:
            return f"not comparable: {name} was {before} when the file was made and is {now} here"
    return None


NEW = ": is new"
"""How a line ends that tells of a part which the file does not know."""


def differences(
    recorded: Mapping[str, Mapping[str, Parts]],
    present: Mapping[str, Mapping[str, Parts]],
    only: Sequence[str] = (),
) -> list[str]:
    """One line for each part that differs, is gone or is new.

    Args:
        recorded: by section, by name and by part, as a file holds it.
        present: what was computed now.
        only: names to look at; none for all.
    """
    found = []
    for section in SECTIONS:
        before, now = recorded.get(section, {}), present.get(section, {})
        for name in sorted(before.keys() | now.keys()):
            if only and name not in only:
                continue
            found += [
                f"{section}: {name}: {line}"
                for line in _of_parts(before.get(name, {}), now.get(name, {}))
            ]
    return found


def _of_parts(before: Parts, now: Parts) -> Iterator[str]:
    for part in [*before, *(part for part in now if part not in before)]:
        if part not in now:
            yield f"{part}: is gone"
        elif part not in before:
            yield f"{part}{NEW}"
        elif before[part] != now[part]:
            yield f"{part}: was {before[part][:20]}, is {now[part][:20]}"
