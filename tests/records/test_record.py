"""Records: what they refuse, what their hashes cover, and that version 1 loads for ever."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from helpers import RECORDS, frozen
from pydantic import BaseModel, ValidationError

from bench.identity.digest import canonical_json, sha256_of_data
from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import TrainSpec
from bench.records.record import Failure, Metric, parse_score_record, parse_train_record, to_json
from bench.sample.image_sets import score_hash

TRAIN, SCORE = "train-v1.json", "score-v1.json"
PARSERS = {
    file.name: parse_train_record if file.name.startswith("train") else parse_score_record
    for file in sorted(RECORDS.glob("*-v1*.json"))
}


def changed(name: str, path: str, value: Any) -> str:
    """A frozen record with one value replaced (or added), as JSON."""
    data = frozen(name)
    place = data
    *parents, last = path.split(".")
    for key in parents:
        place = place[int(key)] if key.isdecimal() else place[key]
    place[last] = value
    return json.dumps(data)


def contains(whole: Any, part: Any) -> bool:
    """Whether everything in ``part`` is in ``whole``, which may have further keys."""
    if isinstance(part, dict):
        return all(key in whole and contains(whole[key], value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return type(whole) is type(part) and bool(whole == part)


@pytest.mark.parametrize("name", PARSERS)
def test_a_frozen_record_of_version_1_loads_and_nothing_of_it_is_lost(name: str) -> None:
    text = (RECORDS / name).read_text()
    record = PARSERS[name](text)
    assert record.schema_version == 1
    assert contains(record.model_dump(mode="json"), json.loads(text))
    assert PARSERS[name](to_json(record)) == record


def test_a_record_from_before_processors_were_described_says_none() -> None:
    assert "processor" not in frozen(SCORE)["environment"]
    old = parse_score_record((RECORDS / SCORE).read_bytes()).environment
    assert (old.processor, old.accelerator) == (None, None)
    assert not old.tells_its_arithmetic
    new = parse_score_record((RECORDS / "score-v1-processor.json").read_bytes()).environment
    assert new.tells_its_arithmetic


def test_hashes_of_the_frozen_records_recompute() -> None:
    train = parse_train_record((RECORDS / TRAIN).read_bytes())
    score = parse_score_record((RECORDS / SCORE).read_bytes())
    assert train.spec.train_hash == frozen(TRAIN)["train_hash"]
    assert train.spec.run_id == frozen(TRAIN)["run_id"]
    assert score.protocol.key == frozen(SCORE)["protocol_key"]
    assert score_hash(score.subject, score.protocol) == frozen(SCORE)["score_hash"]


def test_the_first_draw_has_the_hash_of_records_that_knew_of_none() -> None:
    data = frozen(SCORE) | {"subject": {"kind": "calibration", "name": "noise"}}
    record = parse_score_record(json.dumps(data))
    old = {"subject": data["subject"], "protocol": record.protocol_key}
    assert score_hash(record.subject, record.protocol) == sha256_of_data(old)
    second = record.subject.model_copy(update={"draw": 1})
    old["subject"] = {"kind": "calibration", "name": "noise", "draw": 1}
    assert score_hash(second, record.protocol) == sha256_of_data(old)


def test_hashes_are_plain_sha256_of_sorted_json() -> None:
    spec, protocol = frozen(TRAIN)["spec"], frozen(SCORE)["protocol"]
    del spec["variant"]
    assert sha256_of_data(spec) == frozen(TRAIN)["train_hash"]
    assert sha256_of_data(protocol)[:16] == frozen(SCORE)["protocol_key"]
    assert canonical_json({"b": 1, "a": "é"}) == '{"a":"\\u00e9","b":1}'
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json({"lr": float("nan")})


@pytest.mark.parametrize(
    ("name", "path", "value", "complaint"),
    [
        (TRAIN, "colour", "red", "Extra inputs"),
        (TRAIN, "spec.colour", "red", "Extra inputs"),
        (TRAIN, "phases.0.colour", "red", "Extra inputs"),
        (TRAIN, "schema_version", 2, "reads version 1"),
        (TRAIN, "status", "skipped", "Input should be 'started'"),
        (TRAIN, "spec.steps", "20", "valid integer"),
        (TRAIN, "spec.steps", 21, "train_hash does not match"),
        (TRAIN, "spec.recipe.critic_steps", 7, "train_hash does not match"),
        (TRAIN, "train_hash", "0" * 64, "train_hash does not match"),
        (TRAIN, "comparable", True, "comparable, or says why not"),
        (TRAIN, "not_comparable_because", [], "comparable, or says why not"),
        (TRAIN, "status", "error", "exactly the failed records"),
        (TRAIN, "error", {"phase": "train", "type": "X", "message": "y"}, "exactly the failed"),
        (TRAIN, "created_at", "2026-01-02T03:04:05", "timezone"),
        (TRAIN, "cost.train_wall_s", float("nan"), "finite number"),
        (TRAIN, "health.last_losses.d_loss", float("inf"), "finite number"),
        (SCORE, "metrics.0.value", float("nan"), "finite number"),
        (SCORE, "metrics.0.value", None, "a value or a reason"),
        (SCORE, "metrics.0.missing_reason", "too few images", "a value or a reason"),
        (SCORE, "metrics.0.value", "31.4", "valid number"),
        (SCORE, "metrics.0.name", "is", "stands in a record once"),
        (SCORE, "metrics.0.name", "accuracy", "Input should be 'fid'"),
        (SCORE, "protocol.n_fake", 499, "protocol_key does not match"),
        (SCORE, "protocol_key", "0" * 16, "protocol_key does not match"),
        (SCORE, "protocol.tf32", True, "Input should be False"),
        (SCORE, "subject", {"kind": "calibration", "name": "a", "draw": -1}, "greater than or"),
        (SCORE, "environment.processor", {"vendor": "AuthenticAMD"}, "Field required"),
        (SCORE, "environment.accelerator", {"cuda": 13.0}, "valid string"),
        (SCORE, "subject.kind", "picture", "does not match any of the expected tags"),
        (SCORE, "schema_version", 2, "reads version 1"),
        (SCORE, "colour", "red", "Extra inputs"),
    ],
)
def test_refuses(name: str, path: str, value: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        PARSERS[name](changed(name, path, value))


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        (TRAIN, "spec.variant", "another-name"),  # names decide nothing
        (TRAIN, "phases", []),
        (TRAIN, "cost", None),
        (SCORE, "metrics", []),
        (SCORE, "subject", {"kind": "calibration", "name": "noise"}),
        (SCORE, "subject", {"kind": "calibration", "name": "noise", "draw": 3}),
    ],
)
def test_accepts(name: str, path: str, value: Any) -> None:
    PARSERS[name](changed(name, path, value))


def test_comparable_needs_no_reasons_and_an_error_needs_its_status() -> None:
    data = frozen(TRAIN)
    data |= {"comparable": True, "not_comparable_because": []}
    assert parse_train_record(json.dumps(data)).comparable
    failure = Failure(phase="train", type="Diverged", message="loss is not finite")
    data |= {"status": "error", "error": failure.model_dump(mode="json")}
    assert parse_train_record(json.dumps(data)).error == failure


def test_nan_is_refused_in_python_too() -> None:
    facts = {"name": "fid", "higher_is_better": False, "n_fake": 10}
    with pytest.raises(ValidationError):
        Metric(value=float("nan"), **facts)
    with pytest.raises(ValidationError):
        Metric(value=1.0, spread=float("inf"), **facts)
    assert Metric(value=1.0, **facts).value == 1.0


def leaves(model: BaseModel, prefix: str = "") -> list[str]:
    """Every field of nested models, by dotted path."""
    found: list[str] = []
    for name in type(model).model_fields:
        value = getattr(model, name)
        path = f"{prefix}{name}"
        found += leaves(value, f"{path}.") if isinstance(value, BaseModel) else [path]
    return found


def with_other_value(model: BaseModel, path: str) -> Any:
    """A copy whose field at ``path`` has another value, unchecked: hashes must see it all."""
    data = copy.deepcopy(model)
    first, _, rest = path.partition(".")
    old = getattr(data, first)
    if rest:
        return data.model_copy(update={first: with_other_value(old, rest)})
    return data.model_copy(update={first: {"other": 1} if isinstance(old, dict) else f"not {old}"})


SPEC = TrainSpec.model_validate_json(json.dumps(frozen(TRAIN)["spec"]))
PROTOCOL = ScoringProtocol.model_validate_json(json.dumps(frozen(SCORE)["protocol"]))


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydantic: the other value has another type
@pytest.mark.parametrize("path", leaves(SPEC))
def test_train_hash_covers_every_field_but_the_name(path: str) -> None:
    other = with_other_value(SPEC, path)
    assert (other.train_hash == SPEC.train_hash) == (path == "variant")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", leaves(PROTOCOL))
def test_protocol_key_covers_every_field(path: str) -> None:
    assert with_other_value(PROTOCOL, path).key != PROTOCOL.key


@pytest.mark.parametrize("key", SPEC.recipe)
def test_train_hash_covers_every_setting(key: str) -> None:
    recipe = {**SPEC.recipe, key: "another value"}
    assert SPEC.model_copy(update={"recipe": recipe}).train_hash != SPEC.train_hash


def test_run_ids_of_equal_trainings_differ_by_name_only() -> None:
    other = SPEC.model_copy(update={"variant": "twin"})
    assert other.run_id.removeprefix("twin") == SPEC.run_id.removeprefix(SPEC.variant)
    assert SPEC.run_id == f"{SPEC.variant}-digits-s0-{SPEC.train_hash[:8]}"


@pytest.mark.parametrize(
    ("field", "value", "same"),
    [
        ("variant", "twin", True),
        ("run_id", "elsewhere", True),
        ("sampler", "gmm-10", False),
        ("ema", False, False),
        ("weights", "best", False),
        ("seed", 1, False),
        ("train_hash", "0" * 64, False),
    ],
)
def test_score_hash_covers_what_was_drawn(field: str, value: Any, same: bool) -> None:
    score = parse_score_record((RECORDS / SCORE).read_bytes())
    other = score.subject.model_copy(update={field: value})
    assert (score_hash(other, score.protocol) == score.score_hash) == same
