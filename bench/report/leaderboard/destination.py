"""What a report would take away from the place where it is written.

Nothing that git tracks, and nothing that was made from other records, is replaced unasked: whoever
asks is told first what goes.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Collection, Mapping
from itertools import groupby
from pathlib import Path

from catalog.errors import GateFailed
from catalog.escaping import visible

TRACKED, OTHER = "is tracked by git", "was made from other records"
_GIT_S = 60
_NAMED = 6
"""Files of one folder that are named one by one."""


class WouldReplace(GateFailed):
    """A report would take away what is not its own; nothing was written.

    Attributes:
        listed: a line for each folder and what becomes of its files.
    """

    def __init__(self, listed: Collection[str], n_files: int, folder: Path) -> None:
        self.listed = tuple(listed)
        super().__init__(
            f"{n_files} file{'s' if n_files > 1 else ''} tracked by git or made from other records"
            " would go; nothing was written",
            where=folder.as_posix(),
            hint="name another --output-dir, or give --replace to let them go",
        )

    def lines(self) -> list[str]:
        """What would go, and then what can be done."""
        return [*self.listed, *super().lines()]


def require_free(
    folder: Path,
    files: Mapping[Path, str | bytes],
    gone: Collection[Path] = (),
    *,
    foreign: bool = False,
    replace: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Asks before anything is written whether something would be lost.

    Args:
        folder: of the report; everything else lies below it.
        files: what is to be written, by path.
        gone: what is to be removed.
        foreign: whether what lies in the folder was made from other records.
        replace: whether it may go all the same.
        tell: is then given each line of what goes.

    Raises:
        WouldReplace: something would be lost, and ``replace`` is not given.
    """
    changed = {path for path, content in files.items() if _differs(path, content)}
    changed |= {path for path in gone if os.path.lexists(path)}
    if not changed:
        return
    tracked = changed & tracked_files(folder)
    lost = {path: TRACKED if path in tracked else OTHER for path in changed if foreign} | (
        dict.fromkeys(tracked, TRACKED)
    )
    if not lost:
        return
    listed = _listed(lost, set(gone))
    if not replace:
        raise WouldReplace(listed, len(lost), folder)
    for line in listed:
        tell(line)


def tracked_files(folder: Path) -> set[Path]:
    """The files below a folder that git tracks; all that are there where git cannot be asked.

    Empty where no folder above holds a repository.
    """
    if not folder.is_dir():
        return set()
    place = folder.resolve()
    if not any((above / ".git").exists() for above in (place, *place.parents)):
        return set()
    command = ["git", "-C", str(place), "-c", "core.fsmonitor=false", "ls-files", "-z"]
    around = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, a folder is its only argument
            command, capture_output=True, check=True, timeout=_GIT_S, env=around
        )
    except (OSError, subprocess.SubprocessError):
        return set(folder.rglob("*"))
    return {folder / os.fsdecode(name) for name in done.stdout.split(b"\0") if name}


def _differs(path: Path, content: str | bytes) -> bool:
    """Whether something is there, and it is not this."""
    if not os.path.lexists(path):
        return False
    made = content.encode() if isinstance(content, str) else content
    return not path.is_file() or path.read_bytes() != made


def _listed(lost: Mapping[Path, str], gone: Collection[Path]) -> list[str]:
    """A line for all files of one folder that go alike."""

    def kind(path: Path) -> tuple[str, str, str]:
        return path.parent.as_posix(), "removed" if path in gone else "replaced", lost[path]

    lines = []
    for (folder, fate, why), some in groupby(sorted(lost, key=lambda p: (kind(p), p)), kind):
        paths = list(some)
        names = ", ".join(path.name for path in paths[:_NAMED])
        more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
        name = f"{folder}/: {names}{more}" if len(paths) > 1 else paths[0].as_posix()
        lines.append(visible(f"{name}: would be {fate}, {why}"))
    return lines
