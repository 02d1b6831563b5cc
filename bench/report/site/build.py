"""Makes the whole site in memory and writes it; or one leaderboard as a file that stands alone."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path

from bench.report.board.table import Leaderboard
from bench.report.leaderboard.write import committed_boards
from bench.report.site.answers import answer_of
from bench.report.site.board_page import board_values
from bench.report.site.markup import Copies, SiteLinks, copied_bytes
from bench.report.site.pages import Library, Pages, page_names
from bench.report.site.shell import Shell, SitePage, folder_of, policy, root_of
from bench.report.words import LANGUAGES, Language
from catalog.errors import InvalidInput
from catalog.files import write_atomically
from catalog.schema import Registry

MANIFEST = "site.json"
"""Lists every file that was written, so that a later build removes its own and nothing else."""

STATIC = files("bench.report.site").joinpath("static")
SHEET, SCRIPT = "site.css", "site.js"

_SHEET = re.compile(r'<link rel="stylesheet"[^>]*>')
_SCRIPT = re.compile(r"<script src=[^>]*></script>")
_MEDIA = {".png": "image/png", ".svg": "image/svg+xml", ".csv": "text/csv"}


def site_files(registry: Registry, reports: Path) -> dict[str, bytes]:
    """Every file of the site by its place in it.

    Args:
        registry: the catalogue and the variants.
        reports: the folder of all reports; a suite without records there has no page.

    Raises:
        InvalidInput: a record is broken.
    """
    boards = committed_boards(registry, reports)
    library = Library(registry, boards, reports, Copies(reports))
    names = page_names(registry, boards)
    made: dict[str, bytes] = {}
    for language in LANGUAGES:
        shell = Shell(language, names)
        for page in Pages(library, language).all():
            made[folder_of(language) + page.file] = shell.html(page).encode()
    for name in (SHEET, SCRIPT):
        made[f"assets/{name}"] = STATIC.joinpath(name).read_bytes()
    copied = {place: copied_bytes(source) for place, source in library.copies.files.items()}
    return dict(sorted((made | copied).items()))


def write_site(registry: Registry, reports: Path, output_dir: Path) -> Path:
    """Writes the site, and removes what an earlier build wrote and this one does not.

    Returns:
        The page to open first.

    Raises:
        InvalidInput: the folder holds files and was not written by an earlier build.
    """
    earlier = _earlier(output_dir)
    made = site_files(registry, reports)
    listing = json.dumps({"schema_version": 1, "files": sorted(made)}, indent=2) + "\n"
    for place, content in made.items():
        file = output_dir / place
        if not file.is_file() or file.read_bytes() != content:
            write_atomically(file, content, synced=False)
    for place in earlier - made.keys():
        (output_dir / place).unlink(missing_ok=True)
    write_atomically(output_dir / MANIFEST, listing)
    return output_dir / "index.html"


def leaderboard_html(
    board: Leaderboard, registry: Registry, reports: Path, language: Language
) -> str:
    """One leaderboard as one HTML file with sheet, script and pictures inside.

    Args:
        board: what stands in it.
        registry: names, papers and published numbers.
        reports: the folder of all reports, for findings and pictures.
        language: of the page.

    Raises:
        InvalidInput: the curve of a run is broken.
    """
    copies = Copies(reports)
    links = SiteLinks(board.suite.id, language, frozenset(), copies)
    sheet, script = (STATIC.joinpath(one).read_text(encoding="utf-8") for one in (SHEET, SCRIPT))
    script = f"\n{script}"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shell = Shell(language, frozenset(), policy(f"'sha256-{digest}'"))
    values = board_values(board, registry, language, links) | {
        "answer": answer_of(board, registry, shell.words),
        "boards": {},
    }
    name = f"leaderboard-{board.suite.id}"
    title = board.suite.title.in_language(language)
    html = shell.html(SitePage(name, "leaderboard.html", title, "leaderboards", values))
    html = _SHEET.sub(lambda _: f"<style>\n{sheet}</style>", html, count=1)
    html = _SCRIPT.sub(lambda _: f'<script type="module">{script}</script>', html, count=1)
    for place, source in copies.files.items():
        content = base64.b64encode(copied_bytes(source)).decode()
        address = f"data:{_MEDIA[source.suffix]};base64,{content}"
        html = html.replace(f'"{root_of(language)}{place}"', f'"{address}"')
    return html


def _earlier(folder: Path) -> set[str]:
    """Files that an earlier build wrote into a folder."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise InvalidInput(
                f"{folder} holds files, and none of them says that a site was built there",
                hint="name a new or empty folder: aigc report site -o FOLDER",
            )
        return set()
    try:
        listed = json.loads(manifest.read_bytes())["files"]
        names = {str(name) for name in listed}
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{manifest} is no list of a site's files ({error})") from None
    return {name for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()}
