"""What records of several trainings say of each other, and what has changed since they were made.

Two trainings never end in the same weights, losses or images: what is there twice was copied. Seeds
are trained from 0 upwards: one that is missing below others was taken away, or never finished. A
record that today's registry and code would not make again is shown with what has changed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.identity.code import code_of_scoring, is_same_code, trained_by_present_code
from bench.records.record import CalibrationSubject
from bench.report.board.records import Run, ScoreFile
from bench.report.board.table import Leaderboard, StaleRuns
from bench.sample.image_sets import calibration_draws

ChangeKind = Literal["settings", "training", "scoring", "calibration"]
Kind = Literal[
    "same-weights",
    "same-curve",
    "same-images",
    "missing-seed",
    "missing-calibration",
    "withheld",
]


@dataclass(frozen=True)
class Oddity:
    """Something that trainings as planned do not make.

    Attributes:
        kind: what it is.
        what: the runs, image sets or seeds that it is about, in order.
    """

    kind: Kind
    what: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """Something that would be made otherwise today.

    Attributes:
        kind: what has changed: settings of a training, the code of training, of scoring or of a
            calibration set.
        what: variants or calibration sets, each with its seeds where not all are concerned, and
            with the settings that changed where it is they.
        everything: whether nothing of the table is as today, so that a list says nothing.
    """

    kind: ChangeKind
    what: tuple[str, ...]
    everything: bool = False


def changes(board: Leaderboard) -> tuple[Change, ...]:
    """What of a table today's registry and code would make otherwise, in a fixed order."""
    runs = [run for run in board.runs if run.train.status == "success"]
    by_code = [run for run in runs if not _by_present_training(run)]
    scored = [run for run in runs if any(_scored_otherwise(s) for _, s in run.final_scores())]
    loaded = [one.row for one in board.loaded if any(map(_scored_otherwise, one.row.scores))]
    scored_names = (*_variants(scored, runs), *(row.key.name for row in loaded))
    everything = scored == runs and len(loaded) == len(board.loaded)
    made = [row for row in board.calibration if any(map(_scored_otherwise, row.scores))]
    return (
        *([Change("settings", tuple(map(_stale_text, board.stale)))] if board.stale else []),
        *([Change("training", _variants(by_code, runs), by_code == runs)] if by_code else []),
        *([Change("scoring", scored_names, everything)] if scored_names else []),
        *([Change("calibration", tuple(row.key.name for row in made))] if made else []),
    )


def _by_present_training(run: Run) -> bool:
    return trained_by_present_code(run.train.spec, run.train.provenance.code)


def _scored_otherwise(score: ScoreFile) -> bool:
    """Whether today's code would score an image set otherwise; unknown of old records."""
    record = score.record
    if record.provenance is None:
        return False
    subject = record.subject
    name = subject.name if isinstance(subject, CalibrationSubject) else None
    present = code_of_scoring(record.protocol.extractor, name)
    return not is_same_code("scoring", record.provenance.code, present)


def _variants(some: Sequence[Run], of: Sequence[Run]) -> tuple[str, ...]:
    """Names of variants, with seeds where other seeds of a variant are not meant."""
    seeds: dict[str, list[int]] = defaultdict(list)
    for run in some:
        seeds[run.train.spec.variant].append(run.train.spec.seed)
    n_all = Counter(run.train.spec.variant for run in of)
    return tuple(
        name if len(found) == n_all[name] else f"{name} ({', '.join(map(str, sorted(found)))})"
        for name, found in sorted(seeds.items())
    )


def _stale_text(stale: StaleRuns) -> str:
    seeds = ", ".join(map(str, stale.seeds))
    return f"{stale.variant} ({seeds}): {', '.join(stale.differs_in)}"


def oddities(board: Leaderboard) -> tuple[Oddity, ...]:
    """Everything odd about the records behind a table, in a fixed order."""
    return (
        *_same_files(board),
        *_same_images(board),
        *_missing_seeds(board),
        *_missing_calibration(board),
        *_withheld(board),
    )


def _same_files(board: Leaderboard) -> Iterator[Oddity]:
    """Weights or curves that two trainings share, by the hashes on record."""
    kinds: dict[str, Kind] = {"weights": "same-weights", "curve": "same-curve"}
    found: dict[tuple[Kind, str], set[str]] = defaultdict(set)
    for run in (*board.runs, *board.stale_runs):
        for artifact in run.train.artifacts:
            found[kinds[artifact.kind], artifact.sha256].add(run.train.run_id)
    shared = {(kind, tuple(sorted(runs))) for (kind, _), runs in found.items() if len(runs) > 1}
    for kind, runs in sorted(shared):
        yield Oddity(kind, runs)


def _same_images(board: Leaderboard) -> Iterator[Oddity]:
    """Images that two rows, two seeds, or a row and a calibration set share.

    Sets of one image, over and over, are no sign: every model that has collapsed to a blank one
    makes the same.
    """
    found: dict[str, set[str]] = defaultdict(set)
    trained: set[str] = set()
    for run in board.runs:
        for subject, score in run.final_scores():
            if score.record.n_distinct != 1:
                name = f"{run.train.run_id} ({subject.sampler}{', EMA' if subject.ema else ''})"
                found[score.record.images_sha256].add(name)
                trained.add(score.record.images_sha256)
    for row in board.calibration:
        for score in row.scores:
            found[score.record.images_sha256].add(row.key.name)
    shared = {tuple(sorted(names)) for key, names in found.items() if key in trained}
    for names in sorted(names for names in shared if len(names) > 1):
        yield Oddity("same-images", names)


def _missing_seeds(board: Leaderboard) -> Iterator[Oddity]:
    """Planned seeds without any run, below one that has a run."""
    last: dict[str, int] = {}
    for spec in (run.train.spec for run in board.runs):
        last[spec.variant] = max(spec.seed, last.get(spec.variant, spec.seed))
    for gap in board.gaps:
        missing = [seed for seed in gap.seeds if seed < last.get(gap.variant, -1)]
        if gap.status == "missing" and missing:
            yield Oddity("missing-seed", tuple(f"{gap.variant}, {seed}" for seed in missing))


def _missing_calibration(board: Leaderboard) -> Iterator[Oddity]:
    """Sets that the suite asks for, without all of their draws, beside rows that have scores.

    Who leaves out draws chooses the mean; who leaves out sets takes away the scale.
    """
    n_draws = {row.key.name: len(row.scores) for row in board.calibration}
    missing = tuple(
        f"{name} ({n} / {n_all})"
        for name in board.suite.calibration
        if (n := n_draws.get(name, 0)) < (n_all := len(calibration_draws(name)))
    )
    if board.rows and missing:
        yield Oddity("missing-calibration", missing)


def _withheld(board: Leaderboard) -> Iterator[Oddity]:
    """Trainings kept out of the table, though they were trained and scored as it asks."""
    runs = tuple(
        run.train.run_id
        for run in board.runs
        if run.train.status == "success"
        and any(
            score.record.protocol_key == board.protocol.key
            and not (run.train.comparable and score.record.comparable)
            for _, score in run.final_scores()
        )
    )
    if runs:
        yield Oddity("withheld", runs)
