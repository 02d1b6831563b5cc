"""What a suite would run, and why: each job with its state and the reason in words."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.identity import protocol as protocols
from bench.identity.code import LOOPS, code_of_scoring, is_same_code, trained_by_present_code
from bench.identity.local_registry import require_made
from bench.identity.protocol import ScoringProtocol
from bench.identity.settings import differences
from bench.identity.spec import Precision, Start, TrainSpec, train_spec
from bench.models.facts import algorithm_facts, complete_recipe
from bench.records.checkpoint_file import Identity, Unlabelled, labelled_step
from bench.records.record import RunSubject, ScoreRecord, TrainRecord
from bench.records.run_directory import CALIBRATION, RunDirectory, calibration_file, read_score
from bench.run.failures import KILLED
from bench.run.own_settings import REASON as OWN_SETTINGS_REASON
from bench.run.own_settings import Setting, all_derived
from bench.run.starting_point import StartingPoint
from bench.sample.image_sets import calibration_draws, expected_subjects, score_hash
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError
from catalog.names import suggestion
from catalog.schema import Registry, Suite, Variant

State = Literal["new", "resume", "rescore", "done", "failed", "refused"]
"""``refused``: the row cannot be trained on the suite's images, and no run tries it."""
SMOKE_STEPS = 20
SMOKE_IMAGES = 500


@dataclass(frozen=True)
class Narrowing:
    """How a command narrows or changes a suite; the default changes nothing.

    Attributes:
        variants: only these; empty for all of the suite.
        seeds: instead of the suite's.
        steps: updates per run instead of the suite's.
        limit: images per score instead of the protocol's.
        smoke: a few updates and images, to see that everything works.
        precision: of the passes through networks instead of fp32.
        settings: combinations of settings that each variant is trained with instead of its own.
        start: the run whose weights every training goes on from.
    """

    variants: tuple[str, ...] = ()
    seeds: tuple[int, ...] = ()
    steps: int | None = None
    limit: int | None = None
    smoke: bool = False
    precision: Precision | None = None
    settings: tuple[tuple[Setting, ...], ...] = ()
    start: StartingPoint | None = None

    def steps_of(self, suite: Suite) -> int:
        """Updates of each run of a suite."""
        return SMOKE_STEPS if self.smoke else self.steps or suite.steps

    def reasons(self, suite: Suite) -> tuple[str, ...]:
        """Why results made under it do not compare with the suite's."""
        reasons = []
        if self.smoke:
            reasons.append("smoke run")
        if self.steps is not None and self.steps != suite.steps:
            reasons.append(f"--steps {self.steps} instead of the suite's {suite.steps}")
        if self.limit is not None:
            reasons.append(f"--limit {self.limit}")
        if self.precision not in (None, "fp32"):
            reasons.append(f"--precision {self.precision} instead of fp32")
        if self.settings:
            reasons.append(OWN_SETTINGS_REASON)
        if self.start is not None:
            reasons.append(f"--start-from {self.start.start.run_id}")
        return tuple(reasons)


@dataclass(frozen=True)
class PlannedJob:
    """One training of a suite: what state it is in, and why it would or would not run.

    Attributes:
        start: where the run should lie whose weights it goes on from; None if it draws its own.
    """

    spec: TrainSpec
    directory: Path
    state: State
    why: str
    start: Path | None = None


