"""The table of one suite as plain values: which rows it has, in which order, and what each says.

Made from planned trainings and the records found; renderers read it and add wording only.
Only final weights stand in the table: picking the best of several scores is another protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Literal

from bench.identity.protocol import ScoringProtocol
from bench.records.metric_names import MetricName
from bench.records.ranges import METRICS
from bench.records.record import RunSubject, ScoreRecord
from bench.report.board.records import LoadedRun, Run, ScoreFile
from bench.sample.image_sets import RECONSTRUCTION
from bench.score.suspicions import suspicions
from bench.stats.comparisons import Contrast, Method, RankRange
from bench.stats.effects import Sample
from bench.stats.intervals import (
    Domain,
    Estimate,
    centre,
    deviation,
    extent,
    far_apart,
    t_interval,
)
from catalog.schema import Gate, Suite

BASELINE = "pca-gaussian"
"""The calibration row that a generator must beat to be worth a neural network."""

ON_LOG_SCALE: frozenset[MetricName] = frozenset(
    {"fid", "fid_equal_n", "fid_held_out", "fid_bias", "is"}
)
"""Metrics that cannot be 0 or below but by rounding, and whose spread grows with their level."""

RowKind = Literal["generated", "loaded", "calibration", "reconstruction"]
Weights = Literal["raw", "ema"]
GapStatus = Literal["error", "cancelled", "started", "missing", "unscored", "not-comparable"]


@dataclass(frozen=True, order=True)
class RowKey:
    """What makes a row: a variant (or calibration set), how it is sampled, and which weights."""

    name: str
    sampler: str = ""
    weights: Weights = "raw"

    @classmethod
    def of(cls, run: Run, subject: RunSubject) -> RowKey:
        """The row that images of a trained model belong to."""
        weights: Weights = "ema" if subject.ema else "raw"
        return cls(run.train.spec.variant, subject.sampler, weights)

    @property
    def precedence(self) -> tuple[bool, bool, bool, RowKey]:
        """Smallest for the row that stands for its variant.

        Generated images go first, then those of the own prior, then averaged weights.
        """
        reconstructed, fitted = self.sampler == RECONSTRUCTION, self.sampler != "prior"
        return reconstructed, fitted, self.weights != "ema", self


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
class Spread:
    """Three kinds of spread, which answer different questions and are never added up.

    Attributes:
        trainings: standard deviation of the ranking distance over training seeds.
        draws: the same over independent draws of a calibration set.
        sampling: jackknife standard error of the ranking distance of one set of images, over
            repeated draws from the same weights; the mean over the row's scores.
        splits: of the inception score over its splits, mean over the row's scores.
        subsets: of the kernel distance over its subsets, likewise.
    """

    trainings: float | None
    draws: float | None
    sampling: float | None
    splits: float | None
    subsets: float | None


@dataclass(frozen=True)
class Descent:
    """A row beside the row of its variant's parent, sampled in the same way."""

    child: Row
    parent: Row
    contrast: Contrast


