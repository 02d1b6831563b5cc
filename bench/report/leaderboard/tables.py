"""The tables of a leaderboard: which columns each has, and what stands in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bench.identity.settings import differences
from bench.records.load_record import LoadRecord
from bench.records.metric_names import MetricName
from bench.report.board.records import Run
from bench.report.board.table import (
    Descent,
    Gap,
    GateResult,
    Leaderboard,
    LoadedRow,
    OwnSettings,
    Row,
    StaleRuns,
)
from bench.report.leaderboard.differing import differing_settings
from bench.report.words import Words
from bench.report.words.rows import (
    distance_text,
    place_text,
    row_name,
    sampler_text,
    seeds_text,
    versus_text,
)
from bench.report.words.spelling import (
    NOTHING,
    estimate_text,
    number_text,
    page_label,
    percent_text,
    ratio_text,
    seconds_text,
    value_text,
)
from bench.stats.intervals import Estimate, t_interval
from catalog.escaping import md_code, md_text
from catalog.markdown_table import markdown_table
from catalog.schema import Convention, Registry
from catalog.schema.resources import Reported

T = TypeVar("T")
TableColumn = tuple[str, Callable[[T], str]]
"""The heading, and what stands below it for each item."""
Columns = dict[str, TableColumn[Row]]


def tables_of(board: Leaderboard, registry: Registry, words: Words) -> dict[str, list[str]]:
    """Every table as lines of Markdown by the key of its title; none where it has no row."""
    columns = row_columns(board, registry, words)
    of_few = row_columns(board, registry, words, board.protocol.n_held_out)
    scores = ["held_out", "copies", "is", "kid", "precision"]
    at_equal_n = ["equal_n"] if board.protocol.n_held_out != board.protocol.n_fake else []
    if any(row.values("label_accuracy") for row in board.rows):
        scores.append("label_accuracy")
    if any(row.values("copy_rate_low") for row in (*board.rows, *board.calibration)):
        scores[2:2] = ["copy_ends", "copy_pixels", "nearest_ratio"]

    def of_rows(rows: Sequence[Row], n_left: int, *keys: str) -> list[str]:
        shown = [columns[key] for key in (*keys, *at_equal_n, *scores)]
        return table_of(rows, shown, n_left=n_left)

    names = ("rank", "variant", "family", "sampler", "seeds")
    few = [row for row in board.calibration if not board.has_all_images(row)]
    reconstructed = [*few, *board.reconstructions] if board.reconstructions else []
    first = {row.key.name: row for row in reversed((*board.rows, *board.reconstructions))}
    trained = [first[name] for name in sorted(first) if first[name].runs]
    costs = ("parameters", "images_seen", "images_per_s", "wall")
    variant: TableColumn[Row] = (words("variant"), lambda row: f"[{row.key.name}]")
    return {
        "ranking": of_rows(
            board.by_distance, 4, *names, "distance", "recall", "versus", "images_seen", "wall"
        ),
        "parents": _parents(board, words),
        "gates": _gates(board, words),
        "measures": _measures(board, words),
        "calibration": of_rows(board.calibration, 1, "set", "draws", "distance", "recall"),
        "reconstructions": table_of(
            reconstructed,
            [of_few[key] for key in ("variant", "sampler", "seeds", "distance", "recall", *scores)],
            n_left=2,
        ),
        "spread": _spread(board, words),
        "costs": table_of(trained, [variant, *(columns[key] for key in costs)], n_left=1),
        "published": _published(board, registry, words),
        "loaded": _loaded(board, columns, words),
        "own": _own(board, columns, words),
        "gaps": _gaps(board, words),
        "stale": _stale(board, words),
        "protocol": _protocol(board, words),
    }


def table_intro(key: str, board: Leaderboard, words: Words) -> str:
    """What stands above a table that has a text ``KEY_intro``."""
    protocol = board.protocol
    equal = key == "calibration" and all(map(board.has_all_images, board.calibration))
    return words(
        f"{key}_intro_equal" if equal else f"{key}_intro",
        held_out=protocol.held_out_split,
        key=protocol.key,
        score=page_label("is", protocol.extractor),
        n_fake=protocol.n_fake,
        n_held_out=protocol.n_held_out,
    )


def table_of(items: Sequence[T], columns: Sequence[TableColumn[T]], *, n_left: int) -> list[str]:
    """A line for each item; no lines without one."""
    if not items:
        return []
    cells = [[cell(item) for _, cell in columns] for item in items]
    return markdown_table([heading for heading, _ in columns], cells, n_left=n_left)


def row_columns(
    board: Leaderboard, registry: Registry, words: Words, n_images: int | None = None
) -> Columns:
    """Everything that a column of rows can show, by a key; cells are Markdown.

    Distance, inception score and recall depend on how many images there are. Their columns say for
    how many they are, and a row that has fewer shows a dash there.

    Args:
        board: whose rows are shown.
        registry: families of the variants.
        words: of leaderboards.
        n_images: that a distance, an inception score or a recall is of; by default as the protocol
            asks.
    """
    protocol = board.protocol
    n_images = n_images or protocol.n_fake
    distance, score, kernel = (page_label(key, protocol.extractor) for key in ("fid", "is", "kid"))
    n, split = protocol.n_held_out, protocol.held_out_split

    def name(row: Row) -> str:
        name = row.key.name if row.kind == "calibration" else f"[{row.key.name}]"
        few = row.n_images is not None and row.n_images < n_images
        return f"{name} (n={row.n_images})" if few else name

    def of_all(cell: Callable[[Row], str]) -> Callable[[Row], str]:
        return lambda row: cell(row) if row.n_images in (n_images, None) else NOTHING

    def metric(key: MetricName, scale: float = 1) -> Callable[[Row], str]:
        return lambda row: estimate_text(row.estimate(key), scale)

    def share(key: MetricName) -> Callable[[Row], str]:
        return lambda row: percent_text(row.estimate(key))

    return {
        "rank": (words("rank"), lambda row: place_text(row, words)),
        "variant": (words("variant"), name),
        "set": (words("set"), name),
        "draws": (words("draws"), lambda row: str(len(row.scores))),
        "family": (
            words("family"),
            lambda row: (
                NOTHING
                if row.kind == "loaded"
                else words(f"family_{registry.variant(row.key.name).family}")
            ),
        ),
        "sampler": (words("sampler"), lambda row: sampler_text(row, words) or NOTHING),
        "seeds": (words("seeds"), lambda row: seeds_text(row, words) if row.runs else NOTHING),
        "distance": (
            words("distance_at", distance=distance, n=n_images),
            of_all(lambda row: distance_text(row, words)),
        ),
        "recall": (words("recall"), of_all(metric("recall"))),
        "versus": (words("versus"), lambda row: versus_text(row, words)),
        "equal_n": (words("equal_n", n=n), metric("fid_equal_n")),
        "held_out": (words("held_out", split=split, n=n), metric("fid_held_out")),
        "copies": (words("copies"), share("copy_rate")),
        "copy_ends": (words("copy_ends"), copy_ends_text),
        "copy_pixels": (words("copy_pixels"), share("copy_rate_pixels")),
        "nearest_ratio": (words("nearest_ratio"), share("nearest_ratio")),
        "is": (f"{score} ↑", of_all(metric("is"))),
        "kid": (f"{kernel} × 10³ ↓", metric("kid", 1000)),
        "precision": (
            words("precision"),
            (lambda _: NOTHING) if board.precision_is_blind else metric("precision"),
        ),
        "label_accuracy": (words("label_accuracy"), share("label_accuracy")),
        "parameters": (words("parameters"), lambda row: number_text(row.cost.parameters)),
        "images_seen": (words("images_seen"), lambda row: number_text(row.cost.images_seen)),
        "images_per_s": (words("images_per_s"), lambda row: number_text(row.cost.images_per_s)),
        "wall": (words("wall"), lambda row: seconds_text(row.cost.wall_s)),
    }


def copy_ends_text(row: Row) -> str:
    """Shares at both ends of what is near, as percentages: ``1.9–7.3 %``."""
    low, high = row.mean("copy_rate_low"), row.mean("copy_rate_high")
    if low is None or high is None:
        return NOTHING
    return f"{100 * low:.3g}–{100 * high:.3g} %"


def _parents(board: Leaderboard, words: Words) -> list[str]:
    """Each row beside its parent's, with all that may explain the ratio."""
    columns: list[TableColumn[Descent]] = [
        (words("row_of"), lambda one: row_name(one.child, words)),
        (words("parent"), lambda one: row_name(one.parent, words)),
        (words("ratio"), lambda one: ratio_text(one.contrast)),
        (words("verdict"), lambda one: words(one.contrast.verdict)),
        (words("differs"), lambda one: differing_settings(one, words)),
    ]
    return table_of(board.descents, columns, n_left=len(columns))


