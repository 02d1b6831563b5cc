"""How a run shows itself: bars on a terminal, plain lines in a pipe, JSON lines for programs."""

from __future__ import annotations

import json
import sys
import time
from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import asdict

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from bench.run.events import Event, JobEnded, JobStarted, PhaseStarted, Scored, TrainProgress
from bench.run.plan import Plan
from bench.watch.job_state import speed_text
from catalog.escaping import visible, visible_json, visible_lines


class Display(AbstractContextManager["Display"]):
    """Shows the events of one run."""

    @abstractmethod
    def watch(self, event: Event) -> None:
        """Show one event."""

    def done(self, exit_code: int) -> None:
        """Show that the run is over."""

    def close(self) -> None:
        """Leave the terminal as it was."""

    def __exit__(self, *_: object) -> None:
        """Close, whatever happened."""
        self.close()


def make_display(plan: Plan, *, as_json: bool, retry_failed: bool = False) -> Display:
    """The display that fits where the output goes; people are written to on stderr."""
    n_jobs = len(plan.to_run(retry_failed=retry_failed)) + bool(plan.calibration)
    if as_json:
        return JsonDisplay(plan)
    if sys.stderr.isatty():
        return BarDisplay(plan.suite.id, n_jobs)
    return PlainDisplay(plan.suite.id, n_jobs)


class PlainDisplay(Display):
    """One line when a job starts, when it passes a quarter of its steps, and when it ends."""

    def __init__(self, suite: str, n_jobs: int) -> None:
        self.n_jobs = n_jobs
        self.n_ended = 0
        self._start = time.monotonic()
        self._quarters: dict[str, int] = {}
        self._line(f"{suite}: {n_jobs} jobs to run")

    def watch(self, event: Event) -> None:
        """Write the lines that an event deserves."""
        match event:
            case JobStarted(job):
                self._line(f"{job}: started")
            case TrainProgress(job, step, n_steps, losses, rate):
                quarter = 4 * step // n_steps
                if quarter > self._quarters.get(job, 0):
                    self._quarters[job] = quarter
                    self._line(f"{job}: {step}/{n_steps} {_losses(losses)} {speed_text(rate)}")
            case Scored(job, what, distance):
                self._line(f"{job}: {what} scored, distance {_number(distance)}")
            case JobEnded(job, status, message, hint):
                self.n_ended += 1
                note = f": {message}" if message else ""
                self._line(f"{job}: {status}{note} ({self.n_ended}/{self.n_jobs})")
                if hint:
                    self._line(f"{job}: do: {hint}")

    def _line(self, text: str) -> None:
        seconds = time.monotonic() - self._start
        sys.stderr.write(f"[{seconds:6.1f} s] {visible_lines(text)}\n")
        sys.stderr.flush()


class JsonDisplay(Display):
    """One JSON object per event on stdout; ``done`` is the last."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        jobs = [{"job": j.spec.label, "state": j.state} for j in plan.jobs]
        self._object("plan", {"suite": plan.suite.id, "jobs": jobs})

    def watch(self, event: Event) -> None:
        """Write an event under its own name."""
        self._object(type(event).__name__, asdict(event))

    def done(self, exit_code: int) -> None:
        """Write the exit code and where the runs are."""
        runs = [job.directory.as_posix() for job in self.plan.jobs]
        self._object("done", {"exit_code": int(exit_code), "runs": runs})

    def _object(self, name: str, content: dict[str, object]) -> None:
        text = json.dumps({"event": name, **content}, ensure_ascii=False)
        sys.stdout.write(visible_json(text) + "\n")
        sys.stdout.flush()


class BarDisplay(Display):
    """A bar for the suite and one for every running job."""

    def __init__(self, suite: str, n_jobs: int) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<18}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:>5.0f}/{task.total:.0f}", markup=False),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(stderr=True),
        )
        self._suite = self._bars.add_task(visible(suite), total=n_jobs, note="jobs")
        self._jobs: dict[str, TaskID] = {}
        self._bars.start()

    def watch(self, event: Event) -> None:
        """Move the bars."""
        match event:
            case JobStarted(job):
                self._jobs[job] = self._bars.add_task(visible(job), total=1, note="starting")
            case PhaseStarted(job, phase):
                self._bars.update(self._jobs[job], note=phase)
            case TrainProgress(job, step, n_steps, losses, rate):
                note = f"{_losses(losses)} · {speed_text(rate)}"
                self._bars.update(self._jobs[job], completed=step, total=n_steps, note=note)
            case Scored(job, what, distance):
                self._say(f"{job}: {what}, distance {_number(distance)}")
            case JobEnded(job, status, message, hint):
                self._bars.remove_task(self._jobs.pop(job))
                self._bars.advance(self._suite)
                if message:
                    self._say(f"{job}: {status}: {message}")
                if hint:
                    self._say(f"{job}: do: {hint}")

    def _say(self, text: str) -> None:
        self._bars.console.print(visible_lines(text), markup=False, emoji=False)

    def close(self) -> None:
        """Take the bars down."""
        self._bars.stop()


def _losses(losses: dict[str, float]) -> str:
    return " ".join(f"{visible(name)} {value:.4g}" for name, value in losses.items())


def _number(value: float | None) -> str:
    return "not available" if value is None else f"{value:.3g}"
