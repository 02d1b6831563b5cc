"""A look at running jobs: what their files say, told without touching them, while they run."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from benches import DEAD, SAVED, Bench, process_at, waiting
from helpers import (
    STEPS,
    Aigc,
    document_of,
    environment_of,
    files_below,
    start_aigc,
    tiny_registry,
    tiny_variant,
    write_trained,
)
from rich.cells import cell_len
from rich.console import Console

from bench.machine.process import ProcessId, this_process
from bench.records.curve import curve_csv, read_curve
from bench.records.lease import Sign, announced, read_sign
from bench.records.record import to_json
from bench.records.run_directory import RunDirectory, exclusive
from bench.run.events import TrainProgress
from bench.run.heartbeat import Heartbeat
from bench.run.plan import Plan, PlannedJob, make_plan
from bench.watch.dashboard import rendered
from bench.watch.job_state import (
    RECENT_S,
    CommandState,
    JobState,
    WorkInProgress,
    work_in_progress,
)
from catalog.errors import ExitCode, MissingPrerequisite
from catalog.read.loader import load_registry

FAR = DEAD.model_copy(update={"host": "0" * 12})
CURVE = [(step, {"kl": 10.0 / step, "重建": float(step)}) for step in range(1, 11)]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    variants = [tiny_variant(name) for name in ("one", "two", "three")]
    registry = load_registry(tiny_registry(tmp_path / "registry.yaml", variants))
    return make_plan(registry, registry.suite("tiny"), tmp_path / "runs")


def begin(job: PlannedJob, process: ProcessId, age_s: float = 3.0, **more: Any) -> None:
    """A training that left signs, a curve and a grid."""
    facts = {
        "process": process,
        "phase": "train",
        "step": 10,
        "n_steps": 20,
        "losses": CURVE[-1][1],
        "images_per_s": 1234.5,
        "eta_s": 63.0,
        "memory_bytes": 300_000_000,
        "peak_memory_bytes": 400_000_000,
        "updated_at": datetime.now(UTC) - timedelta(seconds=age_s),
    }
    job.directory.mkdir(parents=True)
    sign = Sign.model_validate({**facts, **more})
    (job.directory / "progress.json").write_text(to_json(sign))
    (job.directory / "live.csv").write_text(curve_csv(CURVE))
    (job.directory / "latest.png").touch()


def end(job: PlannedJob, age_s: float = 30.0) -> None:
    """A finished run."""
    run = RunDirectory(job.directory)
    job.directory.mkdir(parents=True)
    write_trained(run, job.spec, [])
    run.curve.write_text(curve_csv([(20, {"kl": 0.25})]))
    for name in ("reconstruction", "gmm-10", "prior-raw", "prior"):
        (job.directory / f"grid-{name}.png").touch()
    changed = time.time() - age_s
    os.utime(run.train_json, (changed, changed))


def test_a_running_job_shows_all_that_its_files_say(plan: Plan) -> None:
    begin(plan.jobs[0], this_process())
    (job,) = work_in_progress(plan.runs_dir).jobs
    directory = plan.jobs[0].directory
    assert (job.label, job.state, job.phase) == (directory.name, "running", "train")
    assert (job.step, job.n_steps, job.images_per_s) == (10, 20, 1234.5)
    assert job.age_s == pytest.approx(3.0, abs=2.0)
    assert job.eta_s == pytest.approx(60.0, abs=2.0)
    assert (job.losses, list(job.curve)) == (CURVE[-1][1], read(CURVE))
    assert job.grid == directory / "latest.png"
    assert not job.is_over


def read(points: list[tuple[int, dict[str, float]]]) -> list[tuple[int, dict[str, float]]]:
    """Points in the six digits that files keep."""
    return [(s, {n: float(f"{v:.6g}") for n, v in losses.items()}) for s, losses in points]


def test_jobs_at_work_come_first_then_those_that_ended_just_now(plan: Plan) -> None:
    one, two, three = plan.jobs
    begin(two, DEAD)
    end(one, age_s=60.0)
    end(three, age_s=RECENT_S + 60.0)
    assert [(j.directory, j.state) for j in work_in_progress(plan.runs_dir).jobs] == [
        (two.directory, "dead"),
        (one.directory, "success"),
    ]
    with exclusive(plan.runs_dir), announced(plan.runs_dir, "bench run tiny", 2):
        work = work_in_progress(plan.runs_dir)
    assert work.command.life == "alive"
    assert not work.is_over
    assert [job.label for job in work.jobs] == [two.directory.name, "one s0"]


def test_where_nothing_is_at_work_the_last_one_is_shown_however_old(plan: Plan) -> None:
    one, two, _ = plan.jobs
    end(one, age_s=9000.0)
    end(two, age_s=8000.0)
    work = work_in_progress(plan.runs_dir)
    assert work.is_over
    (job,) = work.jobs
    assert (job.label, job.state, job.step, job.n_steps) == ("two s0", "success", 20, STEPS)
    assert job.curve == ((20, {"kl": 0.25}),)


def test_the_grid_is_the_newest_of_those_of_the_own_sampler(plan: Plan) -> None:
    one = plan.jobs[0]
    end(one)
    (job,) = work_in_progress(plan.runs_dir).jobs
    assert job.grid == one.directory / "grid-prior.png"
    latest = one.directory / "latest.png"
    latest.touch()
    os.utime(latest, (0.0, 0.0))
    assert work_in_progress(plan.runs_dir).jobs[0].grid == one.directory / "grid-prior.png"
    os.utime(latest, (2e9, 2e9))
    assert work_in_progress(plan.runs_dir).jobs[0].grid == latest


@pytest.mark.parametrize(
    ("process", "age_s", "state", "is_over"),
    [
        (this_process(), 9e4, "running", False),
        (FAR, 60.0, "elsewhere", False),
        (FAR, 9e4, "elsewhere", True),
        (DEAD, 1.0, "dead", True),
    ],
)
def test_what_is_waited_for(
    plan: Plan, process: ProcessId, age_s: float, state: str, is_over: bool
) -> None:
    begin(plan.jobs[0], process, age_s)
    work = work_in_progress(plan.runs_dir)
    assert (work.jobs[0].state, work.is_over) == (state, is_over)


def test_broken_files_are_no_reason_to_see_nothing(plan: Plan) -> None:
    one, two, three = plan.jobs
    begin(one, this_process())
    (one.directory / "live.csv").write_text("step,kl\n1\n")
    (one.directory / "train.json").write_text("{")
    end(two)
    (two.directory / "train.json").write_text("{")
    begin(three, this_process())
    (three.directory / "progress.json").write_text("{")
    (plan.runs_dir / "notes.txt").touch()
    running, broken = work_in_progress(plan.runs_dir).jobs
    assert (running.state, running.curve) == ("running", ())
    assert (broken.state, broken.message) == ("interrupted", "its record is broken")


def test_a_sign_says_how_long_it_will_take(tmp_path: Path, monkeypatch: Any) -> None:
    clock = [100.0]
    monkeypatch.setattr("bench.run.heartbeat.time.monotonic", lambda: clock[0])
    signs = Heartbeat(tmp_path, lambda _: None)
    times = []
    for step in (50, 60, 100):
        signs(TrainProgress("job", step, 100, {}, 1.0))
        sign = read_sign(tmp_path)
        assert sign is not None
        times.append(sign.eta_s)
        clock[0] += 20.0
    assert times == [None, pytest.approx(80.0), 0.0]


# ---- on a terminal --------------------------------------------------------------------------


def lines_of(work: WorkInProgress, width: int) -> list[str]:
    console = Console(width=width, file=open(os.devnull, "w"), color_system=None)  # noqa: SIM115, PTH123
    with console.capture() as captured:
        console.print(rendered(work, width))
    return [line.rstrip() for line in captured.get().splitlines()]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_look_lines_up_whatever_the_script(plan: Plan, width: int) -> None:
    begin(plan.jobs[0], this_process())
    lines = lines_of(work_in_progress(plan.runs_dir), width)
    assert lines[0] == "no command is at work"
    assert max(map(cell_len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "running train ⣿⣿⣿⣿⣿⣀⣀⣀⣀⣀ 50% 10/20 1,234 images/s ETA 60 s 3 s ago" in text
    (kl,) = [i for i, line in enumerate(lines) if line.startswith("  kl ")]
    (rebuilt,) = [i for i, line in enumerate(lines) if line.startswith("  重建 ")]
    assert re.fullmatch(r"  kl +1  [ ⠀-⣿]+ 5", lines[kl])  # after the first tenth
    starts = {
        cell_len(lines[i][: re.search("[⠀-⣿]", lines[i]).start()])  # type: ignore[union-attr]
        for i in (kl, rebuilt + 1)  # the one falls from the left edge, the other rises from it
    }
    assert len(starts) == 1
    drawn = [len(re.sub("[^⠀-⣿]", "", lines[i])) for i in (kl, kl + 1, rebuilt, rebuilt + 1)]
    assert all(0 < n <= 21 for n in drawn)  # half of the budget is half of the width
    shown = "".join(line.strip() for line in lines[rebuilt + 2 :])
    assert shown.replace(" ", "") == f"grid:{(plan.jobs[0].directory / 'latest.png').as_posix()}"


def test_a_failure_says_why() -> None:
    job = JobState(
        directory=Path("runs/x"),
        label="x s0",
        state="error",
        age_s=5.0,
        phase="train",
        message="took longer than 3 s",
    )
    assert lines_of(WorkInProgress((job,), CommandState(None, "none")), 100) == [
        "no command is at work",
        "",
        "x s0  error  train  5 s ago",
        "  took longer than 3 s",
    ]


# ---- the command ----------------------------------------------------------------------------


def test_without_runs_the_command_says_what_to_do(aigc: Aigc, tmp_path: Path) -> None:
    for make in (False, True):
        if make:
            (tmp_path / "runs").mkdir()
        shown = aigc("report", "live")
        assert shown.code == ExitCode.MISSING_PREREQUISITE
        assert shown.stderr.splitlines() == [
            "error: there is no run to look at",
            "  where: runs",
            "  do:    aigc bench run SUITE",
        ]
    with pytest.raises(MissingPrerequisite):
        work_in_progress(tmp_path / "runs")


def test_looking_takes_no_lock_and_changes_nothing(plan: Plan, aigc: Aigc) -> None:
    begin(plan.jobs[0], this_process())
    end(plan.jobs[1])
    with exclusive(plan.runs_dir), exclusive(plan.jobs[0].directory):
        before = files_below(plan.runs_dir)
        shown = aigc("report", "live", "--runs", plan.runs_dir, "--once")
        assert files_below(plan.runs_dir) == before
    assert (shown.code, shown.stderr) == (0, "")
    assert "two s0  success" in shown.stdout
    items = document_of(aigc("report", "live", "--runs", plan.runs_dir, "--json").stdout)["items"]
    assert [item["state"] for item in items] == ["running", "success"]
    assert items[0]["curve"][0] == {"step": 1, "losses": {"kl": 10.0, "重建": 1.0}}
    assert items[0]["grid"] == (plan.jobs[0].directory / "latest.png").as_posix()


def test_a_suite_narrows_what_is_shown(plan: Plan, aigc: Aigc, tmp_path: Path) -> None:
    begin(plan.jobs[0], this_process())
    stranger = plan.runs_dir / "other-digits-s0-01234567"
    plan.jobs[0].directory.rename(stranger)
    begin(plan.jobs[1], this_process())
    looked = ["report", "live", "--runs", plan.runs_dir, "--json"]
    of_suite = [*looked, "tiny", "--registry", tmp_path / "registry.yaml"]
    names = [
        [Path(item["directory"]).name for item in document_of(aigc(*command).stdout)["items"]]
        for command in (looked, of_suite)
    ]
    two = plan.jobs[1].directory.name
    assert names == [[stranger.name, two], [two]]
    unknown = aigc(*looked, "tinny", "--registry", tmp_path / "registry.yaml")
    assert unknown.code == ExitCode.USAGE
    assert "did you mean: tiny?" in unknown.stderr


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], list[float]]:
    """Makes the command take its output for a terminal; what happens while it waits is given."""

    def make(meanwhile: Callable[[], None]) -> list[float]:
        waits: list[float] = []

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            meanwhile()

        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setattr("bench.cli.verbs.watching.time.sleep", sleep)
        return waits

    return make


def test_it_looks_again_until_nothing_runs(plan: Plan, aigc: Aigc, terminal: Any) -> None:
    one = plan.jobs[0]
    begin(one, this_process())
    looks = []

    def meanwhile() -> None:
        looks.append(len(looks))
        if len(looks) == 3:
            for file in ("progress.json", "live.csv", "latest.png"):
                (one.directory / file).unlink()
            one.directory.rmdir()
            end(one)

    waits = terminal(meanwhile)
    shown = aigc("report", "live", "--runs", plan.runs_dir, "--every", "7.5")
    assert shown.code == 0, shown.stderr
    assert waits == [7.5] * 3
    assert "running" in shown.stdout
    assert "".join(shown.stdout.split()).endswith("grid-prior.png\x1b[?25h")


def test_ctrl_c_ends_it(plan: Plan, aigc: Aigc, terminal: Any) -> None:
    begin(plan.jobs[0], this_process())

    def interrupt() -> None:
        raise KeyboardInterrupt

    terminal(interrupt)
    shown = aigc("report", "live", "--runs", plan.runs_dir)
    assert shown.code == ExitCode.INTERRUPTED
    assert "Traceback" not in shown.stderr


def test_a_real_run_is_seen_while_it_runs_and_when_it_is_over(
    bench_of: Callable[..., Bench], gate: Path, tmp_path: Path, aigc: Aigc
) -> None:
    bench = bench_of(waiting(gate))
    process = start_aigc(
        "bench", "run", "tiny", "--registry", bench.file, "-o", "runs", "--jobs", "1",
        cwd=tmp_path, env=environment_of(tmp_path / "plugin"),
    )  # fmt: skip
    process_at(gate, process)
    try:
        (item,) = document_of(aigc("report", "live", "--json").stdout)["items"]
        assert f"'aigc bench run tiny' (process {process.pid}" in aigc("report", "live").stdout
    finally:
        gate.unlink()
        said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert (item["job"], item["state"], item["phase"]) == ("waiting s0", "running", "train")
    assert item["n_steps"] == STEPS
    assert 1 <= item["step"] <= SAVED

    (after,) = document_of(aigc("report", "live", "--json").stdout)["items"]
    assert (after["state"], after["step"]) == ("success", STEPS)
    assert after["images_per_s"] > 0.0
    directory = bench.directory("waiting").path
    finished = [{"step": s, "losses": losses} for s, losses in read_curve(directory / "curve.csv")]
    assert after["curve"] == finished
    assert item["curve"] == finished[: len(item["curve"])]
    assert item["curve"]
    assert not (directory / "live.csv").exists()
    assert Path(after["grid"]).name == "grid-prior.png"
