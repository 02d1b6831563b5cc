"""A leaderboard on the site: columns and cells, by which numbers they sort, and where rows are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bench.records.metric_names import MetricName
from bench.report.board.table import Cost, Leaderboard, Row
from bench.report.leaderboard.tables import row_columns
from bench.report.words import Words
from bench.report.words.rows import row_id
from bench.report.words.spelling import NOTHING, estimate_text, page_label, rank_text
from catalog.schema import Registry


@dataclass(frozen=True)
class Cell:
    """What a cell says, and what it is sorted by; an empty text sorts last."""

    text: str
    value: str = ""


@dataclass(frozen=True)
class BoardColumn:
    """A column of the table.

    Attributes:
        key: its name in scripts, and that of ``results.csv`` where it is there.
        label: its heading.
        help: what it says, in one sentence.
        sort: how its cells compare.
        shown: whether it is seen before anything is chosen.
    """

    key: str
    label: str
    help: str
    sort: Literal["number", "text"]
    shown: bool
    cell: Callable[[Row], Cell]


@dataclass(frozen=True)
class BoardLine:
    """A row of the table with its cells in the order of the columns."""

    id: str
    kind: str
    name: str
    family: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class BestRow:
    """The line of a leaderboard that tells most of a variant.

    Attributes:
        variant: whose row it is.
        href: of the line.
        text: suite, rank range and distance, in words.
    """

    variant: str
    href: str
    text: str


def lines_of(
    board: Leaderboard, registry: Registry, columns: list[BoardColumn]
) -> Iterator[BoardLine]:
    """Generated rows best first, then the calibration rows."""
    for row in (*board.by_distance, *board.calibration):
        real = row.kind in ("calibration", "loaded")
        family = "" if real else registry.variant(row.key.name).family
        cells = tuple(column.cell(row) for column in columns)
        yield BoardLine(row_id(row), row.kind, row.key.name, family, cells)


def columns_of(
    board: Leaderboard, registry: Registry, words: Words, page: Words
) -> list[BoardColumn]:
    """Every column that the table has.

    Args:
        board: what the table is of.
        registry: families of the variants.
        words: of leaderboards.
        page: of the site.
    """
    known = row_columns(board, registry, words) | {
        "weights": (page("weights"), lambda row: words(row.key.weights))
    }

    def column(
        key: str,
        value: Callable[[Row], object],
        *,
        of: str = "",
        sort: Literal["number", "text"] = "number",
        real: str | None = None,
        shown: bool = True,
    ) -> BoardColumn:
        """A column of the Markdown page, called ``of`` there, with what it is sorted by.

        Calibration rows say ``real`` where that is given.
        """
        label, text = known[of or key]

        def cell(row: Row) -> Cell:
            if real is not None and row.kind == "calibration":
                return Cell(real, "zz" if real != NOTHING else "")
            found, said = value(row), text(row)
            return Cell(said.strip("*"), "" if found is None or said == NOTHING else str(found))

        about = page(f"help_{of or key}")
        return BoardColumn(key, label.replace("`", ""), about, sort, shown, cell)

    def metric(key: str, name: MetricName, of: str = "", *, shown: bool = False) -> BoardColumn:
        return column(key, lambda row: row.mean(name), of=of, shown=shown)

    def cost(
        key: str, value: Callable[[Cost], object], of: str = "", *, shown: bool = True
    ) -> BoardColumn:
        return column(key, lambda row: value(row.cost), of=of, shown=shown)

    def family(row: Row) -> str | None:
        return None if row.kind == "loaded" else registry.variant(row.key.name).family

    return [
        column("rank", _place),
        column("family", family, sort="text", real=page("calibration_row")),
        column("sampler", lambda row: row.key.sampler, sort="text"),
        column("weights", lambda row: row.key.weights, sort="text", real=NOTHING, shown=False),
        column("seeds", lambda row: len(row.runs), real=NOTHING),
        metric("mean", "fid", "distance", shown=True),
        column("versus", lambda row: row.baseline and row.baseline.verdict, sort="text"),
        metric("recall", "recall", shown=True),
        *([] if board.precision_is_blind else [metric("precision", "precision")]),
        metric("copy_rate", "copy_rate", "copies", shown=True),
        metric("copy_rate_low", "copy_rate_low", "copy_ends"),
        metric("copy_rate_pixels", "copy_rate_pixels", "copy_pixels"),
        metric("nearest_ratio", "nearest_ratio"),
        metric("distance_at_equal_n", "fid_equal_n", "equal_n"),
        metric("distance_to_held_out", "fid_held_out", "held_out"),
        metric("is", "is"),
        metric("kd", "kid", "kid"),
        metric("label_accuracy", "label_accuracy"),
        cost("parameters_sampling", lambda it: it.parameters, of="parameters", shown=False),
        cost("images_seen", lambda it: it.images_seen),
        cost("images_per_s", lambda it: it.images_per_s, shown=False),
        cost("train_wall_s", lambda it: it.wall_s, of="wall"),
    ]


def best_rows(boards: Mapping[str, Leaderboard], words: Words) -> dict[str, BestRow]:
    """The best row of each variant that has one, by variant id, of the table that says most.

    Tables of several seeds say more than others, and of these the longest.
    """

    def weight(board: Leaderboard) -> tuple[bool, int]:
        seeds = max((len(row.runs) for row in board.rows), default=0)
        return seeds < 2, -len(board.rows)

    found: dict[str, BestRow] = {}
    for board in sorted(boards.values(), key=weight):
        for row in board.rows:
            if row.scores:
                found.setdefault(row.key.name, _best_row(row, board, words))
    return found


def _best_row(row: Row, board: Leaderboard, words: Words) -> BestRow:
    text = words(
        "place",
        suite=board.suite.title.in_language(words.language),
        rank=words("at_rank", rank=rank_text(row.rank)) if row.rank else words("unranked"),
        distance=page_label("fid", board.protocol.extractor),
        value=estimate_text(row.estimate("fid"), interval=True),
    )
    return BestRow(row.key.name, f"leaderboard-{board.suite.id}.html#{row_id(row)}", text)


def _place(row: Row) -> float | None:
    """Sorts by the best place that a row may hold, then by the worst."""
    return None if row.rank is None else row.rank.low + row.rank.high / 1000
