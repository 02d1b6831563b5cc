"""From records to rows: sorts what was found into rows, gaps and stale runs, and ranks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from bench.identity.names import registered_variant
from bench.identity.protocol import ScoringProtocol
from bench.identity.settings import differences
from bench.identity.spec import TrainSpec
from bench.records.picture_files import grid_image
from bench.records.record import CalibrationSubject, RunSubject, TrainRecord
from bench.report.board.ranking import descents, ranked
from bench.report.board.records import Found, LoadedRun, Run, ScoreFile
from bench.report.board.table import (
    BASELINE,
    Gap,
    GapStatus,
    GateResult,
    Leaderboard,
    LoadedRow,
    OwnSettings,
    Row,
    RowKey,
    RowKind,
    StaleRuns,
    value_of,
)
from bench.sample.image_sets import LOADED_GRID, RECONSTRUCTION, grid_name
from bench.stats.comparisons import contrasts, method_of
from catalog.errors import InvalidInput
from catalog.schema import Gate, Suite, Variant

Job = tuple[TrainSpec, Run | None]
Reason = tuple[GapStatus, str]
"""Why there is no number, and in which words."""
Members = dict[RowKey, list[tuple[Run, ScoreFile]]]


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
    others = {(run.train.spec.variant, run.train.train_hash): run for run in found.runs}
    jobs = [(spec, others.pop((spec.variant, spec.train_hash), None)) for spec in planned]
    current = {_identity(spec): spec for spec in reversed(planned)}
    stale = [run for run in others.values() if _identity(run.train.spec) in current]
    shown = tuple(run for _, run in jobs if run is not None)
    own = tuple(_own_settings(found, planned, protocol))
    apart = {run.train.run_id for one in own for run in one.row.runs}
    stale = [run for run in stale if run.train.run_id not in apart]
    rest = [run for run in others.values() if run.train.run_id not in apart and run not in stale]
    aside = {score.path for one in own for score in one.row.scores}
    members, gaps = _sorted_out(jobs, protocol.key)
    calibration = _calibration_rows(suite, protocol.key, found.calibration)
    gates = _gate_results(shown, variants, protocol.key)
    missed = {result.variant for result in gates if not result.passed}
    rows = sorted(_rows(planned, members, gaps, missed), key=lambda row: row.order)
    loaded = _loaded_rows(found.loaded, suite.dataset, protocol.key, calibration)
    broken = _broken_grids((*rows, *(one.row for one in loaded), *calibration))
    rows = [_without_broken(row, broken) for row in rows]
    calibration = tuple(_without_broken(row, broken) for row in calibration)
    generated = [row for row in rows if row.kind == "generated"]
    in_order = ranked([row for row in generated if not row.failed and not row.short], calibration)
    parents = {variant.id: variant.parent for variant in variants if variant.parent}
    return Leaderboard(
        suite=suite,
        protocol=protocol,
        rows=(*in_order, *(row for row in generated if row.failed or row.short)),
        calibration=calibration,
        reconstructions=tuple(row for row in rows if row.kind == "reconstruction"),
        gaps=gaps,
        stale=_stale(stale, current),
        runs=shown,
        stale_runs=tuple(stale),
        descents=descents(in_order, parents),
        gates=gates,
        n_foreign=sum(
            score.record.protocol_key != protocol.key and score.path not in aside
            for run in shown
            for score in run.scores
        ),
        n_best=sum(_weights(s) == "best" for run in shown for s in run.scores),
        method=method_of([row.sample("fid") for row in in_order]),
        own=own,
        beyond=tuple(_beyond(rest, planned)),
        loaded=tuple(replace(one, row=_without_broken(one.row, broken)) for one in loaded),
        broken_grids=broken,
    )


def _loaded_rows(
    found: Sequence[LoadedRun], dataset: str, key: str, calibration: Sequence[Row]
) -> list[LoadedRow]:
    """What others made, beside the same images under the same protocol, best first.

    To the baseline it is compared by its mean alone, as one training is.
    """
    baseline = next((row for row in calibration if row.key.name == BASELINE), None)
    rows = []
    for run in found:
        of_table = run.load.spec.dataset.id == dataset
        scores = [s for s in run.scores if s.record.protocol_key == key and s.record.comparable]
        if not of_table or not scores:
            continue
        row = Row(
            RowKey(run.load.spec.name),
            "loaded",
            scores=(scores[0],),
            grid=run.directory / LOADED_GRID,
        )
        if baseline is not None and baseline.values("fid") and row.values("fid"):
            pair = (row.sample("fid"), baseline.sample("fid"))
            row = replace(row, baseline=contrasts([pair], of_draws=True)[0])
        rows.append(LoadedRow(row, run))
    return sorted(rows, key=lambda one: one.row.order)


def _broken_grids(rows: Iterable[Row]) -> dict[Path, str]:
    """What is wrong with grids of samples that are there, by file."""
    broken: dict[Path, str] = {}
    for grid in (row.grid for row in rows):
        if grid is not None and (grid.is_symlink() or grid.exists()):
            try:
                grid_image(grid)
            except InvalidInput as error:
                broken[grid] = f"{error.what}: {error.where}"
    return broken


def _without_broken(row: Row, broken: Collection[Path]) -> Row:
    return replace(row, grid=None) if row.grid in broken else row


def _beyond(runs: Sequence[Run], planned: Sequence[TrainSpec]) -> Iterator[Run]:
    """Finished trainings that differ from planned ones in nothing but the seed."""
    variants = {run.train.spec.variant for run in runs}
    wanted = {_without_seed(spec) for spec in planned if spec.variant in variants}
    for run in runs:
        if run.train.status == "success" and _without_seed(run.train.spec) in wanted:
            yield run


def _without_seed(spec: TrainSpec) -> tuple[str, str]:
    return spec.variant, spec.model_copy(update={"seed": 0}).train_hash


def _own_settings(
    found: Found, planned: Sequence[TrainSpec], protocol: ScoringProtocol
) -> Iterator[OwnSettings]:
    """Scores that their records keep out of leaderboards, a row for all seeds of one setting.

    The protocol may differ in the number of generated images, and in nothing else.
    """
    wanted = {(spec.variant, spec.dataset.id) for spec in planned}
    members: dict[tuple[RowKey, int, str, str], list[tuple[Run, ScoreFile]]] = defaultdict(list)
    for run in found.runs:
        spec = run.train.spec
        entry = registered_variant(spec.variant), spec.dataset.id
        if entry not in wanted or run.train.status != "success":
            continue
        setting = spec.model_copy(update={"seed": 0}).train_hash
        for subject, score in run.final_scores():
            record = score.record
            same = record.protocol.model_copy(update={"n_fake": protocol.n_fake}) == protocol
            apart = not (run.train.comparable and record.comparable)
            if same and apart and subject.sampler != RECONSTRUCTION:
                place = RowKey.of(run, subject), spec.steps, setting, record.protocol_key
                members[place].append((run, score))
    for (key, *_), pairs in sorted(members.items(), key=lambda item: item[0]):
        told = [reason for run, _ in pairs for reason in run.train.not_comparable_because]
        if not told:
            told = [f"n = {score.record.n_images}" for _, score in pairs]
        averaged = any(other.name == key.name and other.weights == "ema" for other, *_ in members)
        row = replace(row_of(key, pairs), has_average=averaged)
        yield OwnSettings(row, tuple(dict.fromkeys(told)))


def _weights(score: ScoreFile) -> str | None:
    subject = score.record.subject
    return subject.weights if isinstance(subject, RunSubject) else None


def _sorted_out(jobs: Sequence[Job], key: str) -> tuple[Members, tuple[Gap, ...]]:
    """Scores by the row that they belong to, and the planned runs without one.

    Of a variant those with one reason stand together.
    """
    members: Members = defaultdict(list)
    seeds: dict[tuple[str, GapStatus, str], list[int]] = defaultdict(list)
    for spec, run in jobs:
        gap: Reason | None = train_gap(run.train) if run else ("missing", "")
        scores = [] if run is None or gap else _final_scores(run, key)
        gaps: list[Reason] = [gap] if gap else [] if scores else [("unscored", "")]
        for subject, score in scores:
            gap = _score_gap(score)
            if gap is not None:
                gaps.append(gap)
            elif run is not None:
                members[RowKey.of(run, subject)].append((run, score))
        for status, reason in dict.fromkeys(gaps):
            seeds[spec.variant, status, reason].append(spec.seed)
    return members, tuple(
        Gap(variant, tuple(sorted(found)), status, reason)
        for (variant, status, reason), found in seeds.items()
    )


def _rows(
    planned: Sequence[TrainSpec], members: Members, gaps: Sequence[Gap], missed: set[str]
) -> Iterator[Row]:
    """Rows of trained models: those with scores, then one for each variant that only failed."""
    n_planned = Counter(spec.variant for spec in planned)
    failed = {gap.variant for gap in gaps if gap.status == "error"}
    averaged = {row.name for row in members if row.weights == "ema"}
    made = [row_of(*item) for item in members.items()]
    made += [Row(RowKey(name), "generated") for name in failed - {row.name for row in members}]
    for row in made:
        name, grid = row.key.name, None
        if row.scores and isinstance(subject := row.scores[0].record.subject, RunSubject):
            grid = row.runs[0].directory / grid_name(subject, has_average=name in averaged)
        yield replace(
            row,
            grid=grid,
            n_planned=n_planned[name],
            has_average=name in averaged,
            failed=name in failed,
            short=row.kind == "generated" and name in missed,
        )


def row_of(key: RowKey, pairs: Sequence[tuple[Run, ScoreFile]]) -> Row:
    """A row from its runs and their scores in order of the seed, as records alone tell it.

    Raises:
        InvalidInput: a run has two scores.
    """
    runs, scores = zip(*sorted(pairs, key=lambda pair: pair[0].train.spec.seed), strict=True)
    for run in runs:
        if runs.count(run) > 1:
            raise InvalidInput(
                f"{key.name} has two scores of sampler {key.sampler} under one protocol",
                where=str(run.directory / "scores"),
                hint="remove the older one",
            )
    kind: RowKind = "reconstruction" if key.sampler == RECONSTRUCTION else "generated"
    return Row(key, kind, runs, scores)


def _gate_results(
    runs: Sequence[Run], variants: Sequence[Variant], key: str
) -> tuple[GateResult, ...]:
    """Every gate of every variant that has finished runs."""
    finished: dict[str, list[Run]] = defaultdict(list)
    for run in sorted(runs, key=lambda run: run.train.spec.seed):
        if run.train.status == "success":
            finished[run.train.spec.variant].append(run)
    return tuple(
        GateResult(one.id, gate, tuple(_gate_value(run, gate, key) for run in finished[one.id]))
        for one in sorted(variants, key=lambda one: one.id)
        if one.id in finished
        for gate in one.gates
    )


def _gate_value(run: Run, gate: Gate, key: str) -> float | None:
    """What a training reached, with averaged weights if it has any."""
    if gate.sampler is None:
        return run.train.measures.values.get(gate.metric) if run.train.measures else None
    found = {
        subject.ema: metric.value
        for subject, score in _final_scores(run, key)
        if subject.sampler == gate.sampler
        and (metric := score.record.metric(gate.metric)) is not None
    }
    return found.get(True, found.get(False))


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
    rows = []
    for name in suite.calibration:
        if name in found:
            scores = tuple(score for _, score in sorted(found[name].items()))
            grid = scores[0].path.with_suffix(".png")
            rows.append(Row(RowKey(name), "calibration", scores=scores, grid=grid))
    return tuple(rows)


def train_gap(train: TrainRecord) -> Reason | None:
    """Why a training gives no number, and in which words; None where it gives one."""
    if train.error is not None:
        first_line = train.error.message.strip().partition("\n")[0]
        return "error", f"{train.error.phase}: {train.error.type}: {first_line}"
    if train.status != "success":
        return ("cancelled" if train.status == "cancelled" else "started"), ""
    return None if train.comparable else ("not-comparable", "; ".join(train.not_comparable_because))


def _score_gap(score: ScoreFile) -> Reason | None:
    record = score.record
    if not record.comparable:
        return "not-comparable", f"n = {record.n_images}"
    if value_of(record, "fid") is not None:
        return None
    metric = record.metric("fid")
    return "error", (metric.missing_reason if metric else None) or "score"


def _final_scores(run: Run, key: str) -> list[tuple[RunSubject, ScoreFile]]:
    return [pair for pair in run.final_scores() if pair[1].record.protocol_key == key]


def _identity(spec: TrainSpec) -> tuple[str, int, str]:
    """What a training is of, however it goes."""
    return spec.variant, spec.seed, spec.dataset.id


def _stale(
    runs: Sequence[Run], current: Mapping[tuple[str, int, str], TrainSpec]
) -> tuple[StaleRuns, ...]:
    seeds: dict[tuple[str, tuple[str, ...]], set[int]] = defaultdict(set)
    for spec in (run.train.spec for run in runs):
        seeds[spec.variant, differing_fields(spec, current[_identity(spec)])].add(spec.seed)
    return tuple(
        StaleRuns(variant, tuple(sorted(members)), differs_in)
        for (variant, differs_in), members in sorted(seeds.items())
    )


def differing_fields(value: BaseModel, other: BaseModel) -> tuple[str, ...]:
    """Settings in which two trainings or two protocols differ, with dots, in alphabetical order."""
    return tuple(sorted(differences(value.model_dump(mode="json"), other.model_dump(mode="json"))))
