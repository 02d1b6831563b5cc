"""The leaderboard as a Markdown page that reads well on GitHub and in a terminal.

A function of the leaderboard, the registry and the hand-written findings alone: no dates, no
absolute paths, so that making it again changes no byte. Charts are linked below ``charts/``, grids
and records below ``records/``, both beside the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.report.board.table import Leaderboard
from bench.report.generated.commands import report_command, run_command
from bench.report.leaderboard.details import details, folded
from bench.report.leaderboard.notes import cost_note, notes, status_line
from bench.report.leaderboard.pictures import Picture
from bench.report.leaderboard.tables import (
    calibration_table,
    cost_table,
    gaps_table,
    gates_table,
    measures_table,
    parents_table,
    protocol_table,
    published_table,
    ranking_table,
    reconstruction_table,
    spread_table,
    stale_table,
)
from bench.report.words.report import Language, Words
from bench.report.words.spelling import anchor, metric_label
from catalog.schema import Registry

Shown = Mapping[str, Sequence[str]]
"""Lines of Markdown by the kind of a picture."""


def leaderboard_page(
    board: Leaderboard,
    registry: Registry,
    language: Language,
    findings: str = "",
    pictures: Mapping[str, Picture] | None = None,
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
        *_results(board, registry, words, shown),
        *_background(board, registry, words, shown),
    ]
    lines = [
        f"# {words('title', suite=board.suite.title.in_language(language))}",
        "",
        intro(board, registry, words),
        "",
        status_line(board, words),
        "",
        _contents(body, words),
        *body,
        "",
        *_links(board, registry),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _results(board: Leaderboard, registry: Registry, words: Words, shown: Shown) -> list[str]:
    """How the rows stand to each other and to images of known quality."""
    return [
        *_section("glance", _paragraphs([shown.get("wall"), shown.get("distance")]), words),
        *_section("ranking", ranking_table(board, registry, words), words),
        *_section("notes", [f"- {note}" for note in notes(board, words)], words),
        *_section("precision_recall", shown.get("precision-recall", []), words),
        *_section("parents", parents_table(board, words), words, words("parents_intro")),
        *_section("gates", gates_table(board, words), words, words("gates_intro")),
        *_section("measures", measures_table(board, words), words, _about_measures(board, words)),
        *_unranked(board, words),
        *_section("spread", spread_table(board, words), words, words("spread_intro")),
    ]


def _background(board: Leaderboard, registry: Registry, words: Words, shown: Shown) -> list[str]:
    """What the rows cost and are made of, what is missing, and how to make them again."""
    return [
        *_costs(board, words, shown),
        *_losses(words, shown),
        *_published(board, registry, words),
        *_section("gaps", gaps_table(board, words), words, words("gaps_intro")),
        *_section("stale", stale_table(board, words), words, words("stale_intro")),
        *_section("rows", details(board, registry, words), words),
        *_protocol(board, words),
        *_again(board, registry, words),
    ]


def _contents(body: Sequence[str], words: Words) -> str:
    """Links to all sections, those of the findings included."""
    headings = [line[3:] for part in body for line in part.split("\n") if line.startswith("## ")]
    links = [f"[{heading}](#{anchor(heading)})" for heading in headings]
    return words("contents", list=" · ".join(links))


def _paragraphs(parts: Sequence[Sequence[str] | None]) -> list[str]:
    lines = [line for part in parts if part for line in ("", *part)]
    return lines[1:]


def _section(title: str, body: Sequence[str], words: Words, intro: str = "") -> list[str]:
    if not body:
        return []
    return ["", f"## {words(title)}", "", *([intro, ""] if intro else []), *body]


def intro(board: Leaderboard, registry: Registry, words: Words) -> str:
    """What was trained, on what, and by which distance it is ranked, in one paragraph."""
    protocol = board.protocol
    return words(
        "intro",
        steps=board.suite.steps,
        dataset=registry.dataset(board.suite.dataset).name.in_language(words.language),
        distance=metric_label("fid", protocol.extractor),
        n_fake=protocol.n_fake,
        n_reference=protocol.n_reference,
        reference=protocol.reference_split,
    )


def _unranked(board: Leaderboard, words: Words) -> list[str]:
    calibration = calibration_table(board, words)
    reconstructions = reconstruction_table(board, words)
    about = words("reconstructions_intro", held_out=board.protocol.held_out_split)
    return [
        *_section("calibration", calibration, words, words("calibration_intro")),
        *_section("reconstructions", reconstructions, words, about),
    ]


def _about_measures(board: Leaderboard, words: Words) -> str:
    return words("measures_intro", held_out=board.protocol.held_out_split)


def _published(board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    body = published_table(board, registry, words)
    return _section("published", body, words, words("published_intro"))


def _protocol(board: Leaderboard, words: Words) -> list[str]:
    body = folded(words("protocol_fields"), ["\n".join(protocol_table(board, words))])
    return _section("protocol", body, words, words("protocol_intro", key=board.protocol.key))


def _costs(board: Leaderboard, words: Words, shown: Shown) -> list[str]:
    table = cost_table(board, words)
    body = _paragraphs([shown.get("cost"), table]) if table else []
    return _section("costs", body, words, cost_note(board, words))


def _losses(words: Words, shown: Shown) -> list[str]:
    picture = shown.get("losses")
    body = folded(words("losses_open"), ["\n".join(picture)]) if picture else []
    return _section("losses", body, words)


def _again(board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    body = [
        "```sh",
        run_command(board.suite, registry),
        report_command(board.suite, registry, words.language),
        "```",
    ]
    return _section("again", body, words, words("again_body"))


def _links(board: Leaderboard, registry: Registry) -> list[str]:
    rows = (*board.rows, *board.reconstructions)
    names = {row.key.name for row in rows} | {gap.variant for gap in board.gaps}
    papers = {name: registry.resource(registry.variant(name).paper) for name in sorted(names)}
    return [f"[{name}]: {paper.url}" for name, paper in papers.items()]
