"""Pictures of a training: they change nothing, end where the sample is, and find copies."""

from __future__ import annotations

import io
import json
import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import tiny_registry, tiny_variant
from PIL import Image
from torch import Tensor

from bench.identity.spec import TrainSpec
from bench.models.base import FitsAfterTraining
from bench.models.build import build_from_spec
from bench.models.noise import ImageNoise
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory
from bench.replay.pictures.draw import (
    MOST_BYTES,
    N_IMAGES,
    Setting,
    are_drawn,
    draw_pictures,
    setting_of,
    sheet_png,
    weights_beside,
)
from bench.replay.pictures.interpolation import N_PAIRS, NoiseBetween, interpolate, slerp
from bench.replay.pictures.neighbours import closest, columns, nearest
from bench.replay.pictures.record import RECORD, read_pictures
from bench.replay.pictures.snapshots import (
    SnapshotTaker,
    WatchedTraining,
    model_at,
    train_watched,
)
from bench.run.plan import make_plan
from bench.run.runner import TrainJob, jobs_of, surroundings
from bench.run.worker import run_job
from bench.sample.trained_model import TrainedModel
from bench.train.loop import Stopped, Trainer
from catalog.errors import InvalidInput
from catalog.read.loader import load_registry

CPU = torch.device("cpu")
MOMENTS = (1, 2, 5, 10, 15, 20)
N_POINTS = 12
VARIANTS = [
    tiny_variant("auto"),
    tiny_variant("averaged", "bench.models.gan:GAN", ema_decay=0.9),
    tiny_variant("fitted", "bench.models.autoencoder:Autoencoder"),
    tiny_variant("asked", "bench.models.cvae:CVAE"),
    tiny_variant("choices", "bench.models.categorical_vae:CategoricalVAE", latent_dim=None),
    tiny_variant("codes", "bench.models.infogan:InfoGAN"),
    tiny_variant("chain", "bench.models.ddpm:DDPM", latent_dim=None),
]
NAMES = [variant["id"] for variant in VARIANTS]
BETWEEN = {"choices": "none-choices", "codes": "slerp-held", "chain": "none-chain"}


@dataclass(frozen=True)
class Tiny:
    """A small suite whose runs have finished, and what they are drawn with."""

    records: dict[str, TrainRecord]
    setting: Setting


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    folder = tmp_path_factory.mktemp("gallery")
    file = tiny_registry(folder / "tiny.yaml", VARIANTS)
    registry = load_registry(file)
    suite = registry.suite("tiny")
    plan = make_plan(registry, suite, folder / "runs")
    around = surroundings(plan, CPU, file, None)
    records = {}
    for job in jobs_of(plan, around, retry_failed=False):
        if isinstance(job, TrainJob):
            assert run_job(job, lambda _: None, lambda: False).status == "success"
            record = RunDirectory(job.directory).train_record()
            assert record is not None
            records[job.spec.variant] = record
    return Tiny(records, setting_of(registry, suite, CPU))


@pytest.fixture(scope="module")
def watched_again(tiny: Tiny) -> Callable[[str], WatchedTraining]:
    made: dict[str, WatchedTraining] = {}

    def train(name: str) -> WatchedTraining:
        if name not in made:
            made[name] = train_watched(tiny.records[name].spec, tiny.setting.data, CPU)
        return made[name]

    return train


def unwatched(spec: TrainSpec, tiny: Tiny, until: int) -> Trainer:
    """A training that nobody looks at, stopped after some updates."""
    trainer = Trainer(
        build_from_spec(spec),
        tiny.setting.data[spec.dataset.split],
        n_steps=spec.steps,
        seed=spec.seed,
    )
    with pytest.raises(Stopped):
        trainer.run(should_stop=lambda: trainer.state.step == until)
    return trainer


def equal_tensors(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        torch.equal(left[name], right[name]) for name in left
    )


# The training.


@pytest.mark.parametrize("name", NAMES)
def test_a_watched_training_ends_with_the_recorded_weights(
    tiny: Tiny, watched_again: Callable[[str], WatchedTraining], name: str
) -> None:
    weights = weights_beside(tiny.records[name], watched_again(name).final)
    assert all(file.sha256 == file.recorded_sha256 for file in weights)
    n_files = sum(artifact.kind == "weights" for artifact in tiny.records[name].artifacts)
    assert len(weights) == n_files >= 1


