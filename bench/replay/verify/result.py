"""What verifying came to: per directory, and in all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.replay.verify.artifacts import NO_WEIGHTS
from bench.replay.verify.comparison import Compared, Comparison, NotVerified, Verified
from bench.run.events import Event, JobEnded, JobStarted
from catalog.errors import (
    AigcError,
    ExitCode,
    GateFailed,
    InvalidInput,
    JobFailed,
    MissingPrerequisite,
)

WORST_FIRST = (
    ExitCode.GATE_FAILED,
    ExitCode.INVALID_INPUT,
    ExitCode.JOB_FAILED,
    ExitCode.MISSING_PREREQUISITE,
)
"""Which of several answers a command gives: a wrong number outweighs one nobody could check."""
ERRORS: dict[ExitCode, type[AigcError]] = {
    ExitCode.INVALID_INPUT: InvalidInput,
    ExitCode.JOB_FAILED: JobFailed,
    ExitCode.MISSING_PREREQUISITE: MissingPrerequisite,
}


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
    def mismatches(self) -> list[tuple[str, Comparison]]:
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
        return "equal, exactly" if exact else "consistent within tolerance"

    @property
    def shares(self) -> dict[str, int]:
        """Records by what was found out about them.

        ``consistent_to_the_last_bit`` counts those of ``consistent`` where nothing differs at all:
        they name another machine, or do not say which, and that cannot be confirmed here.
        """
        good = [one for one in self.verified if one.passed]
        near = [one for one in good if not one.exact]
        return {
            "verified_exactly": len(good) - len(near),
            "consistent": len(near),
            "consistent_to_the_last_bit": sum(one.is_equal for one in near),
            "differing": len(self.verified) - len(good),
            "not_verifiable": len({one.record for one in self.not_verified}),
        }

    @property
    def measured(self) -> list[dict[str, str | float]]:
        """Times and memory of the records, which were not compared."""
        return [
            {"record": one.record, "what": m.what, "recorded": m.recorded, "machine": m.machine}
            for one in self.verified
            for m in one.measured
        ]

    def count(self, *kinds: Compared) -> int:
        """How many files, numbers or images were compared."""
        return count(self.verified, *kinds)

    def as_data(self) -> dict[str, Any]:
        """For programs: every check with both values."""
        return {
            "run": self.name,
            "result": self.words,
            "exit_code": int(self.exit_code),
            "records": len(self.verified),
            "numbers": self.count("number"),
            "images": self.count("images"),
            **self.shares,
            "wall_s": round(self.wall_s, 3),
            "not_verified": [{"record": n.record, "reason": n.reason} for n in self.not_verified],
            "checks": [
                {
                    "record": one.record,
                    "kind": check.kind,
                    "what": check.what,
                    "recorded": check.recorded,
                    "recomputed": check.recomputed,
                    "exact": one.exact,
                    "allowed": check.allowed,
                    "passed": check.passed,
                }
                for one in self.verified
                for check in one.checks
            ],
            "measured": self.measured,
        }


def count(verified: Sequence[Verified], *kinds: Compared) -> int:
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


def failure_of(results: Sequence[Result], where: str) -> AigcError | None:
    """The error that several results deserve; None where all is equal."""
    code = worst({result.exit_code for result in results})
    if code is ExitCode.OK:
        return None
    if code is ExitCode.GATE_FAILED:
        n_values = sum(len(result.mismatches) for result in results)
        n_runs = sum(bool(result.mismatches) for result in results)
        strict = any(one.exact for result in results for one in result.verified)
        hint = "on another processor of the same name, numbers compare with --compare tolerant"
        return GateFailed(
            f"{n_values} values of {n_runs} of {len(results)} differ from their records",
            where=where,
            hint=hint if strict else None,
        )
    n_bad = sum(result.exit_code is not ExitCode.OK for result in results)
    reasons = [one.reason for result in results for one in result.not_verified]
    hint = "give --runs DIR with their weights, or --retrain to train again"
    return ERRORS[code](
        f"{n_bad} of {len(results)} could not be verified; nothing that was compared differs",
        where=where,
        hint=hint if any(reason.startswith(NO_WEIGHTS) for reason in reasons) else None,
    )


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


def shares(results: Sequence[Result]) -> dict[str, int]:
    """Records by what was found out about them, over all results."""
    found: Counter[str] = Counter()
    for result in results:
        found.update(result.shares)
    return dict(found)


def share_lines(results: Sequence[Result]) -> list[str]:
    """How many records were verified, how many are only consistent, and what nobody can check."""
    n = shares(results)
    if not n:
        return []
    told = (
        f"verified exactly: {n['verified_exactly']} records; only consistent within tolerance:"
        f" {n['consistent']} ({n['consistent_to_the_last_bit']} of them equal to the last bit);"
        f" differing: {n['differing']}; not verifiable: {n['not_verifiable']}"
    )
    lines = [told]
    measured = [one for result in results for one in result.measured]
    if measured:
        machines = "; ".join(sorted({str(one["machine"]) for one in measured}))
        lines.append(
            f"measured, so never verified: {len(measured)} times, rates and memory ({machines})"
        )
    return lines
