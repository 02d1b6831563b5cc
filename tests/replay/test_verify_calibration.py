"""Calibration sets of a data set with more images than densities are fitted to."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.data import ImageData, ImageSplit
from bench.identity.protocol import resolve
from bench.replay.verify.comparison import NotVerified, Verified
from bench.replay.verify.runner import VerifyJob
from bench.replay.verify.verification import Verification
from bench.run import calibration_job
from bench.run.events import Event
from bench.run.job import Surroundings
from bench.run.runner import CalibrationJob
from bench.run.worker import run_job
from bench.score.calibration import N_FITTED
from catalog.schema import Registry


def large_data() -> ImageData:
    """Random 16 x 16 images, brighter beyond the first ``N_FITTED`` of the training split."""
    generator = torch.Generator().manual_seed(0)
    splits = {}
    for name, n in (("train", N_FITTED + 500), ("test", 100)):
        shape = (n, 1, 16, 16)
        images = torch.randint(0, 100, shape, generator=generator, dtype=torch.uint8)
        images[N_FITTED:] += 150
        splits[name] = ImageSplit(images, torch.arange(n) % 10)
    return ImageData(splits, "f" * 64)


def test_an_honest_calibration_record_of_a_large_data_set_passes(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = large_data()
    monkeypatch.setattr(calibration_job, "load_dataset", lambda _: data)
    monkeypatch.setattr("bench.data.load_dataset", lambda _: data)
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    dataset = registry.dataset("digits").model_copy(update={"fingerprint": data.fingerprint})
    small = {
        "dataset_fingerprint": data.fingerprint,
        "n_reference": len(data["train"]),
        "n_held_out": len(data["test"]),
        "n_fake": 60,
        "kid_subset_size": 50,
        "kid_subsets": 2,
        "isc_splits": 2,
        "prc_samples": 100,
    }
    protocol = resolve(registry, "digits-10k").model_copy(update=small)
    extractor = registry.extractor("digits-cnn")
    around = Surroundings(dataset, protocol, extractor, "cpu", 1, "0" * 64)
    records = tmp_path / "calibration"
    job = CalibrationJob(("mean-image", "train-copies", "pca-gaussian"), records, around)
    assert run_job(job, lambda _: None, lambda: False).status == "success"

    how = Verification((dataset,), (extractor,), "cpu", 1, "0" * 64, strictness="exact")
    said: list[Event] = []
    again = VerifyJob("calibration", records, tmp_path / "scratch", how)
    assert run_job(again, said.append, lambda: False).status == "success"
    assert not [event for event in said if isinstance(event, NotVerified)]
    verified = [event for event in said if isinstance(event, Verified)]
    assert len(verified) == 7
    assert [check for event in verified for check in event.checks if not check.passed] == []
