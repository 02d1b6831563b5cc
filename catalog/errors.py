"""The errors that a user meets: each says what, where and what to do, and owns an exit code.

Raised anywhere, rendered once by the command line. Anything else that reaches the top is a bug.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from catalog.escaping import visible


class ExitCode(IntEnum):
    """What a finished ``aigc`` process tells its caller."""

    OK = 0
    JOB_FAILED = 1
    USAGE = 2
    INVALID_INPUT = 3
    MISSING_PREREQUISITE = 4
    GATE_FAILED = 5
    INTERRUPTED = 130


_LONGEST_LINE = 2000
_MOST_PROBLEMS = 100


def _one_line(text: str) -> str:
    """Text without line breaks and control characters, which names of files and keys may hold."""
    shown = visible(text[: _LONGEST_LINE + 1])
    return shown if len(shown) <= _LONGEST_LINE else f"{shown[:_LONGEST_LINE]}…"


class AigcError(Exception):
    """A failure with one line for what, at most one for where, and at most one for what to do."""

    exit_code = ExitCode.JOB_FAILED

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def lines(self) -> list[str]:
        """The message as the terminal shows it."""
        shown = [f"error: {_one_line(self.what)}"]
        if self.where:
            shown.append(f"  where: {_one_line(self.where)}")
        if self.hint:
            shown.append(f"  do:    {_one_line(self.hint)}")
        return shown


class JobFailed(AigcError):
    """At least one job failed; everything else was finished and saved."""


class UsageError(AigcError):
    """The command line asks for something that does not exist or does not go together."""

    exit_code = ExitCode.USAGE


class InvalidInput(AigcError):
    """A registry, record or image set breaks its rules."""

    exit_code = ExitCode.INVALID_INPUT


class InvalidRegistry(InvalidInput):
    """A registry file with all its problems, each one line ``file:line: path: what: hint``."""

    def __init__(self, file: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        noun = "problem" if len(self.problems) == 1 else "problems"
        super().__init__(f"{file} has {len(self.problems)} {noun}")

    def lines(self) -> list[str]:
        """The problems first, of very many only the first ones, and the count last."""
        shown = list(map(_one_line, self.problems[:_MOST_PROBLEMS]))
        if len(self.problems) > _MOST_PROBLEMS:
            shown.append(f"… and {len(self.problems) - _MOST_PROBLEMS} more")
        return [*shown, f"error: {_one_line(self.what)}"]


class MissingPrerequisite(AigcError):
    """Weights, data, a device or a free directory is not there."""

    exit_code = ExitCode.MISSING_PREREQUISITE


class GateFailed(AigcError):
    """A check that was asked for did not pass."""

    exit_code = ExitCode.GATE_FAILED
