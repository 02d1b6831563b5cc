"""Commands that make something for other programs: graph, cite, export, render."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from catalog.cli.options import (
    LangOption,
    RegistryOption,
    chosen_language,
    emit,
    emit_document,
    read_registry,
    say,
)


def graph(
    as_published: Annotated[
        bool, typer.Option("--as-published/--corrected", help="The diagram as printed, or mended.")
    ] = False,
    lang: LangOption = None,
    registry: RegistryOption = None,
) -> None:
    """Print the article's concept graph in Mermaid."""
    from catalog.export.graph import corrected, published

    language = chosen_language(lang)
    catalogue = read_registry(registry)
    emit_document(published(catalogue) if as_published else corrected(catalogue, language))


def cite(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Entries; all papers if none.")
    ] = None,
    registry: RegistryOption = None,
) -> None:
    """Print BibTeX for the entries named, or for everything that has authors and a year."""
    from catalog.export.bibtex import bibtex

    catalogue = read_registry(registry)
    if names:
        chosen = [catalogue.resource(name) for name in dict.fromkeys(names)]
    else:
        chosen = [item for item in catalogue.resources if item.authors and item.year]
    emit_document(bibtex(chosen))


def export(
    wanted: Annotated[
        str, typer.Option("--format", "-f", metavar="json|jsonl|csv|markdown|schema")
    ] = "json",
    registry: RegistryOption = None,
) -> None:
    """Print the whole catalogue as JSON, JSON lines, CSV or Markdown, or the registry's schema."""
    from catalog.export.formats import FORMATS
    from catalog.names import require_known

    require_known("format", wanted, FORMATS)
    emit_document(FORMATS[wanted](read_registry(registry)))


def render(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit 5 when a page is stale.")
    ] = False,
    output_dir: Annotated[
        Path | None,
        typer.Option("--output-dir", "-o", help="Folder (default: reports/ beside the registry)."),
    ] = None,
    registry: RegistryOption = None,
) -> None:
    """Write the catalogue as Markdown, one page per language.

    Raises:
        GateFailed: with ``--check``, a page does not match the registry.
    """
    from catalog.errors import GateFailed
    from catalog.export.markdown import pages, stale
    from catalog.files import write_atomically
    from catalog.read.locate import find_registry, shown_path

    catalogue = read_registry(registry)
    folder = output_dir or find_registry(registry).parent / "reports"
    if check:
        old = stale(catalogue, folder)
        if old:
            raise GateFailed(
                f"{len(old)} of {len(pages(catalogue))} pages do not match the registry",
                where=", ".join(shown_path(path) for path in old),
                hint="write them again: aigc catalog render",
            )
        say("the pages match the registry")
        return
    for name, text in pages(catalogue).items():
        write_atomically(folder / name, text)
        emit(shown_path(folder / name))
