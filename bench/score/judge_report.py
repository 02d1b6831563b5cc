"""What a judge is worth: its accuracy, and how far off it finds corrupted real images.

A distance is only as good as the network under it. A judge is examined with held-out real images:
their distance has to grow with every grade of every corruption, an even grey has to be nearer than
noise, and another network, which saw nothing of this data set, should order the corruptions alike.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.stats import spearmanr
from torch import Tensor

from bench.data.dataset import ImageData, ImageSplit
from bench.score.calibration import mean_image
from bench.score.corruptions import CORRUPTIONS, corrupted
from bench.score.extractors.base import FeatureExtractor
from bench.score.features import extract
from bench.score.metrics import frechet_distance
from catalog.files import write_atomically
from catalog.schema.base import Sha256

N_HELD_OUT, N_REFERENCE = 2000, 5000
"""First images of either side that an examination uses."""
BATCH = 250
SEED = 0


class Grade(BaseModel):
    """Real images under one grade of a corruption: their distance, and the judge's accuracy."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    corruption: str
    level: float
    distance: float
    accuracy: float | None = None


class Agreement(BaseModel):
    """How alike another network orders the same corruptions: Spearman's rank correlation."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    extractor: str
    sha256: Sha256 | None
    n_held_out: int
    n_reference: int
    spearman: float


class JudgeReport(BaseModel):
    """An examination of one judge.

    Attributes:
        extractor: its id.
        sha256: of its weights.
        fingerprint: of the data set.
        n_held_out: clean and corrupted images of the held-out split.
        n_reference: images of the reference split.
        held_out: distance of the clean held-out images.
        mean_image: distance of the reference images' mean.
        noise: distance of uniform noise.
        grades: by corruption, weakest first.
        agreement: with another network, where one was at hand.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    extractor: str
    sha256: Sha256 | None
    fingerprint: Sha256
    n_held_out: int
    n_reference: int
    held_out: float
    mean_image: float
    noise: float
    grades: tuple[Grade, ...]
    agreement: Agreement | None = None

    def of(self, corruption: str) -> list[Grade]:
        """All grades of one corruption, weakest first."""
        return [grade for grade in self.grades if grade.corruption == corruption]

    def not_monotone(self) -> list[str]:
        """Corruptions of which some grade is nearer than the weaker one before it."""
        return [
            name
            for name in CORRUPTIONS
            if any(after.distance < before.distance for before, after in pairwise(self.of(name)))
        ]

    @property
    def noise_is_nearer(self) -> bool:
        """Whether noise passes for better than an even grey, so that small steps mean little."""
        return self.noise < self.mean_image


def examine(
    judge: FeatureExtractor,
    data: ImageData,
    splits: tuple[str, str],
    layers: tuple[str, str | None],
    observe: Callable[[str], None] = lambda _name: None,
    n_images: tuple[int, int] = (N_HELD_OUT, N_REFERENCE),
) -> JudgeReport:
    """Examine a judge.

    Args:
        judge: on the CPU.
        data: the data set it judges.
        splits: names of the held-out and of the reference split.
        layers: of the distance, and of the logits where they are of the data set's own classes.
        observe: called with every set of images before it is looked at.
        n_images: at most so many first held-out and reference images.
    """
    held_out, reference = (
        ImageSplit(data[split].images[:n], data[split].labels[:n])
        for split, n in zip(splits, n_images, strict=True)
    )
    features, logits = layers
    real = extract(reference.images, judge, BATCH, "cpu", "reference")[features]

    def seen(name: str, images: Tensor) -> tuple[float, float | None]:
        observe(name)
        found = extract(images, judge, BATCH, "cpu", name)
        right = None
        if logits is not None and len(images) == len(held_out):
            right = float((found[logits].argmax(1) == held_out.labels).double().mean())
        return frechet_distance(found[features], real), right

    def graded(name: str, level: float) -> Grade:
        distance, right = seen(f"{name} {level:g}", corrupted(held_out.images, name, level))
        return Grade(corruption=name, level=float(level), distance=distance, accuracy=right)

    generator = torch.Generator().manual_seed(SEED)
    shape = held_out.images.shape
    even = mean_image(reference, len(held_out), np.random.default_rng(SEED))
    even_noise = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    return JudgeReport(
        extractor=judge.name,
        sha256=judge.sha256,
        fingerprint=data.fingerprint,
        n_held_out=len(held_out),
        n_reference=len(reference),
        held_out=seen("held-out images", held_out.images)[0],
        mean_image=seen("mean image", even)[0],
        noise=seen("noise", even_noise)[0],
        grades=tuple(
            graded(name, level) for name, kind in CORRUPTIONS.items() for level in kind.levels
        ),
    )


def agreeing(report: JudgeReport, other: JudgeReport) -> JudgeReport:
    """A judge's report with its agreement with another network on the same corruptions."""
    theirs = {(grade.corruption, grade.level): grade.distance for grade in other.grades}
    ours = [grade.distance for grade in report.grades]
    matched = [theirs[grade.corruption, grade.level] for grade in report.grades]
    agreement = Agreement(
        extractor=other.extractor,
        sha256=other.sha256,
        n_held_out=other.n_held_out,
        n_reference=other.n_reference,
        spearman=float(spearmanr(ours, matched).statistic),
    )
    return report.model_copy(update={"agreement": agreement})


def report_file(weights: Path) -> Path:
    """Where the report of a judge lies: beside its weights."""
    return weights.with_suffix(".report.json")


def read_report(weights: Path, sha256: str | None) -> JudgeReport | None:
    """The report beside a weights file, or None where there is none of these very weights."""
    try:
        found = JudgeReport.model_validate_json(report_file(weights).read_bytes())
    except (OSError, ValidationError):
        return None
    return found if found.sha256 == sha256 else None


def write_report(report: JudgeReport, path: Path) -> None:
    """Write a report as JSON, numbers to six digits."""
    text = json.dumps(_rounded(report.model_dump()), indent=1)
    write_atomically(path, (text + "\n").encode())


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value
