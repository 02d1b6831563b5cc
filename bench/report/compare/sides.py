"""What A and B name: the row of a variant, one run, or a folder of results, as rows of records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from bench.identity.digest import sha256_of_data
from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import TrainSpec
from bench.records.metric_names import MetricName
from bench.report.board.pins import pinned_by_records
from bench.report.board.records import Run, ScoreFile, find_records, read_loaded, read_run
from bench.report.board.rows import row_of
from bench.report.board.table import Row, RowKey, Weights, value_of
from bench.report.leaderboard.publish import RECORDS
from bench.run.plan import planned_specs
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError
from catalog.schema import Registry, Suite

DEFAULT_SUITE = "digits"
REPORTS = Path("reports")


@dataclass(frozen=True)
class Choice:
    """How a command narrows both sides.

    Attributes:
        suite: whose trainings are meant: its data set and its number of updates. None for those
            of the suite ``digits`` where a side is a variant, and for all of them elsewhere.
        runs: where the runs of a variant are looked for; None for the records of the suite's
            report.
        sampler: only this one, or None.
        weights: only these, or None.
    """

    suite: Suite | None = None
    runs: Path | None = None
    sampler: str | None = None
    weights: Weights | None = None

    def takes(self, key: RowKey) -> bool:
        """Whether a row is meant, as far as sampler and weights say."""
        return self.sampler in (None, key.sampler) and self.weights in (None, key.weights)


@dataclass(frozen=True)
class Standing:
    """One row of one side: what one training scores under one protocol, seed by seed.

    Attributes:
        row: its runs and scores in order of the seed, one score per run.
    """

    row: Row

    def __str__(self) -> str:
        return f"{self.row.key.name}:{self.row.key.sampler}:{self.row.key.weights}"

    @property
    def protocol(self) -> ScoringProtocol:
        """Of every score."""
        return self.row.scores[0].record.protocol

    @property
    def spec(self) -> TrainSpec:
        """The training of the lowest seed."""
        return self.row.runs[0].train.spec

    @cached_property
    def training(self) -> str:
        """What ``training_of`` says of its runs."""
        return training_of(self.spec)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Training seeds with a score, in order."""
        return tuple(run.train.spec.seed for run in self.row.runs)

    def with_metric(self, metric: MetricName) -> Standing | None:
        """The row without the seeds that lack a metric, or None if all of them do."""
        kept = [
            (run, score)
            for run, score in zip(self.row.runs, self.row.scores, strict=True)
            if value_of(score.record, metric) is not None
        ]
        if not kept:
            return None
        runs, scores = zip(*kept, strict=True)
        return replace(self, row=replace(self.row, runs=runs, scores=scores))


@dataclass(frozen=True)
class Side:
    """A or B.

    Attributes:
        name: as it was written.
        standings: in a fixed order; of one row key if ``single``.
        runs: every training that was meant, those without a score included.
        single: whether one row was named, so that it may be set beside one of another name.
    """

    name: str
    standings: tuple[Standing, ...]
    runs: tuple[Run, ...]
    single: bool


def side_of(text: str, choice: Choice, registry: Registry) -> Side:
    """What one argument means.

    Args:
        text: ``VARIANT``, ``VARIANT:SAMPLER``, ``VARIANT:SAMPLER:WEIGHTS``, a run directory, a
            runs directory or a report folder. A variant goes before a folder of the same name.
        choice: how both sides are narrowed.
        registry: knows variants and suites.

    Raises:
        UsageError: there is no such variant, or no such weights.
        MissingPrerequisite: there is no such directory, or it has no run that is meant.
        InvalidInput: a record is broken, or it is not clear which of several trainings is meant.
    """
    name = text.partition(":")[0]
    if any(variant.id == name for variant in registry.variants):
        return _variant(text, choice, registry)
    path = Path(text)
    if not path.is_dir():
        if len(path.parts) > 1:
            raise MissingPrerequisite("there is no such directory of records", where=text)
        registry.variant(name)
    run = read_run(path)
    if run is not None:
        return _single(text, (run,), choice)
    if read_loaded(path) is not None:
        raise UsageError(
            f"{text} was loaded: it is one number that no seed repeats, so no test compares it",
            hint="aigc report leaderboard SUITE shows its place in the table",
        )
    runs = _runs_below(path, choice.suite)
    if not runs:
        raise MissingPrerequisite(
            "no run is there to compare",
            where=text,
            hint="name a variant, a run directory, a runs directory or a report folder",
        )
    rows = tuple(one for one in _standings(runs) if choice.takes(one.row.key))
    return Side(text, rows, runs, single=False)