@dataclass(frozen=True)
class Row:
    """One line of a table.

    Attributes:
        runs: in order of the seed; empty for a calibration row.
        scores: one per run, in the same order, or one per draw of a calibration row.
        grid: where the sample grid of the lowest seed is expected.
        n_planned: training seeds that the suite asks for.
        has_average: whether the variant has averaged weights, so that raw ones need saying.
        failed: whether a planned run of the variant failed, which keeps the row out of the ranks.
        short: whether the variant misses one of its gates, which does so too.
        rank: the ranks that it may have by its own comparisons; None for a row that is not ranked.
        rank_together: those that hold for all rows at once, by every pair; wider.
        baseline: how it stands to the baseline row, or None where it is not compared.
    """

    key: RowKey
    kind: RowKind
    runs: tuple[Run, ...] = ()
    scores: tuple[ScoreFile, ...] = ()
    grid: Path | None = None
    n_planned: int = 0
    has_average: bool = False
    failed: bool = False
    short: bool = False
    rank: RankRange | None = None
    rank_together: RankRange | None = None
    baseline: Contrast | None = None

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
        distance = self.mean("fid")
        return (float("inf") if distance is None else distance, self.key)

    @property
    def cost(self) -> Cost:
        """What the row's runs took."""
        sizes = [run.train.parameters.sampling for run in self.runs if run.train.parameters]
        costs = [run.train.cost for run in self.runs if run.train.cost]
        return Cost(
            sizes[0] if sizes else None,
            _mean(cost.images_seen for cost in costs),
            _mean(cost.images_per_s for cost in costs),
            _mean(cost.train_wall_s for cost in costs),
        )

    def values(self, name: MetricName) -> tuple[float, ...]:
        """The metric by score, without those that lack it."""
        return tuple(self.sample(name).values())

    def sample(self, name: MetricName) -> Sample:
        """The same by the training that each value is of, or by the draw of a calibration set.

        Rows of one training, by two samplers or two kinds of weights, share its key.
        """
        keys = [run.train.run_id for run in self.runs] or [
            f"{self.key.name}, draw {index}" for index in range(len(self.scores))
        ]
        found = (
            (key, value_of(score.record, name))
            for key, score in zip(keys, self.scores, strict=True)
        )
        return {key: value for key, value in found if value is not None}

    def mean(self, name: MetricName) -> float | None:
        """The metric's centre over the scores, or None where none has it."""
        values = self.values(name)
        return centre(values, domain_of(name)) if values else None

    def estimate(self, name: MetricName) -> Estimate | None:
        """The metric's centre: a geometric mean for distances and scores, else the mean.

        With an interval over training seeds if there are any, or with the smallest and the
        largest value where the seeds are no longer of one kind. Draws of a calibration set are no
        trainings, so its centre has no interval here. None where no score has the metric.
        """
        values, domain = self.values(name), domain_of(name)
        if not values:
            return None
        if self.kind == "calibration":
            return Estimate(centre(values, domain), None, None, len(values))
        if self.uneven or (domain.log and far_apart(values)):
            return extent(values, domain)
        return t_interval(values, domain)

    @cached_property
    def uneven(self) -> bool:
        """Whether the seeds are of two kinds, so that no interval over them can be trusted.

        That is so where the images of some seeds, but not of all, look collapsed, or where one
        distance is more than three times another.
        """
        signs = {bool(suspicions(score.record)) for score in self.scores}
        distances = self.values("fid")
        return len(signs) > 1 or bool(distances and far_apart(distances))

    @property
    def spread(self) -> Spread:
        """What is known of where the row's numbers vary."""
        over = deviation(self.values("fid"))
        drawn = self.kind == "calibration"
        return Spread(
            trainings=None if drawn else over,
            draws=over if drawn else None,
            sampling=_mean_spread(self.scores, "fid"),
            splits=_mean_spread(self.scores, "is"),
            subsets=_mean_spread(self.scores, "kid"),
        )


@dataclass(frozen=True)
class Gap:
    """Planned runs of one variant that give no number, and why."""

    variant: str
    seeds: tuple[int, ...]
    status: GapStatus
    reason: str = ""


@dataclass(frozen=True)
class StaleRuns:
    """Records of one variant that match no planned training, and the settings that differ."""

    variant: str
    seeds: tuple[int, ...]
    differs_in: tuple[str, ...]


@dataclass(frozen=True)
class OwnSettings:
    """Runs of one variant at a user's own settings, which compare with no row of the suite.

    Attributes:
        row: its runs and scores; never ranked.
        reasons: why they do not compare, in the words of the records.
    """

    row: Row
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class LoadedRow:
    """A generator or samples of somebody else, beside the rows that were trained here.

    It is one number that nobody here can repeat with another seed: it has no rank, and no interval.
    """

    row: Row
    run: LoadedRun


@dataclass(frozen=True)
class GateResult:
    """What every training of a variant must reach, beside what it reached.

    Attributes:
        values: by training seed, in order of the seed; None where a training has no such number.
    """

    variant: str
    gate: Gate
    values: tuple[float | None, ...]

    @property
    def worst(self) -> float | None:
        """The smallest value, or None where one is missing."""
        known = [value for value in self.values if value is not None]
        return min(known) if known and len(known) == len(self.values) else None

    @property
    def passed(self) -> bool:
        """Whether every training reached it."""
        return self.worst is not None and self.worst >= self.gate.at_least


