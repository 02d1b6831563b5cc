"""What went wrong, in the words of somebody who has to do something about it.

``diagnose`` turns an exception of a job into the kind, the sentence and the hint of its record; an
engine does the same for a process that cannot speak any more, through the kinds below.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

from catalog.errors import AigcError

KILLED = "Killed"
"""Ended from outside: the work done so far is good, and the same command goes on with it."""
CRASHED = "Crashed"
OUT_OF_MEMORY = "OutOfMemory"
DISK_FULL = "DiskFull"
TIMEOUT = "Timeout"

HINTS = {
    KILLED: "give the same command again: it goes on from the last checkpoint",
    CRASHED: "a library crashed; --retry-failed goes on from the last checkpoint",
    OUT_OF_MEMORY: "use fewer --jobs or a smaller batch or network, then --retry-failed",
    DISK_FULL: "free some space (aigc bench prune), then --retry-failed",
    TIMEOUT: "allow a longer --timeout, then --retry-failed goes on from the last checkpoint",
}
UNEXPECTED = "the record's traceback shows where; once it is mended, --retry-failed tries again"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class Diagnosis:
    """The kind of a failure, what happened, and what to do."""

    kind: str
    message: str
    hint: str


def diagnose(error: BaseException) -> Diagnosis:
    """Kind, message and hint for an exception that ended a job."""
    message = str(error) or type(error).__name__
    if _is_out_of_memory(error):
        return Diagnosis(OUT_OF_MEMORY, _first_line(message), HINTS[OUT_OF_MEMORY])
    if isinstance(error, OSError) and error.errno in FULL:
        return Diagnosis(DISK_FULL, f"the disk is full: {message}", HINTS[DISK_FULL])
    if isinstance(error, AigcError) and error.where:
        message += f" ({error.where})"
    hint = getattr(error, "hint", None)
    return Diagnosis(type(error).__name__, message, hint or UNEXPECTED)


def _is_out_of_memory(error: BaseException) -> bool:
    # By name, so that an engine need not load torch; its CPU allocator raises a RuntimeError.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
