"""What scoring computes: metrics of image sets of known quality, and features of extractors.

Scoring benches, calibration sets and their draws are those of jobs.
"""

from __future__ import annotations

from functools import partial

from golden_digest import Parts, digest
from golden_variants import CPU, SEED, UPDATES, images_of, registry
from torch import Tensor

from bench.identity.protocol import ScoringProtocol, resolve
from bench.models.build import build_from_spec
from bench.records.record import CalibrationSubject, ScoreRecord
from bench.run.plan import Narrowing, planned_specs
from bench.sample import trained_model as trained
from bench.sample.image_sets import calibration_draws, expected_subjects
from bench.sample.trained_model import draw_subject
from bench.score.calibration import CALIBRATIONS, calibration_images, calibration_labels
from bench.score.extractors import load_extractor
from bench.score.features import extract
from bench.score.scoring_bench import ScoringBench
from bench.train.gpu.choice import trainer_of
from catalog.errors import AigcError, MissingPrerequisite

GENERATED = "dcgan"
N_GENERATED = 256
IN_SUBSETS = 500
"""Images that precision and recall see where a protocol limits them, which digits' does not."""
BATCH = 100


def score_names() -> list[str]:
    """Everything that ``score_parts`` can compute."""
    digits = [
        f"digits-10k/{name}/{draw}" for name in CALIBRATIONS for draw in calibration_draws(name)
    ]
    return [
        *digits,
        f"digits-10k/{GENERATED}",
        "digits-10k-subset/held-out/0",
        "digits-10k-subset/pca-gaussian/0",
        "shapes-2k/held-out/0",
        "shapes-2k/noise/0",
        *(f"features/{extractor.id}" for extractor in registry().extractors),
    ]


def score_parts(name: str) -> Parts:
    """Every number of one image set, or the digests of one extractor's features."""
    protocol_name, subject, *draw = name.split("/")
    if protocol_name == "features":
        return _features(subject)
    subset = protocol_name.endswith("-subset")
    protocol = resolve(registry(), protocol_name.removesuffix("-subset"))
    if subset:
        protocol = protocol.model_copy(update={"prc_samples": IN_SUBSETS})
    if subject == GENERATED:
        return _generated(protocol.model_copy(update={"n_fake": N_GENERATED}))
    return _calibration(protocol, subject, int(draw[0]))


def _bench(protocol: ScoringProtocol) -> ScoringBench:
    entry = registry().extractor(protocol.extractor)
    data = images_of(protocol.dataset)
    return ScoringBench(data, protocol, entry, CPU, registry_sha256="0" * 64)


def _calibration(protocol: ScoringProtocol, name: str, draw: int) -> Parts:
    data = images_of(protocol.dataset)
    images = calibration_images(name, data, protocol, draw)
    labels = calibration_labels(name, data, protocol)
    subject = CalibrationSubject(name=name, draw=draw)
    return _numbers(_bench(protocol).record(subject, images, 0.0, labels=labels), images)


def _generated(protocol: ScoringProtocol) -> Parts:
    suite = registry().suite("digits")
    narrowing = Narrowing(variants=(GENERATED,), seeds=(SEED,), steps=UPDATES)
    (spec,) = planned_specs(registry(), suite, narrowing)
    data = images_of(spec.dataset.id)
    split = data[spec.dataset.split]
    trainer = trainer_of(spec, build_from_spec(spec).to(CPU), split)
    trainer.run()
    model = trained.finish(spec, trainer.model, trainer.average, split)
    (subject,) = expected_subjects(spec)
    images = draw_subject(subject, model, data, protocol)
    labels = model.labels(subject.sampler, len(images))
    return _numbers(_bench(protocol).record(subject, images, 0.0, labels=labels), images)


def _numbers(record: ScoreRecord, images: Tensor) -> Parts:
    parts = {
        "images": digest(images),
        "images_sha256": record.images_sha256,
        "n_images": str(record.n_images),
        "n_distinct": str(record.n_distinct),
    }
    for metric in record.metrics:
        parts[metric.name] = repr(metric.value)
        parts[f"{metric.name}, spread"] = repr(metric.spread)
        parts[f"{metric.name}, images"] = f"{metric.n_fake} and {metric.n_real}"
        if metric.missing_reason is not None:
            parts[f"{metric.name}, missing"] = metric.missing_reason
    return parts


def _features(name: str) -> Parts:
    """Features of the held-out digits, or of shapes where the extractor refuses digits."""
    try:
        extractor = load_extractor(registry().extractor(name), CPU)
    except MissingPrerequisite:
        return {"weights": "absent"}
    read = partial(extract, extractor=extractor, batch_size=BATCH, device=CPU)
    try:
        found = read(images_of("digits")["test"].images)
    except AigcError:
        found = read(images_of("shapes")["test"].images)
    return {layer: digest(features) for layer, features in sorted(found.items())}
