"""Settings of one's own: how they are read, named, checked, and kept out of rankings."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from helpers import Aigc, tiny_registry, tiny_variant
from stored_runs import write_success

from bench.cli.verbs.planning import narrowing_of
from bench.identity.names import registered_variant
from bench.run.own_settings import (
    REASON,
    Setting,
    combinations,
    derived,
    parse_setting,
    parse_sweep,
)
from bench.run.plan import Narrowing, Plan, make_plan
from catalog.errors import InvalidInput, UsageError
from catalog.read.loader import load_registry


@pytest.fixture
def file(tmp_path: Path) -> Path:
    variants = [tiny_variant("one"), tiny_variant("two", optimizer={"lr": 0.01})]
    return tiny_registry(tmp_path / "registry.yaml", variants, steps=4)


def plan_of(file: Path, narrowing: Narrowing | None = None) -> Plan:
    registry = load_registry(file)
    return make_plan(registry, registry.suite("tiny"), file.parent / "runs", narrowing)


@pytest.mark.parametrize(
    ("text", "key", "value", "name"),
    [
        ("optimizer.lr=1e-4", "optimizer.lr", 1e-4, "optimizer.lr-0.0001"),
        ("width=64", "width", 64, "width-64"),
        ("loss=hinge", "loss", "hinge", "loss-hinge"),
        ("flip=true", "flip", True, "flip-true"),
        ("ema_decay=null", "ema_decay", None, "ema_decay-null"),
        ("levels=[8, 8]", "levels", [8, 8], "levels-8-8"),
        ("note=a=b", "note", "a=b", "note-a-b"),
    ],
)
def test_a_value_is_json_or_a_word(text: str, key: str, value: object, name: str) -> None:
    setting = parse_setting(text)
    assert setting == Setting(key, value)  # type: ignore[arg-type]
    assert type(setting.value) is type(value)
    assert str(setting) == name


@pytest.mark.parametrize(
    "text",
    [
        "width",
        "=3",
        "width=",
        "Width=3",
        "a..b=1",
        "../x=1",
        "lr=NaN",
        "lr=-Infinity",
        "lr=1e400",
        'optimizer={"lr": 1, "lr": 2}',
    ],
)
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_setting(text)


def test_a_sweep_has_a_row_for_each_value() -> None:
    widths = parse_sweep("width=32,64")
    assert [one.value for one in widths] == [32, 64]
    assert [one.value for one in parse_sweep("levels=[8,8],[4]")] == [[8, 8], [4]]
    rows = combinations([Setting("loss", "hinge")], [widths, parse_sweep("batch_size=8,16")])
    assert [" ".join(map(str, row)) for row in rows] == [
        "loss-hinge width-32 batch_size-8",
        "loss-hinge width-32 batch_size-16",
        "loss-hinge width-64 batch_size-8",
        "loss-hinge width-64 batch_size-16",
    ]
    assert combinations([], []) == ()


@pytest.mark.parametrize(
    ("own", "sweeps"),
    [
        (["width=1"], ["width=1,2"]),
        (["width=1", "width=2"], []),
        (["optimizer.lr=1", 'optimizer={"lr": 2}'], []),
        ([], ["width=1,1"]),
        ([], ["width=1,,2"]),
        ([], [f"width={','.join(map(str, range(40)))}", f"lr={','.join(map(str, range(40)))}"]),
    ],
)
def test_settings_given_twice_and_too_many_rows_are_refused(
    own: list[str], sweeps: list[str]
) -> None:
    with pytest.raises(UsageError):
        narrowing_of(None, None, own=own, sweep=sweeps)


def test_settings_lie_over_those_of_the_registry_and_only_the_changed_ones(file: Path) -> None:
    plain = {job.spec.variant: job.spec for job in plan_of(file).jobs}
    (one, two) = plan_of(file, narrowing_of(None, None, own=["optimizer.betas=[0.5,0.9]"])).jobs
    assert two.spec.variant == "two.optimizer.betas-0.5-0.9"
    assert registered_variant(two.spec.variant) == "two"
    expected = json.loads(json.dumps(plain["two"].recipe))
    assert expected["optimizer"]["lr"] == 0.01
    expected["optimizer"]["betas"] = [0.5, 0.9]
    assert two.spec.recipe == expected
    hashes = {spec.train_hash for spec in (*plain.values(), one.spec, two.spec)}
    assert len(hashes) == 4
    assert two.directory.name.startswith("two.optimizer.betas-0.5-0.9-digits-s0-")


def test_a_setting_of_the_registrys_value_is_the_same_training(file: Path) -> None:
    plain = plan_of(file).jobs[1].spec
    same = plan_of(file, narrowing_of(["two"], None, own=["optimizer.lr=1e-2"])).jobs[0].spec
    assert same.train_hash == plain.train_hash
    back = plan_of(file, narrowing_of(["two"], None, own=["optimizer.lr=null"])).jobs[0].spec
    assert back.recipe == plan_of(file).jobs[0].spec.recipe  # the default, as "one" has it


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("widht=8", "did you mean: width"),
        ("width=big", "valid integer"),
        ("optimizer.lr=fast", "optimizer.lr"),
        ("width=10000000", "at most 1,000,000"),
    ],
)
def test_settings_are_typed_as_those_of_the_registry(file: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        plan_of(file, narrowing_of(["one"], None, own=[text]))


def test_a_name_that_is_too_long_for_a_folder_is_refused(file: Path) -> None:
    variant = load_registry(file).variant("one")
    with pytest.raises(UsageError, match="too long"):
        derived(variant, "digits", [Setting("note", "x" * 120)])


def test_swept_rows_are_found_again_and_shown_but_not_ranked(file: Path, aigc: Aigc) -> None:
    runs, where = file.parent / "runs", ["--registry", str(file)]
    swept = plan_of(file, narrowing_of(["one"], None, sweep=["width=4,6"]))
    assert swept.not_comparable_because == (REASON,)
    for job in swept.jobs:
        write_success(swept, job)
    again = aigc("bench", "plan", "tiny", "one", "--sweep", "width=4,6", "-o", str(runs), *where)
    assert again.stdout.count("\tdone\t") == 2
    status = aigc("bench", "status", "tiny", "one", "-o", str(runs), *where)
    assert "2 more runs of these rows here" in status.stderr

    report = file.parent / "reports"
    shown = aigc("report", "leaderboard", "tiny", "--runs", str(runs), "-o", str(report), *where)
    assert shown.code == 0, shown.stderr
    page = (report / "tiny" / "leaderboard.md").read_text(encoding="utf-8")
    table = page.partition("## Runs at settings of your own")[2].partition("\n## ")[0]
    assert "[one.width-4]" in table
    assert "[one.width-6]" in table
    with (report / "tiny" / "results.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["variant"].startswith("one.")]
    assert {row["variant"] for row in rows} == {"one.width-4", "one.width-6"}
    assert {(row["kind"], row["rank_low"]) for row in rows} == {("own-settings", "")}
