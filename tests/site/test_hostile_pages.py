"""What a stranger's records say is shown by a browser and never done by it."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from helpers import CLONE
from hostile import HOSTILE, poisoned, poisoned_registry, unescaped
from markdown_it import MarkdownIt
from playwright.sync_api import Browser

from bench.identity.strict_json import parse_strictly
from bench.records.judge_report import JudgeReport
from bench.records.record import parse_score_record, parse_train_record
from bench.replay.pictures.record import RECORD, SCHEMA_VERSIONS, Pictures
from bench.report.board.table import Leaderboard
from bench.report.card.write import card_texts
from bench.report.claims.evaluate import judge
from bench.report.claims.page import claims_page
from bench.report.judges import judges_files
from bench.report.leaderboard.findings import FindingsRefused, filled, table_digest
from bench.report.leaderboard.write import committed_boards
from bench.report.site.build import leaderboard_html, write_site
from catalog.read.loader import load_registry

SUITE, RECORDS = "digits", "digits-quick"
"""The suite whose page tells of claims, and the report whose records are enough for it."""
PICTURES = Path("pictures", "dcgan")
POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site and two pages that stand alone; each text of registry and records is hostile.

    One is a table, the other all Markdown beside it as a reader that lets HTML pass shows it.
    """
    top = tmp_path_factory.mktemp("hostile")
    reports = top / "reports"
    shutil.copytree(CLONE / "reports" / RECORDS / "records", reports / SUITE / "records")
    shutil.copytree(CLONE / "reports" / SUITE / PICTURES, reports / SUITE / PICTURES)
    shutil.copytree(CLONE / "reports" / "judges", reports / "judges")
    records = reports / SUITE / "records"
    texts = list(HOSTILE)
    line = " ".join("\n".join(texts).encode(errors="ignore").decode().split())
    for number, file in enumerate(sorted(records.glob("*/train.json"))):
        poisoned(file, parse_train_record, texts[number:] + texts[:number])
        if number % 3 == 0:
            data = json.loads(file.read_text(encoding="utf-8"))
            message = line if number == 0 else texts[number]  # such a line is long to parse
            error = {"phase": "train", "type": texts[number], "message": message}
            file.write_text(json.dumps(data | {"status": "error", "error": error}))
    for file in (*records.glob("*/scores/*.json"), *records.glob("calibration/*.json")):
        poisoned(file, parse_score_record, texts)
    assert poisoned(reports / SUITE / PICTURES / RECORD, parse_pictures, texts) > 5
    for file in (reports / "judges").glob("*.json"):
        assert poisoned(file, JudgeReport.model_validate_json, texts) == 0  # ids and hashes
    registry = poisoned_registry(load_registry(CLONE / "registry.yaml"))
    board = committed_boards(registry, reports)[SUITE]
    findings = signed(board)
    for name in ("findings.md", "findings.zh-CN.md"):
        (reports / SUITE / name).write_text(findings, encoding="utf-8")
    write_site(registry, reports, top / "site")
    boards = {SUITE: board}
    alone = leaderboard_html(board, registry, reports, "en")
    (top / "site" / "alone.html").write_text(alone, encoding="utf-8")
    texts = [
        claims_page(judge(registry, boards, board.suite), board.suite, registry, "en"),
        *(text for file, text in judges_files(registry, reports).items() if "zh" not in file.name),
        *(
            text
            for name in ("dcgan", "vae")
            for file, text in card_texts(name, registry, boards, reports).items()
            if file.suffix == ".md"
        ),
    ]
    assert len(texts) == 1 + 1 + 2 * 2
    assert not any(map(unescaped, texts))
    markdown = "".join(map(PARSER.render, texts))
    (top / "markdown.html").write_text(f"<!DOCTYPE html><body>{markdown}", encoding="utf-8")
    return top / "site"


def one_line(text: str) -> str:
    """A text as a browser tells it."""
    return " ".join(text.split())


def parse_pictures(content: str) -> Pictures:
    return parse_strictly(content, Pictures, SCHEMA_VERSIONS)


