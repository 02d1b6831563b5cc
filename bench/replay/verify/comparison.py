"""One comparison of what is on record with what was made again, and the events that tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.run.events import Event

Compared = Literal["file", "identity", "images", "number"]
Value = str | float | None


@dataclass(frozen=True)
class Comparison:
    """A recorded value beside the recomputed one.

    Attributes:
        kind: bytes of a file, something that says what a record is of, the hash of an image set,
            or a result.
        allowed: largest difference of two numbers, or None where any difference is allowed.
            Anything but numbers has to be equal.
        n: how many files, numbers or images stand behind it.
    """

    kind: Compared
    what: str
    recorded: Value
    recomputed: Value
    allowed: float | None = 0.0
    n: int = 1

    @property
    def difference(self) -> float | None:
        """Recomputed minus recorded, or None where one of them is no number."""
        if isinstance(self.recorded, str | None) or isinstance(self.recomputed, str | None):
            return None
        return self.recomputed - self.recorded

    @property
    def passed(self) -> bool:
        """Whether the two agree as far as they have to."""
        if self.allowed is None:
            return True
        if self.difference is None:
            return self.recorded == self.recomputed
        return abs(self.difference) <= self.allowed


@dataclass(frozen=True)
class Measured:
    """A number that nobody can make again, such as a time; it stands as its record has it."""

    what: str
    recorded: float
    machine: str


@dataclass(frozen=True)
class Verified(Event):
    """One record was made again and compared.

    Attributes:
        exact: whether nothing may differ, because this is the machine of the record or because the
            caller demands it. Without, a record is at best consistent with what is made here.
        measured: what stands in the record and was not compared.
    """

    record: str
    exact: bool
    checks: tuple[Comparison, ...]
    measured: tuple[Measured, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything agrees as far as it has to."""
        return all(check.passed for check in self.checks)

    @property
    def is_equal(self) -> bool:
        """Whether everything came out to the last bit, whatever was allowed."""
        return all(check.recorded == check.recomputed for check in self.checks)


@dataclass(frozen=True)
class NotVerified(Event):
    """One record could not be compared; ``exit_code`` is that of the reason."""

    record: str
    reason: str
    exit_code: int
