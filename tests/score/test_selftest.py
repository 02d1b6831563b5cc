"""The known answers hold, and a miss is seen."""

from __future__ import annotations

import pytest

import bench.score.known_answers
from bench.score.known_answers import KnownAnswer, run_selftest


def test_every_known_answer_holds() -> None:
    checks = run_selftest()
    assert [check for check in checks if not check.passed] == []
    assert len({check.name for check in checks}) == len(checks) >= 30


def test_a_wrong_or_undefined_answer_misses() -> None:
    assert KnownAnswer("x", 1.0, 0.1, 1.05).passed
    assert not KnownAnswer("x", 1.0, 0.1, 1.2).passed
    assert not KnownAnswer("x", 1.0, 0.1, float("nan")).passed


def test_swapped_sides_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = bench.score.known_answers.score_features
    monkeypatch.setattr(
        bench.score.known_answers,
        "score_features",
        lambda group, fake, real, s: right(group, real, fake, s),
    )
    assert any(not check.passed for check in run_selftest())
