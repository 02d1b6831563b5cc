"""Kill a suite twenty times and compare it with one that was left alone: ``make endure``.

The command is started, killed with SIGKILL at a random moment, and given again, as a user would do
on a machine that keeps losing power. Half of the kills take the whole group of processes, half only
the command, whose jobs then have to notice by themselves. Takes about eight minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SUITE = "digits-quick"
MAIN = "from bench.cli.main import main; main()"
LOST_AT_MOST = 100
"""Steps between two checkpoints of a thousand."""
REPORTED_EVERY = 10


@dataclass
class Sitting:
    """One start of the command: where each training stood when it was first and last heard of."""

    first: dict[str, int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)
    how: str = "to its end"
    exit_code: int = 0

    def hear(self, line: str) -> None:
        """Take one event into account."""
        event = json.loads(line)
        if event["event"] == "TrainProgress":
            self.first.setdefault(event["job"], event["step"])
            self.last[event["job"]] = event["step"]

    @property
    def executed(self) -> int:
        """Upper bound of the steps that its trainings made."""
        made = (self.last[job] - self.first[job] + 2 * REPORTED_EVERY for job in self.first)
        return sum(made)


def sit(runs: Path, kill_after_s: float | None, *, group: bool = False) -> Sitting:
    """Run the suite until it ends or is killed."""
    sitting = Sitting()
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, "bench", "run", SUITE, "-o", str(runs), "--json"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )

    def kill() -> None:
        sitting.how = "whole group killed" if group else "command killed"
        (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)

    timer = threading.Timer(kill_after_s, kill) if kill_after_s is not None else None
    if timer is not None:
        timer.start()
    for line in process.stdout or ():
        if line.endswith("\n"):
            sitting.hear(line)
    sitting.exit_code = process.wait()
    if timer is not None:
        timer.cancel()
    return sitting


def results(runs: Path) -> dict[str, Any]:
    """What every accident has to leave as it is: weights, curves, images and metrics."""
    found: dict[str, Any] = {}
    for file in sorted(runs.glob("*/train.json")):
        record = json.loads(file.read_text())
        found[f"{file.parent.name} files"] = [a["sha256"] for a in record["artifacts"]]
        found[f"{file.parent.name} status"] = record["status"]
    for file in sorted([*runs.glob("*/scores/*.json"), *runs.glob("calibration/*.json")]):
        score = json.loads(file.read_text())
        found[file.relative_to(runs).as_posix()] = (score["images_sha256"], score["metrics"])
    return found


def most_lost(sittings: list[Sitting]) -> int:
    """The most steps by which any training went back from where it was last heard of."""
    lost, last = [0], dict[str, int]()
    for sitting in sittings:
        for job, first in sitting.first.items():
            lost.append(last.get(job, 0) - (first - REPORTED_EVERY))
        last |= sitting.last
    return max(lost)


def main() -> int:
    """Print what happened, as Markdown; 1 if anything differs or was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--between", type=float, nargs=2, default=(5.0, 21.0), metavar="SECONDS")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)  # noqa: S311 (moments, no secrets)
    with tempfile.TemporaryDirectory() as folder:
        calm, shaken = Path(folder, "calm"), Path(folder, "shaken")
        undisturbed = sit(calm, None)
        sittings: list[Sitting] = []
        for _ in range(arguments.kills):
            moment, group = chance.uniform(*arguments.between), chance.random() < 0.5
            sittings.append(sit(shaken, moment, group=group))
        sittings.append(sit(shaken, None))
        expected, found = results(calm), results(shaken)
    n_killed = sum(sitting.exit_code == -signal.SIGKILL for sitting in sittings)
    differing = [key for key in expected | found if expected.get(key) != found.get(key)]
    executed = sum(sitting.executed for sitting in sittings) / max(1, undisturbed.executed)
    lost = most_lost(sittings)
    rows = (
        ("kills that met a running command", f"{n_killed} of {arguments.kills}"),
        ("results that differ from the undisturbed run's", f"{len(differing)} of {len(expected)}"),
        ("most steps lost by one training at one kill", f"{lost} (allowed {LOST_AT_MOST})"),
        ("executed steps, times those of one run", f"{executed:.2f} (allowed 1.50)"),
        ("exit code at the end", str(sittings[-1].exit_code)),
    )
    lines = [f"| {SUITE}, killed at random moments | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows]
    sys.stdout.write("\n".join(lines + [f"\ndiffers: {key}" for key in differing]) + "\n")
    good = not differing and lost <= LOST_AT_MOST + REPORTED_EVERY and executed < 1.5
    return 0 if good and sittings[-1].exit_code == 0 and n_killed == arguments.kills else 1


if __name__ == "__main__":
    sys.exit(main())
