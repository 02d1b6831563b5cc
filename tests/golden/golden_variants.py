"""What a variant computes in its first updates: digests of weights, losses, images and files.

Specs, trainers, subjects and drawing are those of train jobs.
"""

from __future__ import annotations

import functools
import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from golden_digest import Parts, digest
from torch import Tensor

from bench.data import ImageData, load_dataset
from bench.identity.protocol import resolve
from bench.identity.spec import TrainSpec, train_spec
from bench.models.build import algorithm_class, build_from_spec, build_model, resolve_recipe
from bench.networks.shape import ImageShape
from bench.records.run_directory import RunDirectory
from bench.run.plan import Narrowing, planned_specs
from bench.sample import trained_model as trained
from bench.sample.image_sets import expected_subjects
from bench.sample.trained_model import TrainedModel, draw_subject
from bench.train import checkpoint
from bench.train.gpu.choice import placed, trainer_of
from bench.train.gpu.streaming import StreamedBatches, StreamingTrainer
from bench.train.loop import Progress, Trainer
from catalog.read.loader import load_registry
from catalog.schema import Registry, Suite

SUITES = ("digits", "shapes")
"""Whose data sets are part of the project; a variant is trained in the first that has it."""
UPDATES, SEED, IMAGES = 2, 0, 64
LONGER = 20
PERIODIC = ("ada-gan", "stylegan2", "stylegan2-ada", "r1-gan", "r3gan", "wgan", "article-repaired")
"""Variants that do something only every few updates, which are updated ``LONGER`` as well."""
STREAMED = ("dcgan", "wgan-gp", "vae", "two-stage-vae", "stylegan2", "ddpm")
"""Variants that are trained by each of the other trainers as well."""
PROMPTS = {"dall-e": "the digit seven", "dall-e-shapes": "a large red circle at the top left"}
CPU = torch.device("cpu")


@functools.cache
def registry() -> Registry:
    """The registry beside the code that is to be proved, without pins of this machine."""
    return load_registry()


@functools.cache
def images_of(dataset: str) -> ImageData:
    """A data set, decoded once per process."""
    return load_dataset(registry().dataset(dataset))


def variant_parts(name: str) -> Parts:
    """Every digest of one variant."""
    suite = _suite_of(name)
    narrowing = Narrowing(variants=(name,), seeds=(SEED,), steps=UPDATES)
    (spec,) = planned_specs(registry(), suite, narrowing)
    parts = {"recipe": digest(spec.recipe), **_trained(spec, suite)}
    low = spec.model_copy(update={"precision": "bf16"})
    parts |= _prefixed("bf16", _updated(low))
    if name in PERIODIC:
        longer = spec.model_copy(update={"steps": LONGER})
        parts |= _prefixed(f"{LONGER} updates", _updated(longer))
    if name in STREAMED:
        parts |= _prefixed("streamed", _updated(spec, streamed=True))
        parts |= _prefixed("graphs asked for", _updated(spec, graphs=True))
    if suite.dataset != "shapes" and registry().variant(name).fits("shapes"):
        parts |= _prefixed("shapes", _updated(_spec_on_shapes(name)))
    return parts | _on_other_data(name)


def _suite_of(name: str) -> Suite:
    for candidate in SUITES:
        suite = registry().suite(candidate)
        if name in {variant.id for variant in registry().variants_of(suite)}:
            return suite
    raise LookupError(f"no suite of {' and '.join(SUITES)} has {name}")


def _spec_on_shapes(name: str) -> TrainSpec:
    """What the suite ``shapes`` would train if it had the variant."""
    variant, dataset = registry().variant(name), registry().dataset("shapes")
    recipe = resolve_recipe(registry(), variant, dataset.id).model_dump(mode="json")
    return train_spec(variant, dataset, recipe, split="train", seed=SEED, steps=UPDATES)


