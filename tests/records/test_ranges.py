"""Well-formed records whose numbers nobody measured: refused with file and field, and no others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from helpers import RECORDS, frozen

from bench.machine.process import this_process
from bench.records.lease import read_holder, read_sign
from bench.records.metric_names import MetricName
from bench.records.ranges import METRICS
from bench.records.record import parse_score_record, parse_train_record
from bench.records.run_directory import parsed
from bench.replay.pictures.record import read_pictures
from catalog.errors import InvalidInput

BETTER_IF_HIGHER = {"is", "precision", "recall", "f_score", "label_accuracy"}
HUGE = 1.7e308
LONG_AGO, FAR_OFF = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"
PARSERS = {"train-v1.json": parse_train_record, "score-v1.json": parse_score_record}
TRAIN_FIELDS: dict[str, tuple[Any, ...]] = {
    "created_at": (LONG_AGO, FAR_OFF, "1999-12-31T23:59:59Z"),
    "updated_at": (LONG_AGO, FAR_OFF),
    "phases.0.started_at": (LONG_AGO, FAR_OFF),
    "phases.0.wall_s": (-1.0, HUGE),
    "phases.0.resumed_from_step": (-1,),
    "cost.train_wall_s": (-0.1, HUGE),
    "cost.images_seen": (-1, 2**62),
    "cost.images_per_s": (-1.0, HUGE),
    "cost.peak_memory_bytes": (-1, 2**62),
    "parameters.total": (-1, 2**62),
    "parameters.sampling": (-1,),
    "health.diverged_at_step": (-1,),
    "health.last_losses": ({"d_loss": HUGE}, {"d_loss": -HUGE}),
    "measures": (
        {"split": "test", "n_images": 0, "values": {}},
        {"split": "test", "n_images": 360, "values": {"bits_per_dim": HUGE}},
    ),
    "environment.n_threads": (0, -4),
    "provenance.registry_sha256": ("", "f" * 63, "<script>"),
    "provenance.implementation_sha256": ("", "F" * 64),
    "provenance.lock_sha256": ("0",),
    "artifacts.0.n_bytes": (-1, 2**62),
    "artifacts.0.sha256": ("g" * 64,),
    "spec.seed": (-1, 2**32),
}
SCORE_FIELDS: dict[str, tuple[Any, ...]] = {
    "created_at": (LONG_AGO, FAR_OFF),
    "subject.seed": (-1, 2**32),
    "n_images": (0, -3),
    "n_distinct": (0, 501),
    "images_sha256": ("", "x" * 64),
    "sample_wall_s": (-1.0, HUGE),
    "score_wall_s": (-1.0, HUGE),
    "metrics.0.n_fake": (-3, 0),
    "metrics.0.n_real": (-1, 0),
    "metrics.0.spread": (-0.5, HUGE),
    "metrics.0.higher_is_better": (True,),
}
FORGERIES = [
    (name, path, value)
    for name, fields in zip(PARSERS, (TRAIN_FIELDS, SCORE_FIELDS), strict=True)
    for path, values in fields.items()
    for value in values
]


def put(data: dict[str, Any], path: str, value: Any) -> None:
    """Replace (or add) one value at a dotted place."""
    *parents, last = path.split(".")
    place: Any = data
    for key in parents:
        place = place[int(key)] if key.isdecimal() else place[key]
    place[last] = value


@pytest.mark.parametrize(("name", "path", "value"), FORGERIES)
def test_a_forged_number_is_refused(tmp_path: Path, name: str, path: str, value: Any) -> None:
    data = frozen(name)
    put(data, path, value)
    file = tmp_path / name
    file.write_text(json.dumps(data))
    with pytest.raises(InvalidInput) as caught:
        parsed(file, PARSERS[name])
    said = str(caught.value.where)
    assert said.startswith(str(file))
    field = path.removeprefix("metrics.0.").split(".")[-1]
    assert field in said


@pytest.mark.parametrize("name", get_args(MetricName))
def test_a_metric_is_within_its_range(tmp_path: Path, name: MetricName) -> None:
    low, high, higher_is_better = METRICS[name]
    assert higher_is_better == (name in BETTER_IF_HIGHER)
    data = frozen("score-v1.json")
    metric = {"name": name, "higher_is_better": higher_is_better, "n_fake": 500}
    file = tmp_path / "score.json"
    for value in (low, (low + high) / 2, high):
        data["metrics"] = [{**metric, "value": value}]
        file.write_text(json.dumps(data))
        assert parsed(file, parse_score_record).metrics[0].value == value
    above = 1.001 if high == 1.0 else 2 * high
    for value in (low - abs(low) / 100 - 0.001, above, HUGE, -HUGE):
        data["metrics"] = [{**metric, "value": value}]
        file.write_text(json.dumps(data))
        with pytest.raises(InvalidInput) as caught:
            parsed(file, parse_score_record)
        assert f"score.json: metrics.0: Value error, {name} of" in str(caught.value.where)


@pytest.mark.parametrize(
    ("name", "value"), [("recall", 7.5), ("copy_rate", 7.5), ("precision", -0.1)]
)
def test_a_share_beyond_one_is_none(name: MetricName, value: float) -> None:
    data = frozen("score-v1.json")
    (metric,) = (one for one in data["metrics"] if one["name"] == name)
    metric |= {"value": value, "missing_reason": None}
    with pytest.raises(ValueError, match=f"{name} of {value:g} is not between 0 and 1"):
        parse_score_record(json.dumps(data))


def test_every_committed_record_still_loads() -> None:
    n = 0
    for file in sorted((RECORDS.parents[1] / "reports").rglob("*.json")):
        if file.parent.name in ("scores", "calibration"):
            parsed(file, parse_score_record)
        elif file.name == "train.json":
            parsed(file, parse_train_record)
        elif file.name == "pictures.json":
            assert read_pictures(file.parent) is not None
        else:
            continue
        n += 1
    assert n > 1_300


SIGN: dict[str, Any] = {
    "process": this_process().model_dump(),
    "phase": "train",
    "step": 3,
    "n_steps": 20,
    "losses": {"loss": 1.0},
    "images_per_s": 5.0,
    "eta_s": 1.0,
    "memory_bytes": 1,
    "peak_memory_bytes": 1,
    "updated_at": "2026-11-24T10:17:05Z",
}
HOLDER: dict[str, Any] = {
    "process": this_process().model_dump(),
    "command": "bench run tiny",
    "n_slots": 1,
    "started_at": "2026-11-24T10:17:05Z",
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("process.pid", -1),
        ("process.pid", 2**62),
        ("process.created_at", HUGE),
        ("step", -1),
        ("losses", {"loss": HUGE}),
        ("images_per_s", -1.0),
        ("eta_s", HUGE),
        ("memory_bytes", -1),
        ("updated_at", LONG_AGO),
        ("updated_at", FAR_OFF),
    ],
)
def test_a_forged_sign_of_life_is_none(tmp_path: Path, path: str, value: Any) -> None:
    file = tmp_path / "progress.json"
    file.write_text(json.dumps(SIGN))
    assert read_sign(tmp_path) is not None
    sign = json.loads(json.dumps(SIGN))
    put(sign, path, value)
    file.write_text(json.dumps(sign))
    assert read_sign(tmp_path) is None


@pytest.mark.parametrize(
    ("path", "value"),
    [("started_at", LONG_AGO), ("started_at", FAR_OFF), ("process.pid", -1), ("n_slots", 0)],
)
def test_a_forged_holder_is_none(tmp_path: Path, path: str, value: Any) -> None:
    file = tmp_path / ".runner.json"
    file.write_text(json.dumps(HOLDER))
    assert read_holder(tmp_path) is not None
    holder = json.loads(json.dumps(HOLDER))
    put(holder, path, value)
    file.write_text(json.dumps(holder))
    assert read_holder(tmp_path) is None
