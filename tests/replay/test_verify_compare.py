"""Comparing values: what is equal, what is near enough, and what makes a machine another one."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from helpers import RECORDS

from bench.identity.code import SAME_CODE
from bench.machine.device import VARIABLES
from bench.records.environment import driver_of, processor_of
from bench.records.metric_names import LATER, MetricName
from bench.records.record import (
    Accelerator,
    Environment,
    Metric,
    Processor,
    Provenance,
    TrainRecord,
    parse_score_record,
    parse_train_record,
)
from bench.replay.verify.compare import (
    NOT_ON_RECORD,
    identity_checks,
    lacking_checks,
    result_checks,
    same_machine,
)
from bench.replay.verify.comparison import Comparison, Value
from bench.replay.verify.tolerance import (
    SPREADS,
    VALUES,
    Tolerance,
    allowed_of_spread,
    allowed_of_value,
)


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
    assert Comparison("number", "fid", recorded, recomputed, allowed).passed is passed


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


PROCESSOR = Processor(
    vendor="AuthenticAMD",
    family="25",
    model="1",
    stepping="1",
    vectors="AVX2",
    instruction_sets=("avx", "avx2", "fma"),
)
ACCELERATOR = Accelerator(capability="9.0", driver="580.65.06", cuda="13.0", cudnn="92400")


def environment(**changes: object) -> Environment:
    fields: dict[str, object] = {
        "device": "cpu",
        "device_name": "some CPU",
        "n_threads": 1,
        "os": "Linux x86_64",
        "python": "3.11.7",
        "packages": {"torch": "2.14.1"},
        "processor": PROCESSOR,
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


@pytest.mark.parametrize(
    "change",
    [
        {"vendor": "GenuineIntel"},
        {"family": "26"},
        {"model": "2"},
        {"stepping": "0"},
        {"vectors": "AVX512"},
        {"instruction_sets": ("avx", "avx2", "avx512f", "fma")},
        {"limited_by": ("ONEDNN_MAX_CPU_ISA",)},
    ],
)
def test_processors_of_one_name_may_be_different_ones(change: dict[str, object]) -> None:
    other = environment(processor=PROCESSOR.model_copy(update=change))
    assert other.device_name == environment().device_name
    assert not same_machine(other, environment(), set())
    assert not same_machine(environment(), other, set())


def test_what_does_not_say_its_processor_is_never_known_to_be_the_same() -> None:
    old = environment(processor=None)
    assert not same_machine(old, environment(), set())
    assert not same_machine(environment(), old, set())
    assert not same_machine(old, old, set())


@pytest.mark.parametrize("field", Accelerator.model_fields)
def test_what_rounds_otherwise_on_cuda(field: str) -> None:
    here = environment(device="cuda", device_name="some GPU", accelerator=ACCELERATOR)
    assert same_machine(here, here, set())
    others = {
        "changed": {"accelerator": ACCELERATOR.model_copy(update={field: "1.0"})},
        "of an old record": {"accelerator": None},
        "on another host": {"processor": PROCESSOR.model_copy(update={"stepping": "0"})},
        "on a host that does not say": {"processor": None},
    }
    for change in others.values():
        other = here.model_copy(update=change)
        assert not same_machine(other, here, set())
        assert not same_machine(other, other, set()) or None not in change.values()


AMD = """\
processor	: {n}
vendor_id	: AuthenticAMD
cpu family	: 26
model		: 2
model name	: AMD EPYC
stepping	: {stepping}
flags		: fpu sme smep sse4_2 fma avx f16c avx512f avx2 amx_tile avx_vnni bmi2
bugs		: spectre_v1

"""
NEOVERSE = """\
processor	: {n}
BogoMIPS	: 243.75
Features	: fp asimd aes fphp asimdhp sve bf16 i8mm
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x1
CPU part	: 0xd40
CPU revision	: 1

