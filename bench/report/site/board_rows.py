"""A leaderboard as columns and cells: what stands in each, and by which number it is sorted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from bench.records.record import MetricName
from bench.report.board.table import Leaderboard, Row
from bench.report.leaderboard.notes import sampler_text
from bench.report.words.report import Words
from bench.report.words.spelling import (
    NOTHING,
    estimate_text,
    metric_label,
    number_text,
    percent_text,
    rank_text,
    seconds_text,
)
from catalog.schema import Registry

Sort = Literal["number", "text"]


@dataclass(frozen=True)
class Cell:
    """What a cell says, and what it is sorted by; an empty text sorts last."""

    text: str
    value: str = ""


@dataclass(frozen=True)
class Column:
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
    sort: Sort
    shown: bool
    cell: Callable[[Row], Cell]


@dataclass(frozen=True)
class Line:
    """A row of the table with its cells in the order of the columns."""

    id: str
    kind: str
    name: str
    family: str
    cells: tuple[Cell, ...]


def row_id(row: Row) -> str:
    """Name of a row as the end of an address: ``row-vae-gmm-10-raw``."""
    return "-".join(["row", *filter(None, (row.key.name, row.key.sampler, row.key.weights))])


def lines_of(board: Leaderboard, registry: Registry, columns: list[Column]) -> Iterator[Line]:
    """Generated rows best first, then the calibration rows."""
    for row in (*board.rows, *board.calibration):
        real = row.kind == "calibration"
        family = "" if real else registry.variant(row.key.name).family
        cells = tuple(column.cell(row) for column in columns)
        yield Line(row_id(row), row.kind, row.key.name, family, cells)


def columns_of(board: Leaderboard, registry: Registry, words: Words, page: Words) -> list[Column]:
    """Every column that the table has.

    Args:
        board: what the table is of.
        registry: families of the variants.
        words: of leaderboards.
        page: of the site.
    """
    extractor, protocol = board.protocol.extractor, board.protocol
    distance, score, kernel = (metric_label(name, extractor) for name in ("fid", "is", "kid"))

    def family(row: Row) -> Cell:
        if row.kind == "calibration":
            return Cell(page("calibration_row"), "zz")
        name = registry.variant(row.key.name).family
        return Cell(words(f"family_{name}"), name)

    text: list[Column] = [
        Column("rank", words("rank"), page("help_rank"), "number", True, lambda r: _rank(r, words)),
        Column("family", words("family"), page("help_family"), "text", True, family),
        Column("sampler", words("sampler"), page("help_sampler"), "text", True, _sampler(words)),
        Column("weights", page("weights"), page("help_weights"), "text", False, _weights(words)),
        Column("seeds", words("seeds"), page("help_seeds"), "number", True, _seeds(words)),
    ]
    numbers = [
        Column("mean", f"{distance} ↓", page("help_distance"), "number", True, _distance(words)),
        Column("versus", words("versus"), page("help_versus"), "text", True, _versus(words)),
        _metric("recall", words("recall"), page("help_recall"), "recall", shown=True),
        _metric("precision", words("precision"), page("help_precision"), "precision"),
        _share("copy_rate", words("copies"), page("help_copies"), "copy_rate", shown=True),
        _metric(
            "distance_at_equal_n",
            words("equal_n", n=protocol.n_held_out),
            page("help_equal_n"),
            "fid_equal_n",
        ),
        _metric(
            "distance_to_held_out",
            words("held_out", split=protocol.held_out_split, n=protocol.n_held_out).replace(
                "`", ""
            ),
            page("help_held_out"),
            "fid_held_out",
        ),
        _metric("is", f"{score} ↑", page("help_is"), "is"),
        _metric("kd", f"{kernel} × 10³ ↓", page("help_kd"), "kid", scale=1000),
        _share("label_accuracy", words("label_accuracy"), page("help_accuracy"), "label_accuracy"),
    ]
    costs = [
        _cost(
            "parameters_sampling",
            words("parameters"),
            page("help_parameters"),
            lambda row: row.cost.parameters,
            number_text,
        ),
        _cost(
            "images_per_s",
            words("images_per_s"),
            page("help_images_per_s"),
            lambda row: row.cost.images_per_s,
            number_text,
        ),
        _cost(
            "train_wall_s",
            words("wall"),
            page("help_wall"),
            lambda row: row.cost.wall_s,
            seconds_text,
            shown=True,
        ),
    ]
    return [*text, *numbers, *costs]


def _rank(row: Row, words: Words) -> Cell:
    if row.short:
        return Cell(words("gate_missed").strip("*"))
    if row.rank is None:
        return Cell(NOTHING)
    return Cell(rank_text(row.rank), str(row.rank.low + row.rank.high / 1000))


def _sampler(words: Words) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        return Cell(sampler_text(row, words) or NOTHING, row.key.sampler)

    return cell


def _weights(words: Words) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        real = row.kind == "calibration"
        return Cell(NOTHING) if real else Cell(words(row.key.weights), row.key.weights)

    return cell


def _seeds(words: Words) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        n = len(row.runs)
        if row.kind == "calibration":
            return Cell(NOTHING)
        shown = str(n) if n == row.n_planned else words("seeds_of", n=n, planned=row.n_planned)
        return Cell(words("provisional", seeds=shown) if row.provisional else shown, str(n))

    return cell


def _distance(words: Words) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        estimate = row.estimate("fid")
        if estimate is None:
            return Cell(words("failed"))
        return Cell(estimate_text(estimate, interval=True), repr(estimate.mean))

    return cell


def _versus(words: Words) -> Callable[[Row], Cell]:
    def cell(row: Row) -> Cell:
        if row.baseline is None:
            return Cell(NOTHING)
        return Cell(words(row.baseline.verdict).strip("*"), row.baseline.verdict)

    return cell


def _metric(
    key: str, label: str, about: str, name: MetricName, *, scale: float = 1, shown: bool = False
) -> Column:
    def cell(row: Row) -> Cell:
        estimate = row.estimate(name)
        if estimate is None:
            return Cell(NOTHING)
        return Cell(estimate_text(estimate, scale), repr(estimate.mean))

    return Column(key, label, about, "number", shown, cell)


def _share(key: str, label: str, about: str, name: MetricName, *, shown: bool = False) -> Column:
    def cell(row: Row) -> Cell:
        estimate = row.estimate(name)
        if estimate is None:
            return Cell(NOTHING)
        return Cell(percent_text(estimate), repr(estimate.mean))

    return Column(key, label, about, "number", shown, cell)


def _cost(
    key: str,
    label: str,
    about: str,
    value: Callable[[Row], float | None],
    spelled: Callable[[float | None], str],
    *,
    shown: bool = False,
) -> Column:
    def cell(row: Row) -> Cell:
        number = value(row)
        return Cell(spelled(number), "" if number is None else repr(number))

    return Column(key, label, about, "number", shown, cell)
