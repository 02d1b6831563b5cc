"""The pages for people: what they link to and name is there, and their counts hold."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from helpers import CLONE

from catalog.read.loader import load_registry

PAGES = sorted(
    [*CLONE.glob("*.md"), *(CLONE / "docs").rglob("*.md")],
    key=lambda page: page.relative_to(CLONE).as_posix(),
)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")
TEST = re.compile(r"\[`?(test_\w+)`?\]\(([^)#]+)\)")
NAMED = re.compile(r"`((?:bench|catalog)/[\w/]+\.py):(\w+)`")

on_every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def names_in(file: Path) -> set[str]:
    """What a module defines at its top level."""
    found: set[str] = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


@on_every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in LINK.findall(text):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@on_every_page
def test_every_named_function_is_where_the_page_says(page: Path) -> None:
    for file, name in NAMED.findall(page.read_text(encoding="utf-8")):
        assert (CLONE / file).is_file(), file
        assert name in names_in(CLONE / file), f"{file}:{name}"


@on_every_page
def test_every_named_test_exists(page: Path) -> None:
    for name, target in TEST.findall(page.read_text(encoding="utf-8")):
        file = page.parent / target
        assert file.is_file(), file
        assert name == file.stem or name in names_in(file), name


def test_pages_name_what_these_tests_look_for() -> None:
    texts = {page.name: page.read_text(encoding="utf-8") for page in PAGES}
    assert len(TEST.findall(texts["reliability.md"])) > 30
    assert len(NAMED.findall(texts["architecture.md"])) > 25


def test_the_architecture_page_lists_every_room() -> None:
    text = (CLONE / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {folder.parent.name for folder in (CLONE / "bench").glob("*/__init__.py")}
    assert set(re.findall(r"^\| \[`(\w+)/`\]", text, re.MULTILINE)) == rooms


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "CHANGELOG.md"])
def test_counts_are_those_of_the_registry(name: str) -> None:
    """Numbers of rows, entries and errata that a page states; each page states some."""
    registry = load_registry()
    text = (CLONE / name).read_text(encoding="utf-8")
    suites = map(registry.suite, ("digits", "digits-quick"))
    variants = {len(registry.variants), *(len(registry.variants_of(one)) for one in suites)}
    of_article = sum(entry.origin == "article" for entry in registry.resources)
    expected = {
        r"- (\d+) rows:|(\d+) variants with|(\d+)个变体": {str(n) for n in variants},
        r"(\d+) entries|(\d+)条：原文": {str(len(registry.resources))},
        r"(\d+) of the article|原文(\d+)条": {str(of_article)},
        r"(\d+) (?:errata|corrections)|(\d+)条勘误": {str(len(registry.errata))},
    }
    n_found = 0
    for pattern, right in expected.items():
        for groups in re.findall(pattern, text):
            n_found += 1
            assert "".join(groups) in right, f"{pattern}: {groups}"
    assert n_found >= 2
