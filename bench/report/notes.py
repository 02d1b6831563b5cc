"""What the numbers say in words, and what they do not: sentences made from a leaderboard."""

from __future__ import annotations

from collections.abc import Sequence

from bench.record import Environment, TrainRecord
from bench.report.frames import BASELINE, Leaderboard, Row
from bench.report.layout import INCEPTION, NOTHING, estimate_text, metric_label
from bench.report.texts import Words
from bench.stats import Verdict

EXPECTED_COPIES = 0.05
HELD_OUT, COPIES = "held-out", "train-copies"


def sampler_text(row: Row, words: Words) -> str:
    """How a row was sampled, and from which weights where there are two kinds."""
    if not row.has_average:
        return row.key.sampler
    return words("weights_of", sampler=row.key.sampler, weights=words(row.key.weights))


def row_name(row: Row, words: Words) -> str:
    """A row in a sentence: ``vae (gmm-10)``."""
    sampler = sampler_text(row, words)
    return words("row", name=row.key.name, sampler=sampler) if sampler else f"`{row.key.name}`"


def status_line(board: Leaderboard, words: Words) -> str:
    """How many training seeds there are, and what that allows to say."""
    counts = [len(row.runs) for row in board.rows if row.runs]
    if not counts:
        return words("status_none")
    low, high = min(counts), max(counts)
    if high == 1:
        return words("status_one")
    if low == 1:
        return words("status_mixed", low=low, high=high)
    return words("status_full" if low == high else "status_range", low=low, high=high)


def notes(board: Leaderboard, words: Words) -> list[str]:
    """One paragraph for each thing that a reader must know about these numbers."""
    return [
        words(f"ranks_{board.method}"),
        _baseline(board, words),
        *_real_images(board, words),
        _copying(board, words),
        *([words("averages")] if any(row.has_average for row in board.rows) else []),
        *_costs(board, words),
        *_naming(board, words),
        *([words("foreign", n=board.n_foreign)] if board.n_foreign else []),
    ]


def _baseline(board: Leaderboard, words: Words) -> str:
    row = board.calibration_row(BASELINE)
    distance = row.estimate("fid") if row else None
    if distance is None:
        return words("baseline_missing")
    label = metric_label("fid", board.protocol.extractor)
    sentences = [words("baseline_intro", distance=label, value=estimate_text(distance))]
    groups: tuple[tuple[str, tuple[Verdict, ...]], ...] = (
        ("baseline_better", ("better",)),
        ("baseline_lower", ("lower",)),
        ("baseline_undecided", ("undecided",)),
        ("baseline_behind", ("worse", "higher")),
    )
    for key, verdicts in groups:
        rows = [row for row in board.rows if row.verdict in verdicts]
        if rows:
            sentences.append(words(key, rows=_names(rows, words)))
        elif key == "baseline_better":
            sentences.append(words("baseline_nobody"))
    return words.sentences(sentences)


def _real_images(board: Leaderboard, words: Words) -> list[str]:
    real, copies = board.calibration_row(HELD_OUT), board.calibration_row(COPIES)
    if real is None or copies is None:
        return []
    protocol = board.protocol
    return [
        words(
            "real",
            n=real.n_images,
            distance=metric_label("fid", protocol.extractor),
            value=estimate_text(real.estimate("fid")),
            copies=estimate_text(copies.estimate("fid_held_out")),
            held_out=protocol.held_out_split,
            n_equal=protocol.n_held_out,
        )
    ]


def _copying(board: Leaderboard, words: Words) -> str:
    rates = [(row, row.estimate("copy_rate")) for row in board.rows]
    many = [row for row, rate in rates if rate and rate.mean > 2 * EXPECTED_COPIES]
    said = words("copying_rows", rows=_names(many, words)) if many else words("copying_nobody")
    return words.sentences([words("copying"), said])


def _costs(board: Leaderboard, words: Words) -> list[str]:
    trained = [run.train for run in board.runs if run.train.cost]
    if not trained:
        return []
    machines = sorted({_machine(train.environment, words) for train in trained})
    code = sorted({_code(train, words) for train in trained})
    return [
        words.sentences(
            [
                words("costs", machines="; ".join(machines)),
                words("code", list="; ".join(code)),
            ]
        )
    ]


def _machine(environment: Environment, words: Words) -> str:
    n = environment.n_threads
    threads = words("thread") if n == 1 else words("threads", n=n)
    return words.join([environment.device_name, threads])


def _code(train: TrainRecord, words: Words) -> str:
    commit = (train.provenance.commit or NOTHING)[:10]
    torch = f"torch {train.environment.packages.get('torch', NOTHING)}"
    dirty = [words("dirty")] if train.provenance.dirty else []
    return words.join([commit, *dirty, torch])


def _naming(board: Leaderboard, words: Words) -> list[str]:
    extractor = board.protocol.extractor
    if extractor == INCEPTION:
        return []
    labels = {
        "distance": metric_label("fid", extractor),
        "score": metric_label("is", extractor),
        "kernel": metric_label("kid", extractor),
    }
    return [words("naming", extractor=extractor, **labels)]


def _names(rows: Sequence[Row], words: Words) -> str:
    return words.join([row_name(row, words) for row in rows])