@dataclass(frozen=True)
class Plan:
    """A suite as it would run now.

    Attributes:
        calibration: calibration sets without a score under the protocol.
        not_comparable_because: what keeps the records out of leaderboards.
        changed: calibration sets whose scores on the disk were made by other code than the present.
        without_judge: what to do before anything can be scored; None where the judge is known.
    """

    suite: Suite
    protocol: ScoringProtocol
    runs_dir: Path
    jobs: tuple[PlannedJob, ...]
    calibration: tuple[str, ...]
    not_comparable_because: tuple[str, ...]
    changed: tuple[str, ...] = ()
    without_judge: str | None = None

    def to_run(self, *, retry_failed: bool) -> tuple[PlannedJob, ...]:
        """The jobs that a run starts: everything unfinished, failed ones if asked for, last."""
        failed = self.in_state("failed") if retry_failed else ()
        return (*self.in_state("new", "resume", "rescore"), *failed)

    def in_state(self, *states: State) -> tuple[PlannedJob, ...]:
        """The jobs in any of some states."""
        return tuple(job for job in self.jobs if job.state in states)


def planned_specs(
    registry: Registry, suite: Suite, narrowing: Narrowing | None = None
) -> tuple[TrainSpec, ...]:
    """The trainings of a suite, variant by variant, seed by seed; without those it must refuse.

    Raises:
        UsageError: a variant is not in the suite, or is named and cannot be trained on its images.
        InvalidInput: a recipe is broken.
        MissingPrerequisite: the pixels of the suite's data set are not known here.
    """
    narrowing = narrowing or Narrowing()
    specs = _specs(registry, suite, narrowing)
    return tuple(spec for spec in specs if refusal(spec) is None)


def refusal(spec: TrainSpec) -> str | None:
    """Why a row cannot be trained on the images of its suite; None if it can."""
    conditioning = spec.recipe.get("conditioning")
    asked = isinstance(conditioning, dict) and conditioning.get("generator", "none") != "none"
    needs_classes = asked or algorithm_facts(spec.algorithm).conditional
    if needs_classes and spec.dataset.n_classes < 2:
        return f"it draws the class that is asked for, and '{spec.dataset.id}' has no classes"
    return None


def _specs(registry: Registry, suite: Suite, narrowing: Narrowing) -> tuple[TrainSpec, ...]:
    """All trainings, also those that are refused unless they were named."""
    steps = narrowing.steps_of(suite)
    dataset = registry.dataset(suite.dataset)
    split = suite.train_split or registry.protocol(suite.protocol).reference_split
    specs = tuple(
        train_spec(
            variant,
            dataset,
            complete_recipe(registry, variant, dataset.id),
            split=split,
            seed=seed,
            steps=steps,
            precision=narrowing.precision or "fp32",
            start=_start(registry, variant, seed, narrowing),
        )
        for variant, seed in planned_rows(registry, suite, narrowing)
    )
    for spec in specs if narrowing.variants else ():
        if (why := refusal(spec)) is not None:
            raise UsageError(f"variant '{spec.variant}' cannot be trained here: {why}")
    return specs


def _start(registry: Registry, variant: Variant, seed: int, narrowing: Narrowing) -> Start | None:
    """What a training goes on from: what the command says, or the registry, at the same seed."""
    if narrowing.start is not None:
        return narrowing.start.start
    if variant.start_from is None:
        return None
    suite = registry.suite(variant.start_from.suite)
    (spec,) = _specs(registry, suite, Narrowing((variant.start_from.variant,), (seed,)))
    return Start(run_id=spec.run_id, train_hash=spec.train_hash)


def planned_rows(
    registry: Registry, suite: Suite, narrowing: Narrowing
) -> tuple[tuple[Variant, int], ...]:
    """Variant and seed of each job, which are known before the pixels of the data set are.

    Raises:
        UsageError: a variant is not in the suite.
    """
    chosen = _chosen(registry, suite, narrowing.variants)
    if narrowing.start is not None:
        chosen = tuple(narrowing.start.variant(registry, one, suite.dataset) for one in chosen)
    variants = tuple(all_derived(chosen, suite.dataset, narrowing.settings))
    return tuple((variant, seed) for variant in variants for seed in narrowing.seeds or suite.seeds)


