"""The pictures of a card as Markdown: sample grids, and what was drawn of a training."""

from __future__ import annotations

from bench.replay.pictures.record import FOLDER, Column, PictureName, Pictures
from bench.report.board.records import Run
from bench.report.board.table import Row
from bench.report.card.gather import Card, OnSuite
from bench.report.generated.commands import RECORDS
from bench.report.leaderboard.notes import row_name
from bench.report.words.report import Words
from bench.report.words.spelling import number_text

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


def picture_link(one: OnSuite, variant: str, name: PictureName) -> str:
    """Where a picture lies, seen from the folder of cards."""
    return f"../{one.suite.id}/{FOLDER}/{variant}/{name}.png"


def grid_link(row: Row, one: OnSuite) -> str:
    """Where the sample grid of a row lies, seen from the folder of cards; the row has one."""
    name = row.grid.name if row.grid is not None else ""
    return f"../{one.suite.id}/{RECORDS}/{row.runs[0].train.run_id}/{name}"


def draw_command(card: Card, one: OnSuite) -> str:
    """Draws the pictures of a table."""
    return f"aigc report card {card.variant.id} --draw --suite {one.suite.id}"


def _grid(row: Row, one: OnSuite, words: Words) -> list[str]:
    name = row_name(row, words).replace("`", "")
    seed = row.runs[0].train.spec.seed
    caption = words("grid_caption", suite=one.suite.id, row=name, seed=seed)
    return [f"{caption}<br>", f"![{caption}]({grid_link(row, one)})"]


def _undrawn(card: Card, one: OnSuite, run: Run, words: Words) -> list[str]:
    said = words(
        f"pictures_{one.state}",
        suite=one.suite.id,
        seed=run.train.spec.seed,
        new=run.train.train_hash[:HASH_DIGITS],
        old=one.pictures.train_hash[:HASH_DIGITS] if one.pictures else "",
    )
    return [said, "", "```sh", draw_command(card, one), "```"]


def _drawn(card: Card, one: OnSuite, pictures: Pictures, words: Words) -> list[str]:
    name = card.variant.name.in_language(words.language)
    told = {"name": name, "suite": one.suite.id, "n": len(pictures.moments)}
    blocks: tuple[tuple[PictureName, str, str], ...] = (
        ("training", "training", words("training_text", steps=_steps(pictures, words))),
        ("interpolation", "between", _between(pictures, one, words)),
        ("neighbours", "near", _near(pictures, words)),
    )
    lines = ["", _origin(pictures, one, words)]
    for picture, key, text in blocks:
        title = words("section_of", title=words(f"{key}_title"), suite=one.suite.id)
        lines += ["", f"### {title}", "", text]
        if picture in pictures.files:
            alt = words(f"{key}_alt", **told)
            lines += ["", f"![{alt}]({picture_link(one, card.variant.id, picture)})"]
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
        machine=pictures.environment.device_name,
        recorded=one.drawable.train.environment.device_name if one.drawable else "",
        sampler=pictures.sampler,
        ema=words("with_average") if pictures.ema else "",
    )


def _steps(pictures: Pictures, words: Words) -> str:
    return words.join([str(step) for step in pictures.moments])


def _between(pictures: Pictures, one: OnSuite, words: Words) -> str:
    label = words("same_label") if _is_conditional(one) else ""
    return words(f"between_{pictures.between}", label=label)


def _is_conditional(one: OnSuite) -> bool:
    """Whether the variant's images are asked for a class, which their scores then have."""
    return any(row.values("label_accuracy") for row in one.rows)


def _near(pictures: Pictures, words: Words) -> str:
    columns = pictures.nearest
    return words(
        "near_text",
        layer=pictures.layer,
        extractor=pictures.extractor,
        n_first=len(pictures.first),
        n_images=pictures.n_images,
        pixels=number_text(min(_pixels(column) for column in columns)),
        features=number_text(min(column.by_features.distance for column in columns)),
    )


def _pixels(column: Column) -> float:
    return column.by_pixels.distance
