"""Tables for a terminal, and tab-separated lines for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.commands.options import emit


def print_rows(rows: Sequence[dict[str, str]]) -> None:
    """Print rows that share their keys: a table on a terminal, lines with tabs elsewhere."""
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
    for name in rows[0]:
        table.add_column(name, no_wrap=name == "id", overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)
