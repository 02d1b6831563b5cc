"""What a number depends on besides its spec: the machine, the versions and the code's origin."""

from __future__ import annotations

import functools
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

from bench.hashing import sha256_of_file
from bench.record import Environment, Provenance

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK = CHECKOUT / "requirements.lock"
PACKAGES = ("torch", "torchvision", "torch-fidelity", "numpy", "scipy", "scikit-learn")


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
    )


@functools.cache
def provenance(registry_sha256: str, code_sha256: str) -> Provenance:
    """Version, commit and hashes of this package, wherever the command is run from.

    Args:
        registry_sha256: of the registry file in use.
        code_sha256: of the sources that decide the result; see ``bench.sources``.
    """
    commit = _git("rev-parse", "HEAD")
    status = _git("status", "--porcelain", "--untracked-files=no", "--", "bench", "catalog")
    return Provenance(
        package_version=version("aigc-bench"),
        commit=commit,
        dirty=None if commit is None else bool(status),
        implementation_sha256=code_sha256,
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
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown CPU"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown CPU")
