"""The first page of the site: every number that it states is counted again from the records."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
from helpers import CLONE

from bench.report.board.table import Leaderboard
from bench.report.site.answers import answer_of
from bench.report.site.board_rows import best_rows
from bench.report.site.markup import Copies
from bench.report.site.pages import Library, Pages, page_names
from bench.report.site.shell import Shell
from bench.report.words import LANGUAGES, Language, Words
from catalog.schema import Registry


@pytest.fixture(scope="module")
def paragraphs(registry: Registry, boards: dict[str, Leaderboard]) -> dict[Language, list[str]]:
    """The text of each paragraph and heading of the first page."""
    library = Library(registry, boards, CLONE / "reports", Copies(CLONE / "reports"))
    found: dict[Language, list[str]] = {}
    for language in LANGUAGES:
        page = next(one for one in Pages(library, language).all() if one.name == "index")
        html = Shell(language, page_names(registry, boards)).html(page)
        main = html.partition("<main")[2].partition("</main>")[0]
        texts = re.findall(r"<(p|h1|h2|h3)\b[^>]*>(.*?)</\1>", main, re.DOTALL)
        found[language] = [
            " ".join(unescape(re.sub(r"<[^>]+>", "", text)).split()) for _, text in texts
        ]
    return found


def scored_variants() -> set[str]:
    """Variants with a score on record, of the folders of the reports alone."""
    return {
        json.loads(file.read_bytes())["subject"]["variant"]
        for file in (CLONE / "reports").glob("*/records/*/scores/*.json")
    }


def test_what_the_home_page_counts_is_there(
    registry: Registry, boards: dict[str, Leaderboard], paragraphs: dict[Language, list[str]]
) -> None:
    critical = sum(one.severity == "critical" for one in registry.errata)
    intro = (
        len(registry.variants),
        len(scored_variants()),
        len(registry.resources),
        len(registry.errata),
    )
    facts = {
        r"(\d+) GANs, .*? (\d+) of them .*? (\d+) entries .*? (\d+) places": {
            ", ".join(map(str, intro))
        },
        r"Of the article's statements, (\d+) are": {str(critical)},
        r"(\d+) statements of the article that trainings": {str(len(registry.claims))},
        r"· (\d+) rows$": {str(len(board.rows)) for board in boards.values()},
        r"images, (\d+ × \d+)$": {
            f"{one.resolution} × {one.resolution}" for one in registry.datasets
        },
    }
    said = {
        sentence
        for board in boards.values()
        if (answer := answer_of(board, registry, Words("en", "site")))
        for sentence in (*answer.short, *([answer.leader.facts] if answer.leader else []))
    }
    said |= {one.text for one in best_rows(boards, Words("en", "site")).values()}
    n_checked = 0
    for text in paragraphs["en"]:
        rest = text
        for sentence in said:  # held against the numbers in test_answers
            rest = rest.replace(sentence, "")
        for pattern, true in facts.items():
            for match in re.finditer(pattern, rest):
                assert ", ".join(match.groups()) in true, match[0]
                n_checked += 1
            rest = re.sub(pattern, "", rest)
        for name in (one.name.en for one in registry.datasets):
            rest = rest.replace(name, "")
        if re.search(r"\d", rest.replace("gmm-10", "")):
            assert rest in corrections(registry), text
    assert n_checked >= 3 + 2 * 4


def corrections(registry: Registry) -> str:
    """The words of the registry's corrections, which have tests of their own."""
    return "\n".join(" ".join(one.correction("en").split()) for one in registry.errata)


def test_both_languages_state_the_same_numbers(paragraphs: dict[Language, list[str]]) -> None:
    def numbers(language: Language) -> list[str]:
        text = "\n".join(paragraphs[language]).replace(",", "").replace("×", " ")
        return sorted(re.findall(r"\d+(?:\.\d+)?", text))

    english, chinese = set(numbers("en")), set(numbers("zh"))
    assert len(english) > 20
    assert len(english ^ chinese) <= 6, (
        english ^ chinese
    )  # of corrections quoted in their own words
