"""Forgeries of committed records: each is a small edit of a copy, and each is caught, exit 5."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import CLONE, set_in_json
from PIL import Image
from torch import Tensor

from bench.identity.digest import sha256_of_file
from bench.identity.local_registry import pinned_registry
from bench.records.metric_names import LATER
from bench.records.record import ScoreRecord, parse_score_record, to_json
from bench.records.run_directory import read_score, record_files
from bench.replay.verify.compare import draw_checks
from bench.replay.verify.result import Result, Tally
from bench.replay.verify.task import VerifyTask
from bench.replay.verify.verification import Verification, planned_calibration
from bench.run.events import JobStarted
from bench.sample.image_sets import score_hash
from bench.sample.trained_model import TrainedModel

RECORDS = CLONE / "reports" / "digits-quick" / "records"
DCGAN, AE = (next(RECORDS.glob(f"{name}-digits-s0-*")) for name in ("dcgan", "ae"))
MADE: dict[tuple[str | None, str], tuple[ScoreRecord, Tensor]] = {}
"""What was drawn and scored once, by weights and image set; forgeries do not change that."""


class Remembering(VerifyTask):
    """Draws and scores the images of some weights once."""

    def _again(
        self, recorded: ScoreRecord, model: TrainedModel | None
    ) -> tuple[ScoreRecord, Tensor]:
        weights = model and sha256_of_file(self.files / "weights.safetensors")
        key = (weights, f"{recorded.subject!r} {recorded.protocol.key}")
        if key not in MADE:
            MADE[key] = super()._again(recorded, model)
        return MADE[key]


def verified(run: Path, scratch: Path) -> Result:
    """What ``aigc bench verify`` finds in a directory of records, in this process."""
    registry = pinned_registry(CLONE / "registry.yaml")
    how = Verification(
        registry.datasets,
        registry.extractors,
        "cpu",
        1,
        "0" * 64,
        calibration=planned_calibration(registry),
    )
    tally = Tally()
    tally.watch(JobStarted(run.name))
    Remembering(run.name, run, scratch, how, tally.watch, lambda: False).run()
    return tally.results[run.name]


@dataclass(frozen=True)
class Copy:
    """A run directory to be forged."""

    path: Path

    def train(self, *path: str | int, to: Any) -> None:
        set_in_json(self.path / "train.json", *path, to=to)

    def score(self, *path: str | int, to: Any, sampler: str = "") -> None:
        set_in_json(self.score_file(sampler), *path, to=to)

    def score_file(self, sampler: str = "") -> Path:
        for file in sorted((self.path / "scores").glob("*.json")):
            if sampler in ("", parse_score_record(file.read_bytes()).subject.sampler):
                return file
        raise LookupError(sampler)

    def metrics(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.score_file().read_text())["metrics"]
        return found

    def metric(self, name: str, key: str, to: Callable[[float], Any]) -> None:
        index = [one["name"] for one in self.metrics()].index(name)
        self.score("metrics", index, key, to=to(self.metrics()[index][key]))

    def other_machine(self) -> None:
        for file in self.path.rglob("*.json"):
            set_in_json(file, "environment", "device_name", to="Some Other CPU")

    def signed(self, file: str) -> None:
        """Give a changed file the hash and the size that the record says."""
        artifacts = json.loads((self.path / "train.json").read_text())["artifacts"]
        index = [one["path"] for one in artifacts].index(file)
        self.train("artifacts", index, "sha256", to=sha256_of_file(self.path / file))
        self.train("artifacts", index, "n_bytes", to=(self.path / file).stat().st_size)

    def curve(self, change: Callable[[list[str]], list[str]]) -> None:
        file = self.path / "curve.csv"
        file.write_text("\n".join(change(file.read_text().splitlines())) + "\n")
        self.signed("curve.csv")


def paint(file: Path, pixels: np.ndarray[Any, Any]) -> None:
    Image.fromarray(pixels).save(file)


def real_images_as_samples(copy: Copy) -> None:
    shutil.copy(
        next((RECORDS / "calibration").glob("held-out-*.png")), copy.path / "grid-prior.png"
    )


def one_tile_repaired(copy: Copy) -> None:
    pixels = np.array(Image.open(copy.path / "grid-prior.png"))
    pixels[2:34, 2:34] = pixels[36:68, 2:34]
    paint(copy.path / "grid-prior.png", pixels)


def blank_grid(copy: Copy) -> None:
    size = Image.open(copy.path / "grid-prior.png").size
    paint(copy.path / "grid-prior.png", np.zeros(size[::-1], np.uint8))


def another_curve(copy: Copy) -> None:
    copy.curve(lambda lines: [*lines[:-1], ",".join(["1000", *["0.1"] * lines[0].count(",")])])


def weights_of_another_run(copy: Copy) -> None:
    other = next(RECORDS.glob("gan-digits-s0-*"))
    shutil.copy(other / "weights.safetensors", copy.path)


def suspicion_invented(copy: Copy) -> None:
    suspicion = {"kind": "mode-collapse", "sampler": "prior", "ema": False}
    copy.train("health", "suspicions", to=[suspicion | {"message": "m", "hint": "h"}])


def metric_removed(copy: Copy) -> None:
    copy.score("metrics", to=[one for one in copy.metrics() if one["name"] != "copy_rate"])


def everything_but_the_distance_removed(copy: Copy) -> None:
    copy.score("metrics", to=copy.metrics()[:1])


def score_deleted(copy: Copy) -> None:
    copy.score_file().unlink()


def weights_off_the_record(copy: Copy) -> None:
    copy.train("artifacts", to=[])


def curve_off_the_record(copy: Copy) -> None:
    artifacts = json.loads((copy.path / "train.json").read_text())["artifacts"]
    copy.train("artifacts", to=[one for one in artifacts if one["kind"] != "curve"])
    (copy.path / "curve.csv").unlink()


def other_machine_and_better_distance(copy: Copy) -> None:
    copy.other_machine()
    copy.metric("fid", "value", lambda value: value * 0.9976)


def other_machine_and_better_recall(copy: Copy) -> None:
    copy.other_machine()
    copy.metric("recall", "value", lambda value: value + 0.0049)


def other_machine_and_better_kernel_distance(copy: Copy) -> None:
    copy.other_machine()
    copy.metric("kid", "value", lambda value: value * 0.997)


def grid_of_no_set(copy: Copy) -> None:
    shutil.copy(copy.path / "grid-prior.png", copy.path / "grid-best.png")


def score_not_comparable(copy: Copy) -> None:
    copy.score("comparable", to=False)


def hidden_as_failed(copy: Copy) -> None:
    copy.train("error", to={"phase": "train", "type": "OutOfMemory", "message": "m"})
    copy.train("status", to="error")


def number_withheld(copy: Copy) -> None:
    without = {"value": None, "missing_reason": "too few images"}
    metrics = [one | (without if one["name"] == "copy_rate" else {}) for one in copy.metrics()]
    copy.score("metrics", to=metrics)


def another_image_set(copy: Copy) -> Path:
    """A score of a sampler that the model does not have, with name and hash as they have to be."""
    record = parse_score_record(copy.score_file().read_bytes())
    subject = record.subject.model_copy(update={"sampler": "gmm-10"})
    key = score_hash(subject, record.protocol)
    forged = record.model_copy(update={"subject": subject, "score_hash": key})
    file = copy.path / "scores" / f"{key[:16]}.json"
    file.write_text(to_json(forged))
    return file


def newer_measures_stripped(copy: Copy, **told: str | None) -> None:
    """A score as today's code makes it, without what was added last, by code of another name."""
    verified(copy.path, copy.path.parent / "made")
    recorded = parse_score_record(copy.score_file("prior").read_bytes())
    made = next(record for record, _ in MADE.values() if record.subject == recorded.subject)
    kept = tuple(one for one in made.metrics if one.name not in LATER)
    assert len(made.metrics) == len(kept) + len(LATER)
    assert made.provenance is not None
    code = made.provenance.model_copy(update={"definitions_sha256": "0" * 64} | told)
    forged = made.model_copy(update={"metrics": kept, "provenance": code})
    copy.score_file("prior").write_text(to_json(forged))


