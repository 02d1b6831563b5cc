"""The command line as a shell sees it: real processes, their output, exit codes and files."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from filelock import FileLock
from helpers import (
    CLONE,
    TESTS,
    aigc,
    aigc_telling_torch,
    files_below,
    tiny_registry,
    tiny_variant,
    whole_registry,
)
from PIL import Image
from typer.testing import CliRunner, Result

from bench.cli.main import app
from bench.records.record import parse_train_record
from bench.records.run_directory import exclusive
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError

GOLDEN = TESTS / "golden" / "cli"
HELP_LIMIT_S = 20.0
"""About fifty times what it takes; with torch it would take longer on a busy machine."""


class Finished(NamedTuple):
    """A suite that was run by the command, and what the command said."""

    folder: Path
    code: int
    events: list[dict[str, Any]]
    stderr: str

    def run_directory(self, variant: str) -> Path:
        (found,) = (self.folder / "runs").glob(f"{variant}-digits-s0-*")
        return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Made once, even where several processes share the tests out among them."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    said = folder / "said.json"
    with FileLock(folder.with_suffix(".lock")):
        if not said.exists():
            gan = tiny_variant("gan", "bench.models.gan:GAN", ema_decay=0.9)
            tiny_registry(folder / "registry.yaml", [tiny_variant("vae"), gan])
            done = aigc("bench", "run", "tiny", "--registry", "registry.yaml", "--json", cwd=folder)
            said.write_text(json.dumps([done.returncode, done.stdout, done.stderr]))
    code, stdout, stderr = json.loads(said.read_text())
    return Finished(folder, code, [json.loads(line) for line in stdout.splitlines()], stderr)


def golden(name: str) -> list[str]:
    return (GOLDEN / name).read_text(encoding="utf-8").splitlines()


def test_help_is_quick_and_loads_nothing_heavy(tmp_path: Path) -> None:
    start = time.monotonic()
    shown = aigc("--help", cwd=tmp_path)
    assert time.monotonic() - start < HELP_LIMIT_S
    assert shown.returncode == 0
    for word in ("catalog", "bench", "report", "doctor", "--version", "--debug"):
        assert word in shown.stdout
    assert shown.stderr == ""


@pytest.mark.parametrize(
    "command", [["--help"], ["bench", "list"], ["bench", "show", "r1-gan"], ["bench", "run", "-h"]]
)
def test_looking_does_not_load_torch(tmp_path: Path, command: list[str]) -> None:
    done = aigc_telling_torch(*command, cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.endswith("LOADED False")


def test_list_in_a_pipe(tmp_path: Path) -> None:
    shown = aigc("bench", "list", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    header, *rows = (tuple(line.split("\t")[:3]) for line in shown.stdout.splitlines())
    assert header == ("id", "family", "parent")
    entries = whole_registry()["variants"]
    assert rows == [(entry["id"], entry["family"], entry.get("parent", "")) for entry in entries]


def test_show_in_a_pipe(tmp_path: Path) -> None:
    shown = aigc("bench", "show", "r1-gan", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    facts = [line.split(maxsplit=1) for line in shown.stdout.splitlines()]
    identity = ("id", "name.en", "name.zh", "family", "algorithm", "parent")
    stable = [
        f"{key:<24} {value}" if key in identity else key
        for key, value in facts
        if key in identity or key.startswith("settings.")
    ]
    assert stable == golden("bench-show-r1-gan.txt")


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["bench", "show", "r1gan"], 2, "no variant is called 'r1gan' (did you mean: r1-gan"),
        (
            ["bench", "plan", "digit-quick"],
            2,
            "did you mean: digits-quick",
        ),
        (["bench", "run", "digits", "--seeds", "x"], 2, "'x' is not a list of seeds"),
        (["bench", "run", "digits", "--timeout", "1d"], 2, "'1d' is not a duration"),
        (["bench", "list", "--registry", "broken.yaml"], 3, "error: broken.yaml has "),
        (["bench", "list", "--registry", "absent.yaml"], 4, "there is no registry file"),
    ],
)
def test_an_error_is_a_sentence_and_a_code(
    tmp_path: Path, command: list[str], code: int, message: str
) -> None:
    (tmp_path / "broken.yaml").write_text("schema_version: 1\nvariants: 7\n")
    before = files_below(tmp_path)
    shown = aigc(*command, cwd=tmp_path)
    assert shown.returncode == code
    assert shown.stdout == ""
    assert message in shown.stderr
    assert "Traceback" not in shown.stderr
    assert files_below(tmp_path) == before


def test_a_run_is_json_lines_and_done_is_the_last(finished: Finished) -> None:
    assert finished.code == 0
    first, *middle, last = finished.events
    assert first["event"] == "plan"
    assert {job["job"]: job["state"] for job in first["jobs"]} == {"vae s0": "new", "gan s0": "new"}
    assert last["event"] == "done"
    assert last["exit_code"] == 0
    assert [event["event"] for event in finished.events].count("done") == 1
    assert all((finished.folder / run / "train.json").is_file() for run in last["runs"])
    kinds = {"JobStarted", "PhaseStarted", "TrainProgress", "Scored", "JobEnded"}
    assert {event["event"] for event in middle} == kinds
    ended = {e["job"]: e["status"] for e in middle if e["event"] == "JobEnded"}
    assert ended == dict.fromkeys(("vae s0", "gan s0", "calibration"), "success")
    assert finished.stderr == ""


def test_records_name_the_code_that_made_them(finished: Finished) -> None:
    record = parse_train_record((finished.run_directory("vae") / "train.json").read_bytes())
    assert record.environment.device == "cpu"
    assert record.environment.n_threads == 1
    assert len(record.provenance.code) == 64
    if (CLONE / ".git").exists():
        assert len(str(record.provenance.commit)) == 40


@pytest.fixture
def usual_signals() -> Iterator[None]:
    """``bench run`` takes SIGTERM over for the rest of its process, which is ours here."""
    usual = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, usual)


def run_again(finished: Finished) -> Result:
    runs, registry = finished.folder / "runs", finished.folder / "registry.yaml"
    command = ["bench", "run", "tiny", "--registry", str(registry), "-o", str(runs), "--json"]
    return CliRunner().invoke(app, command)


@pytest.mark.usefixtures("usual_signals")
def test_the_same_command_again_does_nothing_unless_another_holds_the_runs(
    finished: Finished,
) -> None:
    before = files_below(finished.folder / "runs")
    again = run_again(finished)
    assert again.exit_code == 0
    plan, done = (json.loads(line) for line in again.stdout.splitlines())
    assert {job["state"] for job in plan["jobs"]} == {"done"}
    assert (done["event"], done["exit_code"]) == ("done", 0)

    with exclusive(finished.folder / "runs"):
        refused = run_again(finished)
    assert isinstance(refused.exception, MissingPrerequisite)
    plan, done = (json.loads(line) for line in refused.stdout.splitlines())
    assert (done["event"], done["exit_code"]) == ("done", 4)
    assert files_below(finished.folder / "runs") == before


@pytest.mark.parametrize("variant", ["vae", "gan"])
def test_samples_are_a_function_of_run_sampler_and_seed(finished: Finished, variant: str) -> None:
    run = finished.run_directory(variant)
    images = {
        name: sampled(finished, run, name, *options)
        for name, options in {
            "usual": [],
            "again": [],
            "more": ["--n", "7"],
            "seed": ["--seed", "1"],
        }.items()
    }
    assert images["usual"].shape == (5, 1, 16, 16)
    assert images["usual"].dtype == np.uint8
    assert np.array_equal(images["usual"], images["again"])
    assert np.array_equal(images["usual"], images["more"][:5])  # image i does not depend on n
    assert not np.array_equal(images["usual"], images["seed"])


def sample(run: Path, file: Path, *options: str) -> Result:
    """``bench sample`` in this process, which has loaded torch already."""
    command = ["bench", "sample", str(run), "--out", str(file), "--n", "5", "--device", "cpu"]
    return CliRunner().invoke(app, [*command, *options])


def sampled(finished: Finished, run: Path, name: str, *options: str) -> Any:
    """The images that the command drew into a file."""
    file = finished.folder / f"{run.name}-{name}-{os.getpid()}.npy"
    result = sample(run, file, *options)
    assert result.exit_code == 0, result.exception
    assert result.stdout == f"{file.as_posix()}\n"
    return np.load(file)


def test_a_sample_grid_is_a_picture_and_averaged_weights_the_usual_ones(
    finished: Finished, tmp_path: Path
) -> None:
    run = finished.run_directory("gan")
    file = tmp_path / "x.png"
    shown = sample(run, file)
    assert (shown.exit_code, shown.stdout) == (0, f"{file}\n")
    with Image.open(file) as picture:
        assert picture.format == "PNG"
        assert picture.size[0] >= 2 * 16
        assert picture.size[1] >= 3 * 16
    usual = sampled(finished, run, "usual")
    assert np.array_equal(usual, sampled(finished, run, "ema", "--ema"))
    assert not np.array_equal(usual, sampled(finished, run, "raw", "--raw"))


@pytest.mark.parametrize(
    ("suffix", "options", "message"),
    [
        ("gif", [], "x.gif' is neither .png nor .npy"),
        ("npy", ["--sampler", "priör"], "has no sampler 'priör' (did you mean: prior?)"),
        ("npy", ["--sampler", "reconstruction"], "has no sampler 'reconstruction'"),
        ("npy", ["--ema"], "vae keeps no averaged weights"),
        ("npy", ["--device", "gpu"], "'gpu' is not a device"),
    ],
)
def test_what_cannot_be_sampled(
    finished: Finished, tmp_path: Path, suffix: str, options: list[str], message: str
) -> None:
    file = tmp_path / f"x.{suffix}"
    error = sample(finished.run_directory("vae"), file, *options).exception
    assert isinstance(error, UsageError)
    assert message in error.what
    assert not file.exists()


def test_what_is_no_finished_run_cannot_be_sampled(finished: Finished, tmp_path: Path) -> None:
    empty = sample(tmp_path, tmp_path / "x.npy").exception
    assert isinstance(empty, InvalidInput)
    assert "not a run directory" in empty.what
    record = (finished.run_directory("vae") / "train.json").read_text()
    (tmp_path / "train.json").write_text(record)
    without_weights = sample(tmp_path, tmp_path / "x.npy").exception
    assert isinstance(without_weights, MissingPrerequisite)
    assert "has no final weights" in without_weights.what
    assert [path.name for path in tmp_path.iterdir()] == ["train.json"]
