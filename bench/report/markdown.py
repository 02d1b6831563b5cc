"""The leaderboard as a Markdown page that reads well on GitHub and in a terminal.

A function of the leaderboard and the registry alone: no dates, no absolute paths, so that making
it again changes no byte. Images and records are linked below ``records/`` beside the page.
"""

from __future__ import annotations

from collections.abc import Sequence

from bench.report.frames import Leaderboard, Row
from bench.report.layout import (
    NOTHING,
    estimate_text,
    metric_label,
    number_text,
    seconds_text,
    table,
)
from bench.report.notes import notes, row_name, sampler_text, status_line
from bench.report.texts import Language, Words
from bench.stats import Estimate, RankRange
from bench.store import CALIBRATION
from catalog.schema import Registry

RECORDS = "records"


def leaderboard_page(board: Leaderboard, registry: Registry, language: Language) -> str:
    """The whole page, ending in one line break."""
    words = Words(language)
    lines = [
        f"# {words('title', suite=board.suite.title.in_language(language))}",
        "",
        _intro(board, registry, words),
        "",
        status_line(board, words),
        *_section(words("ranking"), _main_table(board, board.rows, words)),
        *_section(words("notes"), [f"- {note}" for note in notes(board, words)]),
        *_unranked(board, words),
        *_gaps(board, words),
        *_stale(board, words),
        *_details(board, registry, words),
        *_protocol(board, words),
        *_again(board, words),
        "",
        *_links(board, registry),
    ]
    return "\n".join(lines).rstrip("\n") + "\n"


def _section(title: str, body: Sequence[str], intro: str | None = None) -> list[str]:
    if not body:
        return []
    return ["", f"## {title}", "", *([intro, ""] if intro else []), *body]


def _intro(board: Leaderboard, registry: Registry, words: Words) -> str:
    protocol = board.protocol
    return words(
        "intro",
        steps=board.suite.steps,
        dataset=registry.dataset(board.suite.dataset).name.in_language(words.language),
        distance=metric_label("fid", protocol.extractor),
        n_fake=protocol.n_fake,
        n_reference=protocol.n_reference,
        reference=protocol.reference_split,
    )


def _main_table(board: Leaderboard, rows: Sequence[Row], words: Words) -> list[str]:
    if not rows:
        return []
    protocol = board.protocol
    distance, score, kernel = (metric_label(m, protocol.extractor) for m in ("fid", "is", "kid"))
    headers = [
        words("rank"),
        words("set" if rows[0].kind == "calibration" else "variant"),
        words("sampler"),
        words("seeds"),
        f"{distance} ↓",
        words("versus"),
        f"{score} ↑",
        f"{kernel} × 10³ ↓",
        words("precision"),
        words("recall"),
        words("held_out", split=protocol.held_out_split, n=protocol.n_held_out),
        words("copies"),
        words("parameters"),
        words("images_seen"),
        words("images_per_s"),
        words("wall"),
    ]
    return table(headers, [_cells(row, board, words) for row in rows], n_left=3)


def _cells(row: Row, board: Leaderboard, words: Words) -> list[str]:
    distance = estimate_text(row.estimate("fid"), interval=True)
    cost = row.cost
    return [
        _rank(row.rank),
        _name(row, board.protocol.n_fake),
        sampler_text(row, words) or NOTHING,
        _seeds(row, words),
        distance if row.scores else words("failed"),
        words(row.verdict) if row.verdict else NOTHING,
        estimate_text(row.estimate("is")),
        estimate_text(row.estimate("kid"), 1000),
        estimate_text(row.estimate("precision")),
        estimate_text(row.estimate("recall")),
        estimate_text(row.estimate("fid_held_out")),
        _percent(row.estimate("copy_rate")),
        number_text(cost.parameters),
        number_text(cost.images_seen),
        number_text(cost.images_per_s),
        seconds_text(cost.wall_s),
    ]


def _rank(rank: RankRange | None) -> str:
    if rank is None:
        return NOTHING
    return str(rank.low) if rank.low == rank.high else f"{rank.low}–{rank.high}"


def _name(row: Row, n_fake: int) -> str:
    name = row.key.name if row.kind == "calibration" else f"[{row.key.name}]"
    few = row.n_images is not None and row.n_images < n_fake
    return f"{name} (n={row.n_images})" if few else name


def _seeds(row: Row, words: Words) -> str:
    if row.kind == "calibration":
        return NOTHING
    n = len(row.runs)
    seeds = str(n) if n == row.n_planned else words("seeds_of", n=n, planned=row.n_planned)
    return words("provisional", seeds=seeds) if row.provisional else seeds


def _percent(rate: Estimate | None) -> str:
    return NOTHING if rate is None else f"{estimate_text(rate, 100)} %"


