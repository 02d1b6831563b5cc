"""Strings of strangers in records stay text in every page and every file of numbers."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path

import pytest
from hostile import HOSTILE, PIECES, PLAIN, Elements, poisoned, unescaped
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from report_runs import Runs, add_trouble, fill, make_spec, make_suite, planned

from bench.records.record import parse_score_record, parse_train_record
from bench.report.board.records import find_records
from bench.report.board.results import results_csv, results_json
from bench.report.board.table import Leaderboard
from bench.report.card.gather import card_of
from bench.report.card.page import card_page
from bench.report.compare import Choice, ComparisonPage, pair_up, side_of
from bench.report.leaderboard.page import leaderboard_page
from bench.report.leaderboard.write import board_of
from bench.report.site.build import leaderboard_html
from bench.report.words import LANGUAGES
from catalog.escaping import (
    link_target,
    md_code,
    md_label,
    md_target,
    md_text,
    sheet_cell,
    visible,
    visible_json,
    visible_lines,
)
from catalog.markdown_table import markdown_table
from catalog.schema import Registry

WRITABLE = tuple(one for one in HOSTILE if not re.search("[\ud800-\udfff]", one))
"""Those that a record can hold; half of a surrogate pair makes it broken."""
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class Texts(HTMLParser):
    """What a reader sees of HTML, and which elements show it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text, self.tags = "", set[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read_back(hostile: str) -> None:
    """A string in each place of a page of Markdown looks like itself and is nothing else."""
    wanted = visible(" ".join(hostile.split()))
    shown = Texts(PARSER.render(f"[dcgan]: https://example.org\n\n{md_text(hostile)}"))
    assert (shown.text.strip(), shown.tags) == (wanted, {"p"} if wanted else set())
    cells = "\n".join(markdown_table(["a", "b"], [[md_text(hostile), md_code(hostile)]]))
    table = Texts(PARSER.render(cells))
    assert table.tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert " ".join(table.text.split()).startswith(f"a b {wanted}".rstrip())
    link = Texts(PARSER.render(f"[{md_label(hostile)}](https://example.org)"))
    assert (link.text.strip(), link.tags) == (wanted, {"p", "a"})
    picture = PARSER.render(f"![x]({md_target(hostile)})")
    assert Texts(picture).tags == {"p", "img"}, picture
    assert not re.search(r'src="\s*[a-z]+script:', picture, re.IGNORECASE), picture
    item = Texts(PARSER.render(f"- [{md_label(hostile)}]({md_target(hostile)}) {md_text(hostile)}"))
    assert item.tags == {"ul", "li", "a"}


def stay_plain(hostile: str) -> None:
    """Neither a control character nor a formula nor a break out of JSON is left of a string."""
    assert not unescaped(visible(hostile))
    assert not unescaped(visible_lines(hostile))
    cell = sheet_cell(hostile)
    assert not set(cell) & set("\t\r\n")
    assert len(cell) == 1 or cell.lstrip(' "\xa0\u3000')[:1] not in "=@＝＠＋－" or not cell.strip()
    text = visible_json(json.dumps([hostile], ensure_ascii=False))
    assert not unescaped(text)
    assert json.loads(text) == [hostile]


def test_there_are_enough_of_them() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) >= 2000


def test_a_string_reads_as_itself() -> None:
    for hostile in HOSTILE:
        read_back(hostile)
        stay_plain(hostile)


@settings(max_examples=600, derandomize=True, database=None, deadline=None)
@given(st.text("`*_[]()!<>&;#\\|~$^-+=.:/@\"'{} \n\t\x1b\u202eab1中", max_size=14))
def test_so_does_any_text(text: str) -> None:
    read_back(text)
    stay_plain(text)


def test_plain_text_is_left_alone() -> None:
    for text in (*PLAIN, "a_b", "2 * 3", "R&D", "中文，“x”", "-3", "C:\\new"):
        assert md_text(text) == visible(text) == visible_lines(text) == sheet_cell(text) == text


