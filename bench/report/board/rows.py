"""From records to rows: sorts what was found into rows, gaps and stale runs, and ranks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel

from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import TrainSpec
from bench.records.record import CalibrationSubject, RunSubject, TrainRecord
from bench.report.board.gates import gate_results
from bench.report.board.ranking import by_mean, descents, ranked
from bench.report.board.records import Found, Run, ScoreFile
from bench.report.board.table import Gap, GapStatus, Kind, Leaderboard, Row, RowKey, Stale, value_of
from bench.sample.image_sets import RECONSTRUCTION, grid_name
from bench.stats import spread_method
from catalog.errors import InvalidInput
from catalog.schema import Suite, Variant

Job = tuple[TrainSpec, Run | None]


def gather(
    suite: Suite,
    protocol: ScoringProtocol,
    planned: Sequence[TrainSpec],
    found: Found,
    variants: Sequence[Variant],
) -> Leaderboard:
    """The table of a suite under one protocol.

    A run whose variant and train hash are planned stands in the table. A run of a planned variant
    and seed on the suite's data set that was trained otherwise is stale. Any other belongs to the
    table of another suite that shares the runs directory, and is passed over.

    Args:
        suite: names the calibration rows.
        protocol: the only one whose scores are read.
        planned: every training that the suite asks for.
        found: what lies in the runs directory.
        variants: of the registry; their parents and gates are read.

    Raises:
        InvalidInput: one image set has two scores under the protocol.
    """
    runs = {(run.train.spec.variant, run.train.train_hash): run for run in found.runs}
    jobs = [(spec, runs.pop((spec.variant, spec.train_hash), None)) for spec in planned]
    stale = [
        (run, other)
        for run in runs.values()
        if (other := _counterpart(run.train.spec, planned)) is not None
    ]
    shown = tuple(run for _, run in jobs if run is not None)
    gaps = _gaps(jobs, protocol.key)
    calibration = _calibration_rows(suite, protocol.key, found.calibration)
    rows = _generated_rows(jobs, protocol.key, gaps)
    generated = [row for row in rows if row.kind == "generated"]
    gates = gate_results(shown, {v.id: v.gates for v in variants if v.gates}, protocol.key)
    missed = {result.variant for result in gates if not result.passed}
    generated = [replace(row, short=row.key.name in missed) for row in generated]
    in_order = ranked([row for row in generated if not row.failed and not row.short], calibration)
    unranked = by_mean(row for row in generated if row.failed or row.short)
    parents = {variant.id: variant.parent for variant in variants if variant.parent}
    return Leaderboard(
        suite=suite,
        protocol=protocol,
        rows=(*in_order, *unranked),
        calibration=calibration,
        reconstructions=tuple(by_mean(row for row in rows if row.kind != "generated")),
        gaps=gaps,
        stale=_stale(stale),
        runs=shown,
        stale_runs=tuple(run for run, _ in stale),
        descents=descents(in_order, parents),
        gates=gates,
        n_foreign=sum(s.record.protocol_key != protocol.key for run in shown for s in run.scores),
        n_best=sum(_is_best(s) for run in shown for s in run.scores),
        method=spread_method([row.values("fid") for row in in_order]),
    )


def _is_best(score: ScoreFile) -> bool:
    subject = score.record.subject
    return isinstance(subject, RunSubject) and subject.weights == "best"


def _generated_rows(jobs: Sequence[Job], key: str, gaps: Sequence[Gap]) -> list[Row]:
    failed = {gap.variant for gap in gaps if gap.status == "error"}
    members: dict[RowKey, list[tuple[Run, ScoreFile]]] = defaultdict(list)
    for spec, run in sorted(_with_runs(jobs), key=lambda job: job[0].seed):
        if train_gap(run.train) is None:
            for subject, score in _final_scores(run, key):
                if _score_gap(score) is None:
                    row_key = RowKey(spec.variant, subject.sampler, "ema" if subject.ema else "raw")
                    members[row_key].append((run, score))
    n_planned = {spec.variant: 0 for spec, _ in jobs}
    for spec, _ in jobs:
        n_planned[spec.variant] += 1
    averaged = {row.name for row in members if row.weights == "ema"}
    rows = [
        _row(row, pairs, n_planned[row.name], row.name in averaged, row.name in failed)
        for row, pairs in members.items()
    ]
    empty = failed - {row.name for row in members}
    return rows + [
        Row(RowKey(name), "generated", n_planned=n_planned[name], failed=True) for name in empty
    ]


def row_of(key: RowKey, pairs: Sequence[tuple[Run, ScoreFile]]) -> Row:
    """A row from its runs and their scores, as records alone tell it.

    Raises:
        InvalidInput: a run has two scores.
    """
    runs, scores = zip(*pairs, strict=True)
    for run in runs:
        if runs.count(run) > 1:
            raise InvalidInput(
                f"{key.name} has two scores of sampler {key.sampler} under one protocol",
                where=str(run.directory / "scores"),
                hint="remove the older one",
            )
    kind: Kind = "reconstruction" if key.sampler == RECONSTRUCTION else "generated"
    return Row(key, kind, runs, scores)


def _row(
    key: RowKey,
    pairs: Sequence[tuple[Run, ScoreFile]],
    n_planned: int,
    has_average: bool,
    failed: bool,
) -> Row:
    row = row_of(key, pairs)
    subject, grid = row.scores[0].record.subject, None
    if isinstance(subject, RunSubject):
        grid = row.runs[0].directory / grid_name(subject, has_average=has_average)
    return replace(row, grid=grid, n_planned=n_planned, has_average=has_average, failed=failed)


def _calibration_rows(suite: Suite, key: str, files: Sequence[ScoreFile]) -> tuple[Row, ...]:
    found: dict[str, dict[int, ScoreFile]] = defaultdict(dict)
    for file in files:
        subject = file.record.subject
        if not isinstance(subject, CalibrationSubject) or file.record.protocol_key != key:
            continue
        if subject.draw in found[subject.name]:
            raise InvalidInput(
                f"calibration set {subject.name} has two scores of one draw under one protocol",
                where=str(file.path),
            )
        found[subject.name][subject.draw] = file
    return tuple(_calibration_row(name, found[name]) for name in suite.calibration if name in found)


def _calibration_row(name: str, draws: Mapping[int, ScoreFile]) -> Row:
    scores = tuple(draws[draw] for draw in sorted(draws))
    grid = scores[0].path.with_suffix(".png")
    return Row(RowKey(name), "calibration", scores=scores, grid=grid)


def _gaps(jobs: Sequence[Job], key: str) -> tuple[Gap, ...]:
    """Planned runs without a number, those of one variant with one reason together."""
    seeds: dict[tuple[str, GapStatus, str], list[int]] = defaultdict(list)
    for spec, run in jobs:
        for status, reason in dict.fromkeys(_job_gaps(run, key)):
            seeds[spec.variant, status, reason].append(spec.seed)
    return tuple(
        Gap(variant, tuple(sorted(members)), status, reason)
        for (variant, status, reason), members in seeds.items()
    )


def _job_gaps(run: Run | None, key: str) -> list[tuple[GapStatus, str]]:
    if run is None:
        return [("missing", "")]
    gap = train_gap(run.train)
    if gap is not None:
        return [gap]
    scores = [score for _, score in _final_scores(run, key)]
    if not scores:
        return [("unscored", "")]
    return [gap for score in scores if (gap := _score_gap(score)) is not None]


def train_gap(train: TrainRecord) -> tuple[GapStatus, str] | None:
    """Why a training gives no number, and in which words; None where it gives one."""
    if train.error is not None:
        first_line = train.error.message.strip().partition("\n")[0]
        return "error", f"{train.error.phase}: {train.error.type}: {first_line}"
    if train.status != "success":
        return ("cancelled" if train.status == "cancelled" else "started"), ""
    return None if train.comparable else ("not-comparable", "; ".join(train.not_comparable_because))


def _score_gap(score: ScoreFile) -> tuple[GapStatus, str] | None:
    record = score.record
    if not record.comparable:
        return "not-comparable", f"n = {record.n_images}"
    if value_of(record, "fid") is not None:
        return None
    metric = record.metric("fid")
    return "error", (metric.missing_reason if metric else None) or "score"


def _final_scores(run: Run, key: str) -> list[tuple[RunSubject, ScoreFile]]:
    return [
        (score.record.subject, score)
        for score in run.scores
        if score.record.protocol_key == key
        and isinstance(score.record.subject, RunSubject)
        and score.record.subject.weights == "final"
    ]


def _with_runs(jobs: Iterable[Job]) -> list[tuple[TrainSpec, Run]]:
    return [(spec, run) for spec, run in jobs if run is not None]


def _stale(runs: Sequence[tuple[Run, TrainSpec]]) -> tuple[Stale, ...]:
    seeds: dict[tuple[str, tuple[str, ...]], list[int]] = defaultdict(list)
    for run, planned in runs:
        spec = run.train.spec
        seeds[spec.variant, differing_fields(spec, planned)].append(spec.seed)
    return tuple(
        Stale(variant, tuple(sorted(set(members))), differs_in)
        for (variant, differs_in), members in sorted(seeds.items())
    )


def _counterpart(spec: TrainSpec, planned: Sequence[TrainSpec]) -> TrainSpec | None:
    """The planned training of the same variant and seed on the same data set, if there is one."""
    identity = (spec.variant, spec.seed, spec.dataset.id)
    return next((s for s in planned if (s.variant, s.seed, s.dataset.id) == identity), None)


def differing_fields(value: BaseModel, other: BaseModel) -> tuple[str, ...]:
    """Settings in which two trainings or two protocols differ, with dots, in alphabetical order."""
    old, new = _flat(value.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
    return tuple(sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key)))


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            leaves |= _flat(value, f"{prefix}{key}.")
        else:
            leaves[prefix + key] = value
    return leaves
