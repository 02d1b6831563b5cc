"""One leaderboard as one HTML file with sheet, script and pictures inside."""

from __future__ import annotations

import base64
import re
from importlib.resources import files
from pathlib import Path

from bench.report.board.table import Leaderboard
from bench.report.site.answers import answer_of
from bench.report.site.board_page import board_values
from bench.report.site.markup import Copies, Links
from bench.report.site.shell import Page, Shell, root_of
from bench.report.words.report import Language
from catalog.schema import Registry

_MEDIA = {".png": "image/png", ".svg": "image/svg+xml", ".csv": "text/csv"}
_SHEET = re.compile(r'<link rel="stylesheet"[^>]*>')
_SCRIPT = re.compile(r"<script src=[^>]*></script>")


def leaderboard_html(
    board: Leaderboard, registry: Registry, reports: Path, language: Language
) -> str:
    """The page of the site for one suite, without the rest of the site.

    Args:
        board: what stands in it.
        registry: names, papers and published numbers.
        reports: the folder of all reports, for findings and pictures.
        language: of the page.

    Raises:
        InvalidInput: the curve of a run is broken.
    """
    copies = Copies(reports)
    links = Links(board.suite.id, language, frozenset(), copies)
    shell = Shell(language, frozenset())
    values = board_values(board, registry, language, links) | {
        "answer": answer_of(board, registry, shell.words),
        "boards": {},
    }
    name = f"leaderboard-{board.suite.id}"
    title = board.suite.title.in_language(language)
    html = shell.html(Page(name, "leaderboard.html", title, "leaderboards", values))
    static = files("bench.report.site").joinpath("static")
    sheet = f"<style>\n{static.joinpath('site.css').read_text(encoding='utf-8')}</style>"
    script = static.joinpath("site.js").read_text(encoding="utf-8")
    html = _SHEET.sub(lambda _: sheet, html)
    html = _SCRIPT.sub(lambda _: f'<script type="module">\n{script}</script>', html)
    for place, source in copies.files.items():
        html = html.replace(f'"{root_of(language)}{place}"', f'"{_data(source)}"')
    return html


def _data(file: Path) -> str:
    """A file as an address that holds it."""
    content = base64.b64encode(file.read_bytes()).decode()
    return f"data:{_MEDIA[file.suffix]};base64,{content}"
