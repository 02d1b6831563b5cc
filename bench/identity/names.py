"""Types of text in records that become part of file names, and so must not lead elsewhere.

Records are also read that a stranger wrote, and reports copy files to where records say.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
"""A sha256 in hexadecimal."""

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]
"""One part of a path that is neither hidden nor the folder above."""


def _stays_inside(path: str) -> str:
    parts = path.split("/")
    if set(path) & {"\\", "\0"} or set(parts) & {"", ".", ".."}:
        raise ValueError("a path is below the run directory, without '..' and without a leading /")
    return path


RelativePath = Annotated[str, AfterValidator(_stays_inside)]
"""A path below a directory, in POSIX spelling."""
