"""What a run shows: lines for people in a pipe, JSON lines for programs, bars on a terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from helpers import tiny_registry, tiny_variant

from bench.run.events import Event, JobEnded, JobStarted, PhaseStarted, Scored, TrainProgress
from bench.run.plan import Plan, make_plan
from bench.watch.lines import BarDisplay, Display, JsonDisplay, PlainDisplay, make_display
from catalog.errors import ExitCode
from catalog.read.loader import load_registry

JOB = "vae s0"
STORY: list[Event] = [
    JobStarted(JOB),
    PhaseStarted(JOB, "data"),
    PhaseStarted(JOB, "train"),
    *(TrainProgress(JOB, step, 20, {"kl": 1.0 / 3.0}, 12345.6) for step in range(1, 21)),
    Scored(JOB, "prior", 31.4159),
    Scored(JOB, "reconstruction", None),
    JobEnded(JOB, "success"),
    JobStarted("gan s0"),
    JobEnded("gan s0", "error", "Timeout: took longer than 3 s", "a hint"),
]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    variants = [tiny_variant("gan", "bench.models.gan:GAN"), tiny_variant("vae")]
    registry = load_registry(tiny_registry(tmp_path / "registry.yaml", variants))
    return make_plan(registry, registry.suite("tiny"), Path("runs"))


def tell(display: Display, events: list[Event]) -> None:
    with display:
        for event in events:
            display.watch(event)


def texts(stderr: str) -> list[str]:
    """The lines without their times, which must be there."""
    lines = [re.fullmatch(r"\[ *\d+\.\d s\] (.+)", line) for line in stderr.splitlines()]
    assert all(lines)
    return [line[1] for line in lines if line]


def test_plain_lines_tell_the_story(capsys: pytest.CaptureFixture[str]) -> None:
    tell(PlainDisplay("tiny", 2), STORY)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert texts(shown.err) == [
        "tiny: 2 jobs to run",
        "vae s0: started",
        "vae s0: 5/20 kl 0.3333 12,346 images/s",
        "vae s0: 10/20 kl 0.3333 12,346 images/s",
        "vae s0: 15/20 kl 0.3333 12,346 images/s",
        "vae s0: 20/20 kl 0.3333 12,346 images/s",
        "vae s0: prior scored, distance 31.4",
        "vae s0: reconstruction scored, distance not available",
        "vae s0: success (1/2)",
        "gan s0: started",
        "gan s0: error: Timeout: took longer than 3 s (2/2)",
        "gan s0: do: a hint",
    ]


def test_each_job_has_its_own_quarters(capsys: pytest.CaptureFixture[str]) -> None:
    jobs = ("a", "b")
    events = [TrainProgress(job, step, 8) for step in range(1, 9) for job in jobs]
    tell(PlainDisplay("tiny", 2), list(events))
    lines = texts(capsys.readouterr().err)[1:]
    assert [line.split()[:2] for line in lines] == [
        [f"{job}:", f"{step}/8"] for step in (2, 4, 6, 8) for job in jobs
    ]


def objects(stdout: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_json_lines_hold_every_event_whole(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    display = JsonDisplay(plan)
    tell(display, STORY)
    display.done(ExitCode.JOB_FAILED)
    shown = capsys.readouterr()
    assert shown.err == ""
    first, *middle, last = objects(shown.out)
    assert first == {
        "event": "plan",
        "suite": "tiny",
        "jobs": [{"job": "gan s0", "state": "new"}, {"job": "vae s0", "state": "new"}],
    }
    assert last == {
        "event": "done",
        "exit_code": 1,
        "runs": [job.directory.as_posix() for job in plan.jobs],
    }
    assert [line["event"] for line in middle] == [type(event).__name__ for event in STORY]
    assert middle[3] == {
        "event": "TrainProgress",
        "job": JOB,
        "step": 1,
        "n_steps": 20,
        "losses": {"kl": 1.0 / 3.0},
        "images_per_s": 12345.6,
    }
    assert middle[-1] == {
        "event": "JobEnded",
        "job": "gan s0",
        "status": "error",
        "message": "Timeout: took longer than 3 s",
        "hint": "a hint",
    }
    assert middle[-4] == {
        "event": "Scored", "job": JOB, "what": "reconstruction", "distance": None,
    }  # fmt: skip


def test_json_lines_are_one_line_each(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    display = JsonDisplay(plan)
    display.watch(JobEnded(JOB, "error", "two\nlines “quoted” 中文"))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert "中文" in lines[1]
    assert json.loads(lines[1])["message"] == "two\nlines “quoted” 中文"


def test_bars_survive_the_story_and_show_failures(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    display = BarDisplay("tiny", 2)
    tell(display, [*STORY, JobStarted("odd"), JobEnded("odd", "error", "[bold]no markup[/bold]")])
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "vae s0: prior, distance 31.4" in shown.err
    assert "gan s0: error: Timeout: took longer than 3 s" in shown.err
    assert "gan s0: do: a hint" in shown.err
    assert "[bold]no markup[/bold]" in shown.err
    assert [(bar.description, bar.completed) for bar in display._bars.tasks] == [("tiny", 3)]
    assert not display._bars.live.is_started


def test_the_display_fits_where_the_output_goes(
    plan: Plan, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(make_display(plan, as_json=True), JsonDisplay)
    plain = make_display(plan, as_json=False)
    assert isinstance(plain, PlainDisplay)
    assert plain.n_jobs == 3  # two variants, and the calibration as one
    assert texts(capsys.readouterr().err) == ["tiny: 3 jobs to run"]
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with make_display(plan, as_json=False) as bars:
        assert isinstance(bars, BarDisplay)
