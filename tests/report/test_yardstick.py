"""What stands side by side is at one n, and a ratio to the parent names all that may explain it."""

from __future__ import annotations

import csv
import io
import re

import pytest
from helpers import CLONE
from report_runs import SEEDS, Runs, fill, make_spec, make_suite, planned

from bench.report.board.records import find_records
from bench.report.board.results import results_csv
from bench.report.board.table import Leaderboard
from bench.report.card.write import card_texts
from bench.report.charts.rows import BoardInWords, distance_chart, precision_chart
from bench.report.leaderboard.differing import OFF, differing_settings
from bench.report.leaderboard.notes import held_out, held_out_line, scale
from bench.report.leaderboard.page import leaderboard_page
from bench.report.leaderboard.tables import row_columns, tables_of
from bench.report.leaderboard.write import board_of
from bench.report.words import LANGUAGES, Language, Words
from catalog.schema import Registry

WORDS = Words("en")


@pytest.fixture(scope="module")
def results(boards: dict[str, Leaderboard]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(results_csv(boards["digits"]))))


def board(runs: Runs, registry: Registry) -> Leaderboard:
    return board_of(make_suite(), planned(), find_records(runs.path), registry)


def cells(table: list[str], name: str) -> dict[str, str]:
    """One line of a table by its headings."""
    head, _, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table)
    (found,) = (line for line in lines if line[0].startswith(name))
    return dict(zip(head, found, strict=True))


@pytest.mark.parametrize("n_images", [360, 10_000])
def test_a_distance_of_few_images_stands_in_no_column_of_many(
    runs: Runs, small_registry: Registry, n_images: int
) -> None:
    fill(runs)
    runs.calibrate("held-out", 2.5, n_images=n_images)
    made = board(runs, small_registry)
    tables = tables_of(made, small_registry, WORDS)
    real = cells(tables["calibration"], "held-out")
    few = n_images == 360
    assert real["FD[digits-cnn], n=10,000 ↓"] == ("–" if few else "2.50")
    assert (real["Recall ↑"] == "–") == few
    assert (real["IS*[digits-cnn] ↑"] == "–") == few
    assert real["Precision ↑"] != "–"
    assert real["At n=360 ↓"] == ("2.50" if few else "3.00")
    assert cells(tables["calibration"], "pca-gaussian")["FD[digits-cnn], n=10,000 ↓"] == "20.0"
    restored = cells(tables["reconstructions"], "[vae]")
    assert restored["FD[digits-cnn], n=360 ↓"].startswith("12.20 ")
    if few:
        assert cells(tables["reconstructions"], "held-out")["FD[digits-cnn], n=360 ↓"] == "2.50"
    spread = cells(tables["spread"], "`held-out`")
    assert spread["FD[digits-cnn], n=10,000 ↓"] == ("–" if few else "2.50")
    assert ("(n=360)" in spread["Row"]) == few
    source = BoardInWords(made, small_registry, "en")
    for chart in (distance_chart(source), precision_chart(source)):
        assert chart is not None
        assert ("held-out" in chart.alt) != few


def test_the_scale_is_of_as_many_images_everywhere(
    boards: dict[str, Leaderboard], results: list[dict[str, str]]
) -> None:
    said = scale(boards["digits"], WORDS)
    assert said.startswith("For scale, 360 images of everything")
    at = {row["variant"]: float(row["distance_at_equal_n"]) for row in results if row["n_draws"]}
    rows = [row for row in results if row["kind"] == "generated"]
    nearest = min(rows, key=lambda row: float(row["distance_at_equal_n"]))
    told = [float(one.rstrip(".").rpartition(" ")[2]) for one in said.split("; ")]
    assert told == pytest.approx(
        [
            at["held-out"],
            float(nearest["distance_at_equal_n"]),
            at["class-pca-gaussian"],
            at["pca-gaussian"],
        ],
        rel=0.01,
    )
    assert f"`{nearest['variant']}` ({nearest['sampler']})" in said


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_first_that_no_row_wins_on_held_out_images(
    boards: dict[str, Leaderboard],
    registry: Registry,
    results: list[dict[str, str]],
    language: Language,
) -> None:
    page = leaderboard_page(boards["digits"], registry, language)
    first = page.split("\n\n")[1]
    to_test = {
        (row["variant"], row["sampler"], row["weights"]): float(row["distance_to_held_out"])
        for row in results
        if row["kind"] == "generated"
    }
    gaussian = next(
        float(row["distance_to_held_out"])
        for row in results
        if row["variant"] == "class-pca-gaussian"
    )
    below = [row for row, distance in to_test.items() if distance < gaussian]
    numbers = re.findall(r"\d+(?:\.\d+)?", first)
    assert {f"{gaussian:.2f}", str(len(below)), str(len(to_test))} <= set(numbers)
    shown = held_out(boards["digits"])
    assert shown is not None
    assert not shown.shown
    assert "**No row is shown to do better**" in first or "**没有哪一行被证明更好**" in first


