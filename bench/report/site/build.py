"""Makes the whole site in memory, and writes it."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from bench.report.generated.committed import committed_boards
from bench.report.site.markup import Copies
from bench.report.site.pages import Library, Pages, page_names, site_path
from bench.report.site.shell import LANGUAGES, Shell
from catalog.errors import InvalidInput
from catalog.files import write_atomically
from catalog.schema import Registry

MANIFEST = "site.json"
"""Lists every file that was written, so that a later build removes its own and nothing else."""

STATIC = ("site.css", "site.js")


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
            made[site_path(page, language)] = shell.html(page).encode()
    static = files("bench.report.site").joinpath("static")
    for name in STATIC:
        made[f"assets/{name}"] = static.joinpath(name).read_bytes()
    copied = {place: source.read_bytes() for place, source in library.copies.files.items()}
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
