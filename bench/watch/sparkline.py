"""Small curves for a terminal in Braille dots, two across and four up to a character.

Braille patterns are one column wide in every terminal; block elements are two columns wide in
some that are set up for Chinese.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Bits of a character by column and by row from the top."""
_EMPTY = 0x2800
START = 0.1
"""The share of a curve's points, its first, that does not decide what range is shown."""


def shown_range(values: Sequence[float]) -> tuple[float, float] | None:
    """Least and greatest finite value after the first tenth, which is often far from the rest.

    None where there is no finite value.
    """
    finite = [value for value in values if math.isfinite(value)]
    after = finite[int(START * len(finite)) :]
    return (min(after), max(after)) if after else None


def braille(
    points: Sequence[tuple[float, float]],
    x_end: float,
    y_range: tuple[float, float],
    width: int,
    height: int,
) -> list[str]:
    """A curve through points that joins neighbours, as lines of text from the top.

    Args:
        points: (x, y) in order of x; what is not finite leaves a gap.
        x_end: what the right edge stands for; the left edge is 0.
        y_range: what the lower and the upper edge stand for; values beyond lie on the edge.
        width: characters in a line.
        height: lines.
    """
    cells = [[_EMPTY] * width for _ in range(height)]
    low, high = y_range
    before: tuple[int, int] | None = None
    for x, y in points:
        if not math.isfinite(y):
            before = None
            continue
        up = min(1.0, max(0.0, (y - low) / (high - low))) if high > low else 0.5
        column = min(2 * width - 1, max(0, int(x / x_end * 2 * width)))
        here = column, round((1.0 - up) * (4 * height - 1))
        for across, down in _line(before or here, here):
            cells[down // 4][across // 2] |= _DOTS[across % 2][down % 4]
        before = here
    return ["".join(" " if cell == _EMPTY else chr(cell) for cell in line) for line in cells]


def bar(share: float, width: int) -> str:
    """A bar filled from the left to a share, 0 to 1, the rest a line."""
    full = round(min(1.0, max(0.0, share)) * width)
    return "⣿" * full + "⣀" * (width - full)


def _line(first: tuple[int, int], last: tuple[int, int]) -> Iterator[tuple[int, int]]:
    (x0, y0), (x1, y1) = first, last
    n = max(abs(x1 - x0), abs(y1 - y0))
    for i in range(n + 1):
        share = i / n if n else 0.0
        yield round(x0 + share * (x1 - x0)), round(y0 + share * (y1 - y0))