def signed(board: Leaderboard) -> str:
    """Findings beside their own table, in whose words every hostile string stands that may.

    A number of their own is refused there, so that what would be run counts without one.
    """
    texts = (text.encode(errors="ignore").decode() for text in HOSTILE)
    plain = (re.sub(r"[{}]", "", one.replace("hit=1", "hit=[]")) for one in texts)
    words = (re.sub(r"\d", "o", one).replace("\n", "\n  ") for one in plain)
    kept = []
    for text in words:
        with suppress(FindingsRefused):
            filled(f"- {text}", board, "en")
            kept.append(f"- {text}")
    assert len(kept) > 2000
    return "\n".join([f"<!-- table: sha256 {table_digest(board)} -->", *kept])


def test_every_page_forbids_scripts_in_line(pages: Path, site: Path) -> None:
    for file in (*pages.rglob("*.html"), *site.rglob("*.html")):
        text = file.read_text(encoding="utf-8")
        (found,) = POLICY.findall(text)
        script = next(rule for rule in found.split("; ") if rule.startswith("script-src"))
        assert "default-src &#39;none&#39;" in found
        assert "unsafe" not in script
        assert ("sha256-" in script) == (file.name == "alone.html")
        assert len(re.findall("<script", text)) == 1
        assert not re.search(r"<[^>]+\son\w+=", re.sub(r'"[^"]*"', '""', text)), file


SHOWN = (
    "claims",
    "index",
    "leaderboards",
    f"leaderboard-{SUITE}",
    "variants",
    "variant-dcgan",
    "variant-vae",
)
CATALOGUE = ("catalogue", "errata")


@pytest.mark.parametrize(
    "name", ["alone.html", *(f"{one}.html" for one in (*SHOWN, *CATALOGUE)), "zh/catalogue.html"]
)
def test_nothing_is_executed(browser: Browser, pages: Path, name: str) -> None:
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    page.on("pageerror", lambda error: refused.append(str(error)))
    page.on("request", lambda request: refused.append(request.url) if "://e" in request.url else 0)
    page.goto((pages / name).as_uri())
    shown = " ".join(page.locator("body").inner_text().split())
    few = name == "index.html"  # which shows few texts
    assert few or any(text in shown for text in map(one_line, HOSTILE) if len(text) > 12)
    page.locator("body").hover()
    assert page.evaluate("window.hit") is None
    assert page.locator("script, iframe, object, embed").count() == 1
    assert page.locator("[onerror], [onload], [onfocus], [onmouseover]").count() == 0
    links = page.locator("[href]").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert not [link for link in links if re.match(r"(?!data:|https?:|mailto:)\w+:", link)]
    before = page.evaluate("document.documentElement.dataset.theme")
    page.locator("#theme").click()
    assert page.evaluate("document.documentElement.dataset.theme") != before  # our script runs
    assert refused == []
    page.evaluate(
        "document.body.append(document.createRange().createContextualFragment("
        "'<img src=x onerror=window.hit=1><script>window.hit=1</' + 'script>'))"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.hit") is None
    page.close()


def test_findings_are_shown_and_not_done(browser: Browser, pages: Path) -> None:
    page = browser.new_page()
    page.goto((pages / f"leaderboard-{SUITE}.html").as_uri())
    assert "onerror=window.hit=[]" in page.locator("body").inner_text()
    assert page.evaluate("window.hit") is None
    page.close()


def test_markdown_is_text_where_a_reader_lets_html_pass(browser: Browser, pages: Path) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "://e" in request.url else 0)
    page.goto((pages.parent / "markdown.html").as_uri())
    assert page.locator("body").inner_text().count("window.hit") > 5
    page.locator("body").hover()
    assert page.evaluate("window.hit") is None
    assert page.locator("script, iframe, object, embed, style, svg, form, base").count() == 0
    names = "all => all.flatMap(one => one.getAttributeNames())"
    assert set(page.locator("body *").evaluate_all(names)) <= {
        "href",
        "src",
        "alt",
        "style",
        "class",
    }
    links = page.locator("[href]").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert not [link for link in links if re.match(r"(?!https?:|mailto:)\w+:", link)]
    assert asked == []
    page.close()
