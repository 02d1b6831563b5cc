"""From pairs of rows to findings: which numbers of a record a comparison reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.record import MetricName
from bench.report.compare.pairs import Pair, Pairing
from bench.report.compare.sides import Standing
from bench.stats.verdict import Finding, Numbers, Verdict, corrected, measure


@dataclass(frozen=True)
class Judged:
    """A pair of rows and what came of it; ``finding`` is None where B has no number."""

    pair: Pair
    finding: Finding | None

    @property
    def verdict(self) -> Verdict:
        """B against A; what failed in B alone goes before the numbers that are left."""
        if self.pair.losses:
            return "failed"
        return "missing" if self.finding is None else self.finding.verdict

    def regresses(self, percent: float) -> bool:
        """Whether B lost the row, or is worse by more than so many percent beyond the noise."""
        if self.finding is None or self.pair.losses:
            return True
        return self.finding.regresses(percent)


def judge(pairing: Pairing, metric: MetricName) -> tuple[Judged, ...]:
    """Every pair with its finding, corrected over all of them, in the order of the pairs."""
    found = iter(
        corrected(
            [_finding(pair.a, pair.b, metric) for pair in pairing.pairs if pair.b is not None]
        )
    )
    return tuple(Judged(pair, None if pair.b is None else next(found)) for pair in pairing.pairs)


def n_shared(one: Judged) -> int:
    """Trainings that both sides have, equal to the last bit, so that they are not independent."""
    if one.pair.b is None or one.verdict == "identical":
        return 0
    theirs = _contents(one.pair.b)
    return sum(content in theirs for content in _contents(one.pair.a))


def n_tested(judged: Sequence[Judged]) -> int:
    """Pairs that share the correction."""
    return sum(one.finding is not None and one.finding.p_holm is not None for one in judged)


def _finding(a: Standing, b: Standing, metric: MetricName) -> Finding:
    entry = a.row.scores[0].record.metric(metric)
    return measure(
        _numbers(a, metric),
        _numbers(b, metric),
        metric,
        higher_is_better=entry is not None and entry.higher_is_better,
        identical=_contents(a) == _contents(b),
    )


def _numbers(one: Standing, metric: MetricName) -> Numbers:
    """Only the spread of the ranking distance is a standard error; others' are not."""
    return Numbers(one.row.values(metric), one.row.spread.sampling if metric == "fid" else None)


def _contents(one: Standing) -> list[object]:
    """What two rows have in common if a training was repeated to the last bit."""
    records = [score.record for score in one.row.scores]
    return [
        (seed, record.images_sha256, record.metrics)
        for seed, record in zip(one.seeds, records, strict=True)
    ]
