"""Texts of a stranger's registry stay text in everything that the catalogue prints."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hostile import HOSTILE, Elements, poisoned_registry, unescaped
from markdown_it import MarkdownIt
from typer.testing import CliRunner

import catalog.read.loader
from catalog.browse.browser import Browser
from catalog.browse.page import Page
from catalog.browse.rankings import best_ranks
from catalog.browse.vocabulary import LANGUAGES
from catalog.cli import app
from catalog.cli.options import emit
from catalog.escaping import link_target, visible
from catalog.export.bibtex import entry
from catalog.export.formats import FORMATS
from catalog.export.graph import corrected
from catalog.export.markdown import pages
from catalog.read.locate import find_registry
from catalog.schema import Registry

FOLDER = "\x1b[2J<b>[x](javascript:y)"
OURS = {
    *("h1", "h2", "h3", "p", "ul", "li", "a", "br", "strong", "em", "code", "pre"),
    *("table", "thead", "tbody", "tr", "th", "td"),
}


@pytest.fixture(scope="module")
def hostile() -> Registry:
    return poisoned_registry(catalog.read.loader.load_registry(find_registry()))


@pytest.fixture
def shown(hostile: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What a command prints when registry and reports are a stranger's."""
    file = Path(shutil.copy(find_registry(), tmp_path))
    report = tmp_path / "reports" / FOLDER / "results.csv"
    report.parent.mkdir(parents=True)
    header = "variant,mean,rank_low,rank_high,provisional,metric"
    report.write_text(f"{header}\ndcgan,1.5,1,2,false,\x1b[31mFD[/x]", encoding="utf-8")
    monkeypatch.setenv("AIGC_REGISTRY", str(file))
    monkeypatch.setattr(catalog.read.loader, "load_registry", lambda _: hostile)

    def run(*arguments: str, width: str = "") -> str:
        done = CliRunner().invoke(app, list(arguments), env={"COLUMNS": width, "AIGC_LANG": "en"})
        assert done.exception is None, done.exception
        assert not unescaped(done.output), arguments
        return done.stdout

    return run


def test_tables_have_a_line_for_each_entry(shown: Callable[..., str], hostile: Registry) -> None:
    for language in LANGUAGES:
        for width in ("", "90"):
            lines = shown("list", "--lang", language, width=width).splitlines()
            assert len(lines) == len(hostile.resources) + 2
    assert len(shown("errata").splitlines()) == 4 * len(hostile.errata)
    assert "\n" in shown("search", "window.hit", "onerror")


def test_pages_of_entries_are_lines_of_text(
    shown: Callable[..., str], hostile: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "\\x1b[31mFD[/x]" in shown("show", "dcgan-paper")
    ranks = best_ranks(find_registry())
    for language, width in (("en", None), ("zh", 60)):
        for resource in hostile.resources:
            lines = Page(hostile, resource, language, width, ranks).lines()
            emit(lines)
            assert not any("\n" in line for line in lines)
    assert not unescaped(capsys.readouterr().out)
    browser = Browser(hostile, ranks)
    for key in ("down", "enter", "down", "tab", "escape", "right", "enter"):
        browser = browser.press(key)
        for line in browser.frame(80, 24):
            assert line == visible(line)


def test_json_says_what_the_registry_says(shown: Callable[..., str], hostile: Registry) -> None:
    titles = [resource.title.model_dump() for resource in hostile.resources]
    for text in (shown("list", "--json"), shown("export", "-f", "json")):
        assert [item["title"] for item in json.loads(text)["items"]] == titles
    lines = shown("export", "-f", "jsonl").splitlines()
    assert [json.loads(line)["title"] for line in lines] == titles
    (item,) = json.loads(shown("show", "dcgan-paper", "--json"))["items"]
    assert item["ranks"]["dcgan"]["suite"] == FOLDER


def test_no_cell_of_the_sheet_is_a_formula(shown: Callable[..., str], hostile: Registry) -> None:
    rows = list(csv.reader(io.StringIO(shown("export", "-f", "csv"))))
    assert len(rows) == len(hostile.resources) + 1
    for cell in (cell for row in rows for cell in row):
        assert len(cell) < 2 or not re.match(r"[\s\"]*[=+\-@＝＋－＠](?![\d.]+$)", cell), cell


def test_markdown_holds_nothing_but_what_we_wrote(hostile: Registry) -> None:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    for text in (*pages(hostile).values(), FORMATS["markdown"](hostile)):
        assert not unescaped(text)
        found = Elements(parser.render(text))
        assert set(found.tags) <= OURS
        assert found.attributes <= {"href", "id", "class", "style"}
        assert all(link_target(target) == target for target in found.targets)
        assert len(found.targets) > 100
        for address in re.findall(r"<(https?:[^>]*)>", text):
            assert re.fullmatch(r"[!-~]+", address)


def test_references_and_graphs_keep_their_form(
    shown: Callable[..., str], hostile: Registry
) -> None:
    for command in (("graph", "--as-published"), ("graph", "--corrected"), ("cite",)):
        shown(*command)
    for resource in hostile.resources:
        if resource.url:
            text = entry(resource)
            bare = re.sub(r"\\[{}]", "", text)
            assert bare.count("{") == bare.count("}")
            assert all(re.match(r"  \w+ = \{", line) for line in text.splitlines()[1:-1]), text
    for language in LANGUAGES:
        _, *lines = corrected(hostile, language).splitlines()
        for line in lines:
            assert re.fullmatch(
                r'    [A-Z](\["[^"<`\n]*"\]| -->| -\. "[^"<`]*" \.->)( [A-Z])?', line
            ), line


def test_problems_are_told_in_the_words_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text('resources:\n- "标题\\e[2J": 1\n', encoding="utf-8")
    done = CliRunner().invoke(app, ["validate", "--json", "--registry", str(path)])
    assert not unescaped(done.output)
    assert "标题" in done.stdout  # and not as a row of numbers
    assert any("标题\x1b[2J" in item["path"] for item in json.loads(done.stdout)["items"])


def test_every_string_is_in_some_text(hostile: Registry) -> None:
    text = json.dumps(hostile.model_dump(mode="json"))
    missing = [one for one in HOSTILE if json.dumps(one.strip())[1:-1] not in text]
    assert len(HOSTILE) - len(missing) > 2000