def test_weights_of_another_training_are_not_taken_for_the_recorded_ones(
    tiny: Tiny, watched_again: Callable[[str], WatchedTraining]
) -> None:
    record = tiny.records["auto"]
    other = record.spec.model_copy(update={"seed": 1})
    again = train_watched(other, tiny.setting.data, CPU)
    assert all(f.sha256 != f.recorded_sha256 for f in weights_beside(record, again.final))


@pytest.mark.parametrize("name", ["auto", "averaged", "codes"])
def test_a_moment_is_the_model_of_a_training_that_stopped_there(
    tiny: Tiny, watched_again: Callable[[str], WatchedTraining], name: str
) -> None:
    spec = tiny.records[name].spec
    made = watched_again(name)
    assert tuple(step for step, _ in made.earlier) == MOMENTS[:-1]
    for step, model in made.earlier:
        trainer = unwatched(spec, tiny, step)
        assert equal_tensors(model.model.state_dict(), trainer.model.state_dict())
        assert (model.average is None) == (trainer.average is None)
        if model.average is not None and trainer.average is not None:
            assert equal_tensors(model.average.average, trainer.average.average)
    first, last = made.earlier[0][1], made.final
    assert not equal_tensors(first.model.state_dict(), last.model.state_dict())


def test_a_moment_has_a_sampler_fitted_to_its_own_latents(
    watched_again: Callable[[str], WatchedTraining],
) -> None:
    made = watched_again("fitted")
    states = [model.model.state_dict() for _, model in made.earlier]
    assert isinstance(made.final.model, FitsAfterTraining)
    means = torch.stack([state["latent_mean"] for state in states])
    assert len(means.unique(dim=0)) == len(states)


def test_a_training_of_few_updates_has_fewer_moments(tiny: Tiny) -> None:
    spec = tiny.records["auto"].spec.model_copy(update={"steps": 3})
    trainer = Trainer(build_from_spec(spec), tiny.setting.data["train"], n_steps=3, seed=0)
    taker = SnapshotTaker(trainer)
    trainer.run(taker.observe)
    assert [shot.step for shot in taker.snapshots] == [1, 2]
    model = model_at(taker.snapshots[0], spec, tiny.setting.data["train"], CPU)
    assert not equal_tensors(model.model.state_dict(), trainer.model.state_dict())


# Between images.


def test_the_great_circle_has_exact_ends_and_the_length_in_between() -> None:
    generator = torch.Generator().manual_seed(3)
    left, right = torch.randn(2, 5, 64, generator=generator)
    for share, end in ((0.0, left), (1.0, right)):
        assert torch.equal(slerp(left, right, torch.full((5,), share, dtype=torch.float64)), end)
    a, b = torch.eye(2)[:1], torch.eye(2)[1:]
    third = slerp(a, b, torch.tensor([1 / 3], dtype=torch.float64))
    assert third[0].tolist() == pytest.approx([math.cos(math.pi / 6), math.sin(math.pi / 6)])


def test_vectors_on_one_line_are_joined_by_it() -> None:
    left, right = torch.tensor([[1.0], [2.0], [1.0]]), torch.tensor([[3.0], [2.0], [-1.0]])
    shares = torch.full((3,), 0.25, dtype=torch.float64)
    assert slerp(left, right, shares)[:, 0].tolist() == pytest.approx([1.5, 2.0, 0.5])


def test_both_sides_are_drawn_in_step_and_choices_stay_left() -> None:
    noise = NoiseBetween(7, [4, 4], [9, 9], [0.0, 1.0])
    left, right = ImageNoise(7, [4]), ImageNoise(7, [9])
    for side in (left, right):
        side.normal(3)
    assert torch.equal(noise.uniform(2), left_uniform(4).expand(2, -1))
    assert (noise.n_normal, noise.n_uniform) == (0, 1)
    fresh = [ImageNoise(7, [index]) for index in (4, 9)]
    for side in fresh:
        side.uniform(2)
    assert torch.equal(noise.normal(3), torch.cat([side.normal(3) for side in fresh]))


def left_uniform(index: int) -> Tensor:
    return ImageNoise(7, [index]).uniform(2)


