"""Options and output that the catalogue's commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from catalog.escaping import visible, visible_json, visible_lines

if TYPE_CHECKING:
    from catalog.schema import Registry

RegistryOption = Annotated[
    Path | None,
    typer.Option(
        "--registry", metavar="FILE", help="Registry file (default: AIGC_REGISTRY or our own)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
LangOption = Annotated[
    str | None,
    typer.Option("--lang", metavar="en|zh", help="Language (default: AIGC_LANG or the locale)."),
]


def read_registry(registry: Path | None) -> Registry:
    """The registry of ``--registry``, checked; imported late, as help needs no schema."""
    from catalog.read.loader import load_registry

    return load_registry(registry)


def emit(lines: str | Iterable[str]) -> None:
    """Lines of data, to stdout, their control characters spelled out."""
    for line in [lines] if isinstance(lines, str) else lines:
        typer.echo(visible(line))


def emit_document(text: str) -> None:
    """A whole document as it is, to stdout, but for control characters."""
    typer.echo(visible_lines(text), nl=False)


def emit_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as the terminal, to stdout."""
    from catalog.browse.table import available_width, table

    emit(table(headers, rows, available_width()))


def say(line: str) -> None:
    """Anything that is not data, to stderr."""
    typer.echo(visible(line), err=True)


def emit_json(items: Iterable[Any]) -> None:
    """Items in the envelope of every ``--json``."""
    from catalog.browse.items import envelope

    typer.echo(visible_json(json.dumps(envelope(items), ensure_ascii=False, indent=2)))


def chosen_language(wanted: str | None) -> str:
    """The language to write in.

    Raises:
        UsageError: it is neither English nor Chinese.
    """
    from catalog.browse.vocabulary import LANGUAGES, language
    from catalog.names import require_known

    require_known("language", wanted, LANGUAGES)
    return language(wanted)
