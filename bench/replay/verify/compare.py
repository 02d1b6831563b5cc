"""A score record beside the one that was made again: what has to agree, and how far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from bench.identity.code import is_on_list
from bench.machine.device import VARIABLES
from bench.records.metric_names import LATER
from bench.records.record import (
    CalibrationSubject,
    Environment,
    Measures,
    Metric,
    ScoreRecord,
    Subject,
    TrainRecord,
)
from bench.records.run_directory import calibration_file
from bench.replay.verify.comparison import Comparison
from bench.replay.verify.tolerance import (
    MEASURE,
    N_DISTINCT,
    ROUNDING,
    allowed_of_spread,
    allowed_of_value,
)
from bench.sample.image_sets import calibration_draws, score_hash

NOT_COMPUTED = "not computed"
NOT_ON_RECORD = "not on record"
EXPECTED = "expected"
IS_THERE, OF_NO_SET = "is there", "of no image set"


def same_machine(recorded: Environment, present: Environment, variables: set[str]) -> bool:
    """Whether a number made here has to equal a recorded one to the last bit.

    Two processors of one name may differ, so that a record from before processors were described
    cannot be known to come from here.

    Args:
        recorded: where the record was made.
        present: this machine.
        variables: names of the environment variables that are set.
    """
    known = recorded.tells_its_arithmetic and recorded == present
    return known and variables.isdisjoint(VARIABLES)


def identity_checks(
    file_name: str, recorded: ScoreRecord, train: TrainRecord | None
) -> Iterator[Comparison]:
    """Whether a score record is of what it and its place say.

    Args:
        file_name: of the record's file.
        recorded: the record.
        train: the record of the run that it lies in; None for a calibration set.
    """
    subject = recorded.subject
    recomputed = score_hash(subject, recorded.protocol)
    yield Comparison("identity", "score_hash", recorded.score_hash, recomputed)
    yield Comparison("identity", "file name", file_name, _file_name(recorded, recomputed))
    if train is None:
        yield Comparison("identity", "kind of subject", subject.kind, "calibration")
        return
    expected: dict[str, str | int] = {
        "run_id": train.run_id,
        "variant": train.spec.variant,
        "seed": train.spec.seed,
        "train_hash": train.train_hash,
    }
    for name, value in expected.items():
        yield Comparison("identity", f"subject {name}", _field(subject, name), value)
    made = recorded.provenance
    if train.provenance.definitions_sha256 and not (made and made.definitions_sha256):
        # a score is no older than its training
        yield Comparison("identity", "definitions_sha256", NOT_ON_RECORD, EXPECTED)


def _file_name(recorded: ScoreRecord, recomputed_hash: str) -> str:
    subject = recorded.subject
    if not isinstance(subject, CalibrationSubject):
        return f"{recomputed_hash[:16]}.json"
    key = recorded.protocol.key
    return calibration_file(Path(), subject.name, key, subject.draw).name


def _field(subject: Subject, name: str) -> str | int:
    found: str | int = getattr(subject, name, "not a run")
    return found


def lacking_checks(recorded: ScoreRecord) -> Iterator[Comparison]:
    """What was taken out of a record, of the metrics that were added ``LATER``.

    Records of before have none of these. They are known by a digest over whole files, which is one
    of those that today's code was held against, and by a processor that they do not describe:
    digests over definitions and processors came first. It takes neither weights nor images to see.
    """
    missing = sorted(LATER.difference(metric.name for metric in recorded.metrics))
    if len(missing) == len(LATER) and _is_of_before(recorded):
        return
    for name in missing:
        yield Comparison("identity", name, NOT_ON_RECORD, EXPECTED)


def _is_of_before(recorded: ScoreRecord) -> bool:
    files = recorded.provenance.implementation_sha256 if recorded.provenance else None
    known = files is not None and is_on_list("scoring", files)
    return known and recorded.environment.processor is None


def result_checks(
    recorded: ScoreRecord, again: ScoreRecord, *, exact: bool
) -> Iterator[Comparison]:
    """Images and metrics of a record beside those that were made again.

    A metric that only one of them has is a mismatch, but for those that were added ``LATER``, of
    which ``lacking_checks`` tell. Without ``exact``, pixels may differ, and numbers within their
    tolerances; where the pixels are those on record, what is left is the rounding of the judge.
    """
    same_images = recorded.images_sha256 == again.images_sha256
    yield Comparison("identity", "n_images", recorded.n_images, again.n_images)
    yield Comparison(
        "images",
        "images_sha256",
        recorded.images_sha256,
        again.images_sha256,
        allowed=0.0 if exact else None,
        n=recorded.n_images,
    )
    n_distinct = NOT_ON_RECORD if recorded.n_distinct is None else recorded.n_distinct
    free = 0.0 if exact or same_images else N_DISTINCT.allowed(recorded.n_distinct or 0)
    yield Comparison("number", "n_distinct", n_distinct, again.n_distinct, free)
    for metric in recorded.metrics:
        made = again.metric(metric.name)
        yield from _metric_checks(metric, made, exact=exact, same_images=same_images)
    for made in again.metrics:
        if recorded.metric(made.name) is None and made.name not in LATER:
            yield Comparison("identity", made.name, NOT_ON_RECORD, made.value)


def draw_checks(
    scores: Iterable[ScoreRecord], planned: Mapping[str, Collection[str]]
) -> Iterator[Comparison]:
    """Each calibration set has its draws under a protocol, no fewer and no more.

    Whoever could leave some out, or add others, would choose the mean. What is as it has to be is
    not told; nor is anything of a protocol under which nothing has a score.

    Args:
        scores: those of calibration sets that can be read.
        planned: names of the sets that every suite asks for, by key of the protocol.
    """
    found: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for score in scores:
        if isinstance(score.subject, CalibrationSubject):
            found[score.protocol_key].add((score.subject.name, score.subject.draw))
    for key, there in sorted(found.items()):
        for name in sorted({name for name, _ in there}.union(planned.get(key, ()))):
            draws = {draw for of, draw in there if of == name}
            for draw in sorted(draws.symmetric_difference(calibration_draws(name))):
                what = f"draw {draw} of {name} under {key[:8]}"
                told = (IS_THERE, OF_NO_SET) if draw in draws else (NOT_ON_RECORD, EXPECTED)
                yield Comparison("identity", what, *told)


def measure_checks(
    recorded: Measures, again: Measures | None, *, exact: bool
) -> Iterator[Comparison]:
    """What a model measured of itself beside what it measures now."""
    n_images = again.n_images if again else NOT_COMPUTED
    yield Comparison("identity", "n_images", recorded.n_images, n_images)
    found = again.values if again else {}
    for name, value in recorded.values.items():
        allowed = 0.0 if exact else MEASURE.allowed(value)
        yield Comparison("number", name, value, found.get(name, NOT_COMPUTED), allowed)


def _metric_checks(
    metric: Metric, again: Metric | None, *, exact: bool, same_images: bool
) -> Iterator[Comparison]:
    name = metric.name

    def allowed(of_value: float, recorded: float | None) -> float:
        if exact:
            return 0.0
        return min(of_value, ROUNDING.allowed(recorded or 0.0)) if same_images else of_value

    value = again.value if again else NOT_COMPUTED
    free = allowed(allowed_of_value(name, metric.value), metric.value)
    yield Comparison("number", name, metric.value, value, free)
    if again is not None:
        yield Comparison("identity", f"{name}: what of", _about(metric), _about(again))
    spread = again.spread if again else NOT_COMPUTED
    if metric.spread is not None:
        free = allowed(allowed_of_spread(name, metric.spread), metric.spread)
        yield Comparison("number", f"{name} spread", metric.spread, spread, free)
    elif again is not None and spread is not None:
        yield Comparison("identity", f"{name} spread", NOT_ON_RECORD, spread)


def _about(metric: Metric) -> str:
    better = "higher" if metric.higher_is_better else "lower"
    why = f"; none: {metric.missing_reason}" if metric.missing_reason else ""
    return f"{metric.n_fake} fake, {metric.n_real} real, {better} is better{why}"
