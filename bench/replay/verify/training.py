"""What a train record says beside its weights: sizes, losses, health, scores, and what it cost.

All but the cost follows from the spec, from the curve or from the scores, so it is derived from
them and never believed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.identity.digest import sha256_of_data
from bench.models.base import GenerativeModel
from bench.records.curve import MAX_BYTES, curve_csv, load_curve
from bench.records.record import (
    Environment,
    RunSubject,
    ScoreRecord,
    Suspicion,
    TakenOver,
    TrainRecord,
)
from bench.records.run_directory import RunDirectory
from bench.replay.verify.compare import EXPECTED, IS_THERE, NOT_ON_RECORD, OF_NO_SET
from bench.replay.verify.comparison import Comparison, Measured
from bench.run.train_job import parameters_of
from bench.sample.image_sets import RECONSTRUCTION, expected_subjects, grid_name, score_hash
from bench.score.suspicions import suspicions
from catalog.errors import InvalidInput
from catalog.files import unlinked_bytes

NONE = "none"
RATE = 1e-9
"""Largest relative difference of a rate from what it is the ratio of."""


def training_checks(
    train: TrainRecord,
    model: GenerativeModel,
    directory: RunDirectory,
    scores: Sequence[ScoreRecord],
) -> Iterator[Comparison]:
    """What a finished training says of itself beside what its spec, curve and scores say.

    Args:
        train: names final weights.
        model: of the spec, with any weights.
        directory: of the run.
        scores: those of its files that can be read.
    """
    yield from _size_checks(train, model)
    yield from _loss_checks(train, directory)
    yield from _score_checks(train, directory, scores)
    yield from _grid_names(train, directory)


def taken_over_checks(train: TrainRecord, again: TakenOver | None) -> Iterator[Comparison]:
    """What a fine-tuning says that it began with, beside what it begins with today."""
    recorded = {} if train.taken_over is None else train.taken_over.model_dump()
    expected = {} if again is None else again.model_dump()
    for name in recorded | expected:
        pair = recorded.get(name, NOT_ON_RECORD), expected.get(name, NOT_ON_RECORD)
        yield Comparison("identity", f"taken over {name}", *pair)


def measured(train: TrainRecord) -> Iterator[Measured]:
    """The times and the memory of a training."""
    machine = machine_of(train.environment)
    for phase in train.phases:
        yield Measured(f"phase {phase.name}: wall_s", phase.wall_s, machine)
    if train.cost is not None:
        for name in ("train_wall_s", "images_per_s", "peak_memory_bytes"):
            yield Measured(f"cost {name}", getattr(train.cost, name), machine)


def machine_of(environment: Environment) -> str:
    """The machine that a record names, which is its own word."""
    return f"{environment.device_name}, {environment.n_threads} CPU threads, as the record says"


def _size_checks(train: TrainRecord, model: GenerativeModel) -> Iterator[Comparison]:
    """Parameters, images seen, and the rate that follows from these and the time."""
    expected = parameters_of(model)
    for name in ("total", "sampling"):
        recorded = getattr(train.parameters, name) if train.parameters else NOT_ON_RECORD
        yield Comparison("number", f"parameters {name}", recorded, getattr(expected, name))
    if train.spec.start is not None:
        began = train.taken_over
        total = began.n_taken + began.n_fresh if began is not None else NOT_ON_RECORD
        yield Comparison("number", "parameters taken over and fresh", total, expected.total)
    cost = train.cost
    seen = train.spec.steps * model.recipe.batch_size * model.batches_per_step
    if cost is None:
        yield Comparison("identity", "cost", NOT_ON_RECORD, EXPECTED)
        return
    yield Comparison("number", "cost images_seen", cost.images_seen, seen)
    rate = cost.images_seen / cost.train_wall_s if cost.train_wall_s > 0 else 0.0
    yield Comparison("number", "cost images_per_s", cost.images_per_s, rate, RATE * abs(rate))


def _loss_checks(train: TrainRecord, directory: RunDirectory) -> Iterator[Comparison]:
    """The curve is one of this training, and its end is on record."""
    yield Comparison("identity", "health diverged_at_step", train.health.diverged_at_step, None)
    if not any(artifact.kind == "curve" for artifact in train.artifacts):
        yield Comparison("identity", "curve.csv", NOT_ON_RECORD, EXPECTED)
    if not directory.curve.is_file():
        return  # missed by whoever collects the files on record
    try:
        curve = load_curve(directory.curve)
    except InvalidInput as error:
        yield Comparison("identity", "curve.csv", str(error), "a curve")
        return
    steps = [step for step, _ in curve]
    in_order = steps == sorted(set(steps)) and all(step > 0 for step in steps)
    told = "rise" if in_order else "do not rise"
    yield Comparison("identity", "curve.csv: steps", told, "rise")
    last, losses = curve[-1] if curve else (0, {})
    yield Comparison("number", "curve.csv: last step", last, train.spec.steps)
    here, there = (curve_csv([(last, one)]) for one in (train.health.last_losses, losses))
    yield Comparison("identity", "health last_losses", here, there)


def _score_checks(
    train: TrainRecord, directory: RunDirectory, scores: Sequence[ScoreRecord]
) -> Iterator[Comparison]:
    """The scores are those of the image sets, and the status and the suspicions those of scores."""
    own = [
        score
        for score in scores
        if isinstance(score.subject, RunSubject) and score.subject.train_hash == train.train_hash
    ]
    sets = expected_subjects(train.spec)
    if train.status != "success":
        # A training that failed, or was interrupted, has not scored all that it was to score.
        finished = all(any(one.subject == subject for one in own) for subject in sets)
        yield Comparison(
            "identity", "status", train.status, "success" if finished else train.status
        )
        return
    files = {file.stem for file in directory.score_files()}
    if not files:
        yield Comparison("identity", "scores", NOT_ON_RECORD, EXPECTED)
    there = files | {score.score_hash[:16] for score in own}
    protocols = {score.protocol_key: score.protocol for score in own}
    for key, protocol in sorted(protocols.items()):
        for subject in sets:
            if score_hash(subject, protocol)[:16] not in there:
                what = f"score of {_set_name(subject)} under {key[:8]}"
                yield Comparison("identity", what, NOT_ON_RECORD, EXPECTED)
    for score in own:
        of = score.subject
        if isinstance(of, RunSubject) and of.weights == "final" and of not in sets:
            what = f"score of {_set_name(of)} under {score.protocol_key[:8]}"
            yield Comparison("identity", what, IS_THERE, OF_NO_SET)
        if score.comparable != train.comparable:
            what = f"comparable, {score.score_hash[:16]}.json"
            yield Comparison("identity", what, str(score.comparable), str(train.comparable))
    if files <= {score.score_hash[:16] for score in own}:  # else some of them cannot be read
        # The record does not say under which of its protocols it was suspected.
        derived = _derived(own) or [NONE]
        recorded = _said(train.health.suspicions)
        found = recorded if recorded in derived else derived[0]
        yield Comparison("identity", "health suspicions", recorded, found)


def _derived(scores: Iterable[ScoreRecord]) -> list[str]:
    """What scores make one suspect, by protocol."""
    found: dict[str, list[Suspicion]] = defaultdict(list)
    for score in scores:
        signs = [one for one in suspicions(score) if one.sampler != RECONSTRUCTION]
        found[score.protocol_key] += signs
    return [_said(signs) for _, signs in sorted(found.items())]


def _said(signs: Iterable[Suspicion]) -> str:
    return "; ".join(sorted(f"{one}{' (EMA)' if one.ema else ''}" for one in signs)) or NONE


def _set_name(subject: RunSubject) -> str:
    return f"{subject.sampler}{' (EMA)' if subject.ema else ''}"


def _grid_names(train: TrainRecord, directory: RunDirectory) -> Iterator[Comparison]:
    """A grid is of an image set of this training."""
    subjects = expected_subjects(train.spec)
    averaged = any(subject.ema for subject in subjects)
    known = {grid_name(subject, has_average=averaged) for subject in subjects}
    for file in sorted(directory.path.glob("grid*.png")):
        if file.name not in known:
            yield Comparison("identity", file.name, IS_THERE, OF_NO_SET)


def curve_check(recorded: Path, again: str) -> Comparison:
    """The text of a stored curve beside that of a training that was made again."""
    try:
        stored = unlinked_bytes(recorded, MAX_BYTES).decode()
    except (OSError, ValueError, InvalidInput):
        stored = NOT_ON_RECORD
    what = "curve.csv, trained again"
    return Comparison("file", what, sha256_of_data(stored), sha256_of_data(again))