def test_rows_below_the_density_are_counted_and_tested(
    runs: Runs, small_registry: Registry
) -> None:
    """The made distances to the held-out split are 1.5 above the ranking distance."""
    fill(runs)
    said = held_out_line(board(runs, small_registry), WORDS)
    assert "one Gaussian in PCA space is at 21.5" in said
    assert "Below it are 3 of 4 rows; that is shown for 3 of them" in said
    assert "`vae` (prior)" not in said
    for seed in SEEDS:
        runs.score(make_spec("vae", seed), (9.0, 19.0, 27.0)[seed])
    said = held_out_line(board(runs, small_registry), WORDS)
    assert "Below it are 4 of 4 rows; that is shown for 3 of them" in said


def test_a_page_without_such_scores_says_nothing_of_them(
    runs: Runs, small_registry: Registry
) -> None:
    runs.train(make_spec("dcgan", 0))
    runs.score(make_spec("dcgan", 0), 10.0)
    assert held_out_line(board(runs, small_registry), WORDS) == ""


def test_a_contrast_names_every_setting_that_differs(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    table = tables_of(boards["digits"], registry, WORDS)["parents"]
    vamp = cells(table, "`vamp-vae` (prior)")["Differs in"]
    for setting in (
        "algorithm VAE → VampVAE",
        "besides: `n_pseudo_inputs` 192",
    ):
        assert setting in vamp
    assert "latent_dim" not in vamp
    plain = cells(table, "`gaussian-vae` (prior)")["Differs in"]
    for setting in (
        "`optimizer.lr` 0.002 → 0.003",
        "`latent_dim` 16 → 10",
        "`likelihood` bernoulli → unit-gaussian",
        "`beta` 1.0 → 0.012",
    ):
        assert setting in plain
    assert "`batch_size` 64 → 32" in cells(table, "`iwae` (prior)")["Differs in"]
    assert "images seen 64.0 k → 32.0 k" in cells(table, "`iwae` (prior)")["Differs in"]
    assert "`lr_schedule` linear → constant" in cells(table, "`vae-gan` (prior)")["Differs in"]
    assert "weights raw → EMA" in cells(table, "`r1-gan` (prior, EMA)")["Differs in"]
    assert "`latent_dim` 16 → 8" in cells(table, "`wae-mmd` (gmm-10)")["Differs in"]
    assert cells(table, "`lsgan` (prior)")["Differs in"] == (
        "`loss` non-saturating → least-squares"
    )


def test_no_setting_of_two_recipes_is_passed_over(boards: dict[str, Leaderboard]) -> None:
    """By the records' own words: every leaf that differs and is in force is named."""
    n_checked = 0
    for descent in boards["digits"].descents:
        said = differing_settings(descent, WORDS)
        parent, child = (
            dict(leaves(row.runs[0].train.spec.recipe)) for row in (descent.parent, descent.child)
        )
        for key in parent.keys() | child.keys():
            old, new = parent.get(key), child.get(key)
            assert (f"`{key}` " in said) == (old != new and not (old in OFF and new in OFF)), key
            n_checked += old != new
    assert n_checked > 300


def leaves(settings: object, prefix: str = "") -> list[tuple[str, object]]:
    assert isinstance(settings, dict)
    found = []
    for key, value in settings.items():
        nested = isinstance(value, dict)
        found += leaves(value, f"{prefix}{key}.") if nested else [(f"{prefix}{key}", value)]
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_images_seen_stand_in_the_main_table(
    boards: dict[str, Leaderboard], registry: Registry, language: Language
) -> None:
    words = Words(language)
    table = tables_of(boards["digits"], registry, words)["ranking"]
    rows = [[cell.strip() for cell in line.split("|")] for line in table]
    column = rows[0].index(words("images_seen"))
    found = {row[2].strip("[]"): row[column] for row in rows[2:]}
    assert found["factor-vae"] == "128 k"
    assert found["pixelcnn"] == "16.0 k"


def test_headings_say_the_number_of_images(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    for made in boards.values():
        heading, _ = row_columns(made, registry, WORDS)["distance"]
        assert f"n={made.protocol.n_fake:,}" in heading


def test_cards_say_of_how_many_images_a_distance_is_and_what_a_contrast_changes(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    made = card_texts("gaussian-vae", registry, boards, CLONE / "reports", ("en",))
    text = next(str(text) for path, text in made.items() if path.suffix == ".md")
    lines = [
        [cell.strip() for cell in line.split("|")] for line in text.splitlines() if "|" in line
    ]
    (heading,) = (line for line in lines if "Distance ↓" in line)
    place = heading.index("Images")
    by_sampler = {line[2]: line[place] for line in lines if "[digits]" in line[1]}
    assert by_sampler["prior"] == "10,000"
    assert by_sampler["reconstruction"] == "360"
    contrasts = [line for line in lines if "[digits]" in line[1] and line[3] == "`vae` (prior)"]
    assert len(contrasts) == 1
    assert "`likelihood` bernoulli → unit-gaussian" in contrasts[0][-2]