def training_of(spec: TrainSpec) -> str:
    """Digest of everything that is trained except for the seed and the variant's name."""
    return sha256_of_data(spec.model_dump(mode="json", exclude={"variant", "seed"}))


def _variant(text: str, choice: Choice, registry: Registry) -> Side:
    match text.split(":"):
        case [name]:
            pass
        case [name, sampler]:
            choice = replace(choice, sampler=sampler)
        case [name, sampler, "raw" | "ema" as weights]:
            choice = replace(choice, sampler=sampler, weights=weights)
        case _:
            raise UsageError(
                f"'{text}' is no row", hint="write VARIANT:SAMPLER:raw or VARIANT:SAMPLER:ema"
            )
    suite = choice.suite or registry.suite(DEFAULT_SUITE)
    folder = choice.runs or REPORTS / suite.id
    runs = [run for run in _runs_below(folder, suite) if run.train.spec.variant == name]
    if not runs:
        raise MissingPrerequisite(
            f"no run of {name} is there, trained as suite '{suite.id}' trains: {suite.steps}"
            f" updates on {suite.dataset}",
            where=folder.as_posix(),
            hint="say where it is with --runs, and of which suite with --suite",
        )
    if len({training_of(run.train.spec) for run in runs}) > 1:
        known = pinned_by_records(registry, suite, runs[0].directory.parent)
        planned = {training_of(s) for s in planned_specs(known, suite) if s.variant == name}
        kept = [run for run in runs if training_of(run.train.spec) in planned]
        if not kept:
            raise InvalidInput(
                f"{name} was trained in several ways, none of which suite '{suite.id}' plans",
                where=", ".join(run.directory.as_posix() for run in runs),
                hint="name one of the run directories",
            )
        runs = kept
    return _single(text, runs, choice)


def _single(text: str, runs: Sequence[Run], choice: Choice) -> Side:
    """The side of one variant's runs: the sampler and the weights that stand for it."""
    found = _standings(runs)
    wanted = [one for one in found if choice.takes(one.row.key)]
    if found and not wanted:
        keys = sorted({one.row.key for one in found})
        have = ", ".join(f"{key.sampler} ({key.weights})" for key in keys)
        asked = ", ".join(filter(None, (choice.sampler, choice.weights)))
        raise MissingPrerequisite(
            f"{keys[0].name} has no score of: {asked}", where=text, hint=f"it has: {have}"
        )
    first = min((one.row.key for one in wanted), key=lambda key: key.precedence, default=None)
    chosen = tuple(one for one in wanted if one.row.key == first)
    return Side(text, chosen, tuple(runs), single=True)


def _runs_below(folder: Path, suite: Suite | None) -> tuple[Run, ...]:
    """Runs of a runs directory or a report folder, of a suite only those that train like it."""
    records = folder / RECORDS
    runs = find_records(records if records.is_dir() else folder).runs
    if suite is None:
        return runs
    wanted = (suite.dataset, suite.steps)
    return tuple(run for run in runs if (run.train.spec.dataset.id, run.train.spec.steps) == wanted)


def _standings(runs: Sequence[Run]) -> list[Standing]:
    """All rows of finished trainings; weights picked by their score are left out."""
    members: dict[tuple[RowKey, str, str], list[tuple[Run, ScoreFile]]] = defaultdict(list)
    for run in runs:
        for subject, score in run.final_scores() if run.train.status == "success" else ():
            key = RowKey.of(run, subject)
            training = training_of(run.train.spec)
            members[key, score.record.protocol_key, training].append((run, score))
    return [Standing(row_of(key[0], members[key])) for key in sorted(members)]
