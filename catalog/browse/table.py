"""Plain tables whose columns line up although Chinese characters are two cells wide.

Owns widths and cutting; what stands in the cells is the caller's.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from catalog.escaping import visible

_GAP = "  "
_CUT = "…"
_NARROWEST = 8


def available_width() -> int | None:
    """Cells per line: ``COLUMNS`` or the terminal's; None in a pipe, where nothing is cut."""
    if os.environ.get("COLUMNS", "").isdigit():
        return int(os.environ["COLUMNS"])
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def pad(text: str, width: int) -> str:
    """``text`` filled with spaces to ``width`` cells."""
    return text + " " * max(0, width - cell_len(text))


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells, with an ellipsis where something is missing."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(0, width - 1)).rstrip() + _CUT


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> list[str]:
    """Lines of a table whose last column takes what room is left, or is cut to it."""
    cells = [[visible(text) for text in row] for row in (headers, *rows)]
    widths = [max(cell_len(row[index]) for row in cells) for index in range(len(headers))]
    if width is not None:
        used = sum(widths[:-1]) + len(_GAP) * (len(widths) - 1)
        widths[-1] = min(widths[-1], max(_NARROWEST, width - used))
    lines = [_line(row, widths) for row in cells]
    rule = _GAP.join("-" * column for column in widths)
    return [lines[0], rule, *lines[1:]]


def wrap(text: str, width: int | None, indent: str = "", never_last: str = "") -> list[str]:
    """``text`` in lines of at most ``width`` cells; Chinese may break between any characters.

    A line ends with none of the characters in ``never_last``, and starts with no closing mark.
    Line breaks and other control characters of the text are spelled out.
    """
    text = visible(text)
    if width is None:
        return [indent + text]
    lines, line = [], indent
    for piece in _pieces(text, never_last):
        fits = cell_len(line) + cell_len(piece.rstrip()) <= max(width, len(indent) + _NARROWEST)
        if not fits and line.strip():
            lines.append(line.rstrip())
            line = indent
        line += piece
    return [*lines, line.rstrip()]


def _pieces(text: str, never_last: str) -> list[str]:
    """Parts that a line may end after: words with their space, or single wide characters."""
    pieces: list[str] = []
    for character in text:
        last = pieces[-1][-1] if pieces else " "
        glued = pieces and (character in "，。；：！？、）》」』”" or last in never_last)
        if not glued and (last == " " or cell_len(last) > 1 or cell_len(character) > 1):
            pieces.append(character)
        else:
            pieces[-1] += character
    return pieces


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    shown = (pad(cut(text, column), column) for text, column in zip(row, widths, strict=True))
    return _GAP.join(shown).rstrip()
