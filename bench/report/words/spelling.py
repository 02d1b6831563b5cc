"""How numbers and tables are spelled: digits that an interval deserves, columns that line up."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.cells import cell_len

from bench.stats import Contrast, Estimate, RankRange

NOTHING = "–"
MAX_DECIMALS = 4
INCEPTION = "inception-v3-compat"
_LABELS = {"fid": ("FID", "FD"), "is": ("IS", "IS*"), "kid": ("KID", "KD")}


def metric_label(name: str, extractor: str) -> str:
    """FID, IS and KID keep their names on Inception features only, e.g. ``FD[digits-cnn]``."""
    known, other = _LABELS[name]
    return known if extractor == INCEPTION else f"{other}[{extractor}]"


def estimate_text(estimate: Estimate | None, scale: float = 1, *, interval: bool = False) -> str:
    """A mean with two digits of its uncertainty, or three digits where that is unknown.

    Args:
        estimate: what is known, or None for a dash.
        scale: factor to print it with.
        interval: whether to add the half width, as in ``12.3 ± 1.4``.
    """
    if estimate is None:
        return NOTHING
    half = estimate.half_width
    decimals = _decimals(half * scale, 2) if half else _decimals(estimate.mean * scale, 3)
    mean = f"{estimate.mean * scale:z.{decimals}f}"
    return f"{mean} ± {half * scale:.{decimals}f}" if interval and half is not None else mean


def value_text(value: float | None, scale: float = 1) -> str:
    """A number in two digits, or a dash."""
    return NOTHING if value is None else f"{value * scale:.{_decimals(value * scale, 2)}f}"


def percent_text(rate: Estimate | None) -> str:
    """A share as a percentage."""
    return NOTHING if rate is None else f"{estimate_text(rate, 100)} %"


def ratio_text(contrast: Contrast) -> str:
    """A ratio in three digits with its interval, if there is one: ``0.83 (0.74–0.93)``."""
    if contrast.low is None or contrast.high is None:
        return f"{contrast.ratio:.3g}"
    return f"{contrast.ratio:.3g} ({contrast.low:.3g}–{contrast.high:.3g})"


def rank_text(rank: RankRange | None) -> str:
    """A place or a range of places: ``3``, ``1–23``; a dash for a row without a rank."""
    if rank is None:
        return NOTHING
    return str(rank.low) if rank.low == rank.high else f"{rank.low}–{rank.high}"


def number_text(value: float | None) -> str:
    """A number in three digits with a unit prefix: ``812``, ``19.2 k``, ``1.23 M``."""
    if value is None:
        return NOTHING
    for factor, prefix in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return f"{value / factor:.{_decimals(value / factor, 3)}f}{prefix}"
    return f"{value:.{_decimals(value, 3)}f}" if value % 1 else f"{value:.0f}"


def seconds_text(seconds: float | None) -> str:
    """A duration in the two units that matter: ``4.2 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.{_decimals(seconds, 2)}f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def anchor(heading: str) -> str:
    """The fragment by which GitHub links to a heading of plain text."""
    kept = (letter for letter in heading.lower() if letter.isalnum() or letter in " -_")
    return "".join(kept).replace(" ", "-")


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], *, n_left: int = 1) -> list[str]:
    """Lines of a Markdown table whose columns line up in a terminal, CJK included.

    Args:
        headers: one per column.
        rows: cells; a bar in a cell is escaped, a line break becomes a space.
        n_left: so many first columns are aligned left, the others right.
    """
    cells = [[_escaped(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(3, *map(cell_len, column)) for column in zip(*cells, strict=True)]
    rule = [
        "-" * width if index < n_left else "-" * (width - 1) + ":"
        for index, width in enumerate(widths)
    ]
    lines = [
        [
            _padded(cell, width, index < n_left)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in cells
    ]
    return ["| " + " | ".join(line) + " |" for line in (lines[0], rule, *lines[1:])]


def _padded(cell: str, width: int, left: bool) -> str:
    blank = " " * (width - cell_len(cell))
    return cell + blank if left else blank + cell


def _escaped(cell: str) -> str:
    return " ".join(cell.split()).replace("|", "\\|")


def _decimals(value: float, digits: int) -> int:
    """Decimals that show ``digits`` significant digits of a value, within reason."""
    if value == 0:
        return 0
    return min(MAX_DECIMALS, max(0, digits - 1 - math.floor(math.log10(abs(value)))))
