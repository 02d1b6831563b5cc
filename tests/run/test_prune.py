"""Pruning: what may go, what stays whatever is asked for, and that showing removes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from benches import DEAD, another_holder
from helpers import document_of, files_below, tiny_registry, tiny_variant
from stored_runs import write_record
from typer.testing import CliRunner, Result

from bench.cli.main import app
from bench.machine.process import ProcessId, this_process
from bench.records.lease import RUNNER, Sign, announced, read_holder
from bench.records.record import Failure, to_json
from bench.records.run_directory import exclusive
from bench.run.plan import Plan, PlannedJob, make_plan
from catalog.errors import MissingPrerequisite
from catalog.files import CACHE_VARIABLE
from catalog.read.loader import load_registry

HEX = "0123456789abcdef" * 2


class Place:
    """A registry with one suite, a runs directory, and the command."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "registry.yaml"
        self.runs = folder / "runs"
        self.register()

    def register(self, **recipe: Any) -> None:
        tiny_registry(self.file, [tiny_variant("one", **recipe), tiny_variant("two")])

    def plan(self) -> Plan:
        registry = load_registry(self.file)
        return make_plan(registry, registry.suite("tiny"), self.runs)

    def write(self, job: PlannedJob, status: str, *names: str, **changes: Any) -> Path:
        """A run directory with a record and some files of ten bytes."""
        write_record(job, status, **changes)
        for name in names:
            (job.directory / name).parent.mkdir(exist_ok=True)
            (job.directory / name).write_bytes(b"0123456789")
        return job.directory

    def prune(self, *arguments: str) -> Result:
        command = ["bench", "prune", *arguments, "--registry", self.file, "-o", self.runs]
        return CliRunner().invoke(app, list(map(str, command)))

    def gone(self, *arguments: str) -> set[str]:
        """What disappears with --yes; before, the same command without it must change nothing."""
        before = files_below(self.runs)
        shown = self.prune(*arguments)
        assert shown.exit_code == 0, shown.output
        assert shown.stderr.splitlines()[-1].endswith(
            ("nothing was removed; --yes removes it", "there is nothing to remove")
        )
        assert files_below(self.runs) == before
        removed = self.prune(*arguments, "--yes")
        assert removed.exit_code == 0, removed.output
        after = files_below(self.runs)
        kept = {name: content for name, content in after.items() if not name.endswith(".lock")}
        assert kept.items() <= before.items()
        return set(before) - set(after)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def sign_of(process: ProcessId) -> str:
    old = {"phase": "train", "memory_bytes": 1, "peak_memory_bytes": 1}
    moment = "2026-01-01T00:00:00Z"
    plain = {**old, "process": process.model_dump(), "updated_at": moment}
    return to_json(Sign.model_validate_json(json.dumps(plain)))


def test_by_default_goes_what_is_never_used_again(place: Place) -> None:
    one, two = place.plan().jobs
    done = place.write(
        one, "success", "weights.safetensors", "curve.csv", "checkpoint.pt", "notes.txt",
        "checkpoint-previous.pt", f".curve.csv-{HEX}", f"scores/.{'0' * 16}.json-{HEX}",
    )  # fmt: skip
    going_on = place.write(two, "started", "checkpoint.pt", "weights-ema.safetensors")
    (going_on / "progress.json").write_text(sign_of(DEAD))
    (place.runs / "calibration").mkdir()
    (place.runs / "calibration" / f".noise-01234567.json-{HEX}").touch()
    (place.runs / "calibration" / "noise-01234567.json").touch()
    assert place.gone() == {
        f"{done.name}/checkpoint.pt",
        f"{done.name}/checkpoint-previous.pt",
        f"{done.name}/.curve.csv-{HEX}",
        f"{done.name}/scores/.{'0' * 16}.json-{HEX}",
        f"{going_on.name}/progress.json",
        f"calibration/.noise-01234567.json-{HEX}",
    }
    assert place.gone() == set()


def test_the_live_curve_and_grid_go_when_the_run_is_finished(place: Place) -> None:
    one, two = place.plan().jobs
    done = place.write(one, "success", "curve.csv", "live.csv", "latest.png")
    going_on = place.write(two, "cancelled", "live.csv", "latest.png", "checkpoint.pt")
    (going_on / "progress.json").write_text(sign_of(DEAD))
    assert place.gone("--checkpoints") == set()
    assert place.gone() == {
        f"{done.name}/live.csv",
        f"{done.name}/latest.png",
        f"{going_on.name}/progress.json",
    }


