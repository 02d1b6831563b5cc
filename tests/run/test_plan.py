"""The plan: which state each job is in and why, and that looking changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers import STEPS, Aigc, files_below, tiny_registry, tiny_variant
from stored_runs import write_checkpoint, write_record, write_success

from bench.identity.code import LOOPS, Loop, code_of_scoring, code_of_training
from bench.records.checkpoint_file import Identity
from bench.records.record import CalibrationSubject, Failure, Provenance, to_json
from bench.records.run_directory import CALIBRATION, calibration_file
from bench.run.plan import SMOKE_IMAGES, SMOKE_STEPS, Narrowing, Plan, PlannedJob, make_plan
from bench.sample.image_sets import expected_subjects
from bench.train import checkpoint
from catalog.errors import InvalidInput, UsageError
from catalog.files import write_atomically
from catalog.read.loader import load_registry


@pytest.fixture
def file(tmp_path: Path) -> Path:
    variants = [tiny_variant("one"), tiny_variant("two", ema_decay=0.9)]
    return tiny_registry(tmp_path / "registry.yaml", variants)


def plan_of(file: Path, **narrowing: Any) -> Plan:
    registry = load_registry(file)
    return make_plan(registry, registry.suite("tiny"), file.parent / "runs", Narrowing(**narrowing))


def first(file: Path, **narrowing: Any) -> PlannedJob:
    return plan_of(file, **narrowing).jobs[0]


def test_nothing_there_means_new(file: Path) -> None:
    plan = plan_of(file)
    assert [(job.spec.variant, job.state, job.why) for job in plan.jobs] == [
        ("one", "new", "no record"),
        ("two", "new", "no record"),
    ]
    assert plan.calibration == ("mean-image",)
    assert plan.not_comparable_because == ()


@pytest.mark.parametrize(
    ("status", "error", "step", "state", "why"),
    [
        ("started", None, None, "new", "interrupted before the first checkpoint"),
        ("started", None, 8, "resume", "interrupted, 8 of 20 steps done"),
        ("cancelled", None, 8, "resume", "stopped, 8 of 20 steps done"),
        ("error", "Killed", 8, "resume", "killed, 8 of 20 steps done"),
        ("error", "Killed", None, "new", "killed before the first checkpoint"),
        ("error", "Diverged", 8, "failed", "train: what happened"),
        ("error", "Crashed", 8, "failed", "train: what happened"),
        ("error", "Timeout", None, "failed", "train: what happened"),
    ],
)
def test_state_of_an_unfinished_run(
    file: Path, status: str, error: str | None, step: int | None, state: str, why: str
) -> None:
    failure = Failure(phase="train", type=error, message="what happened") if error else None
    directory = write_record(first(file), status, error=failure, artifacts=())
    if step is not None:
        write_checkpoint(directory, step)
    assert (first(file).state, first(file).why) == (state, why)


@pytest.mark.parametrize("loop", LOOPS)
def test_a_checkpoint_of_any_loop_is_gone_on_from(file: Path, loop: Loop) -> None:
    job = first(file)
    directory = write_record(job, "cancelled", artifacts=())
    checkpoint.write(directory.checkpoint, Identity.of(job.spec, loop), {"step": 8})
    assert first(file).state == "resume"


@pytest.mark.parametrize(
    ("loop", "changed"), [("plain", False), ("streamed", False), ("tuned", False), (None, True)]
)
def test_a_finished_run_of_any_loop_is_of_present_code(
    file: Path, loop: Loop | None, changed: bool
) -> None:
    plan = plan_of(file)
    directory = write_success(plan, plan.jobs[0])
    record = directory.train_record()
    assert record is not None
    spec = record.spec
    code = "0" * 64
    if loop is not None:
        code = code_of_training(spec.algorithm, spec.recipe, loop)
    digests = {"implementation_sha256": None, "definitions_sha256": code}
    provenance = record.provenance.model_copy(update=digests)
    directory.write_train(record.model_copy(update={"provenance": provenance}))
    assert ("the code of training has changed" in first(file).why) == changed


def test_bfloat16_is_another_training_and_float32_is_not(file: Path) -> None:
    usual, named, coarse = (
        first(file, precision=precision).spec for precision in (None, "fp32", "bf16")
    )
    assert named == usual
    assert coarse.precision == "bf16"
    assert coarse.train_hash != usual.train_hash


def test_a_damaged_checkpoint_is_named_before_the_run_starts_again(file: Path) -> None:
    directory = write_record(first(file), "started", artifacts=())
    write_checkpoint(directory, 8)
    directory.checkpoint.write_bytes(directory.checkpoint.read_bytes()[:-1])
    assert first(file).state == "new"
    assert first(file).why.startswith("interrupted; the checkpoint is damaged")


def test_a_checkpoint_of_another_run_waits_for_a_decision(file: Path) -> None:
    directory = write_record(first(file), "started", artifacts=())
    checkpoint.write(directory.checkpoint, Identity("of another"), {"step": 8})
    assert first(file).state == "failed"
    assert first(file).why == "interrupted; the checkpoint belongs to another run"


def test_finished_runs_are_done_and_missing_scores_are_named(file: Path) -> None:
    plan = plan_of(file)
    directory = write_success(plan, plan.jobs[0])
    assert first(file).state == "done"
    assert first(file).why.startswith("trained and scored 2")
    next(directory.scores.glob("*.json")).unlink()
    assert first(file).state == "rescore"


def test_without_its_weights_a_run_is_done_until_a_score_is_missing(file: Path) -> None:
    plan = plan_of(file)
    directory = write_success(plan, plan.jobs[0])
    assert "pruned" not in first(file).why
    directory.weights.unlink()
    assert first(file).state == "done"
    assert "; its weights were pruned" in first(file).why
    next(directory.scores.glob("*.json")).unlink()
    assert first(file).state == "new"
    assert first(file).why.startswith("weights were pruned: trains again; no score under protocol")


def test_averaged_weights_are_scored_beside_the_raw_ones(file: Path) -> None:
    one, two = (expected_subjects(job.spec) for job in plan_of(file).jobs)
    assert [(s.sampler, s.ema) for s in one] == [
        ("prior", False),
        ("gmm-10", False),
        ("reconstruction", False),
    ]
    assert {(s.sampler, s.ema) for s in two} == {(s.sampler, e) for s in one for e in (True, False)}


@pytest.mark.parametrize(
    ("field", "value"),
    [("version", 2), ("n_fake", 70), ("rng_seed", 7), ("kid_subset_size", 40)],
)
def test_another_protocol_means_scoring_again(file: Path, field: str, value: int) -> None:
    plan = plan_of(file)
    write_success(plan, plan.jobs[0])
    tiny_registry(file, [tiny_variant("one"), tiny_variant("two")], **{field: value})
    other = plan_of(file)
    assert other.protocol.key != plan.protocol.key
    assert other.jobs[0].state == "rescore"
    assert other.jobs[0].why == (
        f"no score under protocol key {other.protocol.key}: prior, gmm-10, reconstruction"
    )


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        ({"beta": 2.0}, "stale: recipe.beta 1.0 → 2.0"),
        ({"optimizer": {"lr": 5.0e-3}}, "stale: recipe.optimizer.lr 0.001 → 0.005"),
        ({"beta": 2.0, "latent_dim": 5}, "stale: recipe.latent_dim 4 → 5 and 1 more"),
    ],
)
def test_a_changed_setting_is_named(file: Path, recipe: dict[str, Any], why: str) -> None:
    plan = plan_of(file)
    write_success(plan, plan.jobs[0])
    tiny_registry(file, [tiny_variant("one", **recipe)])
    job = first(file)
    assert (job.state, job.why) == ("new", why)
    assert job.directory != plan.jobs[0].directory


@pytest.mark.parametrize("narrowing", [{"steps": 7}, {"seeds": (3,)}, {"precision": "bf16"}])
def test_another_budget_seed_or_precision_is_not_called_stale(
    file: Path, narrowing: dict[str, Any]
) -> None:
    plan = plan_of(file)
    write_success(plan, plan.jobs[0])
    job = first(file, **narrowing)
    assert (job.state, job.why) == ("new", "no record")


def test_renaming_a_variant_does_not_hide_the_other(file: Path) -> None:
    twin = [tiny_variant("one"), tiny_variant("twin")]
    tiny_registry(file, twin)
    plan = plan_of(file)
    assert plan.jobs[0].spec.train_hash == plan.jobs[1].spec.train_hash
    write_success(plan, plan.jobs[0])
    assert [job.state for job in plan_of(file).jobs] == ["done", "new"]


@pytest.mark.parametrize(
    ("narrowing", "jobs", "n_fake", "reasons"),
    [
        ({}, [("one", 0, STEPS), ("two", 0, STEPS)], 60, ()),
        ({"variants": ("two",)}, [("two", 0, STEPS)], 60, ()),
        ({"variants": ("two", "one", "two")}, [("two", 0, STEPS), ("one", 0, STEPS)], 60, ()),
        ({"variants": ("one",), "seeds": (2, 0)}, [("one", 2, STEPS), ("one", 0, STEPS)], 60, ()),
        (
            {"variants": ("one",), "steps": 7},
            [("one", 0, 7)],
            60,
            ("--steps 7 instead of the suite's 20",),
        ),
        ({"variants": ("one",), "steps": STEPS}, [("one", 0, STEPS)], 60, ()),
        ({"variants": ("one",), "limit": 30}, [("one", 0, STEPS)], 30, ("--limit 30",)),
        ({"variants": ("one",), "limit": 5000}, [("one", 0, STEPS)], 60, ("--limit 5000",)),
        (
            {"variants": ("one",), "smoke": True},
            [("one", 0, SMOKE_STEPS)],
            min(60, SMOKE_IMAGES),
            ("smoke run",),
        ),
        (
            {"variants": ("one",), "precision": "bf16"},
            [("one", 0, STEPS)],
            60,
            ("--precision bf16 instead of fp32",),
        ),
        ({"variants": ("one",), "precision": "fp32"}, [("one", 0, STEPS)], 60, ()),
    ],
)
def test_narrowing(
    file: Path,
    narrowing: dict[str, Any],
    jobs: list[tuple[str, int, int]],
    n_fake: int,
    reasons: tuple[str, ...],
) -> None:
    plan = plan_of(file, **narrowing)
    assert [(job.spec.variant, job.spec.seed, job.spec.steps) for job in plan.jobs] == jobs
    assert plan.protocol.n_fake == n_fake
    assert plan.not_comparable_because == reasons


def test_smoke_images_and_steps_are_few() -> None:
    registry = load_registry()
    plan = make_plan(registry, registry.suite("digits"), Path("nowhere"), Narrowing(smoke=True))
    assert {job.spec.steps for job in plan.jobs} == {SMOKE_STEPS}
    assert plan.protocol.n_fake == SMOKE_IMAGES


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("onee", r"no variant is called 'onee' \(did you mean: one\?\)"),
        ("three", "suite 'tiny' has no variant 'three'"),
    ],
)
def test_unknown_variants(file: Path, name: str, message: str) -> None:
    variants = [tiny_variant("one"), tiny_variant("two"), tiny_variant("three")]
    text = tiny_registry(file, variants).read_text()
    file.write_text(text.replace("  - two\n  - three\n", "  - two\n", 1))
    with pytest.raises(UsageError, match=message):
        plan_of(file, variants=(name,))


def test_calibration_rows_without_a_score_are_planned(file: Path) -> None:
    plan = plan_of(file)
    name = f"mean-image-{plan.protocol.key[:8]}.json"
    write_atomically(file.parent / "runs" / CALIBRATION / name, "{}")
    assert plan_of(file).calibration == ()
    assert plan_of(file, limit=30).calibration == ("mean-image",)


def test_planning_changes_nothing_on_disk(file: Path) -> None:
    runs = file.parent / "runs"
    plan = plan_of(file)
    assert not runs.exists()
    write_success(plan, plan.jobs[0])
    write_checkpoint(write_record(plan.jobs[1], "cancelled", artifacts=()), 8)
    before = files_below(file.parent)
    assert [job.state for job in plan_of(file).jobs] == ["done", "resume"]
    plan_of(file, smoke=True)
    assert files_below(file.parent) == before


def test_a_broken_record_stops_the_plan_with_its_place(file: Path) -> None:
    job = first(file)
    write_atomically(job.directory / "train.json", '{"schema_version": 9}')
    with pytest.raises(InvalidInput) as refused:
        plan_of(file)
    assert str(job.directory / "train.json") in str(refused.value.where)


def test_jobs_by_state(file: Path) -> None:
    plan = plan_of(file)
    write_success(plan, plan.jobs[1])
    plan = plan_of(file)
    assert [job.spec.variant for job in plan.in_state("new")] == ["one"]
    assert [job.spec.variant for job in plan.in_state("new", "done")] == ["one", "two"]
    assert plan.in_state("failed") == ()


@pytest.mark.parametrize("code", ["present", "other"])
def test_scores_that_other_code_has_made_are_told(file: Path, aigc: Aigc, code: str) -> None:
    plan = plan_of(file)
    directory = write_success(plan, plan.jobs[0])
    train = directory.train_record()
    assert train is not None
    spec, extractor = train.spec, plan.protocol.extractor
    training = code_of_training(spec.algorithm, spec.recipe)

    def by(code: str) -> Provenance:
        digests = {"implementation_sha256": None, "definitions_sha256": code}
        return train.provenance.model_copy(update=digests)

    known = by(training)
    directory.write_train(train.model_copy(update={"provenance": known}))
    for score in directory.score_records():
        made = code_of_scoring(extractor) if code == "present" else "0" * 64
        directory.write_score(score.model_copy(update={"provenance": by(made)}))
    subject = CalibrationSubject(name="mean-image")
    made = code_of_scoring(extractor, subject.name) if code == "present" else "0" * 64
    row = score.model_copy(update={"subject": subject, "provenance": by(made)})
    target = calibration_file(plan.runs_dir / CALIBRATION, subject.name, plan.protocol.key)
    write_atomically(target, to_json(row))

    again = plan_of(file)
    assert again.jobs[0].state == "done"
    assert ("the code of scoring has changed since" in again.jobs[0].why) == (code == "other")
    assert again.changed == (("mean-image",) if code == "other" else ())
    shown = aigc("bench", "plan", "tiny", "--registry", file, "-o", plan.runs_dir)
    said = "calibration rows that other code has made: mean-image"
    assert (said in shown.stderr) == (code == "other")
