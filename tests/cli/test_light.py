"""What looks at records needs: neither torch nor, where records suffice, pixels and a judge."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers import CLONE, Aigc, Shown, environment_of, tiny_registry, tiny_variant
from stored_runs import write_checkpoint, write_success

import bench.models.facts as knowing
from bench.models.build import algorithm_class, resolve_recipe
from bench.models.facts import algorithm_facts, complete_recipe
from bench.records.checkpoint_file import labelled_step
from bench.records.record import parse_train_record
from bench.records.run_directory import RunDirectory
from bench.run.plan import make_plan
from catalog.errors import InvalidInput
from catalog.files import CACHE_VARIABLE, cache_dir
from catalog.read.loader import load_registry
from catalog.schema import Registry

REPORTS = CLONE / "reports"
LOOKING = (
    ["bench", "plan", "digits-quick"],
    ["bench", "run", "digits-quick", "--dry-run"],
    ["bench", "status", "digits-quick", "-o", f"{REPORTS}/digits-quick/records"],
    ["bench", "plan", "digits-quick", "-o", "interrupted"],
    ["bench", "status", "digits-quick", "-o", "interrupted"],
    ["bench", "prune"],
    ["report", "leaderboard", "digits-quick", "--runs", f"{REPORTS}/digits-quick/records"],
    ["report", "claims", "digits", "--reports", f"{REPORTS}"],
    ["report", "card", "dcgan", "--reports", "reports"],
    ["report", "compare", "dcgan", "vae", "--runs", f"{REPORTS}/digits-quick/records"],
)
SEVERAL = """
import io, json, sys
from contextlib import redirect_stderr, redirect_stdout
from bench.cli.main import main
for command in json.loads(sys.argv[1]):
    sys.argv = ["aigc", *command]
    code = 0
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()) as err:
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
    print(json.dumps([command, code, "torch" in sys.modules, err.getvalue()[-300:]]))
"""


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(knowing, "_KNOWN", {})
    return tmp_path / "cache"


def asked_in_vain(name: str) -> None:
    raise AssertionError(f"{name} is known")


def interrupted(runs: Path) -> None:
    """A training that was stopped after a checkpoint."""
    (source,) = (REPORTS / "digits-quick" / "records").glob("dcgan-digits-s0-*")
    directory = RunDirectory(runs / source.name)
    record = parse_train_record((source / "train.json").read_bytes())
    directory.write_train(record.model_copy(update={"status": "cancelled", "artifacts": ()}))
    write_checkpoint(directory, 500)
    assert labelled_step(directory.checkpoint, record.spec) == 500


def test_what_looks_at_records_loads_no_torch(registry: Registry, tmp_path: Path) -> None:
    for variant in registry.variants:  # as any earlier command did
        for dataset in registry.datasets:
            if variant.fits(dataset.id):
                complete_recipe(registry, variant, dataset.id)
    shutil.copytree(REPORTS / "digits-quick", tmp_path / "reports" / "digits-quick")
    interrupted(tmp_path / "interrupted")
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL, json.dumps(LOOKING)],
        cwd=tmp_path,
        env=environment_of(),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [command for command, *_ in told] == [*LOOKING]
    for command, code, has_torch, said in told:
        assert (code, has_torch) == (0, False), (command, said)


def test_what_is_known_of_an_algorithm_is_what_its_class_says(
    registry: Registry, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("dcgan", "vae", "cvae", "dall-e-shapes"):
        variant = registry.variant(name)
        dataset = next(iter(variant.datasets or ("digits",)))
        wanted = resolve_recipe(registry, variant, dataset).model_dump(mode="json")
        assert complete_recipe(registry, variant, dataset) == wanted
        facts = algorithm_facts(variant.algorithm)
        assert facts.conditional == algorithm_class(variant.algorithm).conditional
        with monkeypatch.context() as patch:  # as in another process, which need not ask
            patch.setattr(knowing, "_KNOWN", {})
            patch.setattr(knowing, "_asked", asked_in_vain)
            patch.setattr("bench.models.build.resolve_recipe", asked_in_vain)
            assert complete_recipe(registry, variant, dataset) == wanted
            assert algorithm_facts(variant.algorithm) == facts
    assert len([*own_cache.rglob("*.json")]) == 4


def test_after_an_edit_and_after_damage_an_algorithm_is_asked_again(
    registry: Registry, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vae = registry.variant("vae")
    wanted = complete_recipe(registry, vae, "digits")
    (file,) = own_cache.rglob("*.json")
    monkeypatch.setattr(knowing, "_KNOWN", {})
    file.write_text("{")
    assert complete_recipe(registry, vae, "digits") == wanted
    monkeypatch.setattr(knowing, "_sources", lambda: "f" * 64)
    assert complete_recipe(registry, vae, "digits") == wanted
    (newer,) = own_cache.rglob("*.json")
    assert newer != file
    assert newer.stem.endswith("f" * 16)


def test_a_broken_recipe_is_refused_every_time(own_cache: Path, tmp_path: Path) -> None:
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("odd", widht=3)])
    registry = load_registry(file)
    for _ in range(2):
        with pytest.raises(InvalidInput, match="did you mean: width"):
            complete_recipe(registry, registry.variant("odd"), "digits")


def test_a_cache_that_cannot_be_written_costs_time_only(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(knowing, "_KNOWN", {})
    (tmp_path / "file").touch()
    assert complete_recipe(registry, registry.variant("vae"), "digits")["batch_size"] == 64
    assert not cache_dir().exists()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A registry that pins no pixels and no judge, beside runs of a machine that had both."""
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("one")])
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data["datasets"][0] |= {
        "loader": "folder",
        "fingerprint": "0" * 64,
        "splits": {"train": 900, "test": 100},
    }
    judge = next(one for one in data["extractors"] if one["id"] == "folder-judge")
    data["protocols"][0]["extractor"] = judge["id"]
    there = {**judge, "sha256": "1" * 64, "n_bytes": 1}
    data["extractors"][data["extractors"].index(judge)] = there
    known = tmp_path / "known.yaml"
    known.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    registry = load_registry(known)
    plan = make_plan(registry, registry.suite("tiny"), tmp_path / "runs")
    for directory in [write_success(plan, job) for job in plan.jobs]:
        for score in directory.score_records():
            directory.write_score(score.model_copy(update={"comparable": True}))
    data["extractors"][data["extractors"].index(there)] = judge
    data["datasets"][0] |= {"fingerprint": "unpinned", "splits": {"train": 50, "test": 50}}
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return file


