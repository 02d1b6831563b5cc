"""Verifying: what is intact passes to the last bit, and each fault is found and named."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml
from helpers import (
    CLONE,
    files_below,
    items_of,
    offer_plugin,
    set_in_json,
    tiny_registry,
    tiny_variant,
    wait_until,
)
from safetensors.torch import load_file, save_file

from bench.cli import main as cli
from bench.identity.digest import sha256_of_file
from bench.records.environment import environment
from bench.records.record import ScoreRecord, parse_score_record, to_json
from bench.records.run_directory import RunDirectory, artifact, calibration_file
from bench.replay.verify.compare import same_machine
from bench.replay.verify.tolerance import allowed_of_value
from bench.run.plan import Narrowing, make_plan
from bench.run.runner import jobs_of, surroundings
from bench.run.worker import run_job
from bench.sample.image_sets import score_hash
from catalog.read.loader import load_registry

HEADERS = ["run", "record", "what", "recorded", "recomputed", "difference", "allowed"]
GATED = "gated"
HERE = environment(torch.device("cpu"))


class Shown(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """The table on stdout."""
        lines = [line.split("\t") for line in self.stdout.splitlines()]
        return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


@dataclasses.dataclass(frozen=True)
class Trained:
    """A small suite and its finished runs."""

    file: Path
    runs: Path
    gate: Path

    def run(self, variant: str, seed: int = 0) -> RunDirectory:
        (found,) = self.runs.glob(f"{variant}-digits-s{seed}-*")
        return RunDirectory(found)

    def score(self, variant: str, sampler: str = "prior") -> Path:
        for path in sorted(self.run(variant).scores.glob("*.json")):
            if parse_score_record(path.read_bytes()).subject.sampler == sampler:
                return path
        raise LookupError(sampler)

    def publish(self, folder: Path) -> Path:
        """A report folder with the records and without weights."""
        shutil.copytree(
            self.runs, folder / "records", ignore=shutil.ignore_patterns("*.safetensors", ".lock")
        )
        return folder


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("verify")
    gate = folder / "gate"
    variants = [
        tiny_variant("auto"),
        tiny_variant("conv", "bench.models.gan:GAN", ema_decay=0.9),
        tiny_variant(GATED, "faulty_models:Faulty", fault="wait", at_step=1, gate=str(gate)),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(offer_plugin(folder / "plugin"))
        trained = Trained(tiny_registry(folder / "tiny.yaml", variants), folder / "runs", gate)
        registry = load_registry(trained.file)
        for narrowing in (Narrowing(), Narrowing(variants=("auto",), seeds=(1,))):
            plan = make_plan(registry, registry.suite("tiny"), trained.runs, narrowing)
            around = surroundings(plan, torch.device("cpu"), trained.file, None)
            for job in jobs_of(plan, around, retry_failed=False):
                assert run_job(job, lambda _: None, lambda: False).status == "success"
    for lock in trained.runs.rglob(".lock"):
        lock.unlink()
    return trained


@pytest.fixture
def trained(original: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """A copy to be damaged."""
    monkeypatch.syspath_prepend(original.file.with_name("plugin"))
    shutil.copytree(original.runs, tmp_path / "runs")
    return dataclasses.replace(original, runs=tmp_path / "runs")


Verify = Callable[..., Shown]


@pytest.fixture
def verify(
    original: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Verify:
    """Runs ``aigc bench verify`` as a shell would, in this process; whatever it says stays a
    sentence, and no file below the folder that it looks at changes.

    Records that were made by this very process are demanded to the last bit, which ``auto`` does
    only where the machine says what its processor is.
    """
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    usual = signal.getsignal(signal.SIGTERM)

    def run(
        *arguments: str | Path, registry: Path = original.file, compare: str = "exact"
    ) -> Shown:
        texts = ["aigc", "bench", "verify", *map(str, arguments), "--registry", str(registry)]
        monkeypatch.setattr(sys, "argv", [*texts, "--jobs", "1", "--compare", compare])
        before = files_below(Path(arguments[0]))
        with pytest.raises(SystemExit) as ended:
            cli.main()
        signal.signal(signal.SIGTERM, usual)
        assert files_below(Path(arguments[0])) == before
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return Shown(int(ended.value.code or 0), shown.out, shown.err)

    return run


def metric_of(file: Path, name: str) -> tuple[int, dict[str, Any]]:
    metrics = json.loads(file.read_text())["metrics"]
    index = next(i for i, metric in enumerate(metrics) if metric["name"] == name)
    return index, metrics[index]


def under_protocol(file: Path, **changes: Any) -> Path:
    """A score record as another installation would have written it, consistent in itself."""
    old = parse_score_record(file.read_bytes())
    protocol = old.protocol.model_copy(update=changes)
    hashed = score_hash(old.subject, protocol)
    new = {"protocol": protocol, "protocol_key": protocol.key, "score_hash": hashed}
    record = ScoreRecord.model_validate({**dict(old), **new})
    file.unlink()
    moved = file.with_name(f"{hashed[:16]}.json")
    moved.write_text(to_json(record))
    return moved


# ---- what is intact --------------------------------------------------------------------------


def test_intact_runs_are_equal_to_the_last_bit(trained: Trained, verify: Verify) -> None:
    shown = verify(trained.runs)
    assert shown.code == 0, shown.stderr
    assert [row["result"] for row in shown.rows] == ["equal, exactly"] * 5
    by_run = {row["run"]: row for row in shown.rows}
    assert by_run["calibration"]["records"] == "1"
    auto = by_run[trained.run("auto").path.name]
    assert auto["records"] == "4"  # the training, prior, mixture and reconstruction
    assert auto["images"] == str(60 + 60 + 360)
    n_scores = len(list(trained.runs.rglob("scores/*.json"))) + 1
    n_trained = len(list(trained.runs.rglob("train.json")))
    assert f"compared {n_scores + n_trained} records, " in shown.stderr
    assert "files exactly\n" in shown.stderr
    assert f"verified exactly: {n_scores + n_trained} records; " in shown.stderr
    assert "measured, so never verified: " in shown.stderr


def test_loaded_weights_draw_the_images_of_the_weights_in_memory(
    tmp_path: Path, original: Trained
) -> None:
    from bench.data import load_dataset
    from bench.models.build import build_from_spec
    from bench.sample import trained_model as store
    from bench.train.loop import Trainer

    record = original.run("conv").train_record()
    assert record is not None
    recipe = {**record.spec.recipe, "width": 32, "latent_dim": 64, "ema_decay": 0.0}
    spec = record.spec.model_copy(update={"recipe": recipe})
    split = load_dataset(load_registry().dataset("digits"))["train"]
    model = build_from_spec(spec)
    Trainer(model, split, n_steps=5, seed=0).run()
    fresh = store.finish(spec, model, None, split)
    directory = RunDirectory(tmp_path)
    files = store.save(fresh, directory)
    directory.write_train(
        record.model_copy(
            update={
                "spec": spec,
                "train_hash": spec.train_hash,
                "artifacts": tuple(artifact("weights", file, tmp_path) for file in files),
            }
        )
    )
    loaded = store.load(directory, torch.device("cpu"))
    drawn, drawn_again = (m.sample("prior", 2000, seed=0) for m in (fresh, loaded))
    assert torch.equal(drawn, drawn_again)


def test_one_run_some_variants_and_some_seeds(trained: Trained, verify: Verify) -> None:
    conv = trained.run("conv").path
    assert [row["run"] for row in verify(conv).rows] == [conv.name]
    assert [row["run"] for row in verify(trained.runs, "calibration").rows] == ["calibration"]
    seed_1 = trained.run("auto", 1).path.name
    assert [row["run"] for row in verify(trained.runs, "auto", "--seeds", "1").rows] == [seed_1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["runs", "onne"], 2, "no run of 'onne' is in"),
        (["runs", "conv", "--seeds", "7"], 4, "no record is there to verify"),
        (["nowhere"], 4, "there is no such directory of records"),
        (["plain"], 4, "no record is there to verify"),
        (["runs", "--runs", "nowhere"], 4, "there is no such runs directory"),
    ],
)
def test_what_is_not_there(
    trained: Trained, verify: Verify, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    (tmp_path / "plain").mkdir()
    shown = verify(tmp_path / arguments[0], *arguments[1:])
    assert shown.code == code
    assert shown.stdout == ""
    assert message in shown.stderr


def test_a_metric_that_a_record_lacks_is_a_finding(trained: Trained, verify: Verify) -> None:
    file = trained.score("conv")
    data = json.loads(file.read_text())
    data["metrics"] = [m for m in data["metrics"] if m["name"] not in ("fid_bias", "copy_rate")]
    data["metrics"][0]["spread"] = None
    data["n_distinct"] = None
    file.write_text(json.dumps(data))
    shown = verify(trained.runs, "conv")
    assert shown.code == 5
    first = data["metrics"][0]["name"]
    lacking = {"fid_bias", "copy_rate", f"{first} spread", "n_distinct"}
    assert {row["what"] for row in shown.rows} == lacking
    assert {row["recorded"] for row in shown.rows} == {"not on record"}


def test_copies_of_what_a_run_was_trained_on_are_counted_again(
    verify: Verify, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    file = tiny_registry(tmp_path / "tiny.yaml", [tiny_variant("auto")])
    data = yaml.safe_load(file.read_text())
    data["suites"][0]["train_split"] = "judge"
    file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    registry = load_registry(file)
    plan = make_plan(registry, registry.suite("tiny"), tmp_path / "runs", Narrowing())
    around = surroundings(plan, torch.device("cpu"), file, None)
    for job in jobs_of(plan, around, retry_failed=False):
        assert run_job(job, lambda _: None, lambda: False).status == "success"
    shown = verify(tmp_path / "runs", "auto", registry=file)
    assert shown.code == 0
    assert {row["result"] for row in shown.rows} == {"equal, exactly"}


# ---- what is not -----------------------------------------------------------------------------


def flip_a_byte(trained: Trained) -> None:
    file = trained.run("auto").weights
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def swap_the_weights(trained: Trained) -> None:
    shutil.copyfile(trained.run("auto", 1).weights, trained.run("auto").weights)


def edit_the_curve(trained: Trained) -> None:
    trained.run("auto").curve.write_text("step\n")


def change_a_metric(trained: Trained) -> None:
    file = trained.score("auto")
    index, metric = metric_of(file, "fid")
    set_in_json(file, "metrics", index, "value", to=metric["value"] * (1 + 1e-12))


def change_a_spread(trained: Trained) -> None:
    file = trained.score("auto")
    index, metric = metric_of(file, "is")
    set_in_json(file, "metrics", index, "spread", to=metric["spread"] + 1e-9)


def drop_a_value(trained: Trained) -> None:
    file = trained.score("auto")
    index, _ = metric_of(file, "recall")
    set_in_json(file, "metrics", index, "missing_reason", to="too few images")
    set_in_json(file, "metrics", index, "value", to=None)


def invent_a_metric(trained: Trained) -> None:
    file = trained.score("auto")
    data = json.loads(file.read_text())
    invented = {**data["metrics"][0], "name": "label_accuracy", "value": 0.5, "spread": None}
    invented["higher_is_better"] = True
    file.write_text(json.dumps({**data, "metrics": [*data["metrics"], invented]}))


def say_another_sample_size(trained: Trained) -> None:
    file = trained.score("auto")
    index, metric = metric_of(file, "precision")
    set_in_json(file, "metrics", index, "n_fake", to=metric["n_fake"] + 1)


def change_the_images_hash(trained: Trained) -> None:
    set_in_json(trained.score("auto"), "images_sha256", to="0" * 64)


def rename_a_score(trained: Trained) -> None:
    file = trained.score("auto")
    file.rename(file.with_name("0123456789abcdef.json"))


def borrow_a_score(trained: Trained) -> None:
    for file in trained.run("auto", 1).scores.glob("*.json"):
        shutil.copy(file, trained.run("auto").scores)


def change_a_calibration_score(trained: Trained) -> None:
    (file,) = (trained.runs / "calibration").glob("*.json")
    index, metric = metric_of(file, "fid")
    set_in_json(file, "metrics", index, "value", to=metric["value"] + 1e-6)


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (flip_a_byte, ["weights.safetensors"]),
        (swap_the_weights, ["weights.safetensors"]),
        (edit_the_curve, ["curve.csv", "curve.csv: last step", "health last_losses"]),
        (change_a_metric, ["fid"]),
        (change_a_spread, ["is spread"]),
        (drop_a_value, ["health suspicions", "recall", "recall: what of"]),
        (invent_a_metric, ["label_accuracy"]),
        (say_another_sample_size, ["precision: what of"]),
        (change_the_images_hash, ["images_sha256"]),
        (rename_a_score, ["file name"]),
        (borrow_a_score, ["subject run_id", "subject seed", "subject train_hash"] * 3),
        (change_a_calibration_score, ["fid"]),
    ],
)
def test_a_wrong_value_is_named_and_costs_its_own_run(
    trained: Trained, verify: Verify, damage: Callable[[Trained], None], what: list[str]
) -> None:
    damage(trained)
    shown = verify(trained.runs, "auto", "conv", "calibration", "--seeds", "0")
    assert shown.code == 5
    assert list(shown.rows[0]) == HEADERS
    assert [row["what"] for row in shown.rows] == what
    (run,) = {row["run"] for row in shown.rows}
    assert run == ("calibration" if "calib" in damage.__name__ else trained.run("auto").path.name)
    assert all(row["recorded"] != row["recomputed"] for row in shown.rows)
    assert {row["allowed"] for row in shown.rows} == {"equal"}
    assert f"{len(what)} values of 1 of 3 differ from their records" in shown.stderr
    assert shown.stderr.count("equal, exactly") == 2


def test_what_a_table_says_of_a_number(trained: Trained, verify: Verify) -> None:
    file = trained.score("auto")
    index, metric = metric_of(file, "fid")
    set_in_json(file, "metrics", index, "value", to=metric["value"] + 0.25)
    (row,) = verify(trained.run("auto").path).rows
    assert row["record"] == f"scores/{file.name}"
    assert float(row["recorded"]) == metric["value"] + 0.25
    assert float(row["recomputed"]) == metric["value"]
    assert row["difference"] == "-0.25"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("weights.safetensors", "no weights: weights.safetensors is not there"),
        ("gmm-10.safetensors", "no weights: gmm-10.safetensors is not there"),
        ("curve.csv", "curve.csv is not there"),
        ("train.json", "train.json is not there"),
    ],
)
def test_a_missing_file_is_missing(
    trained: Trained, verify: Verify, name: str, reason: str
) -> None:
    (trained.run("auto").path / name).unlink()
    shown = verify(trained.runs, "auto", "conv", "--seeds", "0")
    assert shown.code == 4
    assert [row["result"] for row in shown.rows] == [f"not verified: {reason}", "equal, exactly"]
    assert "error: 1 of 2 could not be verified; nothing that was compared differs" in shown.stderr
    assert ("--retrain" in shown.stderr) == ("no weights" in reason)


@pytest.mark.parametrize("name", ["train.json", "scores"])
def test_a_broken_record_is_invalid_input(trained: Trained, verify: Verify, name: str) -> None:
    run = trained.run("auto")
    file = run.train_json if name == "train.json" else trained.score("auto")
    file.write_text(file.read_text()[:-9])
    shown = verify(trained.runs, "auto", "conv", "--seeds", "0")
    assert shown.code == 3
    results = {row["run"]: row["result"] for row in shown.rows}
    assert results[run.path.name].startswith("not verified: a record file is broken")
    assert results[trained.run("conv").path.name] == "equal, exactly"


def test_a_record_cannot_name_files_outside_of_its_run(trained: Trained, verify: Verify) -> None:
    set_in_json(trained.run("auto").train_json, "artifacts", 0, "path", to="../weights.safetensors")
    shown = verify(trained.run("auto").path)
    assert shown.code == 3
    assert "a path is below the run directory" in shown.rows[0]["result"]


def test_a_number_that_is_wrong_outweighs_one_that_nobody_can_check(
    trained: Trained, verify: Verify
) -> None:
    trained.run("auto").weights.unlink()
    set_in_json(trained.score("conv"), "images_sha256", to="0" * 64)
    assert verify(trained.runs).code == 5


def test_a_crash_costs_one_row(trained: Trained, verify: Verify) -> None:
    run = trained.run("auto")
    state = load_file(run.weights)
    huge = {name: t * 1e30 if t.is_floating_point() else t for name, t in state.items()}
    save_file(huge, run.weights)
    set_in_json(run.train_json, "artifacts", 0, "sha256", to=sha256_of_file(run.weights))
    shown = verify(trained.runs, "auto", "conv", "--seeds", "0")
    assert shown.code == 1
    failed, passed = (row["result"] for row in shown.rows)
    assert failed.startswith("not verified: ")
    assert failed.endswith(": the model makes pixels that are not finite")
    assert passed == "equal, exactly"


# ---- other machines, other installations ------------------------------------------------------


def test_other_threads_are_another_machine(trained: Trained, verify: Verify) -> None:
    file = trained.score("conv")
    index, metric = metric_of(file, "fid")
    allowed = allowed_of_value("fid", metric["value"])
    set_in_json(file, "metrics", index, "value", to=metric["value"] + 0.5 * allowed)
    set_in_json(file, "images_sha256", to="0" * 64)  # pixels may differ there
    near = verify(trained.runs, "conv", "--threads", "2", compare="auto")
    assert near.code == 0
    assert near.rows[0]["result"] == "consistent within tolerance"
    assert near.rows[0]["images"] == "60"  # of 120: the other set has other pixels
    assert "numbers within tolerance; 60 of 120 images in sets with the" in near.stderr
    assert verify(trained.runs, "conv", "--threads", "2").code == 5
    assert verify(trained.runs, "conv").code == 5

    set_in_json(file, "metrics", index, "value", to=metric["value"] + 1.5 * allowed)
    far = verify(trained.runs, "conv", compare="tolerant")
    assert far.code == 5
    assert [row["what"] for row in far.rows] == ["fid"]
    assert abs(float(far.rows[0]["allowed"]) / allowed - 1) < 0.05
    assert "--compare tolerant" not in far.stderr


def same(environment: dict[str, Any]) -> None:
    """The record of this machine as it is."""


def of_an_older_release(environment: dict[str, Any]) -> None:
    del environment["processor"], environment["accelerator"]


def of_another_stepping(environment: dict[str, Any]) -> None:
    environment["processor"]["stepping"] += "1"


def of_fewer_instructions(environment: dict[str, Any]) -> None:
    environment["processor"]["instruction_sets"].clear()


@pytest.mark.skipif(
    not same_machine(HERE, HERE, set(os.environ)),
    reason="this machine does not say what its processor is, or a variable limits it",
)
@pytest.mark.parametrize(
    "change", [same, of_an_older_release, of_another_stepping, of_fewer_instructions]
)
def test_only_the_very_processor_has_to_give_the_last_bit(
    trained: Trained, verify: Verify, change: Callable[[dict[str, Any]], None]
) -> None:
    for file in trained.run("conv").path.rglob("*.json"):
        data = json.loads(file.read_text())
        assert data["environment"]["device_name"] == HERE.device_name
        change(data["environment"])
        file.write_text(json.dumps(data))
    shown = verify(trained.runs, "conv", compare="auto")
    assert shown.code == 0, shown.stdout
    known = change is same
    (row,) = shown.rows
    assert row["result"] == ("equal, exactly" if known else "consistent within tolerance")

    file = trained.score("conv")
    index, metric = metric_of(file, "fid")
    set_in_json(file, "metrics", index, "value", to=metric["value"] * (1 + 1e-10))
    near = verify(trained.runs, "conv", compare="auto")
    assert near.code == (5 if known else 0)
    assert ("verified exactly: 0 records" in near.stderr) is not known
    set_in_json(file, "metrics", index, "value", to=metric["value"] * (1 + 2.4e-3))
    assert verify(trained.runs, "conv", compare="auto").code == 5  # of the very same images
    set_in_json(file, "metrics", index, "value", to=metric["value"] * 0.95)  # a forgery
    forged = verify(trained.runs, "conv", compare="auto")
    assert forged.code == 5
    assert [row["what"] for row in forged.rows] == ["fid"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"torch_fidelity": "0.3.0"}, "the score was made with torch-fidelity 0.3.0, and "),
        ({"dataset_fingerprint": "f" * 64}, "the record needs data set 'digits' with fingerprint"),
        ({"dataset": "letters"}, "the registry has no data set 'letters'"),
        ({"extractor_sha256": "e" * 64}, "the score needs extractor 'digits-cnn' with sha256 eee"),
        ({"extractor": "other-cnn"}, "the score needs extractor 'other-cnn'"),
    ],
)
def test_a_protocol_that_is_not_installed(
    trained: Trained, verify: Verify, changes: dict[str, str], reason: str
) -> None:
    for file in list(trained.run("conv").scores.glob("*.json")):
        under_protocol(file, **changes)
    shown = verify(trained.runs, "conv")
    assert shown.code == 4
    assert shown.rows[0]["result"].startswith(f"not verified: {reason}")


def test_the_stored_protocol_counts_and_not_the_present_one(
    trained: Trained, verify: Verify
) -> None:
    under_protocol(trained.score("conv"), n_fake=59)
    shown = verify(trained.runs, "conv")
    assert shown.code == 5
    assert "n_images" in [row["what"] for row in shown.rows]


# ---- weights from elsewhere, or from a new training -------------------------------------------


def test_published_records_take_the_weights_of_the_run(
    trained: Trained, verify: Verify, tmp_path: Path
) -> None:
    report = trained.publish(tmp_path / "report")
    alone = verify(report)
    assert alone.code == 4
    results = [row["result"] for row in alone.rows]
    # calibration needs no weights
    assert results == ["equal, exactly", *["not verified: no weights"] * 4]
    assert "4 of 5 could not be verified" in alone.stderr
    assert "give --runs DIR" in alone.stderr

    shown = verify(report, "--runs", trained.runs)
    assert shown.code == 0, shown.stdout
    assert {row["result"] for row in shown.rows} == {"equal, exactly"}

    swap_the_weights(trained)  # another training below the same name says nothing of the record
    other = verify(report / "records", "auto", "--seeds", "0", "--runs", trained.runs)
    assert other.code == 4
    assert re.search(r"no weights: \S+weights.safetensors has another", other.rows[0]["result"])


def test_training_again_gives_the_recorded_weights(
    trained: Trained, verify: Verify, tmp_path: Path
) -> None:
    report = trained.publish(tmp_path / "report")
    shown = verify(report, "auto", "conv", "--retrain", "--seeds", "0")
    assert shown.code == 0, shown.stdout
    assert {row["result"] for row in shown.rows} == {"equal, exactly"}

    record = next((report / "records").glob("conv-*/train.json"))
    set_in_json(record, "artifacts", 0, "sha256", to="0" * 64)
    wrong = verify(report, "conv", "--retrain")
    assert wrong.code == 5
    assert [row["what"] for row in wrong.rows] == ["weights.safetensors, trained again"]

    elsewhere = verify(report, "conv", "--retrain", compare="tolerant")
    assert elsewhere.code == 4
    assert "not comparable here: trained again on another machine" in elsewhere.rows[0]["result"]


def test_a_hang_and_a_death_cost_one_row_each(trained: Trained, verify: Verify) -> None:
    gated = trained.run(GATED).path.name
    trained.gate.touch()
    process = trained.gate.with_name("gate.pid")

    def kill() -> None:
        wait_until(process.exists, "a model at its gate")
        os.kill(int(process.read_text()), signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        died = verify(trained.runs, GATED, "conv", "--retrain")
        killer.join()
        hung = verify(trained.runs, GATED, "--retrain", "--timeout", "3s")
    finally:
        trained.gate.unlink()
        process.unlink(missing_ok=True)
    assert (died.code, hung.code) == (1, 1)
    results = {row["run"]: row["result"] for row in died.rows}
    assert "the process was killed by SIGKILL" in results.pop(gated)
    assert list(results.values()) == ["equal, exactly"]
    (hung_row,) = hung.rows
    assert hung_row["result"].startswith("not verified: ")
    assert "took longer than 3 s" in hung_row["result"]


# ---- for programs, and the committed records ---------------------------------------------------


def test_json_holds_every_comparison(trained: Trained, verify: Verify) -> None:
    change_a_metric(trained)
    shown = verify(trained.runs, "auto", "--seeds", "0", "--json")
    assert shown.code == 5
    (item,) = items_of(shown.stdout)
    assert (item["exit_code"], item["records"], item["images"]) == (5, 4, 480)
    (bad,) = [check for check in item["checks"] if not check["passed"]]
    assert (bad["what"], bad["allowed"]) == ("fid", 0.0)
    assert bad["recorded"] != bad["recomputed"]
    assert item["numbers"] == sum(c["kind"] == "number" for c in item["checks"]) > 40


def test_the_committed_calibration_scores_hold(verify: Verify, tmp_path: Path) -> None:
    committed = CLONE / "reports" / "digits-quick" / "records" / "calibration"
    (tmp_path / "calibration").mkdir()
    further = {file for file in committed.glob("*.json") if "-draw-" in file.name}
    for file in {*committed.glob("*.json")} - further:  # further draws take as long again
        shutil.copy(file, tmp_path / "calibration")
    registry = CLONE / "registry.yaml"
    shown = verify(tmp_path / "calibration", registry=registry, compare="auto")
    assert shown.code == 5
    # The draws that were not copied are missed, and nothing else is told.
    assert {row["recorded"] for row in shown.rows} == {"not on record"}
    assert len(shown.rows) == len(further) == 8

    (file,) = (tmp_path / "calibration").glob("noise-*.json")
    for other in {*(tmp_path / "calibration").glob("*.json")} - {file}:  # they hold, as was seen
        other.unlink()
    index, metric = metric_of(file, "fid")
    set_in_json(file, "metrics", index, "value", to=metric["value"] * 0.95)
    forged = verify(tmp_path / "calibration", registry=registry, compare="auto")
    assert forged.code == 5
    told = [row["what"] for row in forged.rows if row["recorded"] != "not on record"]
    assert told == ["fid"]


def test_published_weights_give_the_published_numbers(verify: Verify) -> None:
    """A GAN and an autoencoder of the quick table, on whatever machine this is."""
    report, registry = CLONE / "reports" / "digits-quick", CLONE / "registry.yaml"
    shown = verify(report, "dcgan", "vae", registry=registry, compare="auto")
    assert shown.code == 0, shown.rows
    assert [row["records"] for row in shown.rows] == ["2", "4"]


def test_the_file_of_a_calibration_score_says_its_set(trained: Trained, verify: Verify) -> None:
    (file,) = (trained.runs / "calibration").glob("*.json")
    key = parse_score_record(file.read_bytes()).protocol_key
    file.rename(calibration_file(file.parent, "noise", key))
    shown = verify(trained.runs, "calibration")
    assert shown.code == 5
    assert [row["what"] for row in shown.rows] == ["file name"]
