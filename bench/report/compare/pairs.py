"""Which row of A is set beside which row of B, and what may not be compared at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from bench.records.record import MetricName, RunSubject
from bench.report.board.records import Run
from bench.report.board.rows import differing_fields, train_gap
from bench.report.compare.sides import Side, Standing, training_of
from catalog.errors import InvalidInput, MissingPrerequisite


@dataclass(frozen=True)
class Loss:
    """Training seeds that failed in B and not in A, and why."""

    seeds: tuple[int, ...]
    reason: str


@dataclass(frozen=True)
class Pair:
    """A row of A and its counterpart.

    Attributes:
        a: with the seeds that have the metric.
        b: likewise, or None where B has no number for the row.
        losses: what failed in B and not in A.
        differs_in: settings of the training that differ, without variant and seed.
    """

    a: Standing
    b: Standing | None
    losses: tuple[Loss, ...] = ()
    differs_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pairing:
    """Everything that two sides share.

    Attributes:
        pairs: in order of A's rows.
        extra: rows of B that A lacks.
        n_foreign: rows left out because one side alone was scored under their protocol.
        n_unmeasured: rows of A left out because they lack the metric.
    """

    pairs: tuple[Pair, ...]
    extra: tuple[Standing, ...]
    n_foreign: int
    n_unmeasured: int


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
    for left, right in _groups(ours, theirs, by_name=not (a.single and b.single)):
        if left and right:
            common = {one.protocol.key for one in left} & {one.protocol.key for one in right}
            if not common:
                raise _other_protocol(a.name, left[0], b.name, right[0])
            n_foreign += sum(one.protocol.key not in common for one in (*left, *right))
            left, right = _under(common, left), _under(common, right)
        matched, rest = _matched(left, right)
        pairs += [Pair(*couple) for couple in matched]
        extra += rest
    if not pairs:
        raise MissingPrerequisite(f"A has no row to set beside {b.name}", where=a.name)
    measured = [done for pair in pairs if (done := _measured(pair, a, b, metric)) is not None]
    if not measured:
        raise MissingPrerequisite(f"no row of A has {metric}", where=a.name)
    return Pairing(tuple(measured), tuple(extra), n_foreign, len(pairs) - len(measured))


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
    if a.single and not b.single:
        return ours, _of_single(a, b)
    if b.single and not a.single:
        return _of_single(b, a), theirs
    return ours, theirs


def _under(keys: Collection[str], standings: Iterable[Standing]) -> list[Standing]:
    return [one for one in standings if one.protocol.key in keys]


def _of_single(one: Side, folder: Side) -> tuple[Standing, ...]:
    """The rows of a folder that a side of one row names; all of its variant if it has no score."""
    names = {standing.row.key for standing in one.standings}
    variants = {run.train.spec.variant for run in one.runs}
    return tuple(
        standing
        for standing in folder.standings
        if (standing.row.key in names if names else standing.row.key.name in variants)
    )


def _groups(
    ours: Iterable[Standing], theirs: Iterable[Standing], *, by_name: bool
) -> list[tuple[list[Standing], list[Standing]]]:
    """Rows of both sides that may be compared: of one name on one data set."""
    groups: dict[object, tuple[list[Standing], list[Standing]]] = defaultdict(lambda: ([], []))
    for index, side in enumerate((ours, theirs)):
        for one in side:
            name = (one.row.key, one.protocol.dataset) if by_name else None
            groups[name][index].append(one)
    return list(groups.values())


def _matched(
    left: Sequence[Standing], right: Sequence[Standing]
) -> tuple[list[tuple[Standing, Standing | None]], list[Standing]]:
    """Couples under one protocol each, and rows of B without a partner."""
    couples: list[tuple[Standing, Standing | None]] = []
    rest = list(right)
    unmatched: list[Standing] = []
    for one in left:
        same = next((x for x in rest if _identity(x) == _identity(one)), None)
        if same is None:
            unmatched.append(one)
        else:
            rest.remove(same)
            couples.append((one, same))
    for one in unmatched:
        others = [x for x in rest if x.protocol.key == one.protocol.key]
        rivals = [x for x in unmatched if x.protocol.key == one.protocol.key]
        if others and max(len(others), len(rivals)) > 1:
            raise _ambiguous(rivals, others)
        rest = [x for x in rest if x not in others]
        couples.append((one, others[0] if others else None))
    return couples, rest


def _identity(one: Standing) -> tuple[str, str]:
    return one.protocol.key, one.training


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
    known = {**_crashes(a, pair.a, pair.a), **_lacking(pair.a, metric)}
    failed = {**_crashes(b, pair.b, pair.a), **_lacking(pair.b, metric)}
    losses: dict[str, list[int]] = defaultdict(list)
    for seed in sorted(failed.keys() - known.keys()):
        losses[failed[seed]].append(seed)
    told = tuple(Loss(tuple(seeds), reason) for reason, seeds in losses.items())
    return replace(pair, a=left, b=right, losses=told, differs_in=differs_in)


def _crashes(side: Side, row: Standing | None, like: Standing) -> dict[int, str]:
    """Reasons of failed trainings on one side, by seed.

    Those trained as ``row``; without a row, those of the variant and data set of ``like``, or
    all that a single side names.
    """
    found: dict[int, str] = {}
    for run in side.runs:
        gap = train_gap(run.train)
        if gap is not None and gap[0] == "error" and _is_meant(run, side, row, like):
            found[run.train.spec.seed] = gap[1]
    return found


def _is_meant(run: Run, side: Side, row: Standing | None, like: Standing) -> bool:
    spec = run.train.spec
    if row is not None:
        return (spec.variant, training_of(spec)) == (row.spec.variant, row.training)
    same = (spec.variant, spec.dataset.id) == (like.spec.variant, like.spec.dataset.id)
    return side.single or same


def _lacking(one: Standing | None, metric: MetricName) -> dict[int, str]:
    """What scores say in the place of the metric, by seed."""
    found: dict[int, str] = {}
    if one is None:
        return found
    for run, score in zip(one.row.runs, one.row.scores, strict=True):
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
            where=f"{_subject(left)} and {_subject(right)}",
        )
    if counts[0] != counts[1] or len(counts[0]) > 1:
        told = " and ".join(", ".join(f"{n:,}" for n in side) for side in counts)
        raise InvalidInput(
            f"numbers of {told} images do not compare, as a distance depends on how many there are",
            where=f"{_subject(left)} and {_subject(right)}",
            hint="score both without --limit",
        )


def _subject(one: Standing) -> str:
    subject = one.row.scores[0].record.subject
    sampler = subject.sampler if isinstance(subject, RunSubject) else ""
    return f"{one.row.key.name}:{sampler}:{one.row.key.weights}"


def _other_protocol(a: str, left: Standing, b: str, right: Standing) -> InvalidInput:
    fields = ", ".join(differing_fields(left.protocol, right.protocol))
    keys = " and ".join(f"{one.protocol.key} ({one.protocol.id})" for one in (left, right))
    return InvalidInput(
        f"scores under different protocols do not compare: {keys} differ in {fields}",
        where=f"{_subject(left)} of {a} and {_subject(right)} of {b}",
        hint="score both under one protocol: aigc bench run SUITE --protocol NAME",
    )


def _ambiguous(ours: Sequence[Standing], theirs: Sequence[Standing]) -> InvalidInput:
    fields = sorted(
        {field for x in ours for y in theirs for field in differing_fields(x.spec, y.spec)}
        - {"seed", "variant"}
    )
    runs = [one.row.runs[0].directory.as_posix() for one in (*ours, *theirs)]
    return InvalidInput(
        f"{_subject(ours[0])} was trained in several ways, so that it is not clear what compares:"
        f" they differ in {', '.join(fields)}",
        where=", ".join(runs),
        hint="say which trainings are meant with --suite, or name two run directories",
    )
