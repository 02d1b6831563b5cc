"""The tables of a leaderboard: which columns each has, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.records.record import MetricName
from bench.report.board.table import Leaderboard, Row
from bench.report.leaderboard.notes import row_name, sampler_text
from bench.report.words.report import Words
from bench.report.words.spelling import (
    NOTHING,
    estimate_text,
    metric_label,
    number_text,
    percent_text,
    rank_text,
    ratio_text,
    seconds_text,
    table,
    value_text,
)
from bench.stats import t_interval
from catalog.schema import Registry

Column = tuple[str, Callable[[Row], str]]


def ranking_table(board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    """Generated images, best first."""
    columns: list[Column] = [
        (words("rank"), lambda row: words("gate_missed") if row.short else rank_text(row.rank)),
        (words("variant"), lambda row: _name(row, board)),
        (words("family"), lambda row: words(f"family_{registry.variant(row.key.name).family}")),
        (words("sampler"), lambda row: sampler_text(row, words) or NOTHING),
        (words("seeds"), lambda row: _seeds(row, words)),
        _distance(board, words),
        _recall(words),
        (words("versus"), lambda row: words(row.baseline.verdict) if row.baseline else NOTHING),
        (words("wall"), lambda row: seconds_text(row.cost.wall_s)),
        *_scores(board, words),
    ]
    return _table(columns, board.rows, n_left=4)


def calibration_table(board: Leaderboard, words: Words) -> list[str]:
    """Images of known quality; they have draws instead of seeds, and no rank."""
    columns: list[Column] = [
        (words("set"), lambda row: _name(row, board)),
        (words("draws"), lambda row: str(len(row.scores))),
        _distance(board, words),
        _recall(words),
        *_scores(board, words),
    ]
    return _table(columns, board.calibration, n_left=1)


def reconstruction_table(board: Leaderboard, words: Words) -> list[str]:
    """Held-out images that passed through an autoencoder."""
    columns: list[Column] = [
        (words("variant"), lambda row: _name(row, board)),
        (words("sampler"), lambda row: sampler_text(row, words)),
        (words("seeds"), lambda row: _seeds(row, words)),
        _distance(board, words),
        _recall(words),
        *_scores(board, words),
    ]
    return _table(columns, board.reconstructions, n_left=2)


def parents_table(board: Leaderboard, words: Words) -> list[str]:
    """Each row beside its parent's."""
    headers = [words(key) for key in ("row_of", "parent", "ratio", "verdict")]
    rows = [
        [
            row_name(descent.child, words),
            row_name(descent.parent, words),
            ratio_text(descent.contrast),
            words(descent.contrast.verdict),
        ]
        for descent in board.descents
    ]
    return table(headers, rows, n_left=2) if rows else []


def gates_table(board: Leaderboard, words: Words) -> list[str]:
    """What some rows must reach in every training, and the worst that they reached."""
    headers = [
        words(key) for key in ("variant", "gate", "gate_needs", "gate_worst", "seeds", "gate_met")
    ]
    rows = [
        [
            f"[{result.variant}]",
            result.gate.text.in_language(words.language),
            f"{result.gate.at_least:g}",
            value_text(result.worst),
            str(len(result.values)),
            words("gate_passed" if result.passed else "gate_missed"),
        ]
        for result in board.gates
    ]
    return table(headers, rows, n_left=2) if rows else []


def measures_table(board: Leaderboard, words: Words) -> list[str]:
    """What models measure of themselves on held-out images, over training seeds."""
    values: dict[tuple[str, str], list[float]] = {}
    for run in board.runs:
        for name, value in (run.train.measures.values if run.train.measures else {}).items():
            values.setdefault((run.train.spec.variant, name), []).append(value)
    rows = [
        [
            f"[{variant}]",
            f"`{name}`",
            estimate_text(t_interval(found), interval=True),
            str(len(found)),
        ]
        for (variant, name), found in sorted(values.items())
    ]
    headers = [words(key) for key in ("variant", "measure", "value", "seeds")]
    return table(headers, rows, n_left=2) if rows else []


def spread_table(board: Leaderboard, words: Words) -> list[str]:
    """The kinds of spread side by side."""
    extractor = board.protocol.extractor
    columns: list[Column] = [
        (words("row_of"), lambda row: row_name(row, words)),
        (metric_label("fid", extractor), lambda row: estimate_text(row.estimate("fid"))),
        (words("spread_trainings"), lambda row: value_text(row.spread.trainings)),
        (words("spread_draws"), lambda row: value_text(row.spread.draws)),
        (words("spread_sampling"), lambda row: value_text(row.spread.sampling)),
        (
            words("spread_splits", score=metric_label("is", extractor)),
            lambda row: value_text(row.spread.splits),
        ),
        (
            words("spread_subsets", kernel=metric_label("kid", extractor)),
            lambda row: value_text(row.spread.subsets, 1000),
        ),
    ]
    rows = [row for row in (*board.rows, *board.calibration) if row.scores]
    return _table(columns, rows, n_left=1)


