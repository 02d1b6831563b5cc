"""Tables for a terminal, and tab-separated lines for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.cli.verbs.options import emit


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
