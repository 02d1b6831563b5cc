"""The pictures of a card as Markdown: sample grids, and what was drawn of a training."""

from __future__ import annotations

from bench.records.files import CURVE
from bench.replay.pictures.record import PICTURES_FOLDER, PictureName, Pictures
from bench.report.board.records import Run
from bench.report.board.table import Row
from bench.report.card.gather import Card, OnSuite
from bench.report.charts import losses_svg
from bench.report.leaderboard.publish import grid_link
from bench.report.words import Language, Words, localized
from bench.report.words.rows import plain_name
from bench.report.words.spelling import number_text
from catalog.escaping import md_label, md_target, md_text

HASH_DIGITS = 8


def samples_part(card: Card, words: Words) -> list[str]:
    """The sample grid of every row that has one."""
    grids: dict[tuple[str, str], list[str]] = {}
    for one in card.suites:
        for row in one.rows:
            if row.grid is not None and row.grid.is_file():
                # Suites share trainings, and a training has one grid.
                drawn = (row.runs[0].train.run_id, row.grid.name)
                grids.setdefault(drawn, _grid(row, one, words))
    if not grids:
        return [words("samples_none")]
    return [words("samples_intro"), *(line for grid in grids.values() for line in ("", *grid))]


def pictures_part(card: Card, words: Words) -> list[str]:
    """What was drawn, for each table; where nothing was, how to draw it for the first one."""
    made = [one for one in card.suites if one.state in ("drawn", "stale")]
    shown = made or [one for one in card.suites if one.state == "none"][:1]
    lines: list[str] = []
    for one in shown:
        if one.state == "drawn" and one.pictures is not None:
            lines += _drawn(card, one, one.pictures, words)
        elif one.drawable is not None:
            lines += ["", *_undrawn(card, one, one.drawable, words)]
    return lines[1:] or [words("pictures_unmade")]


def curves_part(card: Card, words: Words) -> list[str]:
    """How the trainings went: the curves of the table that has most of them."""
    one = _longest(card)
    if one is None:
        return []
    n = len([run for run in one.runs if run.train.status == "success"])
    text = words("curves_text", suite=one.suite.id, n=n, steps=one.suite.steps)
    return [text, "", f"![{words('curves_alt')}]({_curves_path(card, words.language)})"]


def curves_file(card: Card, language: Language) -> tuple[str, str] | None:
    """Path of that chart, seen from the folder of cards, and its SVG; None without a curve.

    Raises:
        InvalidInput: the curve of a run is broken.
    """
    one = _longest(card)
    svg = losses_svg(one.runs, language) if one else None
    return None if svg is None else (_curves_path(card, language), svg)


def _curves_path(card: Card, language: Language) -> str:
    return f"curves/{localized(f'{card.variant.id}.svg', language)}"


def _longest(card: Card) -> OnSuite | None:
    """The table with the most trainings that left a curve, the first of equal ones."""
    with_curves = [
        one for one in card.suites if any((run.directory / CURVE).is_file() for run in one.runs)
    ]
    return max(with_curves, key=lambda one: len(one.runs), default=None)


def _grid(row: Row, one: OnSuite, words: Words) -> list[str]:
    name, seed = plain_name(row, words), row.runs[0].train.spec.seed
    caption = words("grid_caption", suite=one.suite.id, row=name, seed=seed)
    target = md_target(f"../{one.suite.id}/{grid_link(row)}")
    return [f"{caption}\\", f"![{md_label(caption)}]({target})"]


def _undrawn(card: Card, one: OnSuite, run: Run, words: Words) -> list[str]:
    said = words(
        f"pictures_{one.state}",
        suite=one.suite.id,
        seed=run.train.spec.seed,
        new=run.train.train_hash[:HASH_DIGITS],
        old=one.pictures.train_hash[:HASH_DIGITS] if one.pictures else "",
    )
    command = f"aigc report card {card.variant.id} --draw --suite {one.suite.id}"
    return [said, "", "```sh", command, "```"]


def _drawn(card: Card, one: OnSuite, pictures: Pictures, words: Words) -> list[str]:
    name = card.variant.name.in_language(words.language)
    steps = words.join([str(step) for step in pictures.moments])
    told = {"name": name, "suite": one.suite.id, "n": len(pictures.moments)}
    blocks: tuple[tuple[PictureName, str, str], ...] = (
        ("training", "training", words("training_text", steps=steps)),
        ("interpolation", "between", _between(pictures, one, words)),
        ("neighbours", "near", _near(pictures, words)),
    )
    lines = ["", _origin(pictures, one, words)]
    for picture, key, text in blocks:
        title = words("section_of", title=words(f"{key}_title"), suite=one.suite.id)
        lines += ["", f"### {title}", "", text]
        if picture in pictures.files:
            alt = words(f"{key}_alt", **told)
            folder = f"../{one.suite.id}/{PICTURES_FOLDER}/{card.variant.id}"
            lines += ["", f"![{md_label(alt)}]({md_target(f'{folder}/{picture}.png')})"]
    return lines


def _origin(pictures: Pictures, one: OnSuite, words: Words) -> str:
    """What was trained again, and whether it is what is on record."""
    key = "drawn_equal" if pictures.equal_to_record else "drawn_other"
    if pictures.same_machine and not pictures.equal_to_record:
        key = "drawn_differs"
    return words(
        key,
        seed=pictures.seed,
        suite=one.suite.id,
        machine=md_text(pictures.environment.device_name),
        recorded=md_text(one.drawable.train.environment.device_name) if one.drawable else "",
        sampler=pictures.sampler,
        ema=words("with_average") if pictures.ema else "",
    )


def _between(pictures: Pictures, one: OnSuite, words: Words) -> str:
    """What lies between two images; a variant that is asked for a class has scores of that."""
    conditional = any(row.values("label_accuracy") for row in one.rows)
    label = words("same_label") if conditional else ""
    return words(f"between_{pictures.between}", label=label)


def _near(pictures: Pictures, words: Words) -> str:
    columns = pictures.nearest
    return words(
        "near_text",
        layer=pictures.layer,
        extractor=pictures.extractor,
        n_first=len(pictures.first),
        n_images=pictures.n_images,
        pixels=number_text(min(column.by_pixels.distance for column in columns)),
        features=number_text(min(column.by_features.distance for column in columns)),
    )
