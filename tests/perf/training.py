"""DCGAN training on the whole machine: the textbook loop at its best against the harness.

Both train the same networks from the same weights on the same batches with the same noise; the
first losses must agree before any speed is compared. The textbook loop gets its best choice of
loader workers and threads. The harness runs one job per core, as ``aigc bench run`` does.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from bench.data import load_dataset
from bench.models.build import algorithm_class, build_model, resolve_recipe
from bench.networks.shape import ImageShape
from bench.train.batches import ShuffledBatches
from bench.train.loop import Trainer
from catalog.read.loader import load_registry

STEPS, WARM_UP, SEED, BATCH = 220, 20, 0, 64
TEXTBOOK = Path(__file__).with_name("textbook_dcgan.py")


def make_trainer() -> Trainer:
    """The harness's own DCGAN on digits with a constant learning rate of 2e-4."""
    registry = load_registry()
    variant = registry.variant("dcgan")
    model_class = algorithm_class(variant.algorithm)
    recipe = resolve_recipe(registry, variant, "none")
    data = load_dataset(registry.dataset("digits"))
    model = build_model(model_class, recipe, ImageShape(1, 16), 10, SEED)
    return Trainer(model, data["train"], n_steps=STEPS, seed=SEED)


def write_input(file: Path) -> list[tuple[float, float]]:
    """Write what the textbook loop starts from; returns the harness's own first losses."""
    trainer = make_trainer()
    torch.set_num_threads(1)
    batches = ShuffledBatches(trainer.split, BATCH, SEED)
    model = trainer.model
    torch.save(
        {
            "images": trainer.split.images.clone(),
            "order": torch.cat([batches.indices(step) for step in range(STEPS)]),
            "generator": _plain(model.generator.state_dict()),
            "discriminator": _plain(model.critic.state_dict()),
            "seed": SEED,
        },
        file,
    )
    torch.manual_seed(SEED)
    losses = []
    for _ in range(10):
        step = trainer.update()
        losses.append((float(step["d_loss"]), float(step["g_loss"])))
    return losses


def _plain(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {key.removeprefix("layers."): value.contiguous() for key, value in state.items()}


def textbook(file: Path, workers: int, threads: int) -> dict[str, object]:
    """One run of the textbook loop in a process of its own."""
    command = [sys.executable, str(TEXTBOOK), str(file), "--steps", str(STEPS)]
    command += ["--warm-up", str(WARM_UP), "--workers", str(workers), "--threads", str(threads)]
    return dict(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def harness() -> float:
    """Images per second of one job per core, all at once."""
    context = multiprocessing.get_context("spawn")
    children = []
    for _ in range(os.cpu_count() or 1):
        ours, theirs = context.Pipe()
        process = context.Process(target=_job, args=(theirs,))
        process.start()
        children.append((process, ours))
    for _, pipe in children:
        pipe.recv()  # ready
    for _, pipe in children:
        pipe.send("go")
    rates = [float(pipe.recv()) for _, pipe in children]
    for process, _ in children:
        process.join()
    return sum(rates)


def _job(pipe: Connection) -> None:
    torch.set_num_threads(1)
    trainer = make_trainer()
    trainer.model.train()
    for _ in range(WARM_UP):
        trainer.update()
    pipe.send("ready")
    pipe.recv()
    start = time.perf_counter()
    for _ in range(STEPS - WARM_UP):
        float(trainer.update()["d_loss"])
    pipe.send((STEPS - WARM_UP) * BATCH / (time.perf_counter() - start))


def compare() -> list[str]:
    """Lines of the comparison, as Markdown."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "input.pt"
        expected = write_input(file)
        lines = ["| DCGAN training | workers | threads | images/s |", "|---|---|---|---|"]
        best = 0.0
        for workers in (0, 2):
            for threads in (1, 2):
                result = textbook(file, workers, threads)
                _require_equal(result["losses"], expected)
                rate = float(str(result["images_per_s"]))
                best = max(best, rate)
                lines.append(f"| textbook | {workers} | {threads} | {rate:,.0f} |")
        ours = harness()
    lines.append(f"| harness, one job per core | 0 | 1 each | {ours:,.0f} |")
    lines.append(f"\nratio to the best textbook run: **{ours / best:.2f}x** (first losses equal)")
    return lines


def _require_equal(found: object, expected: list[tuple[float, float]]) -> None:
    if not torch.allclose(torch.tensor(found), torch.tensor(expected), rtol=2e-3, atol=2e-3):
        raise SystemExit(f"the loops do not train the same thing: {found} against {expected}")
