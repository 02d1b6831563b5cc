"""A small registry and runs directories for the tests of reports, made as the runner makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from PIL import Image

from bench.identity.digest import sha256_of_data
from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import DatasetSpec, TrainSpec
from bench.records.record import (
    CalibrationSubject,
    Cost,
    Environment,
    Failure,
    Metric,
    Parameters,
    Provenance,
    RunSubject,
    ScoreRecord,
    Subject,
    TrainRecord,
    to_json,
)
from bench.records.run_directory import calibration_file
from catalog.schema import Dataset, Extractor, Registry, Resource, Suite, Variant
from catalog.schema import Protocol as ProtocolEntry
from catalog.schema.resources import Links, Reported

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MACHINE = Environment(
    device="cpu",
    device_name="Test CPU",
    n_threads=1,
    os="Linux x86_64",
    python="3.11.9",
    packages={"torch": "2.9.0"},
)
CODE = Provenance(
    package_version="0.1.0",
    commit="0123456789abcdef",
    dirty=False,
    implementation_sha256="1" * 64,
    registry_sha256="2" * 64,
)
DATASET = Dataset(
    id="digits",
    name={"en": "Digits", "zh": "手写数字"},
    paper="digits-paper",
    loader="digits",
    resolution=16,
    channels=1,
    n_classes=10,
    splits={"train": 1078, "test": 360},
    fingerprint="a" * 64,
    licence="CC BY 4.0",
)
SEEDS = (0, 1, 2)
REPORTED = (
    Reported(
        metric="FID",
        value=24.7,
        spread=0.1,
        dataset="CIFAR-10 32x32",
        setting="50k samples | best checkpoint",
        better="lower",
        source="Some Paper, table 1",
    ),
    Reported(
        metric="IS",
        value=6.0,
        dataset="CIFAR-10 32x32",
        better="higher",
        source="Some Paper, table 2",
        certainty="unsure",
    ),
)


def make_suite(seeds: tuple[int, ...] = SEEDS) -> Suite:
    return Suite(
        id="tiny",
        title={"en": "Tiny digits", "zh": "小型数字集"},
        dataset="digits",
        protocol="digits-10k",
        variants=("dcgan", "vae", "r1-gan"),
        seeds=seeds,
        steps=1000,
        cpu=True,
        calibration=("held-out", "train-copies", "pca-gaussian"),
    )


def make_variant(name: str, chinese: str) -> Variant:
    return Variant(
        id=name,
        name={"en": name.upper(), "zh": chinese},
        family="vae" if name == "vae" else "gan",
        parent=None if name == "dcgan" else "dcgan",
        paper="some-paper",
        algorithm="bench.models.gan:GAN",
        summary={"en": f"What {name} is.", "zh": f"{chinese}的简介。"},
        deviations=("Smaller than in the paper.",) if name == "vae" else (),
        reported=REPORTED if name == "vae" else (),
    )


def make_registry() -> Registry:
    return Registry.model_construct(
        resources=(
            Resource(
                id="some-paper",
                kind="paper",
                origin="added",
                title={"en": "Some Paper", "zh": "某篇论文"},
                links=Links(homepage="https://example.org/paper"),
                summary={"en": "A paper.", "zh": "一篇论文。"},
            ),
        ),
        datasets=(DATASET,),
        extractors=(
            Extractor(
                id="digits-cnn",
                name={"en": "classifier", "zh": "分类器"},
                sha256="b" * 64,
                layers={"isc": "logits", "fid": "grid", "kid": "grid", "prc": "grid"},
            ),
        ),
        protocols=(
            ProtocolEntry(
                id="digits-10k",
                version=1,
                dataset="digits",
                reference_split="train",
                held_out_split="test",
                n_fake=10000,
                extractor="digits-cnn",
                isc_splits=10,
                kid_subsets=100,
                kid_subset_size=250,
                prc_neighborhood=3,
                rng_seed=2020,
                batch_size=250,
            ),
        ),
        suites=(make_suite(),),
        variants=(
            make_variant("dcgan", "深度卷积生成对抗网络"),
            make_variant("vae", "变分自编码器"),
            make_variant("r1-gan", "R1正则化生成对抗网络"),
        ),
    )


def make_spec(variant: str, seed: int, **changes: object) -> TrainSpec:
    spec = TrainSpec(
        variant=variant,
        algorithm="bench.models.gan:GAN",
        recipe={"loss": variant, "penalty": {"r1": 1.0}},
        dataset=DatasetSpec(
            id="digits",
            fingerprint="a" * 64,
            split="train",
            n_images=1078,
            resolution=16,
            channels=1,
            n_classes=10,
        ),
        seed=seed,
        steps=1000,
    )
    return spec.model_copy(update=changes)


def make_metrics(
    distance: float | None, n_images: int, accuracy: float | None = None
) -> tuple[Metric, ...]:
    values = {
        "fid": distance,
        "is": 8.5,
        "kid": 0.0123,
        "precision": 0.81,
        "recall": 0.62,
        "fid_equal_n": None if distance is None else distance + 0.5 * (n_images > 360),
        "fid_bias": 440 / n_images,
        "fid_held_out": None if distance is None else distance + 1.5,
        "copy_rate": 0.05 if distance is None or distance > 11 else 0.25,
    }
    if accuracy is not None:
        values["label_accuracy"] = accuracy
    spreads = {"fid": None if distance is None else distance / 100, "is": 0.1, "kid": 0.002}
    return tuple(
        Metric(
            name=name,
            value=value,
            missing_reason="too few images" if value is None else None,
            higher_is_better=name in {"is", "precision", "recall", "label_accuracy"},
            spread=spreads.get(name),
            n_fake=n_images,
        )
        for name, value in values.items()
    )


def draw_grid(path: Path, first: int, mode: str = "L", cell: int = 8) -> None:
    """Write 5 x 12 flat images with the layout of a grid, the first one of some grey."""
    grid = Image.new(
        mode, (12 * (cell + 2) + 2, 5 * (cell + 2) + 2), 128 if mode == "L" else "grey"
    )
    for place in range(60):
        row, column = divmod(place, 12)
        grey = (first + 3 * place) % 256
        image = Image.new(mode, (cell, cell), grey if mode == "L" else (grey, 255 - grey, place))
        grid.paste(image, (column * (cell + 2) + 2, row * (cell + 2) + 2))
    grid.save(path, "PNG")


class Runs:
    """A runs directory that tests fill as the runner would."""

    def __init__(self, path: Path, protocol: ScoringProtocol) -> None:
        self.path = path
        self.protocol = protocol

    def train(self, spec: TrainSpec, **changes: object) -> Path:
        fields: dict[str, object] = {
            "run_id": spec.run_id,
            "train_hash": spec.train_hash,
            "status": "success",
            "spec": spec,
            "comparable": True,
            "created_at": WHEN,
            "updated_at": WHEN,
            "parameters": Parameters(total=2_400_000, sampling=1_234_567),
            "cost": Cost(
                train_wall_s=61.25 + spec.seed,
                images_seen=64_000,
                images_per_s=1044.9,
                peak_memory_bytes=1,
            ),
            "environment": MACHINE,
            "provenance": CODE,
        }
        directory = self.path / spec.run_id
        (directory / "scores").mkdir(parents=True, exist_ok=True)
        (directory / "train.json").write_text(to_json(TrainRecord(**(fields | changes))))
        rows = [f"{step},{10 / step + spec.seed:.4g}" for step in range(10, 1001, 10)]
        (directory / "curve.csv").write_text("\n".join(["step,loss", *rows, ""]))
        (directory / "weights.safetensors").write_bytes(b"heavy")
        return directory

    def fail(self, spec: TrainSpec) -> Path:
        error = Failure(phase="train", type="Diverged", message="loss is not finite | step 7\nmore")
        return self.train(spec, status="error", error=error, cost=None)

    def score(
        self,
        spec: TrainSpec,
        distance: float | None,
        sampler: str = "prior",
        protocol: ScoringProtocol | None = None,
        *,
        ema: bool = False,
        weights: Literal["final", "best"] = "final",
        accuracy: float | None = None,
    ) -> Path:
        subject = RunSubject(
            run_id=spec.run_id,
            variant=spec.variant,
            seed=spec.seed,
            train_hash=spec.train_hash,
            weights=weights,
            ema=ema,
            sampler=sampler,
        )
        protocol = protocol or self.protocol
        best = "-best" if weights == "best" else ""
        name = f"{sampler}-{'ema' if ema else 'raw'}{best}-{protocol.key}.json"
        file = self.path / spec.run_id / "scores" / name
        n_images = 360 if sampler == "reconstruction" else 10000
        return self._write(file, subject, distance, protocol, n_images, accuracy)

    def calibrate(
        self, name: str, distance: float, n_images: int = 10000, draw: int = 0, **more: float
    ) -> Path:
        file = calibration_file(self.path / "calibration", name, self.protocol.key, draw)
        file.parent.mkdir(parents=True, exist_ok=True)
        if draw == 0:
            draw_grid(file.with_suffix(".png"), len(name))
        subject = CalibrationSubject(name=name, draw=draw)
        return self._write(file, subject, distance, self.protocol, n_images, **more)

    @staticmethod
    def _write(
        file: Path,
        subject: Subject,
        distance: float | None,
        protocol: ScoringProtocol,
        n_images: int,
        accuracy: float | None = None,
    ) -> Path:
        record = ScoreRecord(
            score_hash="c" * 64,
            subject=subject,
            protocol=protocol,
            protocol_key=protocol.key,
            comparable=True,
            n_images=n_images,
            images_sha256=sha256_of_data(repr(subject)),
            metrics=make_metrics(distance, n_images, accuracy),
            sample_wall_s=1.0,
            score_wall_s=1.0,
            created_at=WHEN,
            environment=MACHINE,
        )
        file.write_text(to_json(record))
        return file


def planned(seeds: tuple[int, ...] = SEEDS) -> list[TrainSpec]:
    return [make_spec(variant, seed) for variant in ("dcgan", "vae", "r1-gan") for seed in seeds]


def fill(runs: Runs, seeds: tuple[int, ...] = SEEDS) -> None:
    """Two variants with every kind of score, and the calibration rows."""
    for seed in seeds:
        dcgan, vae = make_spec("dcgan", seed), make_spec("vae", seed)
        draw_grid(runs.train(dcgan) / "grid-prior.png", 100 + seed)
        draw_grid(runs.path / dcgan.run_id / "grid-prior-raw.png", 110 + seed)
        runs.score(dcgan, 10.0 + 0.1 * seed, ema=True)
        runs.score(dcgan, 14.0 + 0.1 * seed)
        runs.train(vae)
        runs.score(vae, 30.0 + 0.3 * seed)
        runs.score(vae, 15.0 + 0.2 * seed, "gmm-10")
        runs.score(vae, 12.0 + 0.2 * seed, "reconstruction")
    runs.calibrate("held-out", 2.5, n_images=360)
    runs.calibrate("train-copies", 0.01)
    for draw, distance in enumerate((19.9, 20.0, 20.1)):
        runs.calibrate("pca-gaussian", distance, draw=draw)


def add_trouble(runs: Runs) -> None:
    """A failed seed of a third variant, another budget, and a score under another protocol."""
    runs.fail(make_spec("r1-gan", 0))
    runs.train(make_spec("r1-gan", 1))
    runs.score(make_spec("r1-gan", 1), 13.0)
    runs.train(make_spec("vae", 0, steps=20))
    runs.train(make_spec("vae", 1, steps=20))
    runs.score(make_spec("vae", 0), 1.0, protocol=runs.protocol.model_copy(update={"n_fake": 500}))
