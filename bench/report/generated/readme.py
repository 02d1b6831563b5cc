"""The part of a README that quotes a leaderboard: two pictures, and rows chosen by a rule."""

from __future__ import annotations

from bench.report.board.table import BASELINE, Leaderboard, Row
from bench.report.leaderboard.pictures import WALL, chart_path
from bench.report.leaderboard.tables import TableColumn, row_columns, table_of
from bench.report.words import Language, Words, localized
from bench.report.words.spelling import estimate_text
from catalog.errors import InvalidInput
from catalog.schema import Registry

README = "README.md"
BEGIN, END = "<!-- leaderboard:begin -->", "<!-- leaderboard:end -->"
SUITE, QUICK = "digits", "digits-quick"
N_LEADERS = 5

_SCALE = ("held-out", "class-pca-gaussian", BASELINE, "mean-image")


def readme_block(
    board: Leaderboard, quick: tuple[str, ...], registry: Registry, language: Language
) -> str:
    """Everything that stands between the marks.

    Args:
        board: the table that is quoted.
        quick: variants that stand in it whatever their place.
        registry: families of the variants.
        language: of the README.
    """

    def card(row: Row) -> str:
        return f"[{row.key.name}](reports/cards/{localized(f'{row.key.name}.md', language)})"

    words = Words(language)
    rows = _chosen(board, quick, registry)
    known = row_columns(board, registry, words)
    columns: list[TableColumn[Row]] = [
        known["rank"],
        (words("variant"), card),
        (words("sampler"), lambda row: row.key.sampler),
        *(known[key] for key in ("distance", "versus", "recall", "copies")),
    ]
    folder = f"reports/{board.suite.id}"
    lines = [
        f"![{words('readme_wall')}]({folder}/{WALL})",
        "",
        *table_of(rows, columns, n_left=3),
        "",
        words("readme_rows", shown=len(rows), total=len(board.rows), quick=QUICK),
        _scale(board, words),
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


def _scale(board: Leaderboard, words: Words) -> str:
    """What images of known quality reach."""
    found = {
        name.replace("-", "_"): estimate_text(row.estimate("fid"))
        for name in _SCALE
        if (row := board.calibration_row(name)) is not None
    }
    return words("readme_scale", **found) if len(found) == len(_SCALE) else ""