def _unranked(board: Leaderboard, words: Words) -> list[str]:
    calibration = _main_table(board, board.calibration, words)
    reconstructions = _main_table(board, board.reconstructions, words)
    held_out = board.protocol.held_out_split
    return [
        *_section(words("calibration"), calibration, words("calibration_intro")),
        *_section(
            words("reconstructions"),
            reconstructions,
            words("reconstructions_intro", held_out=held_out),
        ),
    ]


def _gaps(board: Leaderboard, words: Words) -> list[str]:
    headers = [words("variant"), words("which_seeds"), words("status"), words("reason")]
    rows = [
        [f"[{gap.variant}]", _numbers(gap.seeds), words(f"gap_{gap.status}"), gap.reason or NOTHING]
        for gap in board.gaps
    ]
    body = table(headers, rows, n_left=4) if rows else []
    return _section(words("gaps"), body, words("gaps_intro"))


def _stale(board: Leaderboard, words: Words) -> list[str]:
    headers = [words("variant"), words("which_seeds"), words("differs")]
    rows = [
        [stale.variant, _numbers(stale.seeds), ", ".join(f"`{key}`" for key in stale.differs_in)]
        for stale in board.stale
    ]
    body = table(headers, rows, n_left=3) if rows else []
    return _section(words("stale"), body, words("stale_intro"))


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _details(board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    rows = (*board.rows, *board.reconstructions, *board.calibration)
    lines = [line for row in rows for line in _detail(row, board, registry, words)]
    return _section(words("rows"), lines[1:])


def _detail(row: Row, board: Leaderboard, registry: Registry, words: Words) -> list[str]:
    command = f"aigc bench run {board.suite.id}"
    about: list[str] = []
    if row.kind != "calibration":
        command += f" {row.key.name}"
        variant = registry.variant(row.key.name)
        paper = registry.resource(variant.paper)
        title = paper.title.in_language(words.language)
        about = [
            variant.summary.in_language(words.language),
            words("paper", title=title, url=paper.url),
        ]
        if variant.deviations:
            about.append(words("deviations", list=" ".join(variant.deviations)))
    paragraphs = [
        f"### {row_name(row, words)}",
        *([words.sentences(about)] if about else []),
        *_grid(row, words),
        *_scores(row, board, words),
        words("made_with", command=command),
    ]
    return [line for paragraph in paragraphs for line in ("", paragraph)]


def _grid(row: Row, words: Words) -> list[str]:
    if row.grid is None or not row.grid.is_file():
        return []
    folder = row.runs[0].train.run_id if row.runs else CALIBRATION
    link = f"{RECORDS}/{folder}/{row.grid.name}"
    if not row.runs:
        return [f"![{row.key.name}]({link})"]
    name = row_name(row, words).replace("`", "")
    seed = row.runs[0].train.spec.seed
    return [f"![{words('samples_of', row=name, seed=seed)}]({link})"]


def _scores(row: Row, board: Leaderboard, words: Words) -> list[str]:
    """Links from every value of the ranking distance to the record that holds it."""
    label = metric_label("fid", board.protocol.extractor)
    values = row.values("fid")
    if not values:
        return []
    if row.kind == "calibration":
        link = f"{RECORDS}/{CALIBRATION}/{row.scores[0].path.name}"
        return [f"{label}: [{values[0]:.5g}]({link})"]
    links = [
        f"{run.train.spec.seed}: [{value:.5g}]"
        f"({RECORDS}/{run.train.run_id}/scores/{score.path.name})"
        for run, score, value in zip(row.runs, row.scores, values, strict=True)
    ]
    return [words("by_seed", distance=label, list=words.join(links))]


def _protocol(board: Leaderboard, words: Words) -> list[str]:
    stamp = board.protocol.model_dump(mode="json")
    rows = [
        [f"`{name}`", NOTHING if value is None else str(value)] for name, value in stamp.items()
    ]
    body = table([words("field"), words("value")], rows, n_left=2)
    return _section(words("protocol"), body, words("protocol_intro", key=board.protocol.key))


def _again(board: Leaderboard, words: Words) -> list[str]:
    suite = board.suite.id
    language = "" if words.language == "en" else f" --lang {words.language}"
    body = [
        "```sh",
        f"aigc bench run {suite}",
        f"aigc report leaderboard {suite} --runs reports/{suite}/{RECORDS}{language}",
        "```",
    ]
    return _section(words("again"), body, words("again_body"))


def _links(board: Leaderboard, registry: Registry) -> list[str]:
    rows = (*board.rows, *board.reconstructions)
    names = {row.key.name for row in rows} | {gap.variant for gap in board.gaps}
    papers = {name: registry.resource(registry.variant(name).paper) for name in sorted(names)}
    return [f"[{name}]: {paper.url}" for name, paper in papers.items()]