def results(folder: Path) -> str:
    return (folder / "tiny" / "results.csv").read_text(encoding="utf-8")


def test_a_report_needs_neither_pixels_nor_judge(
    elsewhere: Path, aigc: Aigc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "empty"))
    runs = ["--runs", str(tmp_path / "runs")]

    def report(registry: Path, place: str) -> Shown:
        where = ["-o", str(tmp_path / place), "--registry", registry]
        return aigc("report", "leaderboard", "tiny", *runs, *where)

    for file, place in ((tmp_path / "known.yaml", "there"), (elsewhere, "here")):
        shown = report(file, place)
        assert shown.code == 0, shown.stderr
    assert results(tmp_path / "here") == results(tmp_path / "there")
    assert results(tmp_path / "here").count("success") == 3
    where = ["-o", str(tmp_path / "here"), "--registry", elsewhere]
    checked = aigc("report", "leaderboard", "tiny", "--check", *where)
    assert f"{tmp_path}/here/tiny/leaderboard.md: equal, byte for byte" in checked.stderr


def test_of_several_judges_the_one_that_most_scores_name_stands_in_the_table(
    elsewhere: Path, aigc: Aigc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = load_registry(tmp_path / "known.yaml")
    suite = registry.suite("tiny")
    entries = tuple(
        e.model_copy(update={"sha256": "2" * 64}) if e.id == "folder-judge" else e
        for e in registry.extractors
    )
    other = make_plan(registry.model_copy(update={"extractors": entries}), suite, tmp_path / "runs")
    judged_otherwise = write_success(other, other.jobs[0])
    [score] = [s for s in judged_otherwise.score_records() if s.protocol == other.protocol][:1]
    (judged_otherwise.scores / f"{score.score_hash[:16]}.json").unlink()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "empty"))
    where = ["--runs", str(tmp_path / "runs"), "-o", str(tmp_path / "here")]
    shown = aigc("report", "leaderboard", "tiny", *where, "--registry", elsewhere)
    assert shown.code == 0, shown.stderr
    usual = make_plan(registry, suite, tmp_path / "runs").protocol.key
    assert usual in results(tmp_path / "here")
    assert other.protocol.key not in results(tmp_path / "here")
