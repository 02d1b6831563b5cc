"""The Inception protocols end to end, with random weights in the format of the real file.

The real weights cannot be part of the project. Everything else is as on the day when they are
there: the file is found, verified and loaded, and a suite trains, draws and scores under it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers import Aigc, whole_registry
from helpers import aigc as aigc_process
from PIL import Image
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from bench.identity.digest import sha256_of_file

pytestmark = pytest.mark.slow
FAKES = 12


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state of the network of the original FID that nobody has trained."""
    torch.manual_seed(0)
    with monkeypatch.context() as patched:
        patched.setattr(torch, "load", lambda *_, **__: {})
        patched.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        network = FeatureExtractorInceptionV3("x", ["2048"], feature_extractor_weights_path="x")
    file = tmp_path / "inception.pth"
    torch.save(network.state_dict(), file)
    return file


@pytest.fixture
def registry_file(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's registry, with the sha256 of those weights, a small model and few numbers."""
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    data = json.loads(json.dumps(whole_registry()))
    [inception] = [e for e in data["extractors"] if e["id"] == "inception-v3-compat"]
    inception |= {"sha256": sha256_of_file(weights), "n_bytes": weights.stat().st_size}
    [protocol] = [p for p in data["protocols"] if p["id"] == "folder-inception-10k"]
    protocol |= {"kid_subset_size": 4, "kid_subsets": 3, "isc_splits": 2, "prc_samples": 8}
    [suite] = [s for s in data["suites"] if s["id"] == "folder"]
    suite["calibration"] = ["mean-image"]
    [dcgan] = [v for v in data["variants"] if v["id"] == "dcgan"]
    dcgan["per_dataset"]["folder"] = {"width": 4, "latent_dim": 4, "batch_size": 8}
    file = tmp_path / "registry.yaml"
    file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return file


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twenty colour images of several sizes."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(20):
        size = (20 + number, 24, 3)
        Image.fromarray(generator.integers(0, 256, size, dtype=np.uint8)).save(
            folder / f"{number}.png"
        )
    return folder


def test_a_suite_is_scored_as_the_literature_does(
    weights: Path, registry_file: Path, pictures: Path, tmp_path: Path, aigc: Aigc
) -> None:
    registry = ("--registry", registry_file)
    prepared = aigc(
        *("bench", "data", "prepare", f"folder:{pictures}", "--resolution", "16"),
        *("--test-share", "0.3", *registry),
    )
    assert prepared.code == 0, prepared.stderr
    done = aigc_process(
        *("bench", "run", "folder", "dcgan", "--budget", "tiny", *registry),
        *("--protocol", "folder-inception-10k", "--extractor-weights", weights),
        *("--steps", "2", "--limit", str(FAKES), "--jobs", "1", "--device", "cpu"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    record = json.loads(next((tmp_path / done.stdout.strip()).glob("scores/*.json")).read_text())
    assert record["protocol"]["extractor_sha256"] == sha256_of_file(weights)
    assert record["protocol"]["layer_fid"] == "2048"
    assert record["protocol"]["tf32"] is False
    found = {metric["name"]: metric for metric in record["metrics"]}
    for name in ("fid", "is", "kid", "precision", "recall", "fid_held_out", "copy_rate"):
        assert found[name]["value"] is not None, found[name]["missing_reason"]
    assert (found["fid"]["n_fake"], found["precision"]["n_fake"]) == (FAKES, 8)
    assert found["precision"]["n_real"] == 8
    assert 1.0 <= found["is"]["value"] <= 1008.0
