"""The page on reliability: every test that it names is there, and its figures are filled in."""

from __future__ import annotations

import ast
import re

from helpers import CLONE

PAGE = CLONE / "docs" / "reliability.md"
LINK = re.compile(r"\[`?([\w.]+)`?\]\(([^)#]+)\)")


def test_every_named_test_exists() -> None:
    links = [
        (name, CLONE / "docs" / target)
        for name, target in LINK.findall(PAGE.read_text(encoding="utf-8"))
        if name.startswith("test_")
    ]
    assert len(links) > 30
    for name, file in links:
        assert file.is_file(), file
        if name == file.name:
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, name


def test_every_link_leads_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8"))
    assert targets
    for target in targets:
        assert target.startswith("https://") or (PAGE.parent / target).exists(), target
