"""What the numbers say in words, and what they do not: sentences made from a leaderboard."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.identity.code import n_versions
from bench.records.metric_names import INCEPTION, MetricName
from bench.records.record import Environment, TrainRecord
from bench.report.board.evidence import Change, changes, oddities
from bench.report.board.records import Run
from bench.report.board.table import BASELINE, Leaderboard, Row
from bench.report.words import Words
from bench.report.words.rows import row_name
from bench.report.words.spelling import NOTHING, estimate_text, page_label, value_text
from bench.score.suspicions import suspicions
from bench.stats.comparisons import (
    BY_PAIRS,
    ContrastVerdict,
    contrasts,
    smallest_ratio,
    typical_spread,
)
from bench.stats.intervals import ALPHA
from catalog.escaping import md_code, md_text

EXPECTED_COPIES = 0.05
NEAR = 2
"""A row is near to real images if its distance is at most so many times theirs."""
ROUNDING = 1e-6
"""Equal shares may differ by it once they are averaged."""

TO_HELD_OUT: MetricName = "fid_held_out"
HELD_OUT, COPIES = "held-out", "train-copies"
"""Calibration rows of real images."""
DENSITIES = ("class-pca-gaussian", BASELINE)
"""Calibration rows that are drawn from a density fitted without a network."""


def status_line(board: Leaderboard, words: Words) -> str:
    """How many training seeds there are, and what that allows to say."""
    counts = [len(row.runs) for row in board.rows if row.runs]
    if not counts:
        return words("status_own" if board.own else "status_none")
    low, high = min(counts), max(counts)
    if high == 1:
        return words("status_one")
    kind = "mixed" if low == 1 else "full" if low == high else "range"
    said = [words(f"status_{kind}", low=low, high=high), words("status_centre")]
    uneven = [row for row in board.rows if row.uneven]
    more = [words("status_uneven", rows=_names(uneven, words))] if uneven else []
    return words.sentences([*said, *more])


@dataclass(frozen=True)
class HeldOut:
    """Rows beside the best density without a network, by the distance to images no training saw.

    Everything has as many images as are held out.

    Attributes:
        rows: nearest first.
        below: those whose mean is lower than the density's.
        shown: those for which that is shown.
    """

    density: Row
    rows: tuple[Row, ...]
    below: tuple[Row, ...]
    shown: tuple[Row, ...]


def held_out(board: Leaderboard) -> HeldOut | None:
    """How rows stand to held-out images; None where no row or no density was scored so."""
    known = [row for name in DENSITIES if (row := board.calibration_row(name)) is not None]
    known = [row for row in known if row.values(TO_HELD_OUT)]
    rows = [row for row in board.rows if row.values(TO_HELD_OUT) and not row.failed]
    if not known or not rows:
        return None
    density = min(known, key=lambda row: _mean(row, TO_HELD_OUT))
    rows.sort(key=lambda row: _mean(row, TO_HELD_OUT))
    pairs = [(row.sample(TO_HELD_OUT), density.sample(TO_HELD_OUT)) for row in rows]
    found = contrasts(pairs, of_draws=True)
    return HeldOut(
        density,
        tuple(rows),
        tuple(row for row in rows if _mean(row, TO_HELD_OUT) < _mean(density, TO_HELD_OUT)),
        tuple(row for row, one in zip(rows, found, strict=True) if one.verdict == "better"),
    )


def held_out_line(board: Leaderboard, words: Words) -> str:
    """Whether any row comes nearer to images that no training saw than the best such density."""
    found = held_out(board)
    if found is None:
        return ""
    said = words(
        "held_out_scale",
        held_out=board.protocol.held_out_split,
        n=board.protocol.n_held_out,
        density=words(f"density_{found.density.key.name}"),
        value=_at(found.density, TO_HELD_OUT),
    )
    counts = {"below": len(found.below), "total": len(found.rows), "n": len(found.shown)}
    if found.shown:
        told = words("held_out_shown", **counts, rows=_names(found.shown, words))
    else:
        nearest = found.rows[0]
        row, value = row_name(nearest, words), _at(nearest, TO_HELD_OUT)
        told = words("held_out_nobody", **counts, row=row, value=value)
    return words.sentences([said, told])


def notes(board: Leaderboard, words: Words) -> list[str]:
    """One paragraph for each thing that a reader must know about these numbers."""
    return [
        *(
            words(f"odd_{one.kind}", list="; ".join(f"`{name}`" for name in one.what))
            for one in oddities(board)
        ),
        *(_changed(one, words) for one in changes(board)),
        words.sentences([words(f"ranks_{board.method}"), *_power(board, words)]),
        _baseline(board, words),
        *_real_images(board, words),
        *_near_real(board, words),
        *_blind(board, words),
        _copying(board, words),
        *_collapsed(board, words),
        *([words("accuracy")] if any(row.values("label_accuracy") for row in board.rows) else []),
        *([words("averages")] if any(row.has_average for row in board.rows) else []),
        *([words("best", n=board.n_best)] if board.n_best else []),
        *_naming(board, words),
        *([words("foreign", n=board.n_foreign)] if board.n_foreign else []),
        *([words("beyond", runs=_seeds_of(board.beyond))] if board.beyond else []),
        *([words("loaded_note", rows=_loaded_names(board, words))] if board.loaded else []),
    ]


def _blind(board: Leaderboard, words: Words) -> list[str]:
    """What the judge does not see, by its own calibration rows."""
    asked: tuple[tuple[str, str, MetricName], ...] = (
        ("precision_blind", "held-out", "precision"),
        ("noise_nearer", "mean-image", "fid"),
    )
    told: list[str] = []
    for key, than, metric in asked:
        values = board.noise_is(than, metric)
        if values is not None:
            told.append(words(key, noise=value_text(values[0]), other=value_text(values[1])))
    return told


def _changed(change: Change, words: Words) -> str:
    if change.everything:
        return words(f"changed_all_{change.kind}")
    return words(f"changed_{change.kind}", list=words.listed(map(md_code, change.what)))


def _power(board: Leaderboard, words: Words) -> list[str]:
    """How far apart two rows must be for the comparison to have a fair chance."""
    tested = [sample for row in board.ranked if len(sample := row.sample("fid")) > 1]
    spread = typical_spread(tested)
    if spread is None:
        return []
    n, n_others = min(map(len, tested)), len(tested) - 1
    deviation, freedom = spread
    alone, first = (
        smallest_ratio(deviation, n, freedom, alpha) - 1 for alpha in (ALPHA, BY_PAIRS / n_others)
    )
    shown = {"alone": value_text(100 * alone), "first": value_text(100 * first)}
    return [words("power", n=n, n_others=n_others, **shown)]


def _baseline(board: Leaderboard, words: Words) -> str:
    row = board.calibration_row(BASELINE)
    distance = row.estimate("fid") if row else None
    if distance is None:
        return words("baseline_missing")
    label = page_label("fid", board.protocol.extractor)
    said = {"distance": label, "value": estimate_text(distance), "n": distance.n}
    sentences = [words("baseline_intro" if distance.n > 1 else "baseline_intro_one", **said)]
    groups: tuple[tuple[str, tuple[ContrastVerdict, ...]], ...] = (
        ("baseline_better", ("better",)),
        ("baseline_lower", ("lower",)),
        ("baseline_undecided", ("undecided",)),
        ("baseline_worse", ("worse",)),
        ("baseline_higher", ("higher",)),
    )
    for key, verdicts in groups:
        rows = [row for row in board.rows if row.baseline and row.baseline.verdict in verdicts]
        if rows:
            sentences.append(words(key, rows=_names(rows, words)))
        elif key == "baseline_better":
            sentences.append(words("baseline_nobody"))
    return words.sentences(sentences)


def _real_images(board: Leaderboard, words: Words) -> list[str]:
    real, copies = board.calibration_row(HELD_OUT), board.calibration_row(COPIES)
    if real is None or copies is None:
        return []
    nearest = _at(copies, TO_HELD_OUT)
    said = words("real", copies=nearest, held_out=board.protocol.held_out_split)
    return [words.sentences([scale(board, words), said, *_bias(board, real, words)])]


def scale(board: Leaderboard, words: Words) -> str:
    """What real images, those of known quality and the nearest row are at, all at equal n."""
    rows = [row for row in board.rows if row.values("fid_equal_n") and not row.failed]
    nearest = min(rows, key=lambda row: _mean(row, "fid_equal_n"), default=None)
    known = {name: board.calibration_row(name) for name in (HELD_OUT, *DENSITIES)}
    found = [(f"scale_{name}", row) for name, row in known.items() if row is not None]
    found[1:1] = [("scale_nearest", nearest)] if nearest is not None else []
    listed = [
        words(key, row=row_name(row, words), value=_at(row, "fid_equal_n")) for key, row in found
    ]
    n, label = board.protocol.n_held_out, page_label("fid", board.protocol.extractor)
    return words("scale", n=n, distance=label, list=words.listed(listed))


def _bias(board: Leaderboard, real: Row, words: Words) -> list[str]:
    """What the number of images alone adds to a distance."""
    few = real.estimate("fid_bias")
    many = [bias.mean for row in board.rows if (bias := row.estimate("fid_bias"))]
    if few is None or not many:
        return []
    return [
        words(
            "bias",
            few=value_text(few.mean),
            n_few=real.n_images,
            many=value_text(median(many)),
            n_many=board.protocol.n_fake,
        )
    ]


def _near_real(board: Leaderboard, words: Words) -> list[str]:
    """Which rows come near to real images when both are few, and whether by copying."""
    real, copies = board.calibration_row(HELD_OUT), board.calibration_row(COPIES)
    if real is None or copies is None or not any(row.values("fid_equal_n") for row in board.rows):
        return []
    equal, test = NEAR * _mean(real, "fid_equal_n"), NEAR * _mean(copies, "fid_held_out")
    rate, n = _mean(real, "copy_rate"), board.protocol.n_held_out
    if not math.isfinite(equal + test + rate):
        return []
    near = [
        row
        for row in board.rows
        if _mean(row, "fid_equal_n") <= equal and _mean(row, "fid_held_out") <= test
    ]
    fair = [row for row in near if _mean(row, "copy_rate") <= rate + ROUNDING]
    said = words(
        "near",
        n=n,
        held_out=board.protocol.held_out_split,
        equal=f"{equal:.3g}",
        test=f"{test:.3g}",
        rate=f"{100 * rate:.3g}",
        noise=f"{196 * math.sqrt(rate * (1 - rate) / n):.2g}",
    )
    found = words("near_rows", rows=_names(fair, words)) if fair else words("near_nobody")
    others = [row for row in near if row not in fair]
    more = [words("near_copying", rows=_names(others, words))] if others else []
    return [words.sentences([said, found, *more])]


def _at(row: Row, name: MetricName) -> str:
    return estimate_text(row.estimate(name))


def _mean(row: Row, name: MetricName) -> float:
    mean = row.mean(name)
    return math.inf if mean is None else mean


def _copying(board: Leaderboard, words: Words) -> str:
    many = [row for row in board.rows if copies_many(row)]
    said = words("copying_rows", rows=_names(many, words)) if many else words("copying_nobody")
    n_known = sum(bool(row.values("copy_rate_low")) for row in board.rows)
    more = [words("copying_ends", n=board.protocol.n_held_out)] if n_known else []
    if n_known < len(board.rows):
        more.append(words("copying_before"))
    return words.sentences([words("copying"), *more, said])


def copies_many(row: Row) -> bool:
    """Whether more than twice as many of its samples lie near a training image as of new images.

    It has to be so at the lower end of what is near, if that is on record.
    """
    low = row.mean("copy_rate_low")
    rate = row.mean("copy_rate") if low is None else low
    return rate is not None and rate > 2 * EXPECTED_COPIES


def _collapsed(board: Leaderboard, words: Words) -> list[str]:
    """Which rows look as if a generator makes few kinds of images, in any of their seeds."""
    rows = [r for r in board.rows if any(suspicions(score.record) for score in r.scores)]
    return [words("collapsed", rows=_names(rows, words))] if rows else []


def cost_note(board: Leaderboard, words: Words) -> str:
    """What the costs are of, where they were measured, and which code they are of."""
    trained = [run.train for run in board.runs if run.train.cost]
    if not trained:
        return ""
    machines = sorted({_machine(train.environment, words) for train in trained})
    said = [words("costs_of", machines="; ".join(machines))]
    by_code: dict[str, list[TrainRecord]] = defaultdict(list)
    for train in trained:
        by_code[_code(train, words)].append(train)
    if len(by_code) == 1:
        return words.sentences([*said, words("code", list=next(iter(by_code)))])
    mixed = sorted(name for name, n in _code_versions(trained).items() if n > 1)
    if mixed:
        said.append(words("code_differs", rows=words.join(list(map(md_code, mixed)))))
    for code, trains in sorted(by_code.items()):
        names = sorted({md_code(train.spec.variant) for train in trains})
        said.append(words("code_of", rows=words.join(names), list=code))
    return words.sentences(said)


def _code_versions(trains: Sequence[TrainRecord]) -> dict[str, int]:
    """How many versions of its code the runs of each variant were trained by."""
    versions: dict[str, set[str]] = defaultdict(set)
    for train in trains:
        versions[train.spec.variant].add(train.provenance.code)
    return {variant: n_versions("training", found) for variant, found in versions.items()}


def _machine(environment: Environment, words: Words) -> str:
    n = environment.n_threads
    threads = words("thread") if n == 1 else words("threads", n=n)
    return words.join([md_text(environment.device_name), threads])


def _code(train: TrainRecord, words: Words) -> str:
    commit = md_text((train.provenance.commit or NOTHING)[:10])
    torch = f"torch {md_text(train.environment.packages.get('torch', NOTHING))}"
    dirty = [words("dirty")] if train.provenance.dirty else []
    return words.join([commit, *dirty, torch])


def _naming(board: Leaderboard, words: Words) -> list[str]:
    extractor = board.protocol.extractor
    if extractor == INCEPTION:
        return []
    labels = {
        "distance": page_label("fid", extractor),
        "score": page_label("is", extractor),
        "kernel": page_label("kid", extractor),
    }
    return [words("naming", extractor=extractor, **labels)]


def _loaded_names(board: Leaderboard, words: Words) -> str:
    return _names([one.row for one in board.loaded], words)


def _names(rows: Sequence[Row], words: Words) -> str:
    return words.join([row_name(row, words) for row in rows])


def _seeds_of(runs: Sequence[Run]) -> str:
    """Variants with the seeds of some runs: ``dcgan 7, 8; vae 9``."""
    seeds: dict[str, list[int]] = {}
    for run in runs:
        seeds.setdefault(run.train.spec.variant, []).append(run.train.spec.seed)
    told = (f"{md_code(name)} {', '.join(map(str, sorted(seeds[name])))}" for name in sorted(seeds))
    return "; ".join(told)
