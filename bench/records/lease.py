"""Who is writing to a directory, in words: notes that a holder leaves while it holds it.

``<runs>/.runner.json`` is there while a command works in a runs directory, ``<run>/progress.json``
while a job is at work in a run directory; each goes when its process ends in an orderly way. If one
stays behind, its process was killed. The lock itself is the system's; the notes are for people, and
looking at them disturbs nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, PositiveInt, ValidationError

from bench.machine.process import ProcessId, is_alive, this_process
from bench.machine.units import clock
from bench.records.files import PROGRESS
from bench.records.ranges import Amount, Count, Finite, Moment, Seconds
from bench.records.record import Record, now, to_json
from catalog.errors import InvalidInput
from catalog.files import unlinked_bytes, write_atomically

RUNNER = ".runner.json"
MAX_BYTES = 100_000
"""A note takes a few hundred bytes; nothing larger than this is read."""
N = TypeVar("N", bound=Record)


class Holder(Record):
    """A command at work in a runs directory.

    Attributes:
        command: as it is given after ``aigc``, without options.
        n_slots: jobs at once, where there are jobs.
    """

    schema_version: Literal[1] = 1
    process: ProcessId
    command: str
    n_slots: PositiveInt | None = None
    started_at: Moment

    @property
    def label(self) -> str:
        """The command with its process and its beginning in local time."""
        return f"'aigc {self.command}' (process {self.process.pid}, since {clock(self.started_at)})"


class Sign(Record):
    """What a job's process said last of itself.

    Attributes:
        step: of a training; None in other phases and before the first report.
        losses: means since the report before, by name.
        eta_s: how long the training would still take at the pace of this sitting so far; None
            while that is unknown.
        memory_bytes: resident memory of the process at that time.
        peak_memory_bytes: most resident memory that the process ever had.
    """

    schema_version: Literal[1] = 1
    process: ProcessId
    phase: str
    step: Count | None = None
    n_steps: Count | None = None
    losses: dict[str, Finite] = Field(default_factory=dict)
    images_per_s: Amount | None = None
    eta_s: Seconds | None = None
    memory_bytes: Count
    peak_memory_bytes: Count
    updated_at: Moment


@contextmanager
def announced(directory: Path, command: str, n_slots: int | None = None) -> Iterator[None]:
    """Leave a note for the time of the block; the caller holds the directory.

    Unsynced: after a power failure the note is worth nothing.
    """
    holder = Holder(process=this_process(), command=command, n_slots=n_slots, started_at=now())
    file = directory / RUNNER
    write_atomically(file, to_json(holder), synced=False)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def read_holder(directory: Path) -> Holder | None:
    """The note in a runs directory; None where there is no readable one."""
    return _note(directory / RUNNER, Holder)


def read_sign(directory: Path) -> Sign | None:
    """The last sign of life in a run directory; None where there is no readable one."""
    return _note(directory / PROGRESS, Sign)


def _note(file: Path, kind: type[N]) -> N | None:
    try:
        return kind.model_validate_json(unlinked_bytes(file, MAX_BYTES))
    except (OSError, InvalidInput, ValidationError):
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