@pytest.mark.parametrize(
    ("address", "is_kept"),
    [
        *[("https://example.org/a(b)", True), ("mailto:a@b.org", True), ("../x.md#y", True)],
        *[("javascript:alert(1)", False), ("JavaScript:x", False), ("data:text/html,x", False)],
        *[("//example.org", False), ("java\tscript:x", False), ("file:///etc/passwd", False)],
    ],
)
def test_links_lead_to_the_web_or_beside_the_page(address: str, is_kept: bool) -> None:
    assert (link_target(address) == address) == is_kept
    assert bool(md_target(address)) == is_kept


Poison = Callable[[tuple[str, ...]], Leaderboard]


@pytest.fixture
def poison(runs: Runs, small_registry: Registry) -> Poison:
    """A table of runs whose every text is hostile, and of failed ones that hold one string each."""

    def made(strings: tuple[str, ...]) -> Leaderboard:
        fill(runs)
        add_trouble(runs)
        pairs = list(zip_longest(strings[::2], strings[1::2], fillvalue="x"))
        for seed, (message, kind) in enumerate(pairs, 2):  # the seed 1 has a result
            file = runs.fail(make_spec("r1-gan", seed)) / "train.json"
            data = json.loads(file.read_text())
            data["error"] |= {"message": message, "type": kind}
            file.write_text(json.dumps(data))
        for file in runs.path.glob("*/train.json"):
            if "r1-gan" not in file.parent.name:
                assert poisoned(file, parse_train_record, strings) > 5
        for file in (*runs.path.glob("*/scores/*.json"), *runs.path.glob("calibration/*.json")):
            assert poisoned(file, parse_score_record, strings) > 3
        seeds = tuple(range(len(pairs) + 2))
        found = find_records(runs.path)
        return board_of(make_suite(seeds), planned(seeds), found, small_registry)

    return made


def elements_of(html: str) -> Counter[str]:
    """The elements of a page, code aside, whose links lead where links may lead."""
    found = Elements(html)
    assert not [name for name in found.attributes if name.startswith("on") or name == "srcdoc"]
    for target in found.targets:
        assert link_target(target) == target or re.match("data:(,$|image/)", target)
        assert "example.org/x" not in target
    return Counter(tag for tag in found.tags if tag != "code")  # as which some texts stand


def test_every_output_of_poisoned_records_is_clean(
    poison: Poison, small_registry: Registry, tmp_path: Path
) -> None:
    pages, plain = [], []
    ordinary = tuple(f"plain {n}" for n in range(len(WRITABLE)))
    for made, strings in ((plain, ordinary), (pages, WRITABLE)):
        board = poison(strings)
        made += [leaderboard_page(board, small_registry, one) for one in LANGUAGES]
        card = card_of("r1-gan", small_registry, {"tiny": board})
        made += [card_page(card, small_registry, one) for one in LANGUAGES]
        assert not any(map(unescaped, made))
        made[:] = map(PARSER.render, made)
        made.append(leaderboard_html(board, small_registry, tmp_path, "en"))
        assert not unescaped(made[-1])
    assert all(visible("\x1b[2J") in page for page in pages)  # the strings are there
    assert list(map(elements_of, pages)) == list(map(elements_of, plain))
    lines = results_csv(board)
    assert not unescaped(lines)
    for row in csv.reader(io.StringIO(lines)):
        for cell in row:
            assert cell[:1] not in ("=", "@", "\t", "＝")
            assert not re.match(r"[+-]\D", cell) or cell.startswith("-inf")
    assert not unescaped(results_json(board))
    json.loads(results_json(board))


def test_ordinary_text_comes_out_as_it_is(
    poison: Poison, small_registry: Registry, tmp_path: Path
) -> None:
    board = poison((*PLAIN, *PLAIN))
    outputs = [
        leaderboard_page(board, small_registry, "en"),
        results_csv(board),
        results_json(board),
        leaderboard_html(board, small_registry, tmp_path, "zh"),
    ]
    for text in PLAIN:
        assert all(text in output for output in outputs)


def test_a_comparison_is_clean_too(poison: Poison, runs: Runs, small_registry: Registry) -> None:
    poison(PIECES)
    sides = [
        side_of(name, Choice(make_suite(), runs.path), small_registry)
        for name in ("dcgan", "r1-gan")
    ]
    page = ComparisonPage(pair_up(*sides, "fid"), "en")
    text = "\n".join(page.table())
    assert not unescaped(text)
    assert set(elements_of(PARSER.render(text))) <= {
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
    }
