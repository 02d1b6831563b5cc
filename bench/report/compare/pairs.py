"""Which row of A is set beside which row of B, what may not be compared, and what comes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.records.metric_names import MetricName
from bench.report.board.records import Run
from bench.report.board.rows import differing_fields, train_gap
from bench.report.board.table import Gap, domain_of
from bench.report.compare.sides import Side, Standing, training_of
from bench.stats.changes import ChangeVerdict, Finding, Numbers, Scale, corrected, measure
from catalog.errors import InvalidInput, MissingPrerequisite


@dataclass(frozen=True)
class Pair:
    """A row of A and its counterpart.

    Attributes:
        a: with the seeds that have the metric.
        b: likewise, or None where B has no number for the row.
        losses: what failed in B and not in A.
        differs_in: settings of the training that differ, without variant and seed.
        finding: what came of it; None where B has no number.
    """

    a: Standing
    b: Standing | None
    losses: tuple[Gap, ...] = ()
    differs_in: tuple[str, ...] = ()
    finding: Finding | None = None

    @property
    def verdict(self) -> ChangeVerdict:
        """B against A; what failed in B alone goes before the numbers that are left."""
        if self.losses:
            return "failed"
        return "missing" if self.finding is None else self.finding.verdict

    @property
    def n_shared(self) -> int:
        """Trainings on both sides that are equal to the last bit, so not independent."""
        if self.b is None or self.verdict == "identical":
            return 0
        theirs = _contents(self.b)
        return sum(content in theirs for content in _contents(self.a))

    def regresses(self, percent: float) -> bool:
        """Whether B lost the row, or is worse by more than so many percent beyond the noise."""
        if self.finding is None or self.losses:
            return True
        return self.finding.regresses(percent)


@dataclass(frozen=True)
class Pairing:
    """Everything that two sides share.

    Attributes:
        metric: that is compared.
        pairs: in order of A's rows, corrected over all of them.
        extra: rows of B that A lacks.
        n_foreign: rows left out because one side alone was scored under their protocol.
        n_unmeasured: rows of A left out because they lack the metric.
    """

    metric: MetricName
    pairs: tuple[Pair, ...]
    extra: tuple[Standing, ...]
    n_foreign: int
    n_unmeasured: int

    @property
    def n_tested(self) -> int:
        """Pairs that share the correction."""
        return sum(one.finding is not None and one.finding.p_holm is not None for one in self.pairs)


def pair_up(a: Side, b: Side, metric: MetricName) -> Pairing:
    """Sets rows of one name beside each other, or two single rows whatever their names.

    Rows of folders belong together if variant, sampler, weights, data set and protocol are the
    same; of several trainings equal ones are paired first.

    Raises:
        InvalidInput: a row was scored under different protocols, on different numbers of images,
            or trained in several ways that cannot be told apart by name.
        MissingPrerequisite: A has no number to compare.
    """
    ours, theirs = _narrowed(a, b)
    pairs: list[Pair] = []
    extra: list[Standing] = []
    n_foreign = 0
    groups: dict[object, tuple[list[Standing], list[Standing]]] = defaultdict(lambda: ([], []))
    for index, side in enumerate((ours, theirs)):
        for one in side:
            name = None if a.single and b.single else (one.row.key, one.protocol.dataset)
            groups[name][index].append(one)
    for left, right in groups.values():
        if left and right:
            common = {one.protocol.key for one in left} & {one.protocol.key for one in right}
            if not common:
                raise _other_protocol(a.name, left[0], b.name, right[0])
            n_foreign += sum(one.protocol.key not in common for one in (*left, *right))
            left, right = (
                [one for one in side if one.protocol.key in common] for side in (left, right)
            )
        matched, rest = _matched(left, right)
        pairs += matched
        extra += rest
    if not pairs:
        raise MissingPrerequisite(f"A has no row to set beside {b.name}", where=a.name)
    measured = [done for pair in pairs if (done := _measured(pair, a, b, metric)) is not None]
    if not measured:
        raise MissingPrerequisite(f"no row of A has {metric}", where=a.name)
    n_unmeasured = len(pairs) - len(measured)
    return Pairing(metric, _judged(measured, metric), tuple(extra), n_foreign, n_unmeasured)


def scale_of(metric: MetricName) -> Scale:
    """How two values of a metric are compared."""
    return "ratio" if domain_of(metric).log else "difference"


def _judged(pairs: Sequence[Pair], metric: MetricName) -> tuple[Pair, ...]:
    """The pairs with their findings."""
    found = []
    for pair in pairs:
        if pair.b is not None:
            others = pair.a.row.key == pair.b.row.key
            a, b = (_numbers(one, metric, independent=others) for one in (pair.a, pair.b))
            rising, same = rises(pair.a, metric), _contents(pair.a) == _contents(pair.b)
            scale = scale_of(metric)
            found.append(measure(a, b, scale, higher_is_better=rising, identical=same))
    findings = iter(corrected(found))
    return tuple(replace(pair, finding=next(findings) if pair.b else None) for pair in pairs)


def rises(one: Standing, metric: MetricName) -> bool:
    """Whether more of the metric is better."""
    entry = one.row.scores[0].record.metric(metric)
    return entry is not None and entry.higher_is_better


def _numbers(one: Standing, metric: MetricName, *, independent: bool) -> Numbers:
    """Only the spread of the ranking distance is a standard error; others' are not.

    Args:
        one: a row of one side.
        metric: that is compared.
        independent: whether the other side counts as other trainings. Rows that differ in the
            sampler or in the kind of weights may be of the same ones.
    """
    sampling = one.row.spread.sampling if metric == "fid" else None
    trainings = () if independent else tuple(map(_weights_of, one.row.runs))
    return Numbers(one.row.values(metric), sampling, trainings)


def _weights_of(run: Run) -> str:
    """What tells a training from others, in whichever folder its records lie."""
    digests = (artifact.sha256 for artifact in run.train.artifacts if artifact.kind == "weights")
    return next(digests, run.train.run_id)


def _contents(one: Standing) -> list[object]:
    """What two rows have in common if a training was repeated to the last bit."""
    records = [score.record for score in one.row.scores]
    return [
        (seed, record.images_sha256, record.metrics)
        for seed, record in zip(one.seeds, records, strict=True)
    ]


def _narrowed(a: Side, b: Side) -> tuple[tuple[Standing, ...], tuple[Standing, ...]]:
    """Rows of both sides; a folder beside a single row has only those of its name."""
    ours, theirs = a.standings, b.standings
    if not ours:
        raise MissingPrerequisite(
            "A has no finished training with a score", where=a.name, hint="name another for A"
        )
    shared = {one.protocol.key for one in ours} & {one.protocol.key for one in theirs}
    if theirs and not shared:
        raise _other_protocol(a.name, ours[0], b.name, theirs[0])
    if a.single == b.single:
        return ours, theirs
    single, folder = (a, b) if a.single else (b, a)
    keys = {one.row.key for one in single.standings}
    variants = set() if keys else {run.train.spec.variant for run in single.runs}  # without scores
    kept = tuple(
        one for one in folder.standings if one.row.key in keys or one.row.key.name in variants
    )
    return (ours, kept) if a.single else (kept, theirs)


def _matched(
    left: Sequence[Standing], right: Sequence[Standing]
) -> tuple[list[Pair], list[Standing]]:
    """Pairs under one protocol each, and rows of B without a partner."""
    known = {(one.protocol.key, one.training): one for one in right}
    pairs = [Pair(one, known.get((one.protocol.key, one.training))) for one in left]
    taken = [pair.b for pair in pairs if pair.b is not None]
    rest = [one for one in right if one not in taken]
    unmatched = [pair.a for pair in pairs if pair.b is None]
    pairs = [pair for pair in pairs if pair.b is not None]
    for one in unmatched:
        others = [x for x in rest if x.protocol.key == one.protocol.key]
        rivals = [x for x in unmatched if x.protocol.key == one.protocol.key]
        if others and max(len(others), len(rivals)) > 1:
            raise _ambiguous(rivals, others)
        rest = [x for x in rest if x not in others]
        pairs.append(Pair(one, others[0] if others else None))
    return pairs, rest


def _measured(pair: Pair, a: Side, b: Side, metric: MetricName) -> Pair | None:
    """The pair with the seeds that have the metric, or None where A has no such number."""
    left = pair.a.with_metric(metric)
    if left is None:
        return None
    right = pair.b.with_metric(metric) if pair.b else None
    differs_in: tuple[str, ...] = ()
    if right is not None:
        _require_alike(left, right)
        # Names and seeds are told already, so they are made equal.
        same = {"variant": left.spec.variant, "seed": left.spec.seed}
        differs_in = differing_fields(left.spec, right.spec.model_copy(update=same))
    known, failed = _failures(a, pair.a, pair.a, metric), _failures(b, pair.b, pair.a, metric)
    losses: dict[str, list[int]] = defaultdict(list)
    for seed in sorted(failed.keys() - known.keys()):
        losses[failed[seed]].append(seed)
    name = left.spec.variant
    gaps = tuple(Gap(name, tuple(seeds), "error", reason) for reason, seeds in losses.items())
    return replace(pair, a=left, b=right, losses=gaps, differs_in=differs_in)


def _failures(
    side: Side, row: Standing | None, like: Standing, metric: MetricName
) -> dict[int, str]:
    """Why seeds of one side have no number: their training failed, or their score says so.

    Trainings as of ``row``; without a row, those of the variant and data set of ``like``, or all
    that a single side names.
    """
    found: dict[int, str] = {}
    for run in side.runs:
        spec, gap = run.train.spec, train_gap(run.train)
        if row is not None:
            is_meant = (spec.variant, training_of(spec)) == (row.spec.variant, row.training)
        else:
            same = (spec.variant, spec.dataset.id) == (like.spec.variant, like.spec.dataset.id)
            is_meant = side.single or same
        if gap is not None and gap[0] == "error" and is_meant:
            found[spec.seed] = gap[1]
    for run, score in zip(row.row.runs, row.row.scores, strict=True) if row else ():
        entry = score.record.metric(metric)
        if entry is not None and entry.missing_reason is not None:
            found[run.train.spec.seed] = f"{metric}: {entry.missing_reason}"
    return found


def _require_alike(left: Standing, right: Standing) -> None:
    """Distances of more images are smaller, and reconstructions start from real images."""
    counts = [sorted({score.record.n_images for score in one.row.scores}) for one in (left, right)]
    if left.row.kind != right.row.kind:
        raise InvalidInput(
            "reconstructions of real images do not compare with generated ones",
            where=f"{left} and {right}",
        )
    if counts[0] != counts[1] or len(counts[0]) > 1:
        told = " and ".join(", ".join(f"{n:,}" for n in side) for side in counts)
        raise InvalidInput(
            f"numbers of {told} images do not compare, as a distance depends on how many there are",
            where=f"{left} and {right}",
            hint="score both without --limit",
        )


def _other_protocol(a: str, left: Standing, b: str, right: Standing) -> InvalidInput:
    fields = ", ".join(differing_fields(left.protocol, right.protocol))
    keys = " and ".join(f"{one.protocol.key} ({one.protocol.id})" for one in (left, right))
    return InvalidInput(
        f"scores under different protocols do not compare: {keys} differ in {fields}",
        where=f"{left} of {a} and {right} of {b}",
        hint="score both under one protocol: aigc bench run SUITE --protocol NAME",
    )


def _ambiguous(ours: Sequence[Standing], theirs: Sequence[Standing]) -> InvalidInput:
    fields = sorted(
        {field for x in ours for y in theirs for field in differing_fields(x.spec, y.spec)}
        - {"seed", "variant"}
    )
    runs = [one.row.runs[0].directory.as_posix() for one in (*ours, *theirs)]
    return InvalidInput(
        f"{ours[0]} was trained in several ways, so that it is not clear what compares:"
        f" they differ in {', '.join(fields)}",
        where=", ".join(runs),
        hint="say which trainings are meant with --suite, or name two run directories",
    )
