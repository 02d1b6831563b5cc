"""Which weights, which noise and which images a trained model is drawn with."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers import tiny_variant
from torch import Tensor

import bench.sample.draw
from bench.data import ImageData, ImageSplit, load_dataset
from bench.data.dataset import to_unit_range
from bench.identity.protocol import ScoringProtocol, resolve
from bench.identity.spec import TrainSpec, train_spec
from bench.models.base import LatentModel
from bench.models.build import build_from_spec
from bench.records.record import RunSubject
from bench.records.run_directory import RunDirectory
from bench.run.runner import TrainJob
from bench.run.worker import run_job
from bench.sample.image_sets import expected_subjects
from bench.sample.latent_density import SAMPLER, LatentMixture, fit_mixture
from bench.sample.trained_model import TrainedModel, draw_subject, finish, load
from bench.train.loop import Trainer
from catalog.schema import Registry

N = 12


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.sample.draw, "SAMPLING_BATCH", N)


@pytest.fixture(scope="module")
def data(registry: Registry) -> ImageData:
    return load_dataset(registry.dataset("digits"))


@pytest.fixture(scope="module")
def spec(registry: Registry) -> TrainSpec:
    recipe = {"width": 4, "latent_dim": 4, "batch_size": 16, "ema_decay": 0.9}
    return train_spec(
        registry.variant("vae"), registry.dataset("digits"), recipe, split="train", seed=3, steps=9
    )


@pytest.fixture(scope="module")
def trained(spec: TrainSpec, data: ImageData) -> TrainedModel:
    trainer = Trainer(build_from_spec(spec), data["train"], n_steps=spec.steps, seed=spec.seed)
    trainer.run()
    return finish(spec, trainer.model, trainer.average, data["train"])


@pytest.fixture(scope="module")
def averaged(trained: TrainedModel) -> TrainedModel:
    """A model whose own weights are the averaged ones of ``trained``."""
    assert trained.average is not None
    model = copy.deepcopy(trained.model)
    for name, module in model.sampling_modules().items():
        state = module.state_dict()
        for key in state.keys() & {k.removeprefix(f"{name}.") for k in trained.average.average}:
            state[key] = trained.average.average[f"{name}.{key}"]
        module.load_state_dict(state)
    mixtures = {False: trained.mixtures[True]}
    return TrainedModel(trained.spec, model, None, mixtures, trained.device)


@pytest.mark.parametrize("sampler", ["prior", SAMPLER])
def test_averaged_weights_draw_their_own_images(
    sampler: str, trained: TrainedModel, averaged: TrainedModel
) -> None:
    raw = trained.sample(sampler, N, seed=0)
    images = trained.sample(sampler, N, seed=0, ema=True)
    assert torch.equal(images, averaged.sample(sampler, N, seed=0))
    assert not torch.equal(images, raw)
    assert torch.equal(trained.sample(sampler, N, seed=0), raw)  # they were put back


def test_averaged_weights_reconstruct_and_measure(
    trained: TrainedModel, averaged: TrainedModel, data: ImageData
) -> None:
    images = data["test"].images[:N]
    raw, own = trained.reconstruct(images), trained.reconstruct(images, ema=True)
    assert torch.equal(own, averaged.reconstruct(images))
    assert not torch.equal(own, raw)


def subject_of(spec: TrainSpec, **changes: Any) -> RunSubject:
    return expected_subjects(spec)[0].model_copy(update={"sampler": "prior", **changes})


@pytest.fixture(scope="module")
def protocol(registry: Registry) -> ScoringProtocol:
    found = resolve(registry, registry.suite("digits").protocol)
    return found.model_copy(update={"n_fake": N})


def test_what_is_scored_is_drawn_with_the_seed_of_its_training(
    spec: TrainSpec, trained: TrainedModel, data: ImageData, protocol: ScoringProtocol
) -> None:
    def drawn(seed: int) -> Tensor:
        (subject, *_) = expected_subjects(spec.model_copy(update={"seed": seed}))
        assert subject.seed == seed
        return draw_subject(subject, trained, data, protocol)

    sets = [drawn(seed) for seed in (0, 1, 3)]
    sampler = expected_subjects(spec)[0].sampler
    for seed, images in zip((0, 1, 3), sets, strict=True):
        assert torch.equal(images, trained.sample(sampler, N, seed=seed, ema=True))
    assert len({images.numpy().tobytes() for images in sets}) == 3


def test_what_is_scored_is_drawn_from_the_weights_that_it_names(
    spec: TrainSpec, trained: TrainedModel, data: ImageData, protocol: ScoringProtocol
) -> None:
    for sampler in ("prior", "reconstruction"):
        raw, own = (
            draw_subject(subject_of(spec, sampler=sampler, ema=ema), trained, data, protocol)
            for ema in (False, True)
        )
        assert not torch.equal(raw, own)


def same(first: LatentMixture, second: LatentMixture) -> bool:
    return all(map(torch.equal, first.tensors().values(), second.tensors().values()))


def fitted(model: TrainedModel, split: ImageSplit) -> LatentMixture:
    assert isinstance(model.model, LatentModel)
    return fit_mixture(model.model, to_unit_range(split.images))


def test_the_mixture_is_fitted_to_the_split_with_either_weights(
    trained: TrainedModel, averaged: TrainedModel, data: ImageData
) -> None:
    assert same(trained.mixtures[False], fitted(trained, data["train"]))
    assert same(trained.mixtures[True], fitted(averaged, data["train"]))


def test_a_job_fits_the_mixture_to_the_images_that_it_trained_on(
    job_of: Callable[..., TrainJob], data: ImageData
) -> None:
    job = job_of(tiny_variant("vae", ema_decay=0.9))
    assert run_job(job, lambda _: None, lambda: False).status == "success"
    model = load(RunDirectory(job.directory), torch.device("cpu"))
    assert same(model.mixtures[False], fitted(model, data["train"]))
    assert not same(model.mixtures[False], fitted(model, data["test"]))
