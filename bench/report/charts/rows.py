"""Which rows charts draw, what they are called there, and which of them nothing beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.records.record import MetricName
from bench.report.board.table import BASELINE, Leaderboard, Row
from bench.report.leaderboard.notes import HELD_OUT, row_name
from bench.report.words.charts import CHART_TEXTS
from bench.report.words.report import Language, Words
from bench.report.words.spelling import metric_label
from catalog.schema import Registry

REFERENCES = (HELD_OUT, "class-pca-gaussian", BASELINE)
"""Calibration rows that give a chart its scale."""


@dataclass(frozen=True)
class Chart:
    """One picture of a report.

    Attributes:
        name: of its file.
        svg: its content.
        alt: what it shows, for readers who do not see it.
        caption: how to read it.
    """

    name: str
    svg: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Frame:
    """A leaderboard and the language to say it in.

    Attributes:
        words: of the page.
        say: words of the charts alone.
    """

    board: Leaderboard
    registry: Registry
    words: Words
    say: Words

    @classmethod
    def of(cls, board: Leaderboard, registry: Registry, language: Language) -> Frame:
        """The frame of a leaderboard in one language."""
        return cls(board, registry, Words(language), Words(language, CHART_TEXTS))

    @property
    def label(self) -> str:
        """What the ranking distance is called, e.g. ``FD[digits-cnn]``."""
        return metric_label("fid", self.board.protocol.extractor)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Rows that are drawn, best first: those with a distance, no failure and no missed gate."""
        return tuple(row for row in self.board.rows if _is_drawn(row))

    @property
    def references(self) -> tuple[Row, ...]:
        """The calibration rows that give the scale, in a fixed order."""
        found = map(self.board.calibration_row, REFERENCES)
        return tuple(row for row in found if row is not None and row.values("fid"))

    def family(self, row: Row) -> str:
        """The family of the model behind a row."""
        return self.registry.variant(row.key.name).family

    def name(self, row: Row) -> str:
        """A row as plain text: ``vae (gmm-10)``."""
        return row_name(row, self.words).replace("`", "")

    def left_out(self) -> list[str]:
        """A sentence on the rows that are not drawn, if there are any."""
        rows = [self.name(row) for row in self.board.rows if not _is_drawn(row)]
        return [self.say("left_out", rows=self.say.join(rows))] if rows else []


def _is_drawn(row: Row) -> bool:
    return not (row.failed or row.short) and bool(row.values("fid"))


def gid(row: Row, what: str = "row") -> str:
    """Identifies the mark of a row inside a chart, or its ``interval``."""
    return "-".join(filter(None, (what, row.key.name, row.key.sampler, row.key.weights)))


def mean_of(row: Row, name: MetricName) -> float | None:
    """Mean of a metric over the row's scores, or None where there is none."""
    estimate = row.estimate(name)
    return None if estimate is None else estimate.mean


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indices of the points that no other one beats: none is as low in both and lower in one.

    In order of the first coordinate.
    """
    order = sorted(range(len(points)), key=lambda index: points[index])
    best = float("inf")
    kept: list[int] = []
    for index in order:
        x, y = points[index]
        if y < best or (kept and points[kept[-1]] == (x, y)):
            kept.append(index)
            best = y
    return kept
