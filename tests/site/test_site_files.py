"""The files of the site, read without a browser: complete, linked, small, made again alike."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from helpers import CLONE, Aigc

from bench.report.site.build import write_site
from catalog.errors import InvalidInput
from catalog.read.loader import load_registry

MEGABYTE = 1_000_000
OUTSIDE = ("http://", "https://", "data:", "mailto:")


@dataclass
class Parsed(HTMLParser):
    """Ids and addresses of a page."""

    ids: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    without_text: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if name := found.get("id"):
            if name in self.ids:
                self.twice.append(name)
            self.ids.add(name)
        if tag == "a" and found.get("href"):
            self.links.add(str(found["href"]))
        if tag in ("img", "script", "link") and (address := found.get("src") or found.get("href")):
            self.sources.add(address)
        if tag == "img" and not found.get("alt"):
            self.without_text.append(str(found.get("src")))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Parsed]:
    parsed = {}
    for file in sorted(site.rglob("*.html")):
        parsed[file] = Parsed()
        parsed[file].feed(file.read_text(encoding="utf-8"))
    return parsed


def test_every_page_is_there_in_both_languages(site: Path, pages: dict[Path, Parsed]) -> None:
    english = {file.name for file in pages if file.parent == site}
    assert english == {file.name for file in pages if file.parent == site / "zh"}
    registry = load_registry(CLONE / "registry.yaml")
    assert {f"variant-{variant.id}.html" for variant in registry.variants} <= english
    assert {"index.html", "claims.html", "leaderboard-digits.html", "method.html"} <= english


def test_every_link_inside_the_site_leads_to_a_place_that_is_there(
    pages: dict[Path, Parsed],
) -> None:
    dead = [
        f"{file.name}: {link}"
        for file, page in pages.items()
        for link in page.links
        if not link.startswith(OUTSIDE) and not leads_somewhere(file, link, pages)
    ]
    assert dead == []


def leads_somewhere(file: Path, link: str, pages: dict[Path, Parsed]) -> bool:
    path, _, anchor = link.partition("#")
    target = (file.parent / path).resolve() if path else file
    if target.suffix != ".html":
        return target.is_file()
    return target in pages and (not anchor or unquote(anchor) in pages[target].ids)


def test_corrections_name_the_claims_that_runs_test(site: Path) -> None:
    for name, said in (("errata.html", "in the claim: "), ("zh/errata.html", "见论断：")):
        page = (site / name).read_text(encoding="utf-8")
        entry = page.split('id="e-11"')[1].split("</article>")[0]
        assert f"{said}gan-quality · gan-diversity</p>" in entry


def test_pictures_scripts_and_sheets_lie_in_the_site(pages: dict[Path, Parsed]) -> None:
    for file, page in pages.items():
        for source in page.sources:
            assert source.startswith("data:") or (file.parent / source).is_file(), (file, source)


def test_ids_are_unique_and_pictures_have_a_text(pages: dict[Path, Parsed]) -> None:
    for file, page in pages.items():
        assert page.twice == [], file
        assert page.without_text == [], file


def test_pages_are_small(site: Path, pages: dict[Path, Parsed]) -> None:
    assets = sum(file.stat().st_size for file in (site / "assets").iterdir())
    assert max(file.stat().st_size for file in pages) + assets < MEGABYTE


def test_it_is_made_again_byte_by_byte_and_loses_nothing_else(site: Path, tmp_path: Path) -> None:
    registry = load_registry(CLONE / "registry.yaml")
    again = tmp_path / "again"
    write_site(registry, CLONE / "reports", again)
    left, right = (
        {file.relative_to(top): file.read_bytes() for file in top.rglob("*") if file.is_file()}
        for top in (site, again)
    )
    assert left == right
    note = again / "CNAME"
    note.write_text("mine")
    (again / "index.html").write_text("changed")
    write_site(registry, tmp_path / "no-reports", again)
    assert note.read_text() == "mine"
    assert not (again / "leaderboard-digits.html").exists()
    assert "changed" not in (again / "index.html").read_text(encoding="utf-8")


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path, aigc: Aigc) -> None:
    (tmp_path / "thesis.tex").write_text("x")
    registry = load_registry(CLONE / "registry.yaml")
    with pytest.raises(InvalidInput, match="holds files"):
        write_site(registry, CLONE / "reports", tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]
    shown = aigc("report", "site", "-o", str(tmp_path), "--reports", str(tmp_path))
    assert shown.code == 3
    assert "report site -o FOLDER" in shown.stderr