def _gates(board: Leaderboard, words: Words) -> list[str]:
    """What some rows must reach in every training, and the worst that they reached."""
    columns: list[TableColumn[GateResult]] = [
        (words("variant"), lambda one: f"[{one.variant}]"),
        (words("gate"), lambda one: md_text(one.gate.text.in_language(words.language))),
        (words("gate_needs"), lambda one: f"{one.gate.at_least:g}"),
        (words("gate_worst"), lambda one: value_text(one.worst)),
        (words("seeds"), lambda one: str(len(one.values))),
        (words("gate_met"), lambda one: words("gate_passed" if one.passed else "gate_missed")),
    ]
    return table_of(board.gates, columns, n_left=2)


def measured(runs: Iterable[Run]) -> dict[tuple[str, str], Estimate]:
    """What models measure of themselves on held-out images, by variant and name, over seeds."""
    values: dict[tuple[str, str], list[float]] = {}
    for run in runs:
        for name, value in (run.train.measures.values if run.train.measures else {}).items():
            values.setdefault((run.train.spec.variant, name), []).append(value)
    return {key: t_interval(values[key]) for key in sorted(values)}


def _measures(board: Leaderboard, words: Words) -> list[str]:
    columns: list[TableColumn[tuple[tuple[str, str], Estimate]]] = [
        (words("variant"), lambda one: f"[{one[0][0]}]"),
        (words("measure"), lambda one: md_code(one[0][1])),
        (words("value"), lambda one: estimate_text(one[1], interval=True)),
        (words("seeds"), lambda one: str(one[1].n)),
    ]
    return table_of(list(measured(board.runs).items()), columns, n_left=2)


