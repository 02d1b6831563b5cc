"""The device that a command computes on, and the settings that decide how results are rounded."""

from __future__ import annotations

import os

import torch

from catalog.errors import MissingPrerequisite, UsageError

MOST_JOBS_ON_A_GPU = 4
"""Most jobs that share a GPU: small networks leave it idle, but more would wait in turn."""
BYTES_PER_JOB = 8e9
"""Bytes of GPU memory for one job: CUDA context, networks, activations and the extractor's."""
VARIABLES = ("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA")
"""Environment variables that make this machine calculate as another one would."""


def resolve_device(wanted: str, *, cpu_is_fine: bool) -> torch.device:
    """The device that ``auto``, ``cpu``, ``cuda`` or ``cuda:N`` means on this machine.

    Args:
        wanted: as on the command line.
        cpu_is_fine: whether ``auto`` may fall back to the CPU.

    Raises:
        MissingPrerequisite: there is no such CUDA device, or none at all and the CPU must be
            asked for by name.
        UsageError: the text names no device.
    """
    if wanted == "cpu":
        return torch.device("cpu")
    n_devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wanted == "auto":
        if n_devices:
            return torch.device("cuda:0")
        if cpu_is_fine:
            return torch.device("cpu")
        raise MissingPrerequisite(
            "no CUDA device, and this suite is not meant for a CPU",
            hint="add --device cpu to run it there all the same",
        )
    kind, _, index = wanted.partition(":")
    if kind != "cuda" or (index and not index.isdecimal()):
        raise UsageError(f"'{wanted}' is not a device", hint="use auto, cpu, cuda or cuda:N")
    if int(index or 0) >= n_devices:
        raise MissingPrerequisite(f"there is no device {wanted}", hint=f"found {n_devices}")
    return torch.device("cuda", int(index or 0))


def jobs_that_fit(device: torch.device) -> int:
    """Number of jobs that share a CUDA device by default, at least one."""
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, min(MOST_JOBS_ON_A_GPU, int(free // BYTES_PER_JOB)))


def arithmetic() -> dict[str, str]:
    """The vector instructions that torch has chosen, and the variables that limit them.

    They decide how the last digit is rounded on a CPU, whose name does not tell: virtual machines
    shorten it.
    """
    limits = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return {"vectors": torch.backends.cpu.get_cpu_capability(), **limits}
