"""The site of the committed reports, built once, and a browser that is not allowed to leave it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import CLONE, made_once
from playwright.sync_api import Browser, sync_playwright
from visiting import Visit

from bench.report.site.build import write_site
from catalog.read.loader import load_registry

NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the whole site."""
    registry = load_registry(CLONE / "registry.yaml")
    return made_once(
        tmp_path_factory, "site", lambda folder: write_site(registry, CLONE / "reports", folder)
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium of this machine."""
    named = os.environ.get("CHROMIUM")
    found = [named] if named else [path for name in NAMES if (path := shutil.which(name))]
    if not found:
        pytest.skip("no Chromium here (Debian: apt install chromium; or set CHROMIUM)")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=found[0], args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture
def visit(browser: Browser, site: Path) -> Iterator[Visit]:
    """A page as wide as a desktop; it ends without an error and without a stray request."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(20_000)
    one = Visit(page, site)
    page.on("console", one.heard)
    page.on("pageerror", lambda error: one.errors.append(f"{page.url}: {error}"))
    page.on("request", one.asked)
    yield one
    page.close()
    assert one.errors == []
    assert one.strays == []
