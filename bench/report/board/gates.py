"""Gates: what every training of a row must reach, beside what it reached."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.records.record import RunSubject
from bench.report.board.records import Run
from catalog.schema import Gate


@dataclass(frozen=True)
class GateResult:
    """One gate of a variant.

    Attributes:
        values: by training seed, in order of the seed; None where a training has no such number.
    """

    variant: str
    gate: Gate
    values: tuple[float | None, ...]

    @property
    def worst(self) -> float | None:
        """The smallest value, or None where one is missing."""
        known = [value for value in self.values if value is not None]
        return min(known) if known and len(known) == len(self.values) else None

    @property
    def passed(self) -> bool:
        """Whether every training reached it."""
        return self.worst is not None and self.worst >= self.gate.at_least


def gate_results(
    runs: Iterable[Run], gates: Mapping[str, Sequence[Gate]], key: str
) -> tuple[GateResult, ...]:
    """Every gate of every variant that has finished runs.

    Args:
        runs: of a table, in any order.
        gates: by variant.
        key: of the protocol whose scores count.
    """
    ordered = sorted(runs, key=lambda run: run.train.spec.seed)
    by_variant: dict[str, list[Run]] = {}
    for run in ordered:
        if run.train.status == "success":
            by_variant.setdefault(run.train.spec.variant, []).append(run)
    return tuple(
        GateResult(variant, gate, tuple(_value(run, gate, key) for run in by_variant[variant]))
        for variant in sorted(by_variant.keys() & gates.keys())
        for gate in gates[variant]
    )


def _value(run: Run, gate: Gate, key: str) -> float | None:
    if gate.sampler is None:
        return run.train.measures.values.get(gate.metric) if run.train.measures else None
    found = [
        (subject.ema, metric.value)
        for score in run.scores
        if (metric := score.record.metric(gate.metric)) is not None
        and score.record.protocol_key == key
        and isinstance(subject := score.record.subject, RunSubject)
        and (subject.sampler, subject.weights) == (gate.sampler, "final")
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None
