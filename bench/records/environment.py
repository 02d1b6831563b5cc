"""What a number depends on besides its spec: the machine, the versions and the code's origin."""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

from bench.identity.digest import sha256_of_file
from bench.machine.device import VARIABLES
from bench.records.record import Accelerator, Environment, Processor, Provenance

CHECKOUT = Path(__file__).resolve().parents[2]
LOCK = CHECKOUT / "requirements.lock"
PACKAGES = ("torch", "torchvision", "torch-fidelity", "numpy", "scipy", "scikit-learn")
X86 = ("vendor_id", "cpu family", "model", "stepping", "flags")
ARM = ("CPU implementer", "CPU variant", "CPU part", "CPU revision", "Features")
"""How ``/proc/cpuinfo`` calls vendor, family, model, stepping and what a processor can do."""
INSTRUCTION_SETS = {
    X86: ("amx", "avx", "f16c", "fma"),
    ARM: ("asimd", "bf16", "fphp", "i8mm", "sme", "sve"),
}
"""How the names of instructions on vectors and matrices begin."""


def environment(device: torch.device) -> Environment:
    """The present machine as a record describes it."""
    on_cuda = device.type == "cuda"
    return Environment(
        device=device.type,
        device_name=torch.cuda.get_device_name(device) if on_cuda else _cpu_name(),
        n_threads=torch.get_num_threads(),
        os=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
        packages={name: version(name) for name in PACKAGES},
        processor=_processor(),
        accelerator=_accelerator(device) if on_cuda else None,
    )


def processor_of(cpuinfo: str, vectors: str, limited_by: tuple[str, ...] = ()) -> Processor | None:
    """The processor that ``/proc/cpuinfo`` describes.

    Args:
        cpuinfo: content of that file.
        vectors: the instructions that torch has chosen.
        limited_by: variables that keep libraries from using all instructions.

    Returns:
        The processor; None where the text does not tell, or tells of cores of several kinds, as
        nobody knows which of them calculated.
    """
    cores = (_core(text, vectors, limited_by) for text in cpuinfo.split("\n\n"))
    kinds = {core for core in cores if core is not None}
    return kinds.pop() if len(kinds) == 1 else None


def driver_of(text: str) -> str | None:
    """The version in ``/proc/driver/nvidia/version``, if there is one."""
    found = re.search(r"\b\d{3,}(\.\d+)+\b", text)
    return found and found.group()


@functools.cache
def provenance(registry_sha256: str, code_sha256: str) -> Provenance:
    """Version, commit and hashes of this package, wherever the command is run from.

    Args:
        registry_sha256: of the registry file in use.
        code_sha256: of the definitions that decide the result; see ``bench.identity.code``.
    """
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--untracked-files=no", "--", "bench", "catalog")
    return Provenance(
        package_version=version("aigc-bench"),
        commit=commit,
        dirty=None if commit is None else bool(status),
        definitions_sha256=code_sha256,
        registry_sha256=registry_sha256,
        lock_sha256=sha256_of_file(LOCK) if LOCK.is_file() else None,
    )


def _git(*arguments: str) -> str | None:
    # The package's own folder, never the working directory: that may be somebody else's repository.
    if not (CHECKOUT / ".git").exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603 (fixed program, fixed arguments)
            ["git", "-C", str(CHECKOUT), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu_name() -> str:
    lines = _text_of("/proc/cpuinfo").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown CPU")


@functools.cache  # libraries choose their instructions once
def _processor() -> Processor | None:
    limited_by = tuple(name for name in VARIABLES if name in os.environ)
    return processor_of(
        _text_of("/proc/cpuinfo"), torch.backends.cpu.get_cpu_capability(), limited_by
    )


def _core(text: str, vectors: str, limited_by: tuple[str, ...]) -> Processor | None:
    """What a paragraph of ``/proc/cpuinfo`` says of a core, if it says all."""
    parts = (line.partition(":") for line in text.splitlines())
    facts = {name.strip(): value.strip() for name, _, value in parts}
    for names, beginnings in INSTRUCTION_SETS.items():
        *told, able = (facts.get(name, "") for name in names)
        if all(told) and "unknown" not in told:  # as sandboxes say
            known = sorted({word for word in able.split() if word.startswith(beginnings)})
            vendor, family, model, stepping = told
            return Processor(
                vendor=vendor,
                family=family,
                model=model,
                stepping=stepping,
                vectors=vectors,
                instruction_sets=tuple(known),
                limited_by=limited_by,
            )
    return None


def _accelerator(device: torch.device) -> Accelerator | None:
    driver = driver_of(_text_of("/proc/driver/nvidia/version"))
    cudnn = torch.backends.cudnn.version()
    if driver is None or torch.version.cuda is None or cudnn is None:
        return None
    major, minor = torch.cuda.get_device_capability(device)
    return Accelerator(
        capability=f"{major}.{minor}",
        driver=driver,
        cuda=torch.version.cuda,
        cudnn=str(cudnn),
    )


def _text_of(file: str) -> str:
    try:
        return Path(file).read_text()
    except OSError:
        return ""
