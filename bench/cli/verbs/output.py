"""What commands print: data on stdout, words for people on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from catalog.escaping import sheet_cell, visible, visible_json, visible_lines


def emit(text: str) -> None:
    """One piece of data on stdout, its control characters spelled out."""
    sys.stdout.write(visible_lines(text) + "\n")


def say(text: str) -> None:
    """One line for people on stderr, its control characters spelled out."""
    sys.stderr.write(visible_lines(text) + "\n")


def emit_items(items: list[Any], **more: Any) -> None:
    """A list as the one JSON document that ``--json`` promises, with ``more`` beside the items."""
    document = {"schema_version": 1, **more, "items": items}
    emit(visible_json(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)))


def print_rows(rows: Sequence[dict[str, str]], *, only_in_pipes: Sequence[str] = ()) -> None:
    """Print rows that share their keys: a table on a terminal, lines with tabs elsewhere.

    Columns that are wide and tell people little are ``only_in_pipes``.
    """
    if not rows:
        return
    if not sys.stdout.isatty():
        emit("\t".join(rows[0]))
        for row in rows:
            emit("\t".join(map(sheet_cell, row.values())))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    names = [name for name in rows[0] if name not in only_in_pipes]
    for name in names:
        table.add_column(Text(name), no_wrap=name == "id", overflow="fold")
    for row in rows:
        table.add_row(*(Text(visible(row[name])) for name in names))  # never markup
    Console().print(table)
