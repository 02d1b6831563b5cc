"""Which images look like those of a collapsed model."""

from __future__ import annotations

from typing import Any

import pytest
from helpers import RECORDS

from bench.records.record import CalibrationSubject, Metric, ScoreRecord, parse_score_record
from bench.score.suspicions import suspicions


def score(recall: float | None, n_distinct: int | None, **changes: Any) -> ScoreRecord:
    """The frozen record with another recall and number of distinct images."""
    old = parse_score_record((RECORDS / "score-v1.json").read_bytes())
    reason = None if recall is not None else "too few images"
    metrics = tuple(
        Metric.model_validate({**dict(m), "value": recall, "missing_reason": reason})
        if m.name == "recall"
        else m
        for m in old.metrics
    )
    changed = {**dict(old), "metrics": metrics, "n_distinct": n_distinct, **changes}
    return ScoreRecord.model_validate(changed)


@pytest.mark.parametrize(
    ("recall", "share_distinct", "words"),
    [
        (0.4, 1.0, None),
        (0.4, None, None),
        (None, 0.9, None),
        (0.06, 0.06, None),
        (0.04, 1.0, "recall is 0.040"),
        (0.0, None, "recall is 0.000"),
        (0.4, 0.04, "images are distinct"),
    ],
)
def test_mode_collapse_is_suspected_from_recall_and_repetition(
    recall: float | None, share_distinct: float | None, words: str | None
) -> None:
    n_images = score(None, None).n_images
    n_distinct = None if share_distinct is None else round(share_distinct * n_images)
    found = suspicions(score(recall, n_distinct))
    assert [suspicion.kind for suspicion in found] == ([] if words is None else ["mode-collapse"])
    for suspicion in found:
        assert words is not None
        assert words in suspicion.message
        assert suspicion.hint


def test_both_signs_make_one_suspicion() -> None:
    (suspicion,) = suspicions(score(0.0, 1))
    assert suspicion.message.startswith("recall is 0.000; 1 of ")


def test_calibration_images_are_not_suspected() -> None:
    subject = CalibrationSubject(name="mean-image")
    assert suspicions(score(0.0, 1, subject=subject)) == ()
