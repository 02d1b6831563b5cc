"""A leaderboard's rows one by one: what each is, samples of it, and links to its records.

Each stands in a ``<details>`` element, which GitHub shows closed: a page of many rows stays short.
"""

from __future__ import annotations

from html import escape

from bench.records.run_directory import CALIBRATION
from bench.report.board.table import Leaderboard, Row
from bench.report.generated.commands import RECORDS, run_command
from bench.report.leaderboard.notes import row_name
from bench.report.words.report import Words
from bench.report.words.spelling import metric_label
from catalog.schema import Registry


def details(board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    """One closed block per row of every table."""
    rows = (*board.rows, *board.reconstructions, *board.calibration)
    lines = [line for row in rows for line in _detail(row, board, registry, words)]
    return lines[1:]


def folded(title: str, paragraphs: list[str]) -> list[str]:
    """Paragraphs behind a title that opens them; Markdown inside needs the blank lines."""
    body = [line for paragraph in paragraphs for line in ("", paragraph)]
    return ["<details>", f"<summary>{title}</summary>", *body, "", "</details>"]


def _detail(row: Row, board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    variant = "" if row.kind == "calibration" else row.key.name
    about = _about(variant, registry, words) if variant else []
    paragraphs = [
        *([words.sentences(about)] if about else []),
        *_grid(row, words),
        *_scores(row, board, words),
        words("made_with", command=run_command(board.suite, registry, variant)),
    ]
    title = escape(row_name(row, words).replace("`", ""))
    return ["", *folded(f"<b>{title}</b>", paragraphs)]


def _about(name: str, registry: Registry, words: Words) -> list[str]:
    variant = registry.variant(name)
    paper = registry.resource(variant.paper)
    title = paper.title.in_language(words.language)
    about = [
        variant.summary.in_language(words.language),
        words("paper", title=title, url=paper.url),
    ]
    if variant.deviations:
        about.append(words("deviations", list=" ".join(variant.deviations)))
    return about


def _grid(row: Row, words: Words) -> list[str]:
    if row.grid is None or not row.grid.is_file():
        return []
    folder = row.runs[0].train.run_id if row.runs else CALIBRATION
    link = f"{RECORDS}/{folder}/{row.grid.name}"
    if not row.runs:
        return [f"![{row.key.name}]({link})"]
    name = row_name(row, words).replace("`", "")
    seed = row.runs[0].train.spec.seed
    return [f"![{words('samples_of', row=name, seed=seed)}]({link})"]


def _scores(row: Row, board: Leaderboard, words: Words) -> list[str]:
    """Links from every value of the ranking distance to the record that holds it."""
    label = metric_label("fid", board.protocol.extractor)
    values = row.values("fid")
    if not values:
        return []
    if row.kind == "calibration":
        links = [
            f"[{value:.5g}]({RECORDS}/{CALIBRATION}/{score.path.name})"
            for score, value in zip(row.scores, values, strict=True)
        ]
        return [f"{label}: {words.join(links)}"]
    links = [
        f"{run.train.spec.seed}: [{value:.5g}]"
        f"({RECORDS}/{run.train.run_id}/scores/{score.path.name})"
        for run, score, value in zip(row.runs, row.scores, values, strict=True)
    ]
    return [words("by_seed", distance=label, list=words.join(links))]
