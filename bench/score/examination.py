"""What a judge is worth: its accuracy, and how far off it finds corrupted real images.

A distance is only as good as the network under it. A judge is examined with held-out real images:
their distance has to grow with every grade of every corruption, an even grey has to be nearer than
noise, and another network, which saw nothing of this data set, should order the corruptions alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import cast

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from bench.data.dataset import ImageData, ImageSplit
from bench.records.judge_report import Agreement, CorruptionName, Grade, JudgeReport
from bench.score.calibration import mean_image
from bench.score.corruptions import CORRUPTIONS, corrupted
from bench.score.extractors.base import FeatureExtractor
from bench.score.features import extract
from bench.score.metrics import frechet_distance

N_HELD_OUT, N_REFERENCE = 2000, 5000
"""First images of either side that an examination uses."""
BATCH = 250
SEED = 0


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
        known = cast("CorruptionName", name)
        return Grade(corruption=known, level=float(level), distance=distance, accuracy=right)

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

    def alike(grades: Sequence[Grade]) -> float:
        ours = [grade.distance for grade in grades]
        matched = [theirs[grade.corruption, grade.level] for grade in grades]
        return float(spearmanr(ours, matched).statistic)

    within = [alike(report.of(name)) for name in report.corruptions]
    agreement = Agreement(
        extractor=other.extractor,
        sha256=other.sha256,
        n_held_out=other.n_held_out,
        n_reference=other.n_reference,
        spearman=alike(report.grades),
        within=fmean(within),
    )
    return report.model_copy(update={"agreement": agreement})
