"""Identity of the process that wrote something, and whether it still lives."""

from __future__ import annotations

import functools
import hashlib
import os
import platform
from typing import Annotated

import psutil
from pydantic import BaseModel, ConfigDict, Field

CLOCK_TOLERANCE_S = 2.0
"""Largest distance in seconds of two readings of one process's start, since the system's clock may
be corrected while it runs. Process numbers are not given out again within this time."""


class ProcessId(BaseModel):
    """One process among all that ever ran: numbers of processes are used again, starts are not.

    Attributes:
        created_at: when it started, in seconds since 1970.
        host: stands for the machine's name without telling it.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)

    pid: Annotated[int, Field(ge=1, lt=2**32)]
    created_at: Annotated[float, Field(ge=0, le=1e12)]
    host: str


def this_process() -> ProcessId:
    """The identity of the process that asks."""
    pid = os.getpid()
    return ProcessId(pid=pid, created_at=psutil.Process(pid).create_time(), host=this_host())


@functools.cache
def this_host() -> str:
    """A short hash of this machine's name."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:12]


def is_alive(process: ProcessId) -> bool | None:
    """Whether a process still runs; None if that cannot be told from this machine."""
    if process.host != this_host():
        return None
    try:
        found = psutil.Process(process.pid)
        same = abs(found.create_time() - process.created_at) <= CLOCK_TOLERANCE_S
        return same and found.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
