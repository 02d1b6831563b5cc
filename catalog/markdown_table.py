"""Markdown tables that line up in a terminal as well, where Chinese characters take two cells."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from catalog.escaping import visible

WIDEST = 100
"""Columns line up to so many cells of a terminal; what is longer runs over, unpadded."""


def markdown_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], *, n_left: int | None = None
) -> list[str]:
    """Lines of a table.

    Args:
        headers: one per column.
        rows: cells; Markdown; a bar in a cell is escaped, a line break becomes a space.
        n_left: so many first columns are aligned left, the others right; None for all.
    """
    n_left = len(headers) if n_left is None else n_left
    cells = [[_escaped(cell) for cell in row] for row in (headers, *rows)]
    widths = [min(WIDEST, max(3, *map(cell_len, column))) for column in zip(*cells, strict=True)]
    rule = [
        "-" * width if index < n_left else "-" * (width - 1) + ":"
        for index, width in enumerate(widths)
    ]
    padded = [
        [
            _padded(cell, width, index < n_left)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in cells
    ]
    return [f"| {' | '.join(line)} |" for line in (padded[0], rule, *padded[1:])]


def _padded(cell: str, width: int, left: bool) -> str:
    blank = " " * (width - cell_len(cell))
    return cell + blank if left else blank + cell


def _escaped(cell: str) -> str:
    return visible(" ".join(cell.split())).replace("|", "\\|")
