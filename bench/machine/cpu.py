"""Which instructions this process calculates with: they decide how the last digit is rounded.

The name of a processor does not tell, as virtual machines shorten it and variables limit its use.
"""

from __future__ import annotations

import os

import torch

VARIABLES = ("ATEN_CPU_CAPABILITY", "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA")
"""Environment variables that make this machine calculate as another one would."""


def arithmetic() -> dict[str, str]:
    """The vector instructions that torch has chosen, and the variables that limit them."""
    limits = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    return {"vectors": torch.backends.cpu.get_cpu_capability(), **limits}
