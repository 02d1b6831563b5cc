"""What the harness costs: a DCGAN job against the bare loop over the same updates.

The bare loop makes the same model from the same data in a process from the same fork server, and
does nothing but update it: no reports, no guards, no checkpoints, no records, no locks, no signs of
life, no events. Both are timed from the start of the process to the last update, several times in
turn, one at a time on one thread.
"""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from bench.data import load_dataset
from bench.models.build import build_from_spec
from bench.run.engines.local import Limits, LocalEngine, warm_up
from bench.run.events import Event, JobStarted, PhaseStarted
from bench.run.plan import Narrowing, make_plan
from bench.run.runner import TrainJob, surroundings
from bench.train.loop import Trainer
from catalog.read.loader import load_registry

STEPS, ROUNDS = 1000, 5
ALLOWED = 1.05


def make_job(folder: Path) -> TrainJob:
    """The DCGAN job of the suite ``digits-quick``, to be done in a fresh folder."""
    registry = load_registry()
    narrowing = Narrowing(variants=("dcgan",), steps=STEPS)
    plan = make_plan(registry, registry.suite("digits-quick"), folder, narrowing)
    around = surroundings(plan, torch.device("cpu"), None, None)
    return TrainJob(plan.jobs[0].spec, plan.jobs[0].directory, around)


def harness_s() -> float:
    """Seconds from the start of the job's process to the end of its training phase."""
    seen: dict[str, float] = {}

    def watch(event: Event) -> None:
        match event:
            case JobStarted():
                seen["start"] = time.perf_counter()
            case PhaseStarted(_, "sample"):
                seen["trained"] = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder:
        engine = LocalEngine("cpu", 1, Limits())
        (ended,) = engine.run([make_job(Path(folder))], watch)
    if ended.status != "success":
        raise SystemExit(f"the job failed: {ended.message}")
    return seen["trained"] - seen["start"]


def bare_s() -> float:
    """Seconds from the start of a process to the last of the same updates."""
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        job = make_job(Path(folder))
    process = multiprocessing.get_context("forkserver").Process(target=_bare, args=(job, theirs))
    process.start()
    start = time.perf_counter()
    ours.recv()
    elapsed = time.perf_counter() - start
    process.join()
    return elapsed


def _bare(job: TrainJob, pipe: Connection) -> None:
    torch.set_num_threads(job.around.n_threads)
    spec = job.spec
    data = load_dataset(job.around.dataset)
    model = build_from_spec(spec)
    trainer = Trainer(model, data[spec.dataset.split], n_steps=spec.steps, seed=spec.seed)
    torch.manual_seed(spec.seed)
    trainer.model.train()
    for _ in range(spec.steps):
        losses = trainer.update()
    pipe.send(float(losses["d_loss"]))


def compare() -> list[str]:
    """Lines of the comparison, as Markdown."""
    warm_up("cpu")
    bare_s()  # the fork server may still be loading
    pairs = [(bare_s(), harness_s()) for _ in range(ROUNDS)]
    bare, ours = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(harness / loop for loop, harness in pairs)
    return [
        f"| DCGAN job, {STEPS} updates on one thread | seconds, median of {ROUNDS} |",
        "|---|---|",
        f"| bare loop | {bare:.2f} |",
        f"| harness | {ours:.2f} |",
        f"\nratio, median of the pairs: **{ratio:.3f}** (allowed {ALLOWED})",
    ]
