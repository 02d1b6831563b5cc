"""The sentences of pages: the same ones with the same blanks in every language, and none unused."""

from __future__ import annotations

import re
from string import Formatter
from typing import get_args

import pytest
from helpers import CLONE

from bench.report.words import LANGUAGES, Language, PageKind, Words, localized, texts_of

KINDS: tuple[PageKind, ...] = get_args(PageKind)


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("kind", KINDS)
def test_languages_say_the_same_things(kind: PageKind) -> None:
    english = texts_of("en")[kind]
    for language in LANGUAGES:
        other = texts_of(language)[kind]
        assert other.keys() == english.keys()
        for key, text in english.items():
            assert blanks(other[key]) == blanks(text), (language, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_page_has_its_table_and_no_other_is_there(language: Language) -> None:
    assert set(texts_of(language)) == set(KINDS)


def test_a_card_reads_the_words_of_a_leaderboard_below_its_own() -> None:
    assert Words("en", "card")("gate_missed") == Words("en")("gate_missed")
    assert Words("en", "card")("unranked") == "unranked"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_written_for_nobody(language: Language) -> None:
    """A key stands somewhere in the code, whole or up to or from where a value is put in."""
    sources = [*(CLONE / "bench").rglob("*.py"), *(CLONE / "bench/report/site").rglob("*.html")]
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    named = set(re.findall(r"""["']([\w-]+)["']""", code))
    begun = tuple(set(re.findall(r"""["']([\w-]+_)(?:\{|["'] (?:~|\+))""", code)))
    ended = tuple(set(re.findall(r"""["'}](_\w+)["']""", code)))
    unused = {
        key
        for texts in texts_of(language).values()
        for key in texts
        if key not in named and not key.startswith(begun) and not key.endswith(ended)
    }
    assert unused == set()


def test_what_is_missing_is_an_error_that_names_it() -> None:
    with pytest.raises(LookupError, match=r"zh\.toml has no 'wrld' for pages of site"):
        Words("zh", "site")("wrld")
    with pytest.raises(LookupError, match="steps"):
        Words("en")("intro", dataset="digits")


def test_files_of_the_other_language_say_so_in_their_names() -> None:
    assert localized("claims.md", "en") == "claims.md"
    assert localized("claims.md", "zh") == "claims.zh-CN.md"
