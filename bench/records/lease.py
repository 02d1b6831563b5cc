"""Who is writing to a directory, in words: a note that the holder leaves while it holds it.

``<runs>/.runner.json`` is there while a command works in a runs directory and goes when it ends in
an orderly way. If it stays behind, its process was killed. The lock itself is the system's; this
note is for people, and looking at it disturbs nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, ValidationError

from bench.machine.process import ProcessId, is_alive, this_process
from bench.records.record import Record, to_json
from bench.run.heartbeat import read_sign
from catalog.files import write_atomically

RUNNER = ".runner.json"


class Holder(Record):
    """A command at work in a runs directory.

    Attributes:
        command: as it is given after ``aigc``, without options.
        n_slots: jobs at once, where there are jobs.
    """

    schema_version: Literal[1] = 1
    process: ProcessId
    command: str
    n_slots: int | None = None
    started_at: AwareDatetime

    @property
    def label(self) -> str:
        """The command with its process and its beginning in local time."""
        return f"'aigc {self.command}' (process {self.process.pid}, since {clock(self.started_at)})"


def clock(moment: datetime) -> str:
    """A moment in local time, to the second."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"


@contextmanager
def announced(directory: Path, command: str, n_slots: int | None = None) -> Iterator[None]:
    """Leave a note for the time of the block; the caller holds the directory.

    Unsynced: after a power failure the note is worth nothing.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    holder = Holder(process=this_process(), command=command, n_slots=n_slots, started_at=now)
    file = directory / RUNNER
    write_atomically(file, to_json(holder), synced=False)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def read_holder(directory: Path) -> Holder | None:
    """The note in a runs directory; None where there is no readable one."""
    try:
        return Holder.model_validate_json((directory / RUNNER).read_bytes())
    except (OSError, ValidationError):
        return None


def name_of_holder(directory: Path) -> str | None:
    """Who holds a runs directory or a run directory, as far as anybody has left a note."""
    holder = read_holder(directory)
    if holder is not None and is_alive(holder.process) is not False:
        return holder.label
    sign = read_sign(directory)
    if sign is not None and is_alive(sign.process) is not False:
        return f"process {sign.process.pid}, last heard of {clock(sign.updated_at)}"
    return None
