"""The numbers of a card as Markdown: ranks and distances, the parent's beside them, and costs."""

from __future__ import annotations

from bench.report.board.table import Descent, Row
from bench.report.card.gather import Card, OnSuite
from bench.report.leaderboard.differing import differing_settings
from bench.report.leaderboard.tables import TableColumn, table_of
from bench.report.leaderboard.write import PAGES
from bench.report.words import Words
from bench.report.words.rows import (
    distance_text,
    place_text,
    row_name,
    sampler_text,
    seeds_text,
    versus_text,
)
from bench.report.words.spelling import (
    NOTHING,
    estimate_text,
    number_text,
    percent_text,
    ratio_text,
    seconds_text,
    value_text,
)
from catalog.escaping import md_text

RowOnSuite = tuple[OnSuite, Row]


def results_part(card: Card, words: Words) -> list[str]:
    """Every row of every table, what kept a training from one, and what was measured besides."""
    columns: list[TableColumn[RowOnSuite]] = [
        (words("table"), lambda it: _leaderboard_link(it[0], words)),
        (words("sampler"), lambda it: sampler_text(it[1], words) or NOTHING),
        (words("rank"), lambda it: _rank(*it, words)),
        (words("seeds"), lambda it: seeds_text(it[1], words)),
        (words("images"), lambda it: _n_images(it[1])),
        (words("column_distance"), lambda it: _distance(*it, words)),
        (words("recall"), lambda it: estimate_text(it[1].estimate("recall"))),
        (words("copies"), lambda it: percent_text(it[1].estimate("copy_rate"))),
        (words("versus"), lambda it: versus_text(it[1], words)),
    ]
    rows = [(one, row) for one in card.suites for row in one.rows]
    lines = [words("results_none")]
    if rows:
        lines = [words("results_intro"), "", *table_of(rows, columns, n_left=4)]
    remarks = [line for one in card.suites for line in _remarks(one, words)]
    lines += ["", *(f"- {line}" for line in remarks)] if remarks else []
    elsewhere = words.join([f"`{suite.id}`" for suite in card.elsewhere])
    return [*lines, "", words("also_in", list=elsewhere)] if elsewhere else lines


def _n_images(row: Row) -> str:
    return NOTHING if row.n_images is None else f"{row.n_images:,}"


def parent_part(card: Card, words: Words) -> list[str]:
    """Each row beside its parent's, in every table that ranks both."""
    if card.parent is None:
        return [words("is_root")]
    columns: list[TableColumn[tuple[OnSuite, Descent]]] = [
        (words("table"), lambda it: _leaderboard_link(it[0], words)),
        (words("row_of"), lambda it: row_name(it[1].child, words)),
        (words("parent"), lambda it: row_name(it[1].parent, words)),
        (words("ratio"), lambda it: ratio_text(it[1].contrast)),
        (words("verdict"), lambda it: words(it[1].contrast.verdict)),
        (words("differs"), lambda it: differing_settings(it[1], words)),
    ]
    descents = [(one, descent) for one in card.suites for descent in one.descents]
    if not descents:
        return [words("parent_none")]
    return [words("parent_intro"), "", *table_of(descents, columns, n_left=len(columns))]


def cost_part(card: Card, words: Words) -> list[str]:
    """Sizes and times, a line per table, and the machines that they are of."""
    trained = [one for one in card.suites if one.cost.wall_s is not None]
    if not trained:
        return [words("cost_none")]
    columns: list[TableColumn[OnSuite]] = [
        (words("table"), lambda one: one.suite.id),
        (words("trained_parameters"), lambda one: number_text(one.n_parameters)),
        (words("sampling_parameters"), lambda one: number_text(one.cost.parameters)),
        (words("images_seen"), lambda one: number_text(one.cost.images_seen)),
        (words("per_second"), lambda one: number_text(one.cost.images_per_s)),
        (words("train_time"), lambda one: seconds_text(one.cost.wall_s)),
    ]
    machines = sorted(
        {run.train.environment.device_name for one in trained for run in one.runs if run.train.cost}
    )
    intro = words("cost_intro", machines=words.join(list(map(md_text, machines))))
    return [intro, "", *table_of(trained, columns, n_left=1)]


def _leaderboard_link(one: OnSuite, words: Words) -> str:
    return f"[{one.suite.id}](../{one.suite.id}/{PAGES[words.language]})"


def _rank(one: OnSuite, row: Row, words: Words) -> str:
    place = place_text(row, words)
    if row.rank is None:
        return place if row.short else words("unranked")
    return words("rank_of", rank=place, n=one.n_ranked)


def _distance(one: OnSuite, row: Row, words: Words) -> str:
    value = distance_text(row, words)
    return words("metric_of", metric=one.metric, value=value) if row.scores else value


def _remarks(one: OnSuite, words: Words) -> list[str]:
    gates = [
        words(
            "gate_line",
            suite=one.suite.id,
            gate=md_text(result.gate.text.in_language(words.language)),
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
            reason=words("gap_reason", reason=md_text(gap.reason)) if gap.reason else "",
        )
        for gap in one.gaps
    ]
    measured = [
        words("measure_one", name=name, value=estimate_text(estimate, interval=True))
        for name, estimate in one.measures.items()
    ]
    listed = words("measures_line", suite=one.suite.id, list=words.join(measured))
    return [*gates, *gaps, *([listed] if measured else [])]