def stripped_and_of_old_code(copy: Copy) -> None:
    recorded = parse_score_record(copy.score_file("prior").read_bytes()).provenance
    assert recorded is not None
    files = recorded.implementation_sha256
    newer_measures_stripped(copy, definitions_sha256=None, implementation_sha256=files)


FORGERIES: dict[str, Callable[[Copy], None]] = {
    "distance": lambda copy: copy.metric("fid", "value", lambda value: value * 0.999),
    "distance, a little": lambda copy: copy.metric("fid", "value", lambda value: value * 0.9995),
    "its spread": lambda copy: copy.metric("fid", "spread", lambda value: value / 2),
    "no spread": lambda copy: copy.metric("fid", "spread", lambda _: None),
    "inception score": lambda copy: copy.metric("is", "value", lambda value: value + 0.005),
    "precision": lambda copy: copy.metric("precision", "value", lambda value: value + 0.004),
    "recall": lambda copy: copy.metric("recall", "value", lambda value: value + 0.0049),
    "copy rate": lambda copy: copy.metric("copy_rate", "value", lambda value: value + 0.001),
    "images behind a metric": lambda copy: copy.metric("fid", "n_fake", lambda n: 2 * n),
    "number of images": lambda copy: copy.score("n_images", to=50_000),
    "distinct images": lambda copy: copy.score("n_distinct", to=7),
    "distinct images removed": lambda copy: copy.score("n_distinct", to=None),
    "score not comparable": score_not_comparable,
    "metric removed": metric_removed,
    "all but one removed": everything_but_the_distance_removed,
    "score deleted": score_deleted,
    "distance, other machine": other_machine_and_better_distance,
    "recall, other machine": other_machine_and_better_recall,
    "kernel distance, other machine": other_machine_and_better_kernel_distance,
    "parameters": lambda copy: copy.train("parameters", "sampling", to=1000),
    "all parameters": lambda copy: copy.train("parameters", "total", to=1000),
    "parameters removed": lambda copy: copy.train("parameters", to=None),
    "images seen": lambda copy: copy.train("cost", "images_seen", to=100),
    "rate": lambda copy: copy.train("cost", "images_per_s", to=1e6),
    "time alone": lambda copy: copy.train("cost", "train_wall_s", to=0.5),
    "cost removed": lambda copy: copy.train("cost", to=None),
    "suspicion invented": suspicion_invented,
    "divergence": lambda copy: copy.train("health", "diverged_at_step", to=10),
    "last losses": lambda copy: copy.train("health", "last_losses", to={"generator": 0.1}),
    "curve with its hash": another_curve,
    "curve cut short": lambda copy: copy.curve(lambda lines: lines[:20]),
    "curve out of order": lambda copy: copy.curve(lambda lines: [lines[0], *lines[:0:-1]]),
    "curve off the record": curve_off_the_record,
    "weights of another run": weights_of_another_run,
    "weights off the record": weights_off_the_record,
    "real images as samples": real_images_as_samples,
    "one tile of a grid": one_tile_repaired,
    "a blank grid": blank_grid,
    "a grid of no set": grid_of_no_set,
    "a bad seed as failed": hidden_as_failed,
    "a bad seed as interrupted": lambda copy: copy.train("status", to="cancelled"),
    "real images behind a metric": lambda copy: copy.metric("fid", "n_real", lambda _: 9),
    "a number withheld": number_withheld,
    "a score of no set": another_image_set,
    "newer measures, other code": newer_measures_stripped,
    "newer measures, old code": stripped_and_of_old_code,
}