def make_plan(
    registry: Registry, suite: Suite, runs_dir: Path, narrowing: Narrowing | None = None
) -> Plan:
    """Compare a suite with what is in ``runs_dir``; changes nothing, and needs no judge.

    Raises:
        As ``planned_specs`` does.
    """
    narrowing = narrowing or Narrowing()
    without_judge = None
    try:
        require_made(registry.extractor(registry.protocol(suite.protocol).extractor))
    except MissingPrerequisite as missing:
        without_judge = f"{missing.what}: {missing.hint}"
    protocol = protocols.resolve(registry, suite.protocol, judge_is_made=without_judge is None)
    n_fake = SMOKE_IMAGES if narrowing.smoke else narrowing.limit
    if n_fake is not None:
        protocol = protocol.model_copy(update={"n_fake": min(n_fake, protocol.n_fake)})
    calibration_dir = runs_dir / CALIBRATION
    return Plan(
        suite=suite,
        protocol=protocol,
        runs_dir=runs_dir,
        jobs=tuple(
            _examine(spec, runs_dir, protocol, narrowing.start)
            for spec in _specs(registry, suite, narrowing)
        ),
        calibration=tuple(
            name
            for name in suite.calibration
            if not all(
                calibration_file(calibration_dir, name, protocol.key, draw).exists()
                for draw in calibration_draws(name)
            )
        ),
        not_comparable_because=narrowing.reasons(suite),
        changed=tuple(
            name for name in suite.calibration if _is_changed(name, protocol, calibration_dir)
        ),
        without_judge=without_judge,
    )


def _is_changed(name: str, protocol: ScoringProtocol, directory: Path) -> bool:
    """Whether a calibration set has a score that the present code did not make."""
    for draw in calibration_draws(name):
        file = calibration_file(directory, name, protocol.key, draw)
        with suppress(InvalidInput):  # a broken record is a matter of whoever reads its numbers
            if file.exists() and _scored_otherwise(read_score(file), name):
                return True
    return False


def _scored_otherwise(record: ScoreRecord, calibration: str | None = None) -> bool:
    if record.provenance is None:  # of before records named their code: nothing can be said
        return False
    present = code_of_scoring(record.protocol.extractor, calibration)
    return not is_same_code("scoring", record.provenance.code, present)


def _chosen(registry: Registry, suite: Suite, names: tuple[str, ...]) -> tuple[Variant, ...]:
    of_suite = registry.variants_of(suite)
    by_name = {variant.id: variant for variant in of_suite}
    for name in names:
        if name not in by_name:
            registry.variant(name)  # an unknown name has better suggestions than a foreign one
            near = suggestion(name, by_name)
            raise UsageError(f"suite '{suite.id}' has no variant '{name}'{near}")
    return tuple(by_name[name] for name in dict.fromkeys(names)) if names else of_suite


def _examine(
    spec: TrainSpec, runs_dir: Path, protocol: ScoringProtocol, start: StartingPoint | None
) -> PlannedJob:
    directory, begin = RunDirectory(runs_dir / spec.run_id), None
    if spec.start is not None:
        begin = start.directory if start is not None else runs_dir / spec.start.run_id
    if (why_not := refusal(spec)) is not None:
        return PlannedJob(spec, directory.path, "refused", why_not)
    state, why = _state(spec, directory, protocol)
    if state == "new":
        why = _older_run(spec, runs_dir) or why
        if begin is not None:
            why += f"; goes on from {begin.name}{_if_missing(begin)}"
    return PlannedJob(spec, directory.path, state, why, begin)


def _if_missing(begin: Path) -> str:
    run = RunDirectory(begin)
    is_there = run.weights.exists() or run.load_json.exists()
    return "" if is_there else ", whose weights are not here"


