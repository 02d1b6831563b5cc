"""The card of a variant: numbers as in results.csv, errata as in the registry, links that exist."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from helpers import CLONE, Aigc

from bench.replay.pictures.record import RECORD, Pictures, pictures_folder
from bench.report.board.table import Leaderboard
from bench.report.card.gather import Card, card_of
from bench.report.card.page import card_page
from bench.report.card.recipe import recipe_facts
from bench.report.card.write import committed_pictures
from bench.report.words import Language
from bench.report.words.spelling import estimate_text
from catalog.browse.items import errata_of
from catalog.errors import UsageError
from catalog.schema import Registry

REPORTS = CLONE / "reports"
LANGUAGES: tuple[Language, ...] = ("en", "zh")
SHOWN = ("dcgan", "vae", "sngan-resnet", "dall-e", "dall-e-shapes", "stylegan2")


def made(name: str, registry: Registry, boards: dict[str, Leaderboard]) -> Card:
    return card_of(name, registry, boards)


def record_of(card: Card, **changes: Any) -> Pictures:
    """A record of pictures as drawing the card's first run on another machine would leave it."""
    run = card.suites[0].drawable
    assert run is not None
    neighbour = {"index": 3, "distance": 12.5}
    column = {"image": 0, "by_pixels": neighbour, "by_features": neighbour | {"distance": 0.25}}
    files = ("training", "interpolation", "neighbours")
    data = {
        "suite": card.suites[0].suite.id,
        "variant": card.variant.id,
        "run_id": run.train.run_id,
        "train_hash": run.train.train_hash,
        "seed": run.train.spec.seed,
        "sampler": "prior",
        "ema": False,
        "environment": run.train.environment.model_dump(),
        "same_machine": False,
        "equal_to_record": False,
        "weights": [{"path": "weights.safetensors", "sha256": "a" * 64, "recorded_sha256": None}],
        "moments": [30, 1000],
        "between": "slerp",
        "n_images": 500,
        "extractor": "digits-cnn",
        "layer": "grid",
        "first": [column],
        "nearest": [column],
        "files": dict.fromkeys(files, "b" * 64),
    }
    return Pictures.model_validate_json(json.dumps(data | changes))


# What stands where.


def test_every_folder_of_records_has_its_table(boards: dict[str, Leaderboard]) -> None:
    assert set(boards) == {folder.parent.name for folder in REPORTS.glob("*/records")}
    assert all(name == board.suite.id for name, board in boards.items())
    assert {"digits", "mnist-tiny"} <= boards.keys()


@pytest.mark.parametrize("name", SHOWN)
def test_numbers_are_those_of_results_csv(
    registry: Registry, boards: dict[str, Leaderboard], name: str
) -> None:
    card = made(name, registry, boards)
    assert card.suites
    pages = [card_page(card, registry, language) for language in LANGUAGES]
    for one in card.suites:
        table = pd.read_csv(REPORTS / one.suite.id / "results.csv")
        table = table[(table.variant == name) & (table.kind != "gap")]
        assert len(table) == len(one.rows)
        for row, (_, csv) in zip(one.rows, table.iterrows(), strict=True):
            distance = row.estimate("fid")
            assert distance is not None
            assert distance.mean == pytest.approx(csv["mean"], rel=1e-12)
            assert csv.metric == one.metric
            assert len(row.runs) == csv.n_train_seeds
            shown = f"{one.metric} {estimate_text(distance, interval=True)} "
            assert all(shown in page for page in pages)
            if row.rank is not None:
                assert (row.rank.low, row.rank.high) == (csv.rank_low, csv.rank_high)
        first = table.iloc[0]
        assert one.cost.wall_s == pytest.approx(first.train_wall_s)
        assert one.cost.parameters == first.parameters_sampling


