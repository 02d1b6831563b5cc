"""What commands print: data on stdout, words for people on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def emit(text: str) -> None:
    """One piece of data on stdout."""
    sys.stdout.write(text + "\n")


def say(text: str) -> None:
    """One line for people on stderr."""
    sys.stderr.write(text + "\n")


def emit_items(items: list[Any], **more: Any) -> None:
    """A list as the one JSON document that ``--json`` promises, with ``more`` beside the items."""
    document = {"schema_version": 1, **more, "items": items}
    emit(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False))


def print_rows(rows: Sequence[dict[str, str]], *, only_in_pipes: Sequence[str] = ()) -> None:
    """Print rows that share their keys: a table on a terminal, lines with tabs elsewhere.

    Columns that are wide and tell people little are ``only_in_pipes``.
    """
    if not rows:
        return
    if not sys.stdout.isatty():
        emit("\t".join(rows[0]))
        for row in rows:
            emit("\t".join(row.values()))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD)
    names = [name for name in rows[0] if name not in only_in_pipes]
    for name in names:
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for row in rows:
        table.add_row(*(row[name] for name in names))
    Console().print(table)