def copied(run: Path, folder: Path) -> Copy:
    return Copy(Path(shutil.copytree(run, folder / run.name)))


def test_the_untouched_copy_raises_no_alarm(tmp_path: Path) -> None:
    result = verified(copied(DCGAN, tmp_path).path, tmp_path / "scratch")
    assert result.exit_code == 0, result.mismatches
    assert result.measured


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_caught(tmp_path: Path, name: str) -> None:
    copy = copied(DCGAN, tmp_path)
    FORGERIES[name](copy)
    result = verified(copy.path, tmp_path / "scratch")
    assert result.exit_code == 5, result.words


def test_a_deleted_sampler_is_missed_even_without_weights(tmp_path: Path) -> None:
    """The records of most reports hold no weights; what follows from the spec is checked anyway."""
    copy = copied(AE, tmp_path)
    for file in copy.path.glob("*.safetensors"):
        file.unlink()
    intact = verified(copy.path, tmp_path / "scratch")
    assert (intact.exit_code, intact.mismatches) == (4, [])
    copy.score_file("reconstruction").unlink()
    (found,) = verified(copy.path, tmp_path / "again").mismatches
    assert found[1].what.startswith("score of reconstruction under ")


@pytest.mark.parametrize(
    ("pattern", "missing"),
    [
        ("*-draw-4-*", ["draw 4 of class-pca-gaussian", "draw 4 of pca-gaussian"]),
        ("pca-gaussian-draw-2-*", ["draw 2 of pca-gaussian"]),
        ("noise-*", ["draw 0 of noise"]),
        ("pca-gaussian-*", [f"draw {n} of pca-gaussian" for n in range(5)]),
        ("nothing", []),
    ],
)
def test_deleted_draws_of_calibration_sets_are_missed(
    tmp_path: Path, pattern: str, missing: list[str]
) -> None:
    copy = copied(RECORDS / "calibration", tmp_path)
    for file in copy.path.glob(pattern):
        file.unlink()
    result = verified(copy.path, tmp_path / "scratch")
    found = [check.what.partition(" under ")[0] for _, check in result.mismatches]
    assert found == missing, result.mismatches
    assert result.exit_code == (5 if missing else 0)