def _spread(board: Leaderboard, words: Words) -> list[str]:
    """The kinds of spread side by side."""
    distance, score, kernel = (
        page_label(key, board.protocol.extractor) for key in ("fid", "is", "kid")
    )

    def row_of_n(row: Row) -> str:
        name = row_name(row, words)
        return name if board.has_all_images(row) else f"{name} (n={row.n_images})"

    columns: list[TableColumn[Row]] = [
        (words("row_of"), row_of_n),
        (
            words("distance_at", distance=distance, n=board.protocol.n_fake),
            lambda row: estimate_text(row.estimate("fid") if board.has_all_images(row) else None),
        ),
        (words("spread_trainings"), lambda row: value_text(row.spread.trainings)),
        (words("spread_draws"), lambda row: value_text(row.spread.draws)),
        (words("spread_sampling"), lambda row: value_text(row.spread.sampling)),
        (words("spread_splits", score=score), lambda row: value_text(row.spread.splits)),
        (
            words("spread_subsets", kernel=kernel),
            lambda row: value_text(row.spread.subsets, 1000),
        ),
    ]
    rows = [row for row in (*board.rows, *board.calibration) if row.scores]
    return table_of(rows, columns, n_left=1)


def _published(board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    """What others report for the variants of the page, each number with its protocol."""

    def value(number: Reported) -> str:
        spread = "" if number.spread is None else f" ± {number.spread:g}"
        unsure = words("unsure") if number.certainty == "unsure" else ""
        return f"{number.value:g}{spread}{unsure}"

    columns: list[TableColumn[tuple[str, Reported]]] = [
        (words("variant"), lambda one: f"[{one[0]}]"),
        (words("published_data"), lambda one: md_text(one[1].dataset)),
        (
            words("published_metric"),
            lambda one: f"{md_text(one[1].metric)} {'↑' if one[1].better == 'higher' else '↓'}",
        ),
        (words("value"), lambda one: value(one[1])),
        (words("setting"), lambda one: md_text(one[1].setting or NOTHING)),
        (words("source"), lambda one: md_text(one[1].source)),
    ]
    names = sorted({row.key.name for row in (*board.rows, *board.reconstructions)})
    numbers = [(name, number) for name in names for number in registry.variant(name).reported]
    return table_of(numbers, columns, n_left=6)


def _gaps(board: Leaderboard, words: Words) -> list[str]:
    """Planned runs without a number."""
    columns: list[TableColumn[Gap]] = [
        (words("variant"), lambda gap: f"[{gap.variant}]"),
        (words("which_seeds"), lambda gap: ", ".join(map(str, gap.seeds))),
        (words("status"), lambda gap: words(f"gap_{gap.status}")),
        (words("reason"), lambda gap: md_text(gap.reason or NOTHING)),
    ]
    return table_of(board.gaps, columns, n_left=4)


def _own(board: Leaderboard, shown: Columns, words: Words) -> list[str]:
    """Runs at settings of one's own, in the order of their names: they are not ranked."""

    def of_row(key: str) -> TableColumn[OwnSettings]:
        heading, cell = shown[key]
        return heading, lambda own: cell(own.row)

    distance = page_label("fid", board.protocol.extractor)
    columns: list[TableColumn[OwnSettings]] = [
        (words("variant"), lambda own: f"[{own.row.key.name}]"),
        of_row("sampler"),
        (words("updates"), lambda own: number_text(own.row.runs[0].train.spec.steps)),
        (words("which_seeds"), lambda own: _seeds_of(own.row)),
        (words("images"), lambda own: number_text(own.row.n_images)),
        (f"{distance} ↓", lambda own: estimate_text(own.row.estimate("fid"))),
        (words("recall"), lambda own: estimate_text(own.row.estimate("recall"))),
        (words("reason"), lambda own: md_text("; ".join(own.reasons))),
    ]
    return table_of(board.own, columns, n_left=2)


def _loaded(board: Leaderboard, shown: Columns, words: Words) -> list[str]:
    """What others made: where it is from, whose it is, and how its images were drawn."""
    heading, distance = shown["distance"]

    def licence(one: LoadedRow) -> str:
        return md_text(one.run.load.licence or words("licence_unknown"))

    columns: list[TableColumn[LoadedRow]] = [
        (words("variant"), lambda one: f"[{one.row.key.name}]"),
        (words("source"), lambda one: md_text(one.run.load.source)),
        ("sha256", lambda one: md_code(one.run.load.spec.sha256[:12])),
        (words("licence"), licence),
        (words("convention"), lambda one: md_text(convention_text(one.run.load, words))),
        (words("doubts"), lambda one: md_text("; ".join(one.run.load.warnings) or NOTHING)),
        (heading, lambda one: distance(one.row)),
    ]
    return table_of(board.loaded, columns, n_left=6)


def convention_text(load: LoadRecord, words: Words) -> str:
    """How images of a loaded row were drawn, in the words of options; what is usual is left out."""
    convention = load.spec.convention
    if convention is None:
        return words("samples_as_they_are")
    usual = Convention(channels=convention.channels, resolution=convention.resolution)
    told = differences(usual.model_dump(mode="json"), convention.model_dump(mode="json"))
    shape = "x".join(map(str, convention.noise_shape)) or NOTHING
    shown: dict[str, str] = {"noise": convention.noise, "noise_shape": shape}
    shown["range"] = convention.range
    shown |= {key: str(value) for key, (_, value) in told.items() if key not in shown}
    return ", ".join(f"{key} {value}" for key, value in shown.items() if "shape." not in key)


def _seeds_of(row: Row) -> str:
    return ", ".join(str(run.train.spec.seed) for run in row.runs)


def _stale(board: Leaderboard, words: Words) -> list[str]:
    """Runs of another plan."""
    columns: list[TableColumn[StaleRuns]] = [
        (words("variant"), lambda stale: stale.variant),
        (words("which_seeds"), lambda stale: ", ".join(map(str, stale.seeds))),
        (words("differs"), lambda stale: ", ".join(map(md_code, stale.differs_in))),
    ]
    return table_of(board.stale, columns, n_left=3)


def _protocol(board: Leaderboard, words: Words) -> list[str]:
    """Every field that enters the comparability key."""
    stamp = board.protocol.model_dump(mode="json")

    def value(name: str) -> str:
        return NOTHING if stamp[name] is None else md_text(str(stamp[name]))

    columns: list[TableColumn[str]] = [
        (words("field"), lambda name: f"`{name}`"),
        (
            words("value"),
            lambda name: NOTHING if stamp[name] is None else md_text(str(stamp[name])),
        ),
    ]
    return table_of(list(stamp), columns, n_left=2)