def test_choices_are_exact(place: Place) -> None:
    one, _ = place.plan().jobs
    run = place.write(one, "success", "checkpoint.pt", f".curve.csv-{HEX}")
    assert place.gone("--checkpoints") == {f"{run.name}/checkpoint.pt"}
    assert place.gone("--drafts") == {f"{run.name}/.curve.csv-{HEX}"}


def test_a_suite_narrows_it(place: Place) -> None:
    one, _ = place.plan().jobs
    place.write(one, "success", "checkpoint.pt")
    other = place.runs / "three-digits-s0-01234567"
    other.mkdir()
    (other / f".train.json-{HEX}").touch()
    assert place.gone("tiny", "--drafts") == set()
    assert place.gone("--drafts") == {f"{other.name}/.train.json-{HEX}"}
    assert len(place.gone("tiny")) == 1
    unknown = place.prune("tinny")
    assert unknown.exit_code == 1  # the sentence and exit code 2 are main's business
    assert "tinny" in str(unknown.exception)


def test_stale_runs_go_whole_when_asked(place: Place) -> None:
    old, _ = place.plan().jobs
    stale = place.write(old, "success", "weights.safetensors", f"scores/{'0' * 16}.json", ".lock")
    assert place.gone("--stale") == set()
    place.register(latent_dim=5)
    new, two = place.plan().jobs
    place.write(new, "success", "weights.safetensors")
    place.write(two, "success", "weights.safetensors")
    shown = place.prune("--stale")
    assert "trained otherwise than planned: recipe.latent_dim 4 → 5" in shown.stdout
    assert place.gone() == set()
    gone = place.gone("--stale")
    assert {name.partition("/")[0] for name in gone} == {stale.name}
    assert not stale.exists()
    assert new.directory.is_dir()


def test_failed_runs_go_unless_something_of_them_is_good(place: Place) -> None:
    one, two = place.plan().jobs
    broken = Failure(phase="train", type="Diverged", message="loss is not finite")
    failed = place.write(one, "error", "checkpoint.pt", error=broken, artifacts=())
    trained = place.write(two, "error", "weights.safetensors", error=broken)
    assert place.gone() == set()
    gone = place.gone("--failed")
    assert gone == {f"{failed.name}/train.json", f"{failed.name}/checkpoint.pt"}
    assert not failed.exists()
    assert (trained / "weights.safetensors").exists()

    killed = Failure(phase="train", type="Killed", message="killed by SIGKILL")
    place.write(one, "error", "checkpoint.pt", error=killed, artifacts=())
    assert place.gone("--failed") == set()


def test_an_unknown_file_keeps_a_run_and_is_named(place: Place) -> None:
    one, _ = place.plan().jobs
    broken = Failure(phase="train", type="Diverged", message="loss is not finite")
    run = place.write(one, "error", "notes.txt", error=broken, artifacts=())
    (run / "plots").mkdir()
    shown = place.prune("--failed", "--yes")
    assert f"kept: {run}: failed, but it holds unknown files: notes.txt, plots" in shown.stderr
    assert (run / "train.json").exists()


def test_weights_go_when_asked_and_the_plan_knows(place: Place) -> None:
    one, two = place.plan().jobs
    weights = ["weights.safetensors", "weights-ema.safetensors", "gmm-10.safetensors"]
    run = place.write(one, "success", *weights, "grid-prior.png")
    unfinished = place.write(two, "cancelled", "checkpoint.pt", "weights.safetensors", artifacts=())
    shown = place.prune("--weights")
    assert "can't be verified without training again" in shown.stdout
    assert place.gone("--weights") == {f"{run.name}/{name}" for name in weights}
    assert (unfinished / "weights.safetensors").exists()
    (job, _) = place.plan().jobs
    assert job.state == "new"  # this one has no scores at all
    assert job.why.startswith("weights were pruned: trains again; ")


def test_links_lead_nowhere(place: Place, tmp_path: Path) -> None:
    one, two = place.plan().jobs
    elsewhere = Place(tmp_path / "elsewhere")
    there, _ = elsewhere.plan().jobs
    target = elsewhere.write(there, "success", "checkpoint.pt", f".curve.csv-{HEX}")
    run = place.write(two, "success")
    (run / "checkpoint.pt").symlink_to(target / "checkpoint.pt")
    (run / "scores").symlink_to(target)
    one.directory.symlink_to(target)
    before = files_below(tmp_path / "elsewhere")
    assert place.gone() == set()
    assert place.gone("--weights", "--stale", "--failed", "--drafts", "--checkpoints") == set()
    assert files_below(tmp_path / "elsewhere") == before
    assert (run / "checkpoint.pt").is_symlink()