@pytest.mark.parametrize("name", ["auto", "averaged", "fitted", "asked"])
def test_an_interpolation_ends_at_images_of_the_sample(
    watched_again: Callable[[str], WatchedTraining], name: str
) -> None:
    model = watched_again(name).final
    ema = model.average is not None
    images, between = interpolate(model, N_POINTS, seed=0, ema=ema)
    assert between == "slerp"
    assert images is not None
    rows = images.view(N_PAIRS, N_POINTS, *images.shape[1:])
    plain = sample(model, 10 + N_PAIRS, ema=ema)
    assert torch.equal(rows[:, 0], plain[:N_PAIRS])
    assert torch.equal(rows[:, -1], plain[10:])
    assert not torch.equal(rows[:, N_POINTS // 2], rows[:, 0])


def sample(model: TrainedModel, n: int, *, ema: bool) -> Tensor:
    return model.sample(type(model.model).samplers[0], n, seed=0, ema=ema)


def test_held_choices_leave_only_the_left_end_in_the_sample(
    watched_again: Callable[[str], WatchedTraining],
) -> None:
    model = watched_again("codes").final
    images, between = interpolate(model, N_POINTS, seed=0, ema=False)
    assert between == "slerp-held"
    assert images is not None
    plain = sample(model, N_PAIRS, ema=False)
    assert torch.equal(images[::N_POINTS], plain)


@pytest.mark.parametrize("name", ["choices", "chain"])
def test_noise_that_is_no_latent_vector_has_nothing_between(
    watched_again: Callable[[str], WatchedTraining], name: str
) -> None:
    assert interpolate(watched_again(name).final, N_POINTS, seed=0, ema=False) == (
        None,
        BETWEEN[name],
    )


# Neighbours.


def test_a_training_image_is_its_own_neighbour(tiny: Tiny) -> None:
    real = tiny.setting.data["train"].images
    asked = [5, 1077, 0]
    found = nearest(real[asked], real)
    assert found.places.tolist() == asked
    assert found.distances.tolist() == [0.0, 0.0, 0.0]
    (column, *_) = columns([0], found, found)
    assert (column.by_pixels.index, column.by_pixels.distance) == (5, 0.0)


def test_the_nearest_is_that_of_all_pairs_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.replay.pictures.neighbours.AT_ONCE", 7)
    generator = torch.Generator().manual_seed(1)
    items = torch.randint(0, 256, (40, 1, 4, 4), generator=generator, dtype=torch.uint8)
    queries = torch.randint(0, 256, (9, 1, 4, 4), generator=generator, dtype=torch.uint8)
    pairs = (queries[:, None].double() - items[None].double()).flatten(2).norm(dim=2)
    found = nearest(queries, items)
    assert torch.equal(found.places, pairs.argmin(dim=1))
    assert found.distances.tolist() == pytest.approx(pairs.amin(dim=1).tolist())
    assert closest(found, 9) == pairs.amin(dim=1).argsort().tolist()


def test_of_equally_near_images_the_first_is_taken() -> None:
    items = torch.tensor([[3.0], [1.0], [-1.0], [1.0]])
    found = nearest(torch.tensor([[0.0], [1.0]]), items)
    assert found.places.tolist() == [1, 1]


# The files.


@pytest.fixture(scope="module")
def drawn(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    for name in ("averaged", "choices"):
        draw_pictures(tiny.records[name], tiny.setting, folder / name)
    return folder


def test_pictures_and_record_are_the_same_bytes_every_time(
    tiny: Tiny, drawn: Path, tmp_path: Path
) -> None:
    again = tmp_path / "averaged"
    draw_pictures(tiny.records["averaged"], tiny.setting, again)
    files = sorted(file.name for file in again.iterdir())
    assert files == ["interpolation.png", "neighbours.png", RECORD, "training.png"]
    for name in files:
        assert (again / name).read_bytes() == (drawn / "averaged" / name).read_bytes()


def test_the_record_says_what_the_pictures_are_of(tiny: Tiny, drawn: Path) -> None:
    pictures = read_pictures(drawn / "averaged")
    assert pictures is not None
    assert pictures.train_hash == tiny.records["averaged"].train_hash
    assert (pictures.sampler, pictures.ema, pictures.between) == ("prior", True, "slerp")
    assert pictures.moments == MOMENTS
    assert pictures.same_machine
    assert pictures.equal_to_record
    assert [file.path for file in pictures.weights] == [
        "weights-ema.safetensors",
        "weights.safetensors",
    ]
    assert [column.image for column in pictures.first] == list(range(N_POINTS))
    distances = [column.by_features.distance for column in pictures.nearest]
    assert distances == sorted(distances)
    assert max(column.image for column in pictures.nearest) < N_IMAGES


def test_pictures_are_grey_small_and_laid_out_alike(drawn: Path) -> None:
    cell = 32 + 2
    heights = {
        "training": 6 * cell + 2,
        "interpolation": 6 * cell + 2,
        "neighbours": 2 * (3 * cell + 2) + 8,
    }
    for name, height in heights.items():
        file = drawn / "averaged" / f"{name}.png"
        assert file.stat().st_size < 30_000
        with Image.open(file) as image:
            assert (image.mode, image.size) == ("L", (12 * cell + 2, height))


def test_sheets_of_colour_images_are_small_too() -> None:
    generator = torch.Generator().manual_seed(2)
    coarse = torch.rand(6, 8, 3, 8, 8, generator=generator).mul(255)
    images = coarse.repeat_interleave(4, -1).repeat_interleave(4, -2)
    noise = torch.randn(images.shape, generator=generator).mul(6)
    rows = list((images + noise).clamp(0, 255).to(torch.uint8))
    content = sheet_png([rows[:3], rows[3:]])
    assert len(content) < MOST_BYTES
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.mode, picture.size) == ("P", (8 * 34 + 2, 2 * (3 * 34 + 2) + 8))
        shown = np.array(picture.convert("RGB")).astype(int)[2:34, 2:34]
    wanted = rows[0][0].permute(1, 2, 0).numpy().astype(int)
    assert 0 < np.abs(shown - wanted).mean() < 30


def test_the_last_row_of_the_training_is_the_sample(
    watched_again: Callable[[str], WatchedTraining], drawn: Path
) -> None:
    images = sample(watched_again("averaged").final, N_POINTS, ema=True)
    with Image.open(drawn / "averaged" / "training.png") as picture:
        pixels = torch.from_numpy(np.array(picture)).long()
    for column in range(N_POINTS):
        top, left = 2 + 5 * 34, 2 + column * 34
        shown = pixels[top : top + 32 : 2, left : left + 32 : 2]
        assert torch.equal(shown, images[column, 0].long())


def test_a_model_of_choices_has_no_interpolation(tiny: Tiny, drawn: Path, tmp_path: Path) -> None:
    folder = tmp_path / "choices"
    folder.mkdir()
    (folder / "interpolation.png").write_bytes(b"left behind by another model")
    pictures = draw_pictures(tiny.records["choices"], tiny.setting, folder)
    assert pictures == read_pictures(drawn / "choices")
    assert sorted(pictures.files) == ["neighbours", "training"]
    assert not (folder / "interpolation.png").exists()


def test_what_is_drawn_is_not_drawn_again_unless_it_is_another_or_damaged(
    tiny: Tiny, drawn: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "averaged"
    assert not are_drawn(folder, tiny.records["averaged"])
    shutil.copytree(drawn / "averaged", folder)
    assert are_drawn(folder, tiny.records["averaged"])
    assert not are_drawn(folder, tiny.records["auto"])
    file = folder / "training.png"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    assert not are_drawn(folder, tiny.records["averaged"])
    file.unlink()
    assert not are_drawn(folder, tiny.records["averaged"])


@pytest.mark.parametrize(
    "change",
    [
        {"equal_to_record": False},
        {"moments": [3, 2]},
        {"between": "none-chain"},
        {"schema_version": 2},
        {"drawn_at": "2026-01-01"},
    ],
    ids=str,
)
def test_a_record_that_contradicts_itself_is_refused(
    drawn: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    data = json.loads((drawn / "averaged" / RECORD).read_text())
    (tmp_path / RECORD).write_text(json.dumps(data | change))
    with pytest.raises(InvalidInput, match="a record of pictures is broken"):
        read_pictures(tmp_path)