def test_draws_that_nobody_asked_for_are_told(tmp_path: Path) -> None:
    """Honest numbers of further draws, picked by their value, would move the mean."""
    copy = copied(RECORDS / "calibration", tmp_path)
    file = next(copy.path.glob("pca-gaussian-draw-4-*.json"))
    set_in_json(file, "subject", "draw", to=5)
    file.rename(file.with_name(file.name.replace("draw-4", "draw-5")))
    scores = [read_score(one) for one in record_files(copy.path)]
    found = [
        (check.what.partition(" under ")[0], check.recorded) for check in draw_checks(scores, {})
    ]
    four, five = "draw 4 of pca-gaussian", "draw 5 of pca-gaussian"
    assert found == [(four, "not on record"), (five, "is there")]


def test_a_score_of_no_image_set_is_told_without_weights(tmp_path: Path) -> None:
    copy = copied(DCGAN, tmp_path)
    (copy.path / "weights.safetensors").unlink()
    another_image_set(copy)
    (found,) = verified(copy.path, tmp_path / "scratch").mismatches
    assert found[1].what.startswith("score of gmm-10 under ")


def test_stripped_measures_are_missed_without_weights(tmp_path: Path) -> None:
    copy = copied(DCGAN, tmp_path)
    newer_measures_stripped(copy)
    (copy.path / "weights.safetensors").unlink()
    result = verified(copy.path, tmp_path / "scratch")
    assert {check.what for _, check in result.mismatches} >= LATER


def test_a_blanked_suspicion_is_derived_again(tmp_path: Path) -> None:
    """A collapsed run whose record says nothing, with its scores as they are."""
    copy = copied(DCGAN, tmp_path)
    copy.metric("recall", "value", lambda _: 0.01)
    (copy.path / "weights.safetensors").unlink()
    found = {check.what: check for _, check in verified(copy.path, tmp_path / "x").mismatches}
    assert found["health suspicions"].recorded == "none"
    assert "recall is 0.010" in str(found["health suspicions"].recomputed)


def test_another_machine_is_never_called_verified(tmp_path: Path) -> None:
    copy = copied(DCGAN, tmp_path)
    copy.other_machine()
    result = verified(copy.path, tmp_path / "scratch")
    assert result.exit_code == 0
    assert result.words == "consistent within tolerance"
    assert (result.shares["verified_exactly"], result.shares["consistent"]) == (0, 2)


def test_no_alarm_on_a_processor_with_fewer_instructions(tmp_path: Path) -> None:
    command = "import sys; sys.argv[0] = 'aigc'; from bench.cli.main import main; main()"
    shown = subprocess.run(
        [sys.executable, "-c", command, "bench", "verify", str(DCGAN), "--json"],
        env={
            **os.environ,
            "ATEN_CPU_CAPABILITY": "default",
            "AIGC_REGISTRY": str(CLONE / "registry.yaml"),
        },
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )
    assert shown.returncode == 0, shown.stderr
    summary = json.loads(shown.stdout)["summary"]
    assert (summary["verified_exactly"], summary["consistent"], summary["differing"]) == (0, 2, 0)
