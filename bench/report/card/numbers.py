"""The numbers of a card as Markdown: ranks and distances, the parent's beside them, and costs."""

from __future__ import annotations

from bench.report.board.table import Row
from bench.report.card.gather import Card, OnSuite
from bench.report.leaderboard.notes import row_name, sampler_text
from bench.report.leaderboard.write import PAGES
from bench.report.words.report import Words
from bench.report.words.spelling import (
    NOTHING,
    estimate_text,
    number_text,
    percent_text,
    rank_text,
    ratio_text,
    seconds_text,
    table,
    value_text,
)


def results_part(card: Card, words: Words) -> list[str]:
    """Every row of every table, what kept a training from one, and what was measured besides."""
    rows = [
        [
            _leaderboard_link(one, words),
            sampler_text(row, words) or NOTHING,
            _rank(row, one, words),
            _seeds(row, words),
            _distance(row, one, words),
            estimate_text(row.estimate("recall")),
            percent_text(row.estimate("copy_rate")),
            words(row.baseline.verdict) if row.baseline else NOTHING,
        ]
        for one in card.suites
        for row in one.rows
    ]
    keys = ("table", "sampler", "rank", "seeds", "column_distance", "recall", "copies", "versus")
    lines = [words("results_none")]
    if rows:
        headers = [words(key) for key in keys]
        lines = [words("results_intro"), "", *table(headers, rows, n_left=4)]
    remarks = [line for one in card.suites for line in _remarks(one, words)]
    lines += ["", *(f"- {line}" for line in remarks)] if remarks else []
    elsewhere = words.join([f"`{suite.id}`" for suite in card.elsewhere])
    return [*lines, "", words("also_in", list=elsewhere)] if elsewhere else lines


def _leaderboard_link(one: OnSuite, words: Words) -> str:
    return f"[{one.suite.id}](../{one.suite.id}/{PAGES[words.language]})"


def _rank(row: Row, one: OnSuite, words: Words) -> str:
    if row.short:
        return words("gate_missed")
    if row.rank is None:
        return words("unranked")
    return words("rank_of", rank=rank_text(row.rank), n=one.n_ranked)


def _seeds(row: Row, words: Words) -> str:
    n = len(row.runs)
    seeds = str(n) if n == row.n_planned else words("seeds_of", n=n, planned=row.n_planned)
    return words("provisional", seeds=seeds) if row.provisional else seeds


def _distance(row: Row, one: OnSuite, words: Words) -> str:
    if not row.scores:
        return words("failed")
    value = estimate_text(row.estimate("fid"), interval=True)
    return words("metric_of", metric=one.metric, value=value)


def _remarks(one: OnSuite, words: Words) -> list[str]:
    gates = [
        words(
            "gate_line",
            suite=one.suite.id,
            gate=result.gate.text.in_language(words.language),
            needs=f"{result.gate.at_least:g}",
            worst=value_text(result.worst),
            n=len(result.values),
            verdict=words("gate_passed" if result.passed else "gate_missed"),
        )
        for result in one.gates
    ]
    gaps = [
        words(
            "gap_line",
            suite=one.suite.id,
            seeds=words.join(list(map(str, gap.seeds))),
            status=words(f"gap_{gap.status}"),
            reason=words("gap_reason", reason=gap.reason) if gap.reason else "",
        )
        for gap in one.gaps
    ]
    measured = [
        words("measure_one", name=m.name, value=estimate_text(m.estimate, interval=True))
        for m in one.measures
    ]
    listed = words("measures_line", suite=one.suite.id, list=words.join(measured))
    return [*gates, *gaps, *([listed] if measured else [])]


def parent_part(card: Card, words: Words) -> list[str]:
    """Each row beside its parent's, in every table that ranks both."""
    if card.parent is None:
        return [words("is_root")]
    rows = [
        [
            _leaderboard_link(one, words),
            row_name(descent.child, words),
            row_name(descent.parent, words),
            ratio_text(descent.contrast),
            words(descent.contrast.verdict),
        ]
        for one in card.suites
        for descent in one.descents
    ]
    if not rows:
        return [words("parent_none")]
    headers = [words(key) for key in ("table", "row_of", "parent", "ratio", "verdict")]
    return [words("parent_intro"), "", *table(headers, rows, n_left=3)]


def cost_part(card: Card, words: Words) -> list[str]:
    """Sizes and times, a line per table, and the machines that they are of."""
    trained = [one for one in card.suites if one.cost.wall_s is not None]
    if not trained:
        return [words("cost_none")]
    rows = [
        [
            one.suite.id,
            number_text(one.n_parameters),
            number_text(one.cost.parameters),
            number_text(one.cost.images_seen),
            number_text(one.cost.images_per_s),
            seconds_text(one.cost.wall_s),
        ]
        for one in trained
    ]
    keys = (
        *("table", "trained_parameters", "sampling_parameters"),
        *("images_seen", "per_second", "train_time"),
    )
    machines = sorted(
        {run.train.environment.device_name for one in trained for run in one.runs if run.train.cost}
    )
    intro = words("cost_intro", machines=words.join(machines))
    return [intro, "", *table([words(key) for key in keys], rows)]
