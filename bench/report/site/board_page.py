"""What the page of one leaderboard shows, beside its table: prose, charts, pictures, details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from bench.records.run_directory import CALIBRATION
from bench.report.board.table import Leaderboard
from bench.report.charts import drawn, themed
from bench.report.generated.commands import RECORDS, report_command, run_command
from bench.report.leaderboard.notes import cost_note, notes, row_name, status_line
from bench.report.leaderboard.page import intro
from bench.report.leaderboard.pictures import FOLDER, WALL
from bench.report.leaderboard.tables import (
    gaps_table,
    gates_table,
    measures_table,
    parents_table,
    protocol_table,
    published_table,
    reconstruction_table,
    spread_table,
    stale_table,
)
from bench.report.leaderboard.write import findings_text
from bench.report.site.board_rows import columns_of, lines_of, row_id
from bench.report.site.markup import Links, html_of, inline_html
from bench.report.site.shell import root_of
from bench.report.words.report import Language, Words
from bench.report.words.site import TEXTS
from catalog.schema import Registry


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it."""

    id: str
    title: str
    html: Markup


@dataclass(frozen=True)
class Chart:
    """A chart with its heading."""

    id: str
    title: str
    svg: Markup
    caption: Markup


@dataclass(frozen=True)
class Grid:
    """Samples of one row."""

    id: str
    name: str
    src: str
    width: int
    height: int


def board_values(
    board: Leaderboard, registry: Registry, language: Language, links: Links
) -> dict[str, object]:
    """What the template of a leaderboard reads."""
    words, page = Words(language), Words(language, TEXTS)
    columns = columns_of(board, registry, words, page)
    suite, folder = board.suite, links.copies.reports / board.suite.id
    return {
        "suite": suite,
        "heading": words("title", suite=suite.title.in_language(language)),
        "intro": inline_html(intro(board, registry, words), links),
        "status": inline_html(status_line(board, words), links),
        "findings": html_of(findings_text(folder, language), links),
        "columns": columns,
        "lines": list(lines_of(board, registry, columns)),
        "families": sorted({registry.variant(row.key.name).family for row in board.rows}),
        "notes": [inline_html(note, links) for note in notes(board, words)],
        "charts": _charts(board, registry, page, links),
        "sections": _sections(board, registry, words, links),
        "wall": _copied(f"{suite.id}/{FOLDER}/{WALL}", links),
        "grids": _grids(board, words, links),
        "csv": _copied(f"{suite.id}/results.csv", links),
        "commands": f"{run_command(suite, registry)}\n{report_command(suite, registry, language)}",
    }


def _charts(board: Leaderboard, registry: Registry, page: Words, links: Links) -> list[Chart]:
    """Every chart, drawn in the page so that it follows the page's colours."""
    return [
        Chart(
            kind,
            page(f"chart_{kind}"),
            Markup(themed(chart.svg)),  # noqa: S704 - our own
            inline_html(chart.caption, links),
        )
        for kind, chart in drawn(board, registry, links.language).items()
    ]


def _sections(board: Leaderboard, registry: Registry, words: Words, links: Links) -> list[Section]:
    held_out = board.protocol.held_out_split
    tables: Mapping[str, tuple[Sequence[str], str]] = {
        "parents": (parents_table(board, words), words("parents_intro")),
        "gates": (gates_table(board, words), words("gates_intro")),
        "measures": (
            measures_table(board, words),
            words("measures_intro", held_out=held_out),
        ),
        "reconstructions": (
            reconstruction_table(board, words),
            words("reconstructions_intro", held_out=held_out),
        ),
        "spread": (spread_table(board, words), words("spread_intro")),
        "published": (published_table(board, registry, words), words("published_intro")),
        "gaps": (gaps_table(board, words), words("gaps_intro")),
        "stale": (stale_table(board, words), words("stale_intro")),
        "costs": ([cost_note(board, words)], ""),
        "protocol": (
            protocol_table(board, words),
            words("protocol_intro", key=board.protocol.key),
        ),
    }
    targets = [f"[{variant.id}]: ../cards/{variant.id}.md" for variant in registry.variants]
    return [
        Section(key, words(key), html_of("\n".join([intro, "", *body, "", *targets]), links))
        for key, (body, intro) in tables.items()
        if any(body)
    ]


def _grids(board: Leaderboard, words: Words, links: Links) -> list[Grid]:
    rows = (*board.rows, *board.calibration, *board.reconstructions)
    grids = []
    for row in rows:
        if row.grid is not None:
            folder = row.runs[0].train.run_id if row.runs else CALIBRATION
            place = links.copies.add(f"{board.suite.id}/{RECORDS}/{folder}/{row.grid.name}")
            size = links.copies.size(place or "")
            if size is not None:
                name = row_name(row, words).replace("`", "")
                grids.append(Grid(row_id(row), name, f"{root_of(links.language)}{place}", *size))
    return grids


def _copied(path: str, links: Links) -> str:
    """The address of a file that the page needs; empty where the report lacks it."""
    place = links.copies.add(path)
    return root_of(links.language) + place if place else ""