def test_a_living_run_is_left_alone(place: Place) -> None:
    one, two = place.plan().jobs
    for job in (one, two):
        place.write(job, "success", "checkpoint.pt")
    (one.directory / "progress.json").write_text(sign_of(this_process()))
    with another_holder(two.directory):
        shown = place.prune("--yes")
    assert shown.exit_code == 0
    assert (
        f"kept: {one.directory}: process {this_process().pid} may be at work in it" in shown.stderr
    )
    assert f"kept: {two.directory}: another process is writing to this directory" in shown.stderr
    assert all((job.directory / "checkpoint.pt").exists() for job in (one, two))
    assert shown.stderr.endswith("there is nothing to remove\n")


@pytest.mark.parametrize("options", [[], ["--yes"]])
def test_while_a_run_is_alive_nothing_is_pruned(place: Place, options: list[str]) -> None:
    one, _ = place.plan().jobs
    place.write(one, "success", "checkpoint.pt")
    with exclusive(place.runs), announced(place.runs, "bench run tiny"):
        before = files_below(place.runs)
        shown = place.prune(*options)
        assert files_below(place.runs) == before
    assert isinstance(shown.exception, MissingPrerequisite)
    assert shown.exception.exit_code == 4
    assert f"'aigc bench run tiny' (process {this_process().pid}, since " in shown.exception.what


def test_the_note_of_a_dead_command_goes(place: Place) -> None:
    place.runs.mkdir()
    with announced(place.runs, "bench run tiny", 2):
        holder = read_holder(place.runs)
    assert holder is not None
    assert holder.n_slots == 2
    dead = holder.model_copy(update={"process": DEAD})
    (place.runs / RUNNER).write_text(to_json(dead))
    assert place.gone("--drafts") == {RUNNER}
    far = holder.model_copy(update={"process": DEAD.model_copy(update={"host": "0" * 12})})
    (place.runs / RUNNER).write_text(to_json(far))
    assert isinstance(place.prune().exception, MissingPrerequisite)  # it may be at work there


def test_a_broken_record_keeps_its_run(place: Place) -> None:
    one, _ = place.plan().jobs
    run = place.write(one, "success", "checkpoint.pt")
    (run / "train.json").write_text("{")
    shown = place.prune("--yes")
    assert f"kept: {run}: its record is broken: " in shown.stderr
    assert (run / "checkpoint.pt").exists()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    features = tmp_path / "cache" / "features"
    features.mkdir(parents=True)
    return features


def test_the_cache_goes_when_asked(place: Place, cache: Path) -> None:
    mine, strange, links = (
        cache / f"{HEX * 2}.safetensors",
        cache / "x.txt",
        cache.parent / "l.json",
    )
    for file in (mine, strange, links):
        file.write_bytes(b"12345")
    assert place.gone() == set()
    assert mine.exists()
    (item,) = document_of(place.prune("--cache", "--json").stdout)["items"]
    assert (item["choice"], item["n_bytes"], item["files"]) == ("cache", 5, [mine.name])
    assert place.prune("--cache", "--yes").exit_code == 0
    assert not mine.exists()
    assert strange.exists()
    assert links.exists()
    assert not place.runs.exists()


def test_json_says_what_went_and_what_stayed(place: Place) -> None:
    one, two = place.plan().jobs
    run = place.write(one, "success", "checkpoint.pt")
    place.write(two, "success", "checkpoint.pt")
    (two.directory / "progress.json").write_text(sign_of(this_process()))
    shown = document_of(place.prune("--json").stdout)
    assert (shown["removed"], shown["n_bytes"]) == (False, 10)
    done = document_of(place.prune("--json", "--yes").stdout)
    assert (done["removed"], done["n_bytes"]) == (True, 10)
    assert done["items"] == shown["items"]
    (item,) = done["items"]
    assert (item["directory"], item["files"]) == (run.as_posix(), ["checkpoint.pt"])
    assert [kept["directory"] for kept in done["kept"]] == [two.directory.as_posix()]


def test_nothing_there_is_nothing_to_remove(place: Place) -> None:
    shown = place.prune()
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert shown.stderr == "there is nothing to remove\n"
    assert not place.runs.exists()