def test_the_card_of_a_row_has_its_runs_for_charts(
    registry: Registry, boards: dict[str, Leaderboard]
) -> None:
    one = next(o for o in made("dcgan", registry, boards).suites if o.suite.id == "digits")
    assert [run.train.spec.seed for run in one.runs] == [0, 1, 2, 3, 4]
    assert all((run.directory / "curve.csv").is_file() for run in one.runs)
    assert one.drawable is one.runs[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_errata_of_the_paper_stand_on_the_page(
    registry: Registry, boards: dict[str, Leaderboard], language: Language
) -> None:
    card = made("dcgan", registry, boards)
    page = card_page(card, registry, language)
    errata = errata_of(registry, "dcgan-paper")
    assert {"E-02", "E-36"} <= {erratum.id for erratum in errata}
    for erratum in errata:
        assert f"#{erratum.id.lower()})" in page
        assert erratum.correction(language) in page
    related = {erratum.id for one in card.related for erratum in one.errata}
    assert "K-08" in related
    assert related.isdisjoint({erratum.id for erratum in errata})
    assert "printed-loss" in {claim.id for claim in card.claims}


def test_the_parent_stands_beside_its_child(
    registry: Registry, boards: dict[str, Leaderboard]
) -> None:
    card = made("dall-e", registry, boards)
    assert card.parent is not None
    table = pd.read_csv(REPORTS / "digits" / "results.csv")
    csv = table[(table.variant == "dall-e") & table.parent_ratio.notna()].iloc[0]
    (descent,) = card.suites[0].descents
    assert descent.contrast.ratio == pytest.approx(csv.parent_ratio)
    page = card_page(card, registry, "en")
    assert f"{csv.parent_ratio:.3g} (" in page
    assert "[`vq-vae`](vq-vae.md)" in page
    root = card_page(made("dcgan", registry, boards), registry, "en")
    assert "It has no parent" in root


# The recipe.


def test_settings_are_said_inherited_or_default(registry: Registry) -> None:
    parent = registry.variant("dcgan")
    child = next(v for v in registry.variants if v.parent == "dcgan" and v.id == "lsgan")
    facts = recipe_facts(child, registry, ["digits"])
    assert facts.has_parents_algorithm
    by_name = {setting.name: setting for setting in facts.settings}
    rate, loss = by_name["optimizer.lr"], by_name["loss"]
    assert (rate.values["digits"], rate.default) == ("0.0005", "0.0002")
    assert rate.origin == "inherited"
    assert not rate.is_new
    assert (loss.values["digits"], loss.origin, loss.is_new) == ("least-squares", "own", True)
    assert loss.parent["digits"] == "non-saturating"
    of_parent = recipe_facts(parent, registry, ["digits"])
    assert {setting.origin for setting in of_parent.settings} == {"own"}
    other = recipe_facts(registry.variant("dall-e"), registry, ["digits"])
    assert not other.has_parents_algorithm
    assert not other.settings[0].parent


# Pictures.


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_pictures_the_card_says_how_to_draw_them(
    registry: Registry, boards: dict[str, Leaderboard], language: Language
) -> None:
    page = card_page(made("r1-gan", registry, boards), registry, language)
    assert "aigc report card r1-gan --draw --suite digits-quick" in page
    assert "/pictures/" not in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_pictures_are_shown_with_what_they_were_drawn_from(
    registry: Registry, boards: dict[str, Leaderboard], language: Language
) -> None:
    record = record_of(made("r1-gan", registry, boards))
    page = card_page(
        card_of("r1-gan", registry, boards, {record.suite: record}), registry, language
    )
    for name in ("training", "interpolation", "neighbours"):
        assert f"](../{record.suite}/pictures/r1-gan/{name}.png)" in page
    assert {"en": "after 30, 1000 updates", "zh": "30、1000步更新之后"}[language] in page
    assert "12.5" in page
    assert "0.250" in page
    assert "--draw" not in page
    assert record.environment.device_name in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train_hash": "c" * 64}, "the pictures that are there show another training"),
        ({}, "on another machine, or with other versions"),
        ({"same_machine": True}, "on the recorded machine, and its weights are not the recorded"),
        (
            {
                "same_machine": True,
                "equal_to_record": True,
                "weights": [
                    {"path": "weights.safetensors", "sha256": "a" * 64, "recorded_sha256": "a" * 64}
                ],
            },
            "its weights are equal to the recorded ones",
        ),
        (
            {"between": "none-chain", "files": {"training": "b" * 64, "neighbours": "b" * 64}},
            "fresh noise at every step",
        ),
        (
            {"between": "none-choices", "files": {"training": "b" * 64, "neighbours": "b" * 64}},
            "nothing lies",
        ),
    ],
    ids=["stale", "other", "differs", "equal", "chain", "choices"],
)
def test_a_card_says_how_its_pictures_stand_to_the_record(
    registry: Registry, boards: dict[str, Leaderboard], changes: dict[str, Any], said: str
) -> None:
    record = record_of(made("r1-gan", registry, boards), **changes)
    page = card_page(card_of("r1-gan", registry, boards, {record.suite: record}), registry, "en")
    assert said in page
    assert ("interpolation.png" in page) == (
        "interpolation" in record.files and "train_hash" not in changes
    )


def test_records_of_pictures_are_found_by_suite(
    registry: Registry, boards: dict[str, Leaderboard], tmp_path: Path
) -> None:
    record = record_of(made("r1-gan", registry, boards))
    folder = pictures_folder(tmp_path, record.suite, "r1-gan")
    folder.mkdir(parents=True)
    (folder / RECORD).write_text(record.model_dump_json())
    assert committed_pictures("r1-gan", boards, tmp_path) == {record.suite: record}
    assert committed_pictures("dcgan", boards, tmp_path) == {}


