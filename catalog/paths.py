"""Where files of the user live, and how they are written.

Owns the cache folder and the one way to write a file that others may be reading. What is stored
there belongs to the modules that store it.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

CACHE_VARIABLE = "AIGC_CACHE_DIR"


def cache_dir() -> Path:
    """The folder for everything that can be made again; it need not exist yet.

    ``AIGC_CACHE_DIR`` names it; otherwise it is the platform's cache folder of the user.
    """
    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("aigc-bench", appauthor=False)


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old bytes or the new ones, never a part.

    Missing folders are made.

    Raises:
        OSError: the folder or the disk refuses; no half-written file stays behind.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not tempfile, whose files only their owner may read.
    draft = path.with_name(f".{path.name}-{uuid4().hex}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
