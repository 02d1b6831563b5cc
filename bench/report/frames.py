"""The table of one suite as plain values: which rows it has, in which order, and what each says.

Made from planned trainings and the records found; renderers read it and add wording only.
Only final weights stand in the table: picking the best of several scores is another protocol.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Literal, get_args

from bench.protocol import ScoringProtocol
from bench.record import MetricName, ScoreRecord
from bench.report.records import Run, ScoreFile
from bench.stats import Estimate, Method, RankRange, Verdict, t_interval
from catalog.schema import Suite

BASELINE = "pca-gaussian"
"""The calibration row that a generator must beat to be worth a neural network."""

METRICS: tuple[MetricName, ...] = get_args(MetricName)

Kind = Literal["generated", "calibration", "reconstruction"]
Weights = Literal["raw", "ema"]
GapStatus = Literal["error", "cancelled", "started", "missing", "unscored", "not-comparable"]


@dataclass(frozen=True, order=True)
class RowKey:
    """What makes a row: a variant (or calibration set), how it is sampled, and which weights."""

    name: str
    sampler: str = ""
    weights: Weights = "raw"


@dataclass(frozen=True)
class Cost:
    """Means over a row's runs, as the records give them; None where no run has the number.

    Attributes:
        parameters: trainable scalars that sampling needs.
        images_seen: real images shown in training, repeats included.
        images_per_s: of those, during training.
        wall_s: seconds of training.
    """

    parameters: int | None = None
    images_seen: float | None = None
    images_per_s: float | None = None
    wall_s: float | None = None


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        runs: in order of the seed; empty for a calibration row.
        scores: one per run, in the same order, or the one score of a calibration row.
        grid: where the sample grid of the lowest seed is expected.
        n_planned: training seeds that the suite asks for.
        has_average: whether the variant has averaged weights, so that raw ones need saying.
        failed: whether a planned run of the variant failed, which keeps the row out of the ranks.
        rank: None for a row that is not ranked.
        verdict: how it stands to the baseline row, or None where it is not compared.
    """

    key: RowKey
    kind: Kind
    runs: tuple[Run, ...] = ()
    scores: tuple[ScoreFile, ...] = ()
    grid: Path | None = None
    n_planned: int = 0
    has_average: bool = False
    failed: bool = False
    rank: RankRange | None = None
    verdict: Verdict | None = None

    @property
    def n_images(self) -> int | None:
        """Images behind each score, or None in a row without scores."""
        return self.scores[0].record.n_images if self.scores else None

    @property
    def provisional(self) -> bool:
        """Whether one training seed is all there is."""
        return self.kind == "generated" and len(self.runs) == 1

    @property
    def order(self) -> tuple[float, RowKey]:
        """Sorts by mean distance, then by name; rows without one come last."""
        distance = self.estimate("fid")
        return (distance.mean if distance else float("inf"), self.key)

    @property
    def cost(self) -> Cost:
        """What the row's runs took."""
        parameters = [run.train.parameters for run in self.runs if run.train.parameters]
        costs = [run.train.cost for run in self.runs if run.train.cost]
        if not costs:
            return Cost(parameters[0].sampling if parameters else None)
        return Cost(
            parameters[0].sampling if parameters else None,
            fmean(cost.images_seen for cost in costs),
            fmean(cost.images_per_s for cost in costs),
            fmean(cost.train_wall_s for cost in costs),
        )

    def values(self, name: MetricName) -> tuple[float, ...]:
        """The metric by score, without those that lack it."""
        found = (value_of(score.record, name) for score in self.scores)
        return tuple(value for value in found if value is not None)

    def estimate(self, name: MetricName) -> Estimate | None:
        """The metric over training seeds, or None where no score has it."""
        values = self.values(name)
        return t_interval(values) if values else None


@dataclass(frozen=True)
class Gap:
    """Planned runs of one variant that give no number, and why."""

    variant: str
    seeds: tuple[int, ...]
    status: GapStatus
    reason: str = ""


@dataclass(frozen=True)
class Stale:
    """Records of one variant that match no planned training, and the settings that differ."""

    variant: str
    seeds: tuple[int, ...]
    differs_in: tuple[str, ...]


@dataclass(frozen=True)
class Leaderboard:
    """Everything a report says, under one protocol key.

    Attributes:
        rows: generated images, best mean first; rows that are not ranked last.
        runs: the run directories behind rows and gaps.
        stale_runs: the run directories behind ``stale``.
        n_foreign: scores of the shown runs made under another protocol key, and left out.
        method: how rows were compared.
    """

    suite: Suite
    protocol: ScoringProtocol
    rows: tuple[Row, ...]
    calibration: tuple[Row, ...]
    reconstructions: tuple[Row, ...]
    gaps: tuple[Gap, ...]
    stale: tuple[Stale, ...]
    runs: tuple[Run, ...] = field(repr=False)
    stale_runs: tuple[Run, ...] = field(repr=False)
    n_foreign: int
    method: Method

    def calibration_row(self, name: str) -> Row | None:
        """The calibration row called ``name``, or None where it was not scored."""
        return next((row for row in self.calibration if row.key.name == name), None)


def value_of(record: ScoreRecord, name: MetricName) -> float | None:
    """A metric's value in one record, or None where it is missing."""
    metric = record.metric(name)
    return None if metric is None else metric.value
