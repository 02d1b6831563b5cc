"""What a stranger's records say is shown by a browser and never done by it."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from helpers import CLONE
from hostile import HOSTILE, poisoned, poisoned_registry
from playwright.sync_api import Browser

from bench.records.record import parse_score_record, parse_train_record
from bench.report.leaderboard.write import committed_boards
from bench.report.site.build import leaderboard_html, write_site
from catalog.read.loader import load_registry

SUITE = "digits-quick"
POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site and a page that stands alone; each text of registry and records is hostile."""
    top = tmp_path_factory.mktemp("hostile")
    reports = top / "reports"
    shutil.copytree(CLONE / "reports" / SUITE, reports / SUITE)
    records = reports / SUITE / "records"
    texts = list(HOSTILE)
    line = " ".join("\n".join(texts).encode(errors="ignore").decode().split())
    for number, file in enumerate(sorted(records.glob("*/train.json"))):
        poisoned(file, parse_train_record, texts[number:] + texts[:number])
        if number % 3 == 0:
            data = json.loads(file.read_text(encoding="utf-8"))
            error = {"phase": "train", "type": texts[number], "message": line}
            file.write_text(json.dumps(data | {"status": "error", "error": error}))
    for file in (*records.glob("*/scores/*.json"), *records.glob("calibration/*.json")):
        poisoned(file, parse_score_record, texts)
    findings = "\n\n".join(texts).encode(errors="ignore")
    (reports / SUITE / "findings.md").write_bytes(findings)
    registry = poisoned_registry(load_registry(CLONE / "registry.yaml"))
    write_site(registry, reports, top / "site")
    board = committed_boards(registry, reports)[SUITE]
    alone = leaderboard_html(board, registry, reports, "en")
    (top / "site" / "alone.html").write_text(alone, encoding="utf-8")
    return top / "site"


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
    shown = page.locator("body").inner_text()
    assert "window.hit" in shown or name == "index.html"  # which shows few texts
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
