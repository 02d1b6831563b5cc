"""The card of a row that the registry loads: where it is from, whose it is, what it scored."""

from __future__ import annotations

from collections.abc import Mapping

from bench.report.board.table import Leaderboard, LoadedRow
from bench.report.leaderboard.tables import TableColumn, convention_text, table_of
from bench.report.leaderboard.write import PAGES
from bench.report.words import Language, Words
from bench.report.words.rows import distance_text, versus_text
from bench.report.words.spelling import estimate_text, page_label, percent_text
from catalog.escaping import md_code, md_label, md_target, md_text
from catalog.schema import Load, Registry

OnBoard = tuple[Leaderboard, LoadedRow]


def load_card_page(
    load: Load, registry: Registry, boards: Mapping[str, Leaderboard], language: Language
) -> str:
    """The whole page, ending in one line break; links are relative to ``reports/cards/``.

    Args:
        load: the registry's entry.
        registry: names of data sets and papers.
        boards: tables by suite id; rows of the entry's very file are shown.
        language: of the page.
    """
    words = Words(language, "card")
    name = md_text(load.name.in_language(language))
    rows = [
        (board, one)
        for board in boards.values()
        for one in board.loaded
        if (one.row.key.name, one.run.load.spec.sha256) == (load.id, load.sha256)
    ]
    lines = [
        f"# {words('card_title', name=name, variant=load.id)}",
        *("", words("loaded_about")),
        *("", *_facts(load, registry, words)),
        *("", f"## {words('results_title')}", "", *_results(rows, words)),
        *("", f"## {words('again_title')}", ""),
        *("```sh", f"aigc bench load {load.id}", "```"),
    ]
    return "\n".join(lines) + "\n"


def _facts(load: Load, registry: Registry, words: Words) -> list[str]:
    stated = load.convention.model_dump(mode="json", exclude_none=True)
    facts = {
        "fact_source": md_code(load.source),
        "fact_sha256": md_code(load.sha256),
        "fact_licence": md_text(load.licence),
        "fact_dataset": md_text(registry.dataset(load.dataset).name.in_language(words.language)),
    }
    if load.url is not None:
        facts["fact_url"] = f"[{md_label(load.url)}]({md_target(load.url) or '#'})"
    if load.paper is not None:
        paper = registry.resource(load.paper)
        title, url = md_label(paper.title.in_language(words.language)), md_target(paper.url)
        told = {"title": title, "url": url, "year": "", "id": paper.id}
        facts["fact_paper"] = words("paper_of" if url else "paper_without_url", **told)
    if load.variant is not None:
        facts["fact_network"] = md_code(load.variant)
    if stated:
        listed = ", ".join(f"{key} {value}" for key, value in stated.items())
        facts["fact_convention"] = md_text(listed)
    return [f"- {words('fact', name=words(key), value=fact)}" for key, fact in facts.items()]


def _results(rows: list[OnBoard], words: Words) -> list[str]:
    if not rows:
        return [words("results_none")]
    of_board = Words(words.language)
    columns: list[TableColumn[OnBoard]] = [
        (
            words("table"),
            lambda it: (
                f"[{md_label(it[0].suite.title.in_language(words.language))}]"
                f"(../{it[0].suite.id}/{PAGES[words.language]})"
            ),
        ),
        (of_board("convention"), lambda it: md_text(convention_text(it[1].run.load, of_board))),
        (
            words("column_distance"),
            lambda it: (
                f"{distance_text(it[1].row, of_board)}"
                f" ({page_label('fid', it[0].protocol.extractor)})"
            ),
        ),
        (of_board("recall"), lambda it: estimate_text(it[1].row.estimate("recall"))),
        (of_board("copies"), lambda it: percent_text(it[1].row.estimate("copy_rate"))),
        (of_board("versus"), lambda it: versus_text(it[1].row, of_board)),
    ]
    return table_of(rows, columns, n_left=2)
