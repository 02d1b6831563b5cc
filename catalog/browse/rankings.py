"""The best place that a variant takes in the committed tables.

Reads ``reports/*/results.csv`` beside the registry with nothing but the csv module, so that a page
of the catalogue never loads what made the tables.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Rank:
    """A range of ranks in one suite; several variants may share it.

    Ranks sort by what they are worth: tables of several training seeds first.
    """

    provisional: bool
    low: int
    high: int
    suite: str
    mean: str
    metric: str

    def shown(self) -> str:
        """``rank 2-3 of suite digits (FD[digits-cnn] 12.4)``."""
        places = str(self.low) if self.low == self.high else f"{self.low}-{self.high}"
        return f"rank {places} of suite {self.suite} ({self.metric} {float(self.mean):.3g})"


def best_ranks(registry_file: Path) -> dict[str, Rank]:
    """Each ranked variant's best range over all suites; empty without reports.

    Of tables that are worth the same, the longest says most.
    """
    best: dict[str, tuple[bool, int, Rank]] = {}
    for file in sorted(registry_file.resolve().parent.glob("reports/*/results.csv")):
        found = [(row.get("variant") or "", _rank(row, file.parent.name)) for row in _rows(file)]
        ranked = [(name, rank) for name, rank in found if rank]
        for name, rank in ranked:
            candidate = (rank.provisional, -len(ranked), rank)
            best[name] = min(best.get(name, candidate), candidate)
    return {name: rank for name, (_, _, rank) in best.items()}


def _rows(file: Path) -> list[dict[str, str | None]]:
    """The rows of a report; none of one that cannot be read, which is no reason to show nothing."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return list(csv.DictReader(lines))
    except (OSError, ValueError, csv.Error):
        return []


def _rank(row: dict[str, str | None], suite: str) -> Rank | None:
    """None for calibration rows, which are not ranked."""
    mean = row.get("mean") or ""
    try:
        low, high = (int(float(row.get(key) or "")) for key in ("rank_low", "rank_high"))
        float(mean)
    except (ValueError, OverflowError, TypeError, AttributeError):
        return None
    provisional = row.get("provisional") == "true"
    return Rank(provisional, low, high, suite, mean, row.get("metric") or "mean")
