"""Small curves: every dot where the point is, no line wider than it may be."""

from __future__ import annotations

import math

import pytest
from rich.cells import cell_len

from bench.watch.sparkline import bar, braille, shown_range


def dots(lines: list[str]) -> set[tuple[int, int]]:
    """Column and row from the top of every dot, told from the numbers of the characters."""
    places = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)]
    return {
        (2 * column + x, 4 * line + y)
        for line, text in enumerate(lines)
        for column, character in enumerate(text)
        if character != " "
        for bit, (x, y) in enumerate(places)
        if (ord(character) - 0x2800) >> bit & 1
    }


def test_a_rising_line_goes_from_corner_to_corner() -> None:
    points = [(float(x), float(x)) for x in range(8)]
    lines = braille(points, 8.0, (0.0, 7.0), width=4, height=2)
    assert dots(lines) == {(x, 7 - x) for x in range(8)}
    assert lines == ["  ⡠⠊", "⡠⠊  "]


def test_neighbours_are_joined_and_gaps_are_not() -> None:
    lines = braille([(0.0, 0.0), (1.0, 1.0)], 2.0, (0.0, 1.0), width=1, height=1)
    assert {row for _, row in dots(lines)} == {0, 1, 2, 3}
    gap = [(0.0, 0.0), (1.0, math.nan), (2.0, math.inf), (3.0, 1.0)]
    assert dots(braille(gap, 4.0, (0.0, 1.0), width=2, height=1)) == {(0, 3), (3, 0)}


def test_a_curve_ends_where_its_training_stands() -> None:
    lines = braille([(1.0, 0.0), (25.0, 1.0)], 100.0, (0.0, 1.0), width=10, height=2)
    assert max(column for column, _ in dots(lines)) == 5  # a quarter of twenty
    assert [len(line) for line in lines] == [10, 10]


def test_values_beyond_the_edges_lie_on_them_and_equal_ones_in_the_middle() -> None:
    beyond = braille([(0.0, -9.0), (1.0, 9.0)], 2.0, (0.0, 1.0), width=1, height=1)
    assert dots(beyond) >= {(0, 3), (1, 0)}
    flat = braille([(0.0, 5.0), (99.0, 5.0)], 100.0, (5.0, 5.0), width=50, height=1)
    assert dots(flat) == {(column, 2) for column in range(100)}


def test_the_first_tenth_does_not_decide_the_range() -> None:
    values = [1000.0, 500.0, *(float(v) for v in range(18))]
    assert shown_range(values) == (0.0, 17.0)
    assert shown_range([3.0]) == (3.0, 3.0)
    assert shown_range([math.nan, 2.0, 1.0]) == (1.0, 2.0)
    assert shown_range([math.inf]) is None


@pytest.mark.parametrize(("share", "full"), [(-1.0, 0), (0.0, 0), (0.25, 2), (1.0, 10), (7.0, 10)])
def test_a_bar_is_as_full_as_its_share(share: float, full: int) -> None:
    assert bar(share, 10) == "⣿" * full + "⣀" * (10 - full)


def test_every_character_takes_one_column() -> None:
    points = [(float(x), math.sin(x)) for x in range(200)]
    for line in (*braille(points, 200.0, (-1.0, 1.0), 30, 3), bar(0.5, 30)):
        assert len(line) == cell_len(line) == 30
