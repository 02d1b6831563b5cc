"""Status: running, dead and far-away jobs are told apart, and looking takes no lock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from benches import DEAD
from helpers import document_of, files_below, tiny_registry, tiny_variant
from typer.testing import CliRunner, Result

from bench.cli.main import app
from bench.machine.process import ProcessId, this_process
from bench.records.lease import RUNNER, Holder, Sign, announced, name_of_holder, read_holder
from bench.records.record import to_json
from bench.records.run_directory import exclusive
from bench.run.plan import Plan, make_plan
from bench.watch.job_state import CommandState, planned_job_state
from catalog.errors import MissingPrerequisite
from catalog.read.loader import load_registry

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
FAR = DEAD.model_copy(update={"host": "0" * 12})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("one"), tiny_variant("two")])
    registry = load_registry(file)
    return make_plan(registry, registry.suite("tiny"), tmp_path / "runs")


def leave_sign(plan: Plan, process: ProcessId, age_s: float = 3.0, **more: Any) -> None:
    """A sign of life in the directory of the first job."""
    facts = {
        "process": process,
        "phase": "train",
        "step": 7,
        "n_steps": 20,
        "losses": {"loss": 0.5},
        "images_per_s": 1234.5,
        "memory_bytes": 300_000_000,
        "peak_memory_bytes": 400_000_000,
        "updated_at": NOW - timedelta(seconds=age_s),
    }
    directory = plan.jobs[0].directory
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "progress.json").write_text(to_json(Sign.model_validate({**facts, **more})))


def leave_note(plan: Plan, process: ProcessId) -> None:
    started_at = NOW - timedelta(hours=1)
    holder = Holder(process=process, command="bench run tiny", n_slots=2, started_at=started_at)
    plan.runs_dir.mkdir(parents=True, exist_ok=True)
    (plan.runs_dir / RUNNER).write_text(to_json(holder))


def test_a_living_job_is_running(plan: Plan) -> None:
    leave_sign(plan, this_process())
    status = planned_job_state(plan.jobs[0], NOW)
    assert (status.state, status.life) == ("running", "alive")
    assert status.detail == (
        "train, step 7 of 20 · 1,234 images/s · 300 MB, peak 400 MB · last sign 3 s ago"
    )
    leave_sign(plan, this_process(), phase="score", step=None, images_per_s=None, age_s=600.0)
    assert planned_job_state(plan.jobs[0], NOW).detail == (
        "score · 300 MB, peak 400 MB · last sign 10 min ago"
    )


def test_a_dead_job_says_how_far_it_came(plan: Plan) -> None:
    leave_sign(plan, DEAD, age_s=7200.0)
    status = planned_job_state(plan.jobs[0], NOW)
    assert (status.state, status.life, status.resumes_from) == ("new", "dead", None)
    assert status.detail == (
        "process 1 is dead, last seen 2.0 h ago in train, step 7 of 20; trains from the start"
    )


def test_of_a_job_elsewhere_only_the_last_sign_is_known(plan: Plan) -> None:
    leave_sign(plan, FAR)
    status = planned_job_state(plan.jobs[0], NOW)
    assert (status.state, status.life) == ("new", "elsewhere")
    assert status.detail == ("no record; a process on another machine was last heard of 3 s ago")


def test_a_job_without_a_sign_is_as_planned(plan: Plan) -> None:
    status = planned_job_state(plan.jobs[1], NOW)
    assert (status.state, status.life, status.detail) == ("new", "none", "no record")


def test_a_run_is_alive_dead_or_elsewhere(plan: Plan) -> None:
    assert CommandState.of(plan.runs_dir).sentence() == "no command is at work"
    since = r"\(process \d+, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\)"
    for process, end in (
        (this_process(), "is at work"),
        (DEAD, "is dead; the same command goes on from here"),
        (FAR, r"which can't be told from here; last sign of life .*, 5 s ago"),
    ):
        leave_note(plan, process)
        sentence = CommandState.of(plan.runs_dir).sentence(NOW - timedelta(seconds=5), NOW)
        assert re.fullmatch(rf"'aigc bench run tiny' {since} .*{end}", sentence), sentence


def look(plan: Plan, *options: str) -> Result:
    registry = plan.runs_dir.parent / "registry.yaml"
    command = ["bench", "status", "tiny", "-o", plan.runs_dir, "--registry", registry, *options]
    return CliRunner().invoke(app, list(map(str, command)))


def test_looking_takes_no_lock_and_changes_nothing(plan: Plan) -> None:
    leave_sign(plan, this_process())
    leave_note(plan, DEAD)
    before = files_below(plan.runs_dir)
    shown = look(plan)
    assert shown.exit_code == 0
    assert [line.split("\t")[3] for line in shown.stdout.splitlines()] == [
        "state",
        "running",
        "new",
    ]
    totals, disk, run = shown.stderr.splitlines()
    assert totals.startswith("tiny: 2 jobs: 1 running, 1 new, 1 calibration rows to score")
    assert re.fullmatch(r"disk: \d+ B of these jobs; .* free", disk)
    assert run.endswith("is dead; the same command goes on from here")
    with exclusive(plan.runs_dir), exclusive(plan.jobs[0].directory):
        assert look(plan).stdout.splitlines()[2:] == shown.stdout.splitlines()[2:]
    assert {n: c for n, c in files_below(plan.runs_dir).items() if n in before} == before


def test_json_has_every_field(plan: Plan) -> None:
    leave_sign(plan, this_process())
    leave_note(plan, this_process())
    document = document_of(look(plan, "--json").stdout)
    one, two = document["items"]
    assert (one["state"], one["process"], one["pid"]) == ("running", "alive", this_process().pid)
    sign = one["last_sign"]
    assert (sign["phase"], sign["step"], sign["n_steps"]) == ("train", 7, 20)
    assert (sign["memory_bytes"], sign["peak_memory_bytes"]) == (300_000_000, 400_000_000)
    assert sign["age_s"] > 0.0
    assert one["n_bytes"] == (plan.jobs[0].directory / "progress.json").stat().st_size
    assert (two["state"], two["process"], two["last_sign"]) == ("new", "none", None)
    assert document["run"]["state"] == "alive"
    assert document["run"]["command"] == "bench run tiny"
    assert document["run"]["n_slots"] == 2
    assert document["disk"]["jobs"] == one["n_bytes"]


def test_a_plan_says_that_its_jobs_may_be_at_work(plan: Plan) -> None:
    registry = plan.runs_dir.parent / "registry.yaml"
    command = ["bench", "plan", "tiny", "-o", str(plan.runs_dir), "--registry", str(registry)]
    assert "at work" not in CliRunner().invoke(app, command).stderr
    leave_note(plan, this_process())
    *_, run, last = CliRunner().invoke(app, command).stderr.splitlines()
    assert run.endswith(" is at work")
    assert last == "nothing was started"


def test_status_can_be_narrowed(plan: Plan) -> None:
    (item,) = document_of(look(plan, "two", "--seeds", "3", "--json").stdout)["items"]
    assert (item["variant"], item["seed"]) == ("two", "3")


def test_a_holder_is_named_to_whom_it_refuses(plan: Plan) -> None:
    with exclusive(plan.runs_dir), announced(plan.runs_dir, "bench run tiny", 2):
        assert read_holder(plan.runs_dir) is not None
        with pytest.raises(MissingPrerequisite) as refused, exclusive(plan.runs_dir):
            pytest.fail("two writers in one directory")
    assert refused.value.what.startswith(
        f"another process is writing to this directory: 'aigc bench run tiny' (process "
        f"{this_process().pid}, since "
    )
    assert read_holder(plan.runs_dir) is None


def test_a_note_goes_even_if_the_command_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), announced(tmp_path, "bench run tiny"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_the_dead_are_not_named_as_holders(plan: Plan) -> None:
    leave_note(plan, DEAD)
    leave_sign(plan, DEAD)
    assert name_of_holder(plan.runs_dir) is None
    assert name_of_holder(plan.jobs[0].directory) is None
    leave_sign(plan, this_process())
    named = name_of_holder(plan.jobs[0].directory)
    assert named is not None
    assert named.startswith(f"process {this_process().pid}, last heard of 2026-03-01 ")


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_an_unreadable_note_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / RUNNER).write_text(content)
    assert read_holder(tmp_path) is None
