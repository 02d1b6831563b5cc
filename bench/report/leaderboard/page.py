"""The leaderboard as a Markdown page that reads well on GitHub and in a terminal.

A function of the leaderboard, the registry and the hand-written findings alone: no dates, no
absolute paths, so that making it again changes no byte. Charts are linked below ``charts/``, grids
and records below ``records/``, both beside the page.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

from bench.identity.names import registered_variant
from bench.records.run_directory import CALIBRATION
from bench.report.board.table import Leaderboard, LoadedRow, Row
from bench.report.leaderboard.commands import report_command, run_command
from bench.report.leaderboard.notes import cost_note, held_out_line, notes, status_line
from bench.report.leaderboard.pictures import PagePicture
from bench.report.leaderboard.publish import RECORDS, grid_link
from bench.report.leaderboard.tables import table_intro, tables_of
from bench.report.words import Language, Words
from bench.report.words.rows import plain_name
from bench.report.words.spelling import anchor, number_text, page_label
from catalog.escaping import md_label, md_target, md_text
from catalog.schema import Registry


def leaderboard_page(
    board: Leaderboard,
    registry: Registry,
    language: Language,
    findings: str = "",
    pictures: Mapping[str, PagePicture] | None = None,
) -> str:
    """The whole page, ending in one line break.

    Args:
        board: what stands in it.
        registry: names, papers and published numbers.
        language: of the page.
        findings: Markdown that is quoted word for word above the tables.
        pictures: what there is to show, by kind.
    """
    words = Words(language)
    shown = {kind: picture.markdown for kind, picture in (pictures or {}).items()}
    body = [
        *(["", findings.strip()] if findings.strip() else []),
        *_sections(board, registry, words, shown),
    ]
    lines = [
        f"# {words('title', suite=md_text(board.suite.title.in_language(language)))}",
        *(["", first] if (first := held_out_line(board, words)) else []),
        *("", intro(board, registry, words)),
        *("", status_line(board, words)),
        *("", _contents(body, words)),
        *body,
        "",
        *_links(board, registry),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def intro(board: Leaderboard, registry: Registry, words: Words) -> str:
    """What was trained, on what, and by which distance it is ranked, in one paragraph."""
    protocol = board.protocol
    seen = [row.cost.images_seen for row in board.rows if row.cost.images_seen is not None]
    ends = dict.fromkeys(number_text(end) for end in (min(seen), max(seen))) if seen else {}
    return words(
        "intro_seen" if ends else "intro",
        seen="–".join(ends),
        steps=board.suite.steps,
        dataset=md_text(registry.dataset(board.suite.dataset).name.in_language(words.language)),
        distance=page_label("fid", protocol.extractor),
        n_fake=protocol.n_fake,
        n_reference=protocol.n_reference,
        reference=protocol.reference_split,
    )


def _sections(
    board: Leaderboard, registry: Registry, words: Words, shown: Mapping[str, Sequence[str]]
) -> list[str]:
    """How rows stand to each other and to images of known quality; then what is behind them."""
    tables = tables_of(board, registry, words)

    def section(title: str, body: Sequence[str], intro: str = "") -> list[str]:
        above = [intro, ""] if intro else []
        return ["", f"## {words(title)}", "", *above, *body] if body else []

    def table(key: str) -> list[str]:
        return section(key, tables[key], table_intro(key, board, words))

    curves, commands = (
        shown.get("losses"),
        (
            run_command(board.suite, registry),
            report_command(board.suite, registry, words.language),
        ),
    )
    return [
        *section("glance", _paragraphs([shown.get("wall"), shown.get("distance")])),
        *section("ranking", tables["ranking"]),
        *section("notes", [f"- {note}" for note in notes(board, words)]),
        *section("precision_recall", shown.get("precision-recall", [])),
        *table("parents"),
        *table("gates"),
        *table("measures"),
        *table("calibration"),
        *table("reconstructions"),
        *table("spread"),
        *section(
            "costs",
            _paragraphs([shown.get("cost"), tables["costs"]]) if tables["costs"] else [],
            cost_note(board, words),
        ),
        *section("losses", _folded(words("losses_open"), ["\n".join(curves)]) if curves else []),
        *table("published"),
        *table("loaded"),
        *table("own"),
        *table("gaps"),
        *table("stale"),
        *section("rows", _details(board, registry, words)),
        *section(
            "protocol",
            _folded(words("protocol_fields"), ["\n".join(tables["protocol"])]),
            table_intro("protocol", board, words),
        ),
        *section("again", ["```sh", *commands, "```"], words("again_body")),
    ]


def _contents(body: Sequence[str], words: Words) -> str:
    """Links to all sections, those of the findings included."""
    headings = [line[3:] for part in body for line in part.split("\n") if line.startswith("## ")]
    links = [f"[{heading}](#{anchor(heading)})" for heading in headings]
    return words("contents", list=" · ".join(links))


def _paragraphs(parts: Iterable[Sequence[str] | None]) -> list[str]:
    lines = [line for part in parts if part for line in ("", *part)]
    return lines[1:]


def _folded(title: str, paragraphs: list[str]) -> list[str]:
    """Paragraphs behind a title that opens them; Markdown inside needs the blank lines.

    GitHub shows such an element closed, so a page of many rows stays short.
    """
    body = [line for paragraph in paragraphs for line in ("", paragraph)]
    return ["<details>", f"<summary>{title}</summary>", *body, "", "</details>"]


def _details(board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    """Rows one by one: what each is, samples of it, and links to its records; each is folded."""

    def detail(row: Row) -> list[str]:
        variant = "" if row.kind == "calibration" else row.key.name
        paragraphs = [
            *([words.sentences(_about(variant, registry, words))] if variant else []),
            *_grid(row, words),
            *_scores(row, board, words),
            words("made_with", command=run_command(board.suite, registry, variant)),
        ]
        return _folded(f"<b>{escape(plain_name(row, words))}</b>", paragraphs)

    def loaded_detail(one: LoadedRow) -> list[str]:
        said = [*one.run.load.said, *(f"{words('doubts')}: {d}" for d in one.run.load.warnings)]
        [value], load = one.row.values("fid") or [math.nan], one.run.load
        link = f"{RECORDS}/{load.run_id}/load.json"
        paragraphs = [
            words("loaded_from", source=md_text(load.source), sha256=load.spec.sha256),
            *(["\n".join(f"- {md_text(sentence)}" for sentence in said)] if said else []),
            *_grid(one.row, words),
            f"{page_label('fid', board.protocol.extractor)}: [{value:.5g}]({md_target(link)})",
        ]
        return _folded(f"<b>{escape(plain_name(one.row, words))}</b>", paragraphs)

    rows = (*board.rows, *board.reconstructions, *board.calibration)
    return _paragraphs([*map(detail, rows), *map(loaded_detail, board.loaded)])


def _about(name: str, registry: Registry, words: Words) -> list[str]:
    variant = registry.variant(name)
    paper = registry.resource(variant.paper)
    title = paper.title.in_language(words.language)
    listed = " ".join(map(md_text, variant.deviations))
    return [
        md_text(variant.summary.in_language(words.language)),
        words("paper", title=md_label(title), url=md_target(paper.url)),
        *([words("deviations", list=listed)] if listed else []),
    ]


def _grid(row: Row, words: Words) -> list[str]:
    if row.grid is None or not row.grid.is_file():
        return []
    alt = row.key.name
    if row.runs:
        seed = row.runs[0].train.spec.seed
        alt = words("samples_of", row=plain_name(row, words), seed=seed)
    return [f"![{md_label(alt)}]({md_target(grid_link(row))})"]


def _scores(row: Row, board: Leaderboard, words: Words) -> list[str]:
    """Links from every value of the ranking distance to the record that holds it."""
    values = row.values("fid")
    if not values:
        return []
    label = f"{page_label('fid', board.protocol.extractor)}, n={row.n_images:,}"
    if row.kind == "calibration":
        links = [
            f"[{value:.5g}]({md_target(f'{RECORDS}/{CALIBRATION}/{score.path.name}')})"
            for score, value in zip(row.scores, values, strict=True)
        ]
        return [f"{label}: {words.join(links)}"]
    links = [
        f"{run.train.spec.seed}: [{value:.5g}]"
        f"({md_target(f'{RECORDS}/{run.train.run_id}/scores/{score.path.name}')})"
        for run, score, value in zip(row.runs, row.scores, values, strict=True)
    ]
    return [words("by_seed", distance=label, list=words.join(links))]


def _links(board: Leaderboard, registry: Registry) -> list[str]:
    """Where the names of variants on the page lead: to their papers."""
    rows = (*board.rows, *board.reconstructions)
    names = {row.key.name for row in rows} | {gap.variant for gap in board.gaps}
    names |= {own.row.key.name for own in board.own}
    entries = {name: registry.variant(registered_variant(name)) for name in sorted(names)}
    urls = {name: registry.resource(entry.paper).url for name, entry in entries.items()}
    urls |= {one.row.key.name: one.run.load.url or "" for one in board.loaded}
    return [f"[{name}]: {md_target(url) or '#'}" for name, url in urls.items()]
