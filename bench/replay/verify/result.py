"""What verifying came to: per directory, and in all."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.replay.verify.check import Check, Kind
from bench.run.events import Event, JobEnded, JobStarted, NotVerified, Verified
from catalog.errors import ExitCode

WORST_FIRST = (
    ExitCode.GATE_FAILED,
    ExitCode.INVALID_INPUT,
    ExitCode.JOB_FAILED,
    ExitCode.MISSING_PREREQUISITE,
)
"""Which of several answers a command gives: a wrong number outweighs one nobody could check."""


@dataclass
class Result:
    """One run, or the calibration sets.

    Attributes:
        failure: why the job ended before its time, or empty.
        wall_s: from the start of the job to its end.
    """

    name: str
    verified: list[Verified] = field(default_factory=list)
    not_verified: list[NotVerified] = field(default_factory=list)
    failure: str = ""
    wall_s: float = 0.0

    @property
    def mismatches(self) -> list[tuple[str, Check]]:
        """Every check that did not pass, with its record's file."""
        return [(v.record, c) for v in self.verified for c in v.checks if not c.passed]

    @property
    def exit_code(self) -> ExitCode:
        """What a command that verified only this would answer."""
        codes = {ExitCode(one.exit_code) for one in self.not_verified}
        if self.mismatches:
            codes.add(ExitCode.GATE_FAILED)
        if self.failure:
            codes.add(ExitCode.JOB_FAILED)
        return worst(codes)

    @property
    def words(self) -> str:
        """The result in a few words."""
        if self.mismatches:
            n = len(self.mismatches)
            return f"{n} {'value differs' if n == 1 else 'values differ'}"
        if self.failure:
            return f"not verified: {self.failure}"
        if self.not_verified:
            reasons = dict.fromkeys(one.reason for one in self.not_verified)
            return f"not verified: {'; '.join(reasons)}"
        exact = all(one.exact for one in self.verified)
        return "equal, exactly" if exact else "equal within tolerance"

    def count(self, *kinds: Kind) -> int:
        """How many files, numbers or images were compared."""
        return count(self.verified, *kinds)


def count(verified: Sequence[Verified], *kinds: Kind) -> int:
    """How many files, numbers or images of some kinds stand behind checks that had to pass."""
    return sum(
        check.n
        for one in verified
        for check in one.checks
        if check.kind in kinds and (check.allowed is not None or check.recorded == check.recomputed)
    )


def worst(codes: set[ExitCode]) -> ExitCode:
    """The one answer that a command gives for several; 0 for none."""
    return next((code for code in WORST_FIRST if code in codes), ExitCode.OK)


class Tally:
    """Collects what jobs say into results, in order of their start."""

    def __init__(self) -> None:
        self.results: dict[str, Result] = {}
        self._started: dict[str, float] = {}

    def watch(self, event: Event) -> None:
        """Take note of an event."""
        match event:
            case JobStarted(job):
                self.results[job] = Result(job)
                self._started[job] = time.monotonic()
            case Verified(job):
                self.results[job].verified.append(event)
            case NotVerified(job):
                self.results[job].not_verified.append(event)
            case JobEnded(job, status, message):
                self.results[job].wall_s = time.monotonic() - self._started[job]
                if status != "success":
                    self.results[job].failure = message or status


def totals(results: Sequence[Result]) -> str:
    """How much was compared, in one line."""
    verified = [one for result in results for one in result.verified]
    exact = [one for one in verified if one.exact]
    near = [one for one in verified if not one.exact]
    parts = []
    if exact:
        parts.append(
            f"{len(exact)} records, {count(exact, 'number'):,} numbers,"
            f" {count(exact, 'images'):,} images and {count(exact, 'file')} files exactly"
        )
    if near:
        drawn = sum(c.n for one in near for c in one.checks if c.kind == "images")
        parts.append(
            f"{len(near)} records and {count(near, 'number'):,} numbers within tolerance;"
            f" {count(near, 'images'):,} of {drawn:,} images in sets with the recorded pixels"
        )
    return f"compared {' and '.join(parts) or 'nothing'}"
