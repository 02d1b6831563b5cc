"""Run directories as real runs leave them, made from frozen records: no model is trained."""

from __future__ import annotations

from typing import Any

from helpers import RECORDS

from bench.records.checkpoint_file import Identity
from bench.records.record import ScoreRecord, TrainRecord, parse_score_record, parse_train_record
from bench.records.run_directory import RunDirectory
from bench.run.plan import Plan, PlannedJob
from bench.sample.image_sets import expected_subjects, score_hash
from bench.train import checkpoint


def write_record(job: PlannedJob, status: str, **changes: Any) -> RunDirectory:
    """The train record of a planned job; ``changes`` stand over the frozen one's fields."""
    old = parse_train_record((RECORDS / "train-v1.json").read_bytes())
    facts = {
        **dict(old),
        "spec": job.spec,
        "run_id": job.spec.run_id,
        "train_hash": job.spec.train_hash,
        "status": status,
        "comparable": True,
        "not_comparable_because": (),
        **changes,
    }
    directory = RunDirectory(job.directory)
    directory.write_train(TrainRecord.model_validate(facts))
    return directory


def write_success(plan: Plan, job: PlannedJob) -> RunDirectory:
    """A trained run with every score that the plan's protocol asks for."""
    reasons = plan.not_comparable_because
    directory = write_record(job, "success", comparable=not reasons, not_comparable_because=reasons)
    directory.weights.touch()
    score = parse_score_record((RECORDS / "score-v1.json").read_bytes())
    for subject in expected_subjects(job.spec):
        made = {
            **dict(score),
            "subject": subject,
            "score_hash": score_hash(subject, plan.protocol),
            "protocol": plan.protocol,
            "protocol_key": plan.protocol.key,
        }
        directory.write_score(ScoreRecord.model_validate(made))
    return directory


def write_checkpoint(directory: RunDirectory, step: int) -> None:
    """A checkpoint of the recorded training; nothing but its step is in it."""
    record = directory.train_record()
    assert record is not None
    checkpoint.write(directory.checkpoint, Identity.of(record.spec), {"step": step})
