"""Colour images of one's own end in a table under ImageNet's lite network; no judge is trained.

Distances of 1,280 numbers take seconds each, so here they are computed from the few images that
there are: with centred features A and B, tr sqrt(AA' BB') is the nuclear norm of B'A.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers import Aigc, tiny_registry, tiny_variant
from PIL import Image
from torch import Tensor

import bench.score.scorer
from bench.identity.local_registry import pinned_registry
from bench.run.plan import make_plan
from bench.run.runner import jobs_of, require_prerequisites, surroundings
from bench.score.extractors.efficientnet_lite0 import EfficientNetLite0
from bench.score.metrics import frechet_distance
from catalog.read.loader import load_registry
from catalog.schema import Registry

N_IMAGES = 60
N_FAKES = 20
N_MORE_DRAWS = 4
"""Of the PCA-Gaussian, which is drawn five times."""
ORDER = ("train-copies", "held-out", "pca-gaussian", "mean-image", "noise")


def distance_of_few(fake: Tensor, real: Tensor) -> float:
    """What ``frechet_distance`` is of fewer images than features have numbers."""
    shift = (fake.double().mean(0) - real.double().mean(0)).square().sum()
    centred = [
        (part - part.mean(0)) / (len(part) - 1) ** 0.5 for part in (fake.double(), real.double())
    ]
    traces = sum(part.square().sum() for part in centred)
    return float(shift + traces - 2.0 * torch.linalg.matrix_norm(centred[0] @ centred[1].T, "nuc"))


def textures(folder: Path) -> Path:
    """Gratings and rings in two colours each, as png of 32 x 32."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    y, x = np.mgrid[0:32, 0:32] / 32.0
    for number in range(N_IMAGES):
        angle, rate, phase = generator.uniform((0, 2, 0), (np.pi, 5, 2 * np.pi))
        along = np.hypot(x - 0.5, y - 0.5) if number % 2 else x * np.cos(angle) + y * np.sin(angle)
        share = 0.5 + 0.5 * np.sin(2 * np.pi * rate * along + phase)
        first, second = generator.integers(0, 256, (2, 3))
        pixels = first + share[..., None] * (second - first)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def images_seen(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Number of images in every call of the network from now on."""
    seen: list[int] = []
    forward = EfficientNetLite0.forward

    def counting(network: EfficientNetLite0, images: Tensor) -> dict[str, Tensor]:
        seen.append(len(images))
        return forward(network, images)

    monkeypatch.setattr(EfficientNetLite0, "forward", counting)
    return seen


def n_scored(run: Path) -> int:
    """Images of all sets that a run has scores of."""
    records = [json.loads(file.read_text()) for file in run.glob("scores/*.json")]
    found = [m["n_fake"] for record in records for m in record["metrics"] if m["name"] == "fid"]
    assert len(found) == len(records) > 0
    return sum(found)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with the project's own protocol of folders, of few images."""
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    whole = load_registry()
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant(name) for name in "ab"], steps=2)
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    dataset = whole.dataset("folder").model_dump(mode="json")
    data["datasets"].append({**dataset, "recipes_of": None})
    protocol = whole.protocol(whole.suite("folder").protocol).model_dump(mode="json")
    few = {"n_fake": N_FAKES, "kid_subset_size": 9, "kid_subsets": 2, "isc_splits": 2}
    data["protocols"].append({**protocol, **few})
    suite = {"id": "folder", "dataset": "folder", "protocol": protocol["id"]}
    data["suites"].append({**data["suites"][0], **suite, "calibration": list(ORDER)})
    plain = json.loads(json.dumps(data))  # the same lists twice would be written as references
    file.write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
    return file


def test_a_table_without_a_judge_of_ones_own(
    file: Path, aigc: Aigc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = textures(tmp_path / "textures")
    registry = ("--registry", file)
    size = ("--resolution", "16", "--test-share", "0.3")
    shown = aigc("bench", "data", "prepare", f"folder:{source}", *size, *registry)
    assert shown.code == 0, shown.stderr
    planned = aigc("bench", "plan", "folder", *registry)
    assert "protocol folder-lite0-10k" in planned.stderr
    assert "was not trained" not in planned.stderr
    monkeypatch.setattr(bench.score.scorer, "frechet_distance", distance_of_few)
    monkeypatch.setattr(bench.score.scorer, "frechet_error", lambda *_: None)
    monkeypatch.setattr(bench.score.scorer, "feature_bias", lambda _: 0.0)
    known = pinned_registry(file)
    plan = make_plan(known, known.suite("folder"), Path("runs"))
    around = surroundings(plan, torch.device("cpu"), file, None)
    require_prerequisites(plan, around, retry_failed=False)
    counted = images_seen(monkeypatch)
    passes = []
    for job in jobs_of(plan, around, retry_failed=False):
        job.task(lambda _: None, lambda: False).run()
        passes.append(sum(counted))
        counted.clear()
    splits = known.dataset("folder").splits
    sets = splits["test"] + (len(ORDER) - 1 + N_MORE_DRAWS) * N_FAKES
    assert passes[0] == splits["train"] + splits["test"] + sets
    # A model costs its own images: nothing of the reference is looked at again.
    assert passes[1:] == [n_scored(job.directory) for job in plan.jobs]
    shown = aigc("report", "leaderboard", "folder", *registry)
    assert shown.code == 0, shown.stderr
    folder = tmp_path / "my-reports" / "folder"
    page = (folder / "leaderboard.md").read_text(encoding="utf-8")
    assert "ranked by FD[efficientnet-lite0]" in page
    with (folder / "results.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    found = {row["variant"]: float(row["mean"]) for row in rows}
    distances = [found[name] for name in ORDER]
    assert distances == sorted(distances), found
    assert distances[0] < 0.5 * distances[1]
    assert {"a", "b"} <= found.keys()


def test_distances_of_few_images_are_the_metrics() -> None:
    generator = torch.Generator().manual_seed(0)
    fake = torch.rand(12, 40, generator=generator)
    real = torch.rand(17, 40, generator=generator) ** 2
    assert distance_of_few(fake, real) == pytest.approx(frechet_distance(fake, real), rel=1e-4)


def test_colour_data_sets_have_a_protocol_under_the_network_that_nobody_here_trained(
    registry: Registry,
) -> None:
    assert registry.suite("folder").protocol == "folder-lite0-10k"
    assert registry.protocol("folder-10k").extractor == "folder-judge"
    for name in ("cifar10", "stl10-48", "celeba-64", "folder"):
        own, lite = (registry.protocol(f"{name}-{form}") for form in ("10k", "lite0-10k"))
        expected = {"id": lite.id, "extractor": "efficientnet-lite0"}
        assert lite == own.model_copy(update=expected)
