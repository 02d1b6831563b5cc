"""What a job's scores hold: labels of conditional models, and every draw of a calibration set."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
import torch
import yaml
from helpers import tiny_registry, tiny_variant
from safetensors.torch import load_file
from sklearn.decomposition import PCA

from bench.data import load_dataset
from bench.data.dataset import to_unit_range
from bench.models.base import LatentModel
from bench.models.vae import VAE
from bench.records.curve import curve_csv
from bench.records.run_directory import RunDirectory, read_score
from bench.run.events import Event, Scored
from bench.run.plan import Plan, make_plan
from bench.run.runner import CalibrationJob, TrainJob, jobs_of, surroundings
from bench.run.worker import run_job
from bench.sample import trained_model as trained
from bench.sample.latent_density import fit_mixture
from bench.train.loop import Stopped
from catalog.read.loader import load_registry


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("one")])
    data = yaml.safe_load(file.read_text())
    data["suites"][0]["calibration"] = ["held-out", "pca-gaussian"]
    file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    return file


def plan_of(file: Path) -> Plan:
    registry = load_registry(file)
    return make_plan(registry, registry.suite("tiny"), file.parent / "runs")


def jobs(file: Path) -> tuple[CalibrationJob, TrainJob]:
    plan = plan_of(file)
    around = surroundings(plan, torch.device("cpu"), file, None)
    calibration, training = jobs_of(plan, around, retry_failed=False)
    assert isinstance(calibration, CalibrationJob)
    assert isinstance(training, TrainJob)
    return calibration, training


def test_a_calibration_stops_between_two_draws_and_goes_on_from_there(file: Path) -> None:
    job, _ = jobs(file)
    seen: list[Event] = []
    with pytest.raises(Stopped):
        job.task(seen.append, lambda: len(seen) >= 3).run()
    assert len(list(job.directory.glob("*.json"))) == 2
    assert plan_of(file).calibration == ("pca-gaussian",)
    job.task(seen.append, lambda: False).run()
    assert plan_of(file).calibration == ()


ENDS_WITHIN_S = 5.0
"""As promised; it takes a few milliseconds. The fit would take a minute."""


def test_a_calibration_is_broken_off_in_the_middle_of_a_fit(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, _ = jobs(file)
    told_at: list[float] = []

    def long_fit(*_: object) -> None:
        told_at.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)

    usual = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(PCA, "fit", long_fit)
        ended = run_job(job, lambda _: None, lambda: False)
    assert time.monotonic() - told_at[0] < ENDS_WITHIN_S
    assert ended.status == "cancelled"
    assert signal.getsignal(signal.SIGTERM) is usual
    left = {path.name for path in job.directory.iterdir()}
    assert left - {".lock"} == {path.name for path in job.directory.glob("held-out-*")}
    assert plan_of(file).calibration == ("pca-gaussian",)
    assert run_job(job, lambda _: None, lambda: False).status == "success"
    assert plan_of(file).calibration == ()


def test_a_trained_job_stops_between_two_scores_and_is_only_scored_then(file: Path) -> None:
    _, job = jobs(file)
    seen: list[Event] = []
    task = job.task(seen.append, lambda: any(isinstance(event, Scored) for event in seen))
    with pytest.raises(Stopped):
        task.run()
    task.stopped()
    (planned,) = plan_of(file).jobs
    assert planned.state == "rescore"
    weights = RunDirectory(job.directory).weights.read_bytes()
    job.task(seen.append, lambda: False).run()
    (planned,) = plan_of(file).jobs
    assert planned.state == "done"
    assert RunDirectory(job.directory).weights.read_bytes() == weights


def test_every_draw_is_scored_once_and_a_missing_one_is_planned(file: Path) -> None:
    job, _ = jobs(file)
    seen: list[Event] = []
    job.task(seen.append, lambda: False).run()
    records = [read_score(path) for path in sorted(job.directory.glob("*.json"))]
    draws = [r.subject.draw for r in records if r.subject.name == "pca-gaussian"]
    assert sorted(draws) == [0, 1, 2, 3, 4]
    assert len({record.score_hash for record in records}) == 6
    assert len({record.metric("fid").value for record in records}) == 6
    held_out = next(r for r in records if r.subject.name == "held-out")
    assert held_out.metric("label_accuracy").value > 0.97
    assert len(list(job.directory.glob("*.png"))) == 2
    assert plan_of(file).calibration == ()
    next(job.directory.glob("pca-gaussian-draw-3-*.json")).unlink()
    assert plan_of(file).calibration == ("pca-gaussian",)
    seen.clear()
    job.task(seen.append, lambda: False).run()
    assert len(seen) == 2  # the phase and the one score
    assert plan_of(file).calibration == ()


@pytest.mark.parametrize("conditional", [False, True])
def test_only_a_conditional_models_own_samples_have_a_class_asked_for(
    file: Path, conditional: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VAE, "conditional", conditional)
    _, job = jobs(file)
    job.task(lambda _: None, lambda: False).run()
    found = {
        record.subject.sampler: record.metric("label_accuracy")
        for record in RunDirectory(job.directory).score_records()
    }
    assert set(found) >= {"prior", "reconstruction"}
    with_labels = {sampler for sampler, metric in found.items() if metric is not None}
    assert with_labels == ({"prior"} if conditional else set())


def test_the_mixture_is_fitted_to_the_images_that_were_trained_on(file: Path) -> None:
    _, job = jobs(file)
    job.task(lambda _: None, lambda: False).run()
    directory = RunDirectory(job.directory)
    recorded = load_file(directory.path / "gmm-10.safetensors")
    model = trained.load(directory, torch.device("cpu")).model
    data = load_dataset(job.around.dataset)
    assert isinstance(model, LatentModel)
    means = {
        split: fit_mixture(model, to_unit_range(data[split].images)).tensors()["means"]
        for split in ("train", "test")
    }
    assert torch.equal(recorded["means"], means["train"])
    assert not torch.equal(recorded["means"], means["test"])


def test_a_curve_has_gaps_where_a_stage_has_no_such_loss() -> None:
    curve = [(1, {"vae": 1.0}), (2, {"vae": 0.5, "prior": 3.0}), (3, {"prior": 2.0})]
    text = curve_csv(curve)
    assert text == "step,prior,vae\n1,,1\n2,3,0.5\n3,2,\n"


def test_copies_are_counted_in_the_split_that_was_trained_on(file: Path) -> None:
    data = yaml.safe_load(file.read_text())
    data["suites"][0]["train_split"] = "judge"
    file.write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    _, job = jobs(file)
    job.task(lambda _: None, lambda: False).run()
    splits = load_dataset(load_registry(file).dataset("digits"))
    n_judge, n_reference = (len(splits[name]) for name in ("judge", "train"))
    records = RunDirectory(job.directory).score_records()
    assert records
    for record in records:
        n_real = {metric.name: metric.n_real for metric in record.metrics}
        assert n_real["fid"] == n_reference
        assert n_real["copy_rate"] == n_real["copy_rate_pixels"] == n_judge != n_reference