def _on_other_data(name: str) -> Parts:
    """Recipe and first weights for each data set of the registry, whether it is here or not."""
    variant = registry().variant(name)
    parts: Parts = {}
    for dataset in registry().datasets:
        if not variant.fits(dataset.id):
            continue
        recipe = resolve_recipe(registry(), variant, dataset.id)
        shape = ImageShape(dataset.channels, dataset.resolution)
        algorithm = algorithm_class(variant.algorithm)
        model = build_model(algorithm, recipe, shape, dataset.n_classes, SEED)
        parts[f"{dataset.id}: recipe"] = digest(recipe.model_dump(mode="json"))
        parts[f"{dataset.id}: first weights"] = digest(model.state_dict())
    return parts


def _prefixed(prefix: str, parts: Parts) -> Parts:
    return {f"{prefix}: {name}": value for name, value in parts.items()}


def _trainer(spec: TrainSpec, *, graphs: bool = False, streamed: bool = False) -> Trainer:
    model = build_from_spec(spec).to(CPU)
    split = placed(images_of(spec.dataset.id)[spec.dataset.split], CPU)
    if not streamed:
        return trainer_of(spec, model, split, graphs=graphs)
    trainer = StreamingTrainer(model, split, n_steps=spec.steps, seed=spec.seed)
    # On a CPU nothing needs to be streamed, so what does it is put there by hand.
    trainer.batches = StreamedBatches(split, trainer.batches.batch_size, spec.seed, CPU)
    return trainer


def _run(trainer: Trainer) -> Parts:
    """Train, and digest the state after the last update, before anything is fitted to it."""
    parts: Parts = {"first weights": digest(trainer.model.state_dict())}

    def observe(at: Progress) -> None:
        if at.step == at.n_steps:
            state = checkpoint.capture(trainer.model, trainer.average)
            for part in ("model", "average", "optimizers", "rng"):
                parts[part] = digest(state[part])

    training = trainer.run(observe)
    parts["losses"] = digest([[step, losses] for step, losses in training.curve])
    parts["images seen"] = str(training.images_seen)
    return parts


def _updated(spec: TrainSpec, *, graphs: bool = False, streamed: bool = False) -> Parts:
    return _run(_trainer(spec, graphs=graphs, streamed=streamed))


def _trained(spec: TrainSpec, suite: Suite) -> Parts:
    trainer = _trainer(spec)
    parts = _run(trainer)
    data = images_of(spec.dataset.id)
    model = trained.finish(spec, trainer.model, trainer.average, data[spec.dataset.split])
    parts["model, finished"] = digest(model.model.state_dict())
    for ema, mixture in model.mixtures.items():
        parts[f"mixture, {_weights(ema=ema)}"] = digest(mixture.tensors())
    protocol = resolve(registry(), suite.protocol).model_copy(update={"n_fake": IMAGES})
    measures = model.measures(data, protocol.held_out_split)
    if measures is not None:
        parts["measures"] = digest(dict(measures.values))
    for subject in expected_subjects(spec):
        place = f"{subject.sampler}, {_weights(ema=subject.ema)}"
        images = draw_subject(subject, model, data, protocol)
        labels = model.labels(subject.sampler, len(images))
        parts[f"images, {place}"] = digest(images)
        parts[f"classes, {place}"] = "none" if labels is None else digest(labels)
    for ema in (False, True) if model.average is not None else (False,):
        parts |= _by_prompt(model, ema=ema)
    return parts | dict(_files(model))


def _weights(*, ema: bool) -> str:
    return "averaged" if ema else "raw"


def _by_prompt(model: TrainedModel, *, ema: bool) -> Parts:
    if model.spec.variant not in PROMPTS:
        return {}
    prompt = PROMPTS[model.spec.variant]
    images: Tensor = model.generate(prompt, IMAGES, seed=SEED, ema=ema)
    return {f"images by prompt, {_weights(ema=ema)}": digest(images)}


def _files(model: TrainedModel) -> Iterator[tuple[str, str]]:
    """The bytes that a run would leave on disk, which records name by their sha256."""
    with tempfile.TemporaryDirectory() as folder:
        for path in trained.save(model, RunDirectory(Path(folder))):
            yield f"file {path.name}", hashlib.sha256(path.read_bytes()).hexdigest()
