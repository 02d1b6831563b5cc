"""Comparing values: what is equal, what is near enough, and what makes a machine another one."""

from __future__ import annotations

from typing import get_args

import pytest
from helpers import RECORDS

from bench.arithmetic import VARIABLES
from bench.record import Environment, MetricName, parse_score_record
from bench.verify.check import Check, Value
from bench.verify.compare import result_checks, same_machine
from bench.verify.tolerance import SPREADS, VALUES, Tolerance, allowed_of_spread, allowed_of_value


@pytest.mark.parametrize(
    ("recorded", "recomputed", "allowed", "passed"),
    [
        (1.0, 1.0, 0.0, True),
        (1.0, 1.0 + 2.0**-52, 0.0, False),
        (1.0, 1.25, 0.25, True),
        (1.25, 1.0, 0.25, True),
        (1.0, 1.26, 0.25, False),
        (1.26, 1.0, 0.25, False),
        (None, None, 0.0, True),
        (None, 1.0, 9.0, False),
        (1.0, None, 9.0, False),
        (1.0, "not computed", 9.0, False),
        ("a", "a", 0.0, True),
        ("a", "b", 9.0, False),
        ("a", "b", None, True),
    ],
)
def test_numbers_may_be_near_and_all_else_is_equal(
    recorded: Value, recomputed: Value, allowed: float | None, passed: bool
) -> None:
    assert Check("number", "fid", recorded, recomputed, allowed).passed is passed


def test_every_metric_has_a_tolerance_that_a_better_model_does_not_hide_behind() -> None:
    assert set(VALUES) == set(get_args(MetricName))
    assert set(SPREADS) <= set(VALUES)
    for tolerance in (*VALUES.values(), *SPREADS.values()):
        assert tolerance.absolute > 0
        assert 0 <= tolerance.relative < 0.05
    # Neighbours in the table are a tenth apart: nothing of that size may pass for rounding.
    assert allowed_of_value("fid", 1.27) < 0.02
    assert allowed_of_value("fid", 732.0) < 2.0


def test_the_larger_bound_counts() -> None:
    tolerance = Tolerance(absolute=0.5, relative=0.1)
    assert tolerance.allowed(1.0) == 0.5
    assert tolerance.allowed(-50.0) == 5.0
    assert allowed_of_value("recall", None) == VALUES["recall"].absolute
    assert allowed_of_spread("recall", 1.0) == 0.0


def environment(**changes: object) -> Environment:
    fields: dict[str, object] = {
        "device": "cpu",
        "device_name": "some CPU",
        "n_threads": 1,
        "os": "Linux x86_64",
        "python": "3.11.7",
        "packages": {"torch": "2.14.1"},
    }
    return Environment.model_validate(fields | changes)


@pytest.mark.parametrize(
    "change",
    [
        {"device": "cuda"},
        {"device_name": "other CPU"},
        {"n_threads": 2},
        {"os": "Darwin arm64"},
        {"python": "3.12.1"},
        {"packages": {"torch": "2.14.0"}},
    ],
)
def test_whatever_rounds_otherwise_is_another_machine(change: dict[str, object]) -> None:
    assert same_machine(environment(), environment(), {"PATH"})
    assert not same_machine(environment(), environment(**change), {"PATH"})


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_limits_the_processor_makes_another_machine(variable: str) -> None:
    assert not same_machine(environment(), environment(), {"PATH", variable})


def test_without_exactness_pixels_may_differ_and_numbers_a_little() -> None:
    recorded = parse_score_record((RECORDS / "score-v1.json").read_bytes())
    fid = recorded.metrics[0]
    assert fid.value is not None
    near = fid.model_copy(update={"value": fid.value + allowed_of_value("fid", fid.value) / 2})
    again = recorded.model_copy(
        update={"images_sha256": "0" * 64, "metrics": (near, *recorded.metrics[1:])}
    )
    wrong = {
        exact: [c.what for c in result_checks(recorded, again, exact=exact) if not c.passed]
        for exact in (True, False)
    }
    assert wrong == {True: ["images_sha256", "fid"], False: []}
    fewer = again.model_copy(update={"metrics": recorded.metrics[1:]})
    assert "fid" in [c.what for c in result_checks(recorded, fewer, exact=False) if not c.passed]