"""


def test_cpuinfo_says_what_a_processor_is() -> None:
    amd = processor_of("".join(AMD.format(n=n, stepping=1) for n in range(2)), "AVX512")
    assert amd == Processor(
        vendor="AuthenticAMD",
        family="26",
        model="2",
        stepping="1",
        vectors="AVX512",
        instruction_sets=("amx_tile", "avx", "avx2", "avx512f", "avx_vnni", "f16c", "fma"),
    )
    neoverse = processor_of(NEOVERSE.format(n=0) + NEOVERSE.format(n=1), "SVE256", VARIABLES)
    assert neoverse == Processor(
        vendor="0x41",
        family="0x1",
        model="0xd40",
        stepping="1",
        vectors="SVE256",
        instruction_sets=("asimd", "asimdhp", "bf16", "fphp", "i8mm", "sve"),
        limited_by=VARIABLES,
    )


@pytest.mark.parametrize(
    "cpuinfo",
    [
        "",  # macOS
        "processor\t: 0\nisa\t: rv64imafdc\n",
        AMD.format(n=0, stepping="unknown"),  # a sandbox
        AMD.format(n=0, stepping=1) + AMD.format(n=1, stepping=2),  # whichever of them calculates
    ],
)
def test_cpuinfo_that_does_not_say_it(cpuinfo: str) -> None:
    assert processor_of(cpuinfo, "DEFAULT") is None


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5", "550.54.15"),
        (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release",
            "580.65.06",
        ),
        ("", None),
    ],
)
def test_the_version_of_the_driver(text: str, driver: str | None) -> None:
    assert driver_of(text) == driver


@pytest.mark.parametrize("variable", VARIABLES)
def test_a_variable_that_limits_the_processor_makes_another_machine(variable: str) -> None:
    assert not same_machine(environment(), environment(), {"PATH", variable})


def test_without_exactness_pixels_may_differ_and_numbers_a_little() -> None:
    recorded = parse_score_record((RECORDS / "score-v1.json").read_bytes())
    recorded = recorded.model_copy(update={"n_distinct": recorded.n_images})
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


def test_only_a_record_of_before_lacks_what_is_measured_since() -> None:
    """All of it, or what is missing was taken out; other words for its code do not excuse it."""
    today = parse_score_record((RECORDS / "score-v1-processor.json").read_bytes())
    code = Provenance(
        package_version="0.1.0",
        commit=None,
        dirty=None,
        definitions_sha256="1" * 64,
        registry_sha256="2" * 64,
        lock_sha256=None,
    )
    added = tuple(
        Metric(name=name, value=0.1, higher_is_better=False, n_fake=9) for name in sorted(LATER)
    )
    full = today.model_copy(update={"metrics": today.metrics + added, "provenance": code})
    known = next(iter(json.loads(SAME_CODE.read_bytes())["scoring"]))
    before = {"definitions_sha256": None, "implementation_sha256": known}
    undescribed = today.environment.model_copy(update={"processor": None})

    def wrong(told: dict[str, str | None], **changes: Any) -> set[str]:
        changes["provenance"] = code.model_copy(update=told)
        recorded = full.model_copy(update=changes)
        return {c.what for c in lacking_checks(recorded) if not c.passed}

    assert today.environment.processor is not None
    assert wrong({}) == wrong(before, environment=undescribed) == set()
    stripped: dict[str, Any] = {"metrics": today.metrics, "environment": undescribed}
    assert wrong(before, **stripped) == set()
    assert wrong(before, metrics=today.metrics) == LATER  # a processor told before there was one
    assert wrong({}, **stripped) == wrong({"definitions_sha256": "0" * 64}, **stripped) == LATER
    assert wrong(before | {"implementation_sha256": "0" * 64}, **stripped) == LATER
    one_less = (*today.metrics, *added[1:])
    assert wrong(before, **stripped | {"metrics": one_less}) == {added[0].name}


def test_no_score_is_older_than_its_training() -> None:
    """A record whose digest is of the old kind, in a run whose training has one of the new."""
    train = parse_train_record((RECORDS / "train-v1.json").read_bytes())
    score = parse_score_record((RECORDS / "score-v1-provenance.json").read_bytes())
    told = train.provenance.model_copy(
        update={"definitions_sha256": "1" * 64, "implementation_sha256": None}
    )
    newer = train.model_copy(update={"provenance": told})

    def found(of: TrainRecord) -> set[str]:
        checks = identity_checks("x.json", score, of)
        return {c.what for c in checks if c.recorded == NOT_ON_RECORD}

    assert score.provenance is not None
    assert score.provenance.definitions_sha256 is None
    assert (found(train), found(newer)) == (set(), {"definitions_sha256"})
