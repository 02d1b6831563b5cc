"""The part of a README that quotes leaderboards: what they hold, two pictures, and some rows.

Whatever a README says of results stands there, so that no number of it outlives its records.
"""

from __future__ import annotations

from bench.report.board.table import BASELINE, Leaderboard, Row
from bench.report.leaderboard.notes import held_out_line, scale
from bench.report.leaderboard.pictures import WALL, chart_path
from bench.report.leaderboard.tables import TableColumn, row_columns, table_of
from bench.report.words import Language, Words, localized
from bench.report.words.spelling import estimate_text, seconds_text
from catalog.errors import InvalidInput
from catalog.schema import Registry

README = "README.md"
BEGIN, END = "<!-- leaderboard:begin -->", "<!-- leaderboard:end -->"
SUITE, QUICK = "digits", "digits-quick"
N_LEADERS = 5

_SCALE = ("class-pca-gaussian", BASELINE, "mean-image")


def readme_block(
    board: Leaderboard, quick: Leaderboard | None, registry: Registry, language: Language
) -> str:
    """Everything that stands between the marks.

    Args:
        board: the table that is quoted.
        quick: the one that a first command makes; its variants are quoted whatever their place.
        registry: families of the variants.
        language: of the README.
    """

    def card(row: Row) -> str:
        return f"[{row.key.name}](reports/cards/{localized(f'{row.key.name}.md', language)})"

    words = Words(language)
    first = tuple(dict.fromkeys(row.key.name for row in quick.rows)) if quick else ()
    rows = _chosen(board, first, registry)
    known = row_columns(board, registry, words)
    columns: list[TableColumn[Row]] = [
        known["rank"],
        (words("variant"), card),
        (words("sampler"), lambda row: row.key.sampler),
        *(known[key] for key in ("distance", "versus", "recall", "copies")),
    ]
    folder = f"reports/{board.suite.id}"
    lines = [
        *([words("readme_quick", **_size(quick)), ""] if quick else []),
        words("readme_full", **_size(board)),
        "",
        held_out_line(board, words),
        "",
        f"![{words('readme_wall')}]({folder}/{WALL})",
        "",
        *table_of(rows, columns, n_left=3),
        "",
        words("readme_rows", shown=len(rows), total=len(board.rows), quick=QUICK),
        *_scale(board, words),
        "",
        f"![{words('readme_front')}]({folder}/{chart_path('cost', language)})",
    ]
    return "\n".join(lines)


def with_block(readme: str, block: str) -> str:
    """A README with what stands between its marks replaced.

    Raises:
        InvalidInput: it lacks the marks.
    """
    head, begin, rest = readme.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise InvalidInput(f"a README lacks the marks {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{block}\n{END}{tail}"


def _chosen(board: Leaderboard, quick: tuple[str, ...], registry: Registry) -> list[Row]:
    """The leaders, the best row of each family and of each variant named; in the table's order.

    The best of a family is one that is shown to beat the PCA-Gaussian, where there is any.
    """
    shown = [row for row in board.ranked if row.baseline and row.baseline.verdict == "better"]
    best: dict[str, Row] = {}
    for row in (*shown, *board.ranked):
        best.setdefault(f"family {registry.variant(row.key.name).family}", row)
    for row in board.ranked:
        if row.key.name in quick:
            best.setdefault(row.key.name, row)
    wanted = {row.key for row in (*board.ranked[:N_LEADERS], *best.values())}
    return [row for row in board.ranked if row.key in wanted]


def _size(board: Leaderboard) -> dict[str, object]:
    """How much stands in a table, and what its runs took, by their records."""
    scores = [score.record for run in board.runs for score in run.scores]
    walls = [run.train.cost.train_wall_s for run in board.runs if run.train.cost]
    seeds = [len(row.runs) for row in board.rows]
    return {
        "variants": len({row.key.name for row in board.rows}),
        "rows": len(board.rows),
        "low": min(seeds),
        "high": max(seeds),
        "wall": seconds_text(
            sum(walls) + sum(one.sample_wall_s + one.score_wall_s for one in scores)
        ),
    }


def _scale(board: Leaderboard, words: Words) -> list[str]:
    """What images of known quality reach, at the n of the rows and at that of held-out images."""
    found = {
        name.replace("-", "_"): estimate_text(row.estimate("fid"))
        for name in _SCALE
        if (row := board.calibration_row(name)) is not None
    }
    if len(found) < len(_SCALE) or board.calibration_row("held-out") is None:
        return []
    beside = words("readme_scale", n=board.protocol.n_fake, **found)
    return [words.sentences([beside, scale(board, words), words("readme_reading")])]
