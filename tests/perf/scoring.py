"""Scoring one more model: PNG files and one process per model against the harness.

The usual script writes every image to a file and starts a process that extracts the features of
generated and real images and prints its metrics. The harness holds images in memory and keeps the
extractor and the real features. Every value must be equal to the last bit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from bench.data import load_dataset
from bench.identity.protocol import resolve
from bench.score.calibration import calibration_images
from bench.score.scorer import Scorer
from catalog.read.loader import load_registry

N_MODELS = 3
NAMES = {
    "fid": "frechet_inception_distance",
    "is": "inception_score_mean",
    "kid": "kernel_inception_distance_mean",
    "precision": "precision",
    "recall": "recall",
}
PROCESS = Path(__file__).with_name("score_folder.py")


def compare() -> list[str]:
    """Lines of the comparison, as Markdown."""
    torch.set_num_threads(1)
    registry = load_registry()
    data = load_dataset(registry.dataset("digits"))
    protocol = resolve(registry, "digits-10k")
    n = protocol.n_reference
    models = [
        calibration_images(name, data, protocol)[:n]
        for name in ("class-pca-gaussian", "pca-gaussian", "noise")
    ]
    scorer = Scorer(data, protocol, registry.extractor(protocol.extractor), "cpu")
    scorer.score(models[0])  # the first model pays for the warm-up; one more model is measured
    start = time.perf_counter()
    ours = [{m.name: m.value for m in scorer.score(images)} for images in models]
    harness_s = (time.perf_counter() - start) / N_MODELS
    with tempfile.TemporaryDirectory() as folder:
        real = _write_pngs(data[protocol.reference_split].images, Path(folder) / "real")
        start = time.perf_counter()
        theirs = [
            _score_in_process(_write_pngs(images, Path(folder) / str(index)), real)
            for index, images in enumerate(models)
        ]
        script_s = (time.perf_counter() - start) / N_MODELS
    for ours_of, theirs_of in zip(ours, theirs, strict=True):
        for name, stock_name in NAMES.items():
            if ours_of[name] != theirs_of[stock_name]:
                raise SystemExit(f"{name}: {ours_of[name]} is not {theirs_of[stock_name]}")
    return [
        f"| scoring one more model, {n} images | seconds |",
        "|---|---|",
        f"| PNG files and one process | {script_s:.2f} |",
        f"| harness | {harness_s:.3f} |",
        f"\nratio: **{script_s / harness_s:.0f}x** (values equal to the last bit)",
    ]


def _write_pngs(images: Tensor, folder: Path) -> Path:
    folder.mkdir()
    for index, image in enumerate(images):
        rgb = image.expand(3, -1, -1).permute(1, 2, 0).contiguous()
        Image.fromarray(rgb.numpy()).save(folder / f"{index:06d}.png")
    return folder


def _score_in_process(fake: Path, real: Path) -> dict[str, float]:
    command = [sys.executable, str(PROCESS), str(fake), str(real)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))
