"""What the page of one leaderboard shows, beside its table: prose, charts, pictures, details."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from bench.report.board.table import Leaderboard
from bench.report.charts import drawn, themed
from bench.report.leaderboard.commands import report_command, run_command
from bench.report.leaderboard.findings import findings_text
from bench.report.leaderboard.notes import cost_note, held_out_line, notes, status_line
from bench.report.leaderboard.page import intro
from bench.report.leaderboard.pictures import WALL
from bench.report.leaderboard.publish import grid_link
from bench.report.leaderboard.tables import table_intro, tables_of
from bench.report.site.board_rows import columns_of, lines_of
from bench.report.site.markup import SiteLinks, html_of, inline_html
from bench.report.site.shell import root_of
from bench.report.words import Language, Words
from bench.report.words.rows import plain_name, row_id
from catalog.escaping import md_target
from catalog.schema import Registry

TABLES = (
    *(
        "parents",
        "gates",
        "measures",
        "reconstructions",
        "spread",
        "published",
        "loaded",
        "own",
        "gaps",
    ),
    *("stale", "costs", "protocol"),
)
"""Of the Markdown page; the ranking and the calibration rows are one table of their own here."""


@dataclass(frozen=True)
class Section:
    """A heading with what stands under it."""

    id: str
    title: str
    html: Markup


@dataclass(frozen=True)
class ChartOnPage:
    """A chart with its heading, drawn in the page so that it follows the page's colours."""

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
    board: Leaderboard, registry: Registry, language: Language, links: SiteLinks
) -> dict[str, object]:
    """What the template of a leaderboard reads."""
    words, page = Words(language), Words(language, "site")
    columns = columns_of(board, registry, words, page)
    suite, folder = board.suite, links.copies.reports / board.suite.id
    return {
        "suite": suite,
        "heading": words("title", suite=suite.title.in_language(language)),
        "first": inline_html(held_out_line(board, words), links),
        "intro": inline_html(intro(board, registry, words), links),
        "status": inline_html(status_line(board, words), links),
        "findings": html_of(findings_text(folder, language, board), links),
        "columns": columns,
        "lines": list(lines_of(board, registry, columns)),
        "families": sorted({registry.variant(row.key.name).family for row in board.rows}),
        "notes": [inline_html(note, links) for note in notes(board, words)],
        "charts": list(_charts(board, registry, page, links)),
        "sections": list(_sections(board, registry, words, links)),
        "wall": links.copied(f"{suite.id}/{WALL}"),
        "grids": list(_grids(board, words, links)),
        "csv": links.copied(f"{suite.id}/results.csv"),
        "commands": f"{run_command(suite, registry)}\n{report_command(suite, registry, language)}",
    }


def _charts(
    board: Leaderboard, registry: Registry, page: Words, links: SiteLinks
) -> Iterator[ChartOnPage]:
    for kind, chart in drawn(board, registry, links.language).items():
        svg = Markup(themed(chart.svg))  # noqa: S704 - our own
        yield ChartOnPage(kind, page(f"chart_{kind}"), svg, inline_html(chart.caption, links))


def _sections(
    board: Leaderboard, registry: Registry, words: Words, links: SiteLinks
) -> Iterator[Section]:
    tables = tables_of(board, registry, words) | {"costs": [cost_note(board, words)]}
    cards = [f"[{name}]: ../cards/{name}.md" for name in registry.rows]
    for key in TABLES:
        if any(tables[key]):
            above = "" if key == "costs" else table_intro(key, board, words)
            lines = [above, "", *tables[key], "", *_origins(board, registry), *cards]
            yield Section(key, words(key), html_of("\n".join(lines), links))


def _origins(board: Leaderboard, registry: Registry) -> list[str]:
    """Where the names of loaded rows lead that have no card."""
    known = {load.id for load in registry.loads}
    names = (one for one in board.loaded if one.row.key.name not in known)
    urls = {one.row.key.name: one.run.load.url for one in names}
    return [f"[{name}]: {md_target(url) or '#'}" for name, url in urls.items()]


def _grids(board: Leaderboard, words: Words, links: SiteLinks) -> Iterator[Grid]:
    for row in (*board.by_distance, *board.calibration, *board.reconstructions):
        if row.grid is not None:
            source = links.copied(f"{board.suite.id}/{grid_link(row)}")
            size = links.copies.size(source.removeprefix(root_of(links.language)))
            if size is not None:
                yield Grid(row_id(row), plain_name(row, words), source, *size)
