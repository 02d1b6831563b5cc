"""What can be asked for before a machine has decoded the images or trained the judge."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from helpers import Aigc, aigc_telling_torch, document_of, items_of, tiny_registry, tiny_variant
from stored_runs import write_record, write_success

from bench.run.plan import Narrowing, make_plan, planned_specs
from catalog.files import CACHE_VARIABLE
from catalog.read.loader import load_registry

CONDITIONED = {"conditioning": {"generator": "concat", "critic": "concat"}}


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def registry_with(
    folder: Path, *variants: Any, dataset: dict[str, Any], judge: str = "digits-cnn"
) -> Path:
    """A registry whose suite ``tiny`` is of digits and whose suite ``other`` is of other images."""
    file = tiny_registry(folder / "registry.yaml", variants)
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    copied = deepcopy(data)  # YAML would write what stands twice as an alias
    data["datasets"].append(copied["datasets"][0] | {"id": "strange", "loader": "folder"} | dataset)
    strange = {"id": "strange-protocol", "dataset": "strange", "extractor": judge}
    data["protocols"].append(copied["protocols"][0] | strange)
    other = {"id": "other", "dataset": "strange", "protocol": "strange-protocol"}
    data["suites"].append(copied["suites"][0] | other)
    file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


def test_pruning_needs_the_pixels_of_no_suite(aigc: Aigc, tmp_path: Path) -> None:
    file = registry_with(tmp_path, tiny_variant("one"), dataset={"fingerprint": "unpinned"})
    registry = load_registry(file)
    job, *_ = make_plan(registry, registry.suite("tiny"), tmp_path / "runs").jobs
    run = write_record(job, "success").path
    (run / "checkpoint.pt").write_bytes(b"0123456789")
    stranger = tmp_path / "runs" / "one-strange-s0-01234567"
    stranger.mkdir()
    (stranger / f".train.json-{'0' * 32}").touch()
    shown = aigc("bench", "prune", "--stale", "--checkpoints", "--registry", file)
    assert shown.code == 0, shown.stderr
    assert "checkpoint.pt" in shown.stdout
    narrowed = aigc("bench", "prune", "other", "--registry", file)
    assert narrowed.code == 0, narrowed.stderr
    assert stranger.name in narrowed.stdout
    assert run.name not in narrowed.stdout


@pytest.mark.parametrize("command", [["plan"], ["status"], ["run", "-n"], ["run", "-n", "--smoke"]])
def test_jobs_on_images_that_were_not_decoded_are_shown(
    command: list[str], aigc: Aigc, tmp_path: Path
) -> None:
    file = registry_with(
        tmp_path, tiny_variant("one"), tiny_variant("two"), dataset={"fingerprint": "unpinned"}
    )
    verb, *options = command
    shown = aigc("bench", verb, "other", *options, "--registry", file)
    assert shown.code == 0, shown.stderr
    header, *rows = (line.split("\t") for line in shown.stdout.splitlines())
    assert [dict(zip(header, row, strict=True))["state"] for row in rows] == ["new", "new"]
    assert "data set 'strange' was not decoded on this machine yet" in shown.stderr
    assert "aigc bench data prepare folder:PATH" in shown.stderr
    narrowed = aigc("bench", verb, "other", "two", *options, "--json", "--registry", file)
    (item,) = items_of(narrowed.stdout)
    assert (item["variant"], item["seed"], item["n_bytes"]) == ("two", "0", 0)
    assert aigc("bench", verb, "other", "three", *options, "--registry", file).code == 2
    assert aigc("bench", "run", "other", "--registry", file).code == 4


def test_rows_that_ask_for_a_class_are_refused_where_there_are_none(
    aigc: Aigc, tmp_path: Path
) -> None:
    free = tiny_variant("free")
    asked = tiny_variant("asked", "bench.models.gan:GAN", **CONDITIONED)
    file = registry_with(
        tmp_path, free, asked, tiny_variant("cvae", "bench.models.cvae:CVAE"),
        dataset={"n_classes": 1, "fingerprint": "0" * 64},
    )  # fmt: skip
    registry = load_registry(file)
    plan = make_plan(registry, registry.suite("other"), tmp_path / "runs")
    states = {job.spec.variant: job.state for job in plan.jobs}
    assert states == {"free": "new", "asked": "refused", "cvae": "refused"}
    assert [job.spec.variant for job in plan.to_run(retry_failed=True)] == ["free"]
    assert [spec.variant for spec in planned_specs(registry, registry.suite("other"))] == ["free"]
    assert len(planned_specs(registry, registry.suite("tiny"))) == 3
    shown = aigc("bench", "plan", "other", "--registry", file)
    why = "it draws the class that is asked for, and 'strange' has no classes"
    assert shown.stdout.count(why) == 2
    assert "1 new, 2 refused" in shown.stderr
    named = aigc("bench", "plan", "other", "asked", "--registry", file)
    assert named.code == 2
    assert f"variant 'asked' cannot be trained here: {why}" in named.stderr


def test_a_plan_needs_no_judge(aigc: Aigc, tmp_path: Path) -> None:
    file = registry_with(
        tmp_path, tiny_variant("one"), tiny_variant("two"),
        dataset={"fingerprint": "0" * 64}, judge="folder-judge",
    )  # fmt: skip
    registry = load_registry(file)
    plan = make_plan(registry, registry.suite("other"), tmp_path / "runs")
    trained = write_success(plan, plan.jobs[0])
    for score in trained.scores.glob("*.json"):
        score.unlink()
    for verb in ("plan", "status"):
        shown = aigc("bench", verb, "other", "--registry", file)
        assert shown.code == 0, shown.stderr
        assert "extractor 'folder-judge' was not trained on this machine yet: " in shown.stderr
        assert "1 rescore, 1 new" in shown.stderr


def test_status_without_a_suite_shows_whatever_is_there(aigc: Aigc, tmp_path: Path) -> None:
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("one")])
    registry = load_registry(file)
    suite, runs = registry.suite("tiny"), tmp_path / "runs"
    for narrowing in (Narrowing(), Narrowing(steps=7), Narrowing(precision="bf16", seeds=(3,))):
        (job,) = make_plan(registry, suite, runs, narrowing).jobs
        reasons = narrowing.reasons(suite)
        changes = {"comparable": not reasons, "not_comparable_because": reasons}
        write_record(job, "success", **changes)
    (smoke,) = make_plan(registry, suite, runs, Narrowing(smoke=True, seeds=(1,))).jobs
    write_record(smoke, "cancelled", artifacts=())
    (runs / "damaged-digits-s0-01234567").mkdir()
    (runs / "damaged-digits-s0-01234567" / "train.json").write_text("{")
    items = items_of(aigc("bench", "status", "--json").stdout)
    found = {(i["variant"], i["seed"], i["steps"], i["precision"], i["state"]) for i in items}
    assert found == {
        ("one", 0, 20, "fp32", "done"),
        ("one", 0, 7, "fp32", "done"),
        ("one", 3, 20, "bf16", "done"),
        ("one", 1, 20, "fp32", "stopped"),
        ("damaged-digits-s0-01234567", None, None, "", "broken"),
    }
    shown = aigc("bench", "status")
    assert shown.code == 0
    assert "--steps 7 instead of the suite's 20" in shown.stdout
    assert "5 runs: 3 done, 1 broken, 1 stopped" in shown.stderr
    for verb in ("plan", "status"):
        of_suite = aigc("bench", verb, "tiny", "--registry", file)
        said = "3 more runs of these rows here, made otherwise: "
        assert said in of_suite.stderr
        line = of_suite.stderr.partition(said)[2].partition("\n")[0]
        kinds, _, where = line.rpartition("; ")
        assert {*kinds.split("; ")} == {
            "1 with 7 steps",
            "1 with bf16, seed 3",
            "1 with seed 1",
        }
        assert where == "aigc bench status lists every run"
        document = document_of(aigc("bench", verb, "tiny", "--json", "--registry", file).stdout)
        assert {(run["steps"], run["precision"], run["seed"]) for run in document["others"]} == {
            *((7, "fp32", 0), (20, "bf16", 3), (20, "fp32", 1)),
        }
    asked_for = aigc("bench", "plan", "tiny", "--steps", "7", "--registry", file)
    assert "1 with 20 steps" in asked_for.stderr
    assert "7 steps" not in asked_for.stderr.partition("made otherwise")[2]
    assert aigc("bench", "status", "--seeds", "0").code == 2


def test_looking_at_what_is_there_loads_no_torch(tmp_path: Path) -> None:
    done = aigc_telling_torch("bench", "status", "--json", cwd=tmp_path)
    assert document_of(done.stdout)["items"] == []
    assert done.stderr.endswith("LOADED False")