def _state(
    spec: TrainSpec, directory: RunDirectory, protocol: ScoringProtocol
) -> tuple[State, str]:
    record = directory.train_record()
    if record is None:
        return "new", "no record"
    if record.error is not None and record.error.type != KILLED:
        return "failed", f"{record.error.phase}: {record.error.message}"
    if record.is_trained:
        missing = unscored(spec, directory, protocol)
        if not missing:
            pruned = "" if directory.weights.exists() else "; its weights were pruned"
            done = f"trained and scored {record.updated_at:%Y-%m-%d}"
            return "done", f"{done}{pruned}{_remarks(record, directory, protocol)}"
        samplers = ", ".join(dict.fromkeys(subject.sampler for subject in missing))
        missing_scores = f"no score under protocol key {protocol.key}: {samplers}"
        if not directory.weights.exists():
            return "new", f"weights were pruned: trains again; {missing_scores}"
        return "rescore", missing_scores
    return _unfinished(record, directory)


def unscored(
    spec: TrainSpec, directory: RunDirectory, protocol: ScoringProtocol
) -> tuple[RunSubject, ...]:
    """Image sets of a run that have no score under a protocol yet."""
    scored = {record.score_hash for record in directory.score_records()}
    subjects = expected_subjects(spec)
    return tuple(one for one in subjects if score_hash(one, protocol) not in scored)


def _remarks(record: TrainRecord, directory: RunDirectory, protocol: ScoringProtocol) -> str:
    """What makes a finished run less than plainly good."""
    spec, recorded = record.spec, record.provenance.code
    same = trained_by_present_code(spec, recorded)
    found = [] if same else ["the code of training has changed since"]
    scores = [one for one in directory.score_records() if one.protocol_key == protocol.key]
    if any(map(_scored_otherwise, scores)):
        found.append("the code of scoring has changed since")
    found += map(str, record.health.suspicions)
    return "".join(f"; {remark}" for remark in found)


def _unfinished(record: TrainRecord, directory: RunDirectory) -> tuple[State, str]:
    reason = {"started": "interrupted", "cancelled": "stopped"}.get(record.status, "killed")
    if not any(directory.path.glob(f"{directory.checkpoint.stem}*")):
        return "new", f"{reason} before the first checkpoint"
    try:
        step = saved_step(record.spec, directory)
    except InvalidInput as error:
        return "failed", f"{reason}; {error.what}"
    if step is None:
        return "new", f"{reason}; the checkpoint is damaged or of other code, so from the start"
    return "resume", f"{reason}, {step} of {record.spec.steps} steps done"


def saved_step(spec: TrainSpec, directory: RunDirectory) -> int | None:
    """The step from which a training would go on; None where no checkpoint is of use.

    Raises:
        InvalidInput: a checkpoint is of another training, or holds more than data.
    """
    try:
        return labelled_step(directory.checkpoint, spec)
    except Unlabelled:
        return _unlabelled_step(spec, directory)


def _unlabelled_step(spec: TrainSpec, directory: RunDirectory) -> int | None:
    """The same of checkpoints of before, which torch has to open."""
    import torch

    from bench.train import checkpoint

    for loop in LOOPS:
        saved = checkpoint.read(directory.checkpoint, Identity.of(spec, loop), torch.device("cpu"))
        if saved is not None:
            return int(saved["step"])
    return None


def _older_run(spec: TrainSpec, runs_dir: Path) -> str | None:
    """How the newest other run of the same variant, seed and budget differs, if there is one."""
    pattern = f"{spec.variant}-{spec.dataset.id}-s{spec.seed}-*"
    for path in sorted(runs_dir.glob(pattern)):
        record = RunDirectory(path).train_record()
        if record is None or record.spec == spec:
            continue
        if (record.spec.steps, record.spec.precision) == (spec.steps, spec.precision):
            return f"stale: {difference(record.spec, spec)}"
    return None


def difference(old: TrainSpec, new: TrainSpec) -> str:
    """The first setting in which two specs differ, and how many more there are."""
    changed = differences(old.model_dump(mode="json"), new.model_dump(mode="json"))
    key, (before, after) = next(iter(changed.items()))
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return f"{key} {before} → {after}{more}"