# The page.


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", SHOWN)
def test_links_of_a_card_lead_somewhere(
    registry: Registry, boards: dict[str, Leaderboard], name: str, language: Language
) -> None:
    page = card_page(made(name, registry, boards), registry, language)
    links = re.findall(r"\]\(([^)\s]+)\)", page)
    assert len(links) > 5
    variants = {variant.id for variant in registry.variants}
    for link in links:
        target, _, anchor = link.partition("#")
        if target.startswith("http"):
            continue
        if not target.startswith("../"):
            name = target.removeprefix("curves/").removesuffix(".md").removesuffix(".svg")
            assert name.removesuffix(".zh-CN") in variants
            continue
        file = REPORTS / "cards" / target
        assert file.resolve().is_file(), link
        if anchor:
            assert f'id="{anchor}"' in file.resolve().read_text(encoding="utf-8"), link


def test_a_page_is_the_same_every_time_and_names_no_place(
    registry: Registry, boards: dict[str, Leaderboard]
) -> None:
    for language in LANGUAGES:
        first, second = (
            card_page(made("vae", registry, boards), registry, language) for _ in range(2)
        )
        assert first == second
        assert str(CLONE) not in first
        assert first.endswith("```\n")


def test_every_variant_has_a_card_in_both_languages(
    registry: Registry, boards: dict[str, Leaderboard]
) -> None:
    for variant in registry.variants:
        card = made(variant.id, registry, boards)
        for language in LANGUAGES:
            page = card_page(card, registry, language)
            assert page.startswith(f"# {variant.name.in_language(language)}")
            assert "None" not in page


def test_an_unknown_variant_has_no_card(registry: Registry, boards: dict[str, Leaderboard]) -> None:
    with pytest.raises(UsageError, match="no variant is called 'dcgann'"):
        card_of("dcgann", registry, boards)


# The command.


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """The records of one small suite alone."""
    folder = tmp_path / "reports"
    shutil.copytree(REPORTS / "digits-quick", folder / "digits-quick")
    return folder


def test_the_command_writes_both_languages_and_trains_nothing(aigc: Aigc, reports: Path) -> None:
    shown = aigc("report", "card", "vae", "gan", "-o", reports, "--reports", reports)
    assert shown.code == 0, shown.stderr
    names = [
        f"{folder}{variant}{language}{suffix}"
        for variant in ("vae", "gan")
        for language in ("", ".zh-CN")
        for folder, suffix in (("", ".md"), ("curves/", ".svg"))
    ]
    assert shown.stdout.splitlines() == [(reports / "cards" / name).as_posix() for name in names]
    assert not (reports / "digits-quick" / "pictures").exists()
    again = aigc("report", "card", "vae", "-o", reports, "--reports", reports, "--lang", "zh")
    files = ["vae.zh-CN.md", "curves/vae.zh-CN.svg", "vae.md", "curves/vae.svg"]
    assert again.stdout.splitlines() == [(reports / "cards" / name).as_posix() for name in files]


def test_the_command_draws_once_and_goes_on_from_there(aigc: Aigc, reports: Path) -> None:
    places = ("-o", reports, "--reports", reports)
    arguments = ("report", "card", "gan", "--draw", "--suite", "digits-quick", *places)
    first = aigc(*arguments)
    assert first.code == 0, first.stderr
    assert first.stderr.startswith("[1/1] gan: drawn in ")
    folder = reports / "digits-quick" / "pictures" / "gan"
    before = {file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.iterdir()}
    assert len(before) == 4
    page = (reports / "cards" / "gan.md").read_text(encoding="utf-8")
    assert "../digits-quick/pictures/gan/training.png" in page
    second = aigc(*arguments)
    assert second.stderr == "[1/1] gan: drawn already\n"
    assert (reports / "cards" / "gan.md").read_text(encoding="utf-8") == page
    assert before == {
        file.name: (file.stat().st_mtime_ns, file.read_bytes()) for file in folder.iterdir()
    }


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name variants, or give --all"),
        (("vae", "--all"), 2, "name variants, or give --all"),
        (("vaee",), 2, "no variant is called 'vaee'"),
        (("vae", "--draw", "--suite", "digit"), 2, "no suite is called 'digit'"),
        (("vae", "--draw"), 4, "suite 'digits' has no records to draw from"),
        (
            ("lsgan", "--draw", "--suite", "digits-quick"),
            4,
            "no training of 'lsgan' in suite 'digits-quick' is on record as finished",
        ),
    ],
)
def test_what_the_command_refuses(
    aigc: Aigc, reports: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    shown = aigc("report", "card", *arguments, "-o", reports, "--reports", reports)
    assert (shown.code, shown.stdout) == (code, "")
    assert said in shown.stderr
    assert not (reports / "cards").exists()
