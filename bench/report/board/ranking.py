"""What is compared with what: rows with each other, with the baseline and with their parents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.report.board.table import BASELINE, Descent, Row
from bench.stats.comparisons import compare, contrasts, ranges_together, rank_ranges


def ranked(rows: Sequence[Row], calibration: Sequence[Row]) -> list[Row]:
    """The rows with their rank ranges, and how they stand to the baseline's draws."""
    distances = [row.sample("fid") for row in rows]
    alone, together = rank_ranges(distances), ranges_together(len(rows), compare(distances))
    ordered = [
        replace(row, rank=one, rank_together=all_at_once)
        for row, one, all_at_once in zip(rows, alone, together, strict=True)
    ]
    baseline = next((row for row in calibration if row.key.name == BASELINE), None)
    if baseline is None or not baseline.values("fid"):
        return ordered
    found = contrasts([(one, baseline.sample("fid")) for one in distances], of_draws=True)
    return [replace(row, baseline=c) for row, c in zip(ordered, found, strict=True)]


def descents(rows: Sequence[Row], parents: Mapping[str, str]) -> tuple[Descent, ...]:
    """Each ranked row beside its parent's, tested as one family.

    The parent's row is the one with the same sampler and the same weights; where the parent has
    no averaged weights, its raw ones. A row without such a counterpart is left out. A ratio has no
    interval where the seeds of either row are of two kinds.
    """
    by_key = {row.key: row for row in rows}
    pairs: list[tuple[Row, Row]] = []
    for row in rows:
        parent = parents.get(row.key.name)
        if parent is not None:
            same = by_key.get(replace(row.key, name=parent))
            other = same or by_key.get(replace(row.key, name=parent, weights="raw"))
            if other is not None:
                pairs.append((row, other))
    found = contrasts([(row.sample("fid"), other.sample("fid")) for row, other in pairs])
    return tuple(
        Descent(*pair, replace(one, low=None, high=None) if any(x.uneven for x in pair) else one)
        for pair, one in zip(pairs, found, strict=True)
    )
