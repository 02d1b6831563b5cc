"""Sizes, durations and moments in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bench.machine.units import about, clock, measured, size_text


@pytest.mark.parametrize(
    ("n_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (9_949, "9.9 kB"),
        (612_345, "612 kB"),
        (999_600, "1.0 MB"),
        (512_400_000, "512 MB"),
        (1_400_000_000, "1.4 GB"),
        (3_200_000_000_000, "3.2 TB"),
    ],
)
def test_sizes(n_bytes: int, text: str) -> None:
    assert size_text(n_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3.0, "0 s"),
        (0.0, "0 s"),
        (99.0, "99 s"),
        (600.0, "10 min"),
        (7200.0, "2.0 h"),
        (2e5, "2.3 days"),
    ],
)
def test_rough_durations(seconds: float, words: str) -> None:
    assert about(seconds) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (0.00042, "0.0004 s"),
        (4.21, "4.2 s"),
        (42.0, "42 s"),
        (185.0, "3 min 05 s"),
        (7800.0, "2 h 10 min"),
    ],
)
def test_measured_durations(seconds: float, words: str) -> None:
    assert measured(seconds) == words


def test_a_moment_is_told_in_local_time() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
    assert clock(moment) == moment.astimezone().strftime("%Y-%m-%d %H:%M:%S")