@dataclass(frozen=True)
class Leaderboard:
    """Everything a report says, under one protocol key.

    Attributes:
        rows: generated images, best mean first; rows that are not ranked last.
        runs: the run directories behind rows and gaps.
        stale_runs: the run directories behind ``stale``.
        own: runs at settings of one's own, such as few updates or images.
        beyond: finished trainings of seeds that the suite does not ask for.
        loaded: what others made, best first.
        descents: rows beside their parents', in the order of the rows.
        gates: what some variants have to reach, and what they reached.
        n_foreign: scores of the shown runs made under another protocol key, and left out.
        n_best: scores of weights picked by their score, which are left out.
        method: how rows were compared.
        broken_grids: what is wrong with grids that are there, and are shown nowhere for it.
    """

    suite: Suite
    protocol: ScoringProtocol
    rows: tuple[Row, ...]
    calibration: tuple[Row, ...]
    reconstructions: tuple[Row, ...]
    gaps: tuple[Gap, ...]
    stale: tuple[StaleRuns, ...]
    runs: tuple[Run, ...] = field(repr=False)
    stale_runs: tuple[Run, ...] = field(repr=False)
    descents: tuple[Descent, ...]
    gates: tuple[GateResult, ...]
    n_foreign: int
    n_best: int
    method: Method
    own: tuple[OwnSettings, ...] = ()
    beyond: tuple[Run, ...] = field(default=(), repr=False)
    loaded: tuple[LoadedRow, ...] = ()
    broken_grids: Mapping[Path, str] = field(default_factory=dict)

    @property
    def by_distance(self) -> tuple[Row, ...]:
        """The rows with the loaded ones where their distances put them."""
        placed = list(self.rows)
        for loaded in reversed(self.loaded):
            is_behind = (row.rank is None or row.order > loaded.row.order for row in placed)
            place = next((at for at, behind in enumerate(is_behind) if behind), len(placed))
            placed.insert(place, loaded.row)
        return tuple(placed)

    @property
    def ranked(self) -> tuple[Row, ...]:
        """The rows that are compared with each other."""
        return tuple(row for row in self.rows if row.rank is not None)

    def has_all_images(self, row: Row) -> bool:
        """Whether a row has as many images as the protocol asks for.

        A distance grows as images get fewer, so that others stand beside rows at equal n only.
        """
        return row.n_images == self.protocol.n_fake

    def calibration_row(self, name: str) -> Row | None:
        """The calibration row called ``name``, or None where it was not scored."""
        return next((row for row in self.calibration if row.key.name == name), None)

    def noise_is(self, than: str, metric: MetricName) -> tuple[float, float] | None:
        """A metric of noise and of another calibration row, where the judge prefers the noise.

        A distance is better if it is smaller, precision if it is greater.
        """
        noise, other = (
            None if row is None else row.mean(metric)
            for row in map(self.calibration_row, ("noise", than))
        )
        if noise is None or other is None:
            return None
        return (noise, other) if (noise < other) == (metric == "fid") else None

    @property
    def precision_is_blind(self) -> bool:
        """Whether noise is found more precise than real images: then no precision is shown."""
        return self.noise_is("held-out", "precision") is not None


def _mean_spread(scores: Iterable[ScoreFile], name: MetricName) -> float | None:
    metrics = (score.record.metric(name) for score in scores)
    return _mean(m.spread for m in metrics if m is not None and m.spread is not None)


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None


def value_of(record: ScoreRecord, name: MetricName) -> float | None:
    """A metric's value in one record, or None where it is missing."""
    metric = record.metric(name)
    return None if metric is None else metric.value


def domain_of(name: MetricName) -> Domain:
    """What a metric can be, and on which scale its centre and its interval are taken."""
    bounds = METRICS[name]
    return Domain(name in ON_LOG_SCALE, bounds.low, bounds.high)