def cost_table(board: Leaderboard, words: Words) -> list[str]:
    """What each variant took, whatever its rows."""
    firsts = {row.key.name: row for row in reversed((*board.rows, *board.reconstructions))}
    columns: list[Column] = [
        (words("variant"), lambda row: f"[{row.key.name}]"),
        (words("parameters"), lambda row: number_text(row.cost.parameters)),
        (words("images_seen"), lambda row: number_text(row.cost.images_seen)),
        (words("images_per_s"), lambda row: number_text(row.cost.images_per_s)),
        (words("wall"), lambda row: seconds_text(row.cost.wall_s)),
    ]
    rows = [firsts[name] for name in sorted(firsts) if firsts[name].runs]
    return _table(columns, rows, n_left=1)


def published_table(board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    """What others report for the variants of the page, each number with its protocol."""
    headers = [
        words(key)
        for key in ("variant", "published_data", "published_metric", "value", "setting", "source")
    ]
    names = sorted({row.key.name for row in (*board.rows, *board.reconstructions)})
    rows = []
    for name in names:
        for number in registry.variant(name).reported:
            arrow = "↑" if number.better == "higher" else "↓"
            value = f"{number.value:g}"
            if number.spread is not None:
                value += f" ± {number.spread:g}"
            if number.certainty == "unsure":
                value += words("unsure")
            rows.append(
                [
                    f"[{name}]",
                    number.dataset,
                    f"{number.metric} {arrow}",
                    value,
                    number.setting or NOTHING,
                    number.source,
                ]
            )
    return table(headers, rows, n_left=6) if rows else []


def gaps_table(board: Leaderboard, words: Words) -> list[str]:
    """Planned runs without a number."""
    headers = [words(key) for key in ("variant", "which_seeds", "status", "reason")]
    rows = [
        [f"[{gap.variant}]", _numbers(gap.seeds), words(f"gap_{gap.status}"), gap.reason or NOTHING]
        for gap in board.gaps
    ]
    return table(headers, rows, n_left=4) if rows else []


def stale_table(board: Leaderboard, words: Words) -> list[str]:
    """Runs of another plan."""
    headers = [words(key) for key in ("variant", "which_seeds", "differs")]
    rows = [
        [stale.variant, _numbers(stale.seeds), ", ".join(f"`{key}`" for key in stale.differs_in)]
        for stale in board.stale
    ]
    return table(headers, rows, n_left=3) if rows else []


def protocol_table(board: Leaderboard, words: Words) -> list[str]:
    """Every field that enters the comparability key."""
    stamp = board.protocol.model_dump(mode="json")
    rows = [
        [f"`{name}`", NOTHING if value is None else str(value)] for name, value in stamp.items()
    ]
    return table([words("field"), words("value")], rows, n_left=2)


def _table(columns: Sequence[Column], rows: Sequence[Row], *, n_left: int) -> list[str]:
    if not rows:
        return []
    cells = [[cell(row) for _, cell in columns] for row in rows]
    return table([header for header, _ in columns], cells, n_left=n_left)


def _distance(board: Leaderboard, words: Words) -> Column:
    def cell(row: Row) -> str:
        return estimate_text(row.estimate("fid"), interval=True) if row.scores else words("failed")

    return f"{metric_label('fid', board.protocol.extractor)} ↓", cell


def _recall(words: Words) -> Column:
    """Stands beside the distance, which says nothing of what is missing."""
    return words("recall"), _metric("recall")


def _scores(board: Leaderboard, words: Words) -> list[Column]:
    protocol = board.protocol
    score, kernel = (metric_label(name, protocol.extractor) for name in ("is", "kid"))
    n, split = protocol.n_held_out, protocol.held_out_split
    columns = [
        (words("equal_n", n=n), _metric("fid_equal_n")),
        (words("held_out", split=split, n=n), _metric("fid_held_out")),
        (words("copies"), _share("copy_rate")),
        (f"{score} ↑", _metric("is")),
        (f"{kernel} × 10³ ↓", _metric("kid", 1000)),
        (words("precision"), _metric("precision")),
    ]
    if any(row.values("label_accuracy") for row in board.rows):
        columns.append((words("label_accuracy"), _share("label_accuracy")))
    return columns


def _metric(name: MetricName, scale: float = 1) -> Callable[[Row], str]:
    return lambda row: estimate_text(row.estimate(name), scale)


def _share(name: MetricName) -> Callable[[Row], str]:
    return lambda row: percent_text(row.estimate(name))


def _name(row: Row, board: Leaderboard) -> str:
    name = row.key.name if row.kind == "calibration" else f"[{row.key.name}]"
    few = row.n_images is not None and row.n_images < board.protocol.n_fake
    return f"{name} (n={row.n_images})" if few else name


def _seeds(row: Row, words: Words) -> str:
    n = len(row.runs)
    seeds = str(n) if n == row.n_planned else words("seeds_of", n=n, planned=row.n_planned)
    return words("provisional", seeds=seeds) if row.provisional else seeds


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
