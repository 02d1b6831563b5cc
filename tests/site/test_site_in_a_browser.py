"""The site in headless Chromium, from the disk: as somebody would use it."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from helpers import CLONE
from playwright.sync_api import Page, expect
from visiting import Visit

from bench.report.board.table import Leaderboard
from bench.report.site.build import leaderboard_html
from catalog.schema import Registry

KINDS = (
    *("index", "leaderboards", "leaderboard-digits", "leaderboard-cifar10-tiny", "variants"),
    *("variant-dcgan", "variant-dall-e", "claims", "article", "errata", "catalogue", "graph"),
    "method",
)
FOLDERS = ("", "zh/")
AXE = {"preload": False, "resultTypes": ["violations"]}
"""Nothing is fetched, and what passes is not listed node by node."""


def results(suite: str) -> Iterator[dict[str, str]]:
    file = CLONE / "reports" / suite / "results.csv"
    with file.open(encoding="utf-8") as lines:
        yield from csv.DictReader(lines)


def board_rows(page: Page) -> list[dict[str, Any]]:
    """Rows of the table as they stand, with the value of every cell by its column."""
    found: list[dict[str, Any]] = page.evaluate(
        """() => [...document.querySelectorAll('#board tbody tr')]
          .filter(row => !row.hidden)
          .map(row => ({
            id: row.id, kind: row.className, name: row.dataset.name,
            ...Object.fromEntries([...row.querySelectorAll('td')]
              .map(cell => [cell.dataset.key, cell.dataset.value]))
          }))"""
    )
    return found


def shown_means(page: Page) -> list[float]:
    """Distances of the table from top to bottom, of the rows that show one."""
    return [float(row["mean"]) for row in board_rows(page) if row["mean"]]


def test_every_page_opens_without_an_error_or_a_request_to_the_outside(visit: Visit) -> None:
    names = [str(file.relative_to(visit.site)) for file in sorted(visit.site.rglob("*.html"))]
    assert len(names) > 100
    for name in names:
        page = visit.open(name)
        assert page.locator("h1").count() == 1, name
        assert page.title()


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("text", ["变分", "variational", "ＶＡＥ", "wgan gp 2017"])
def test_search_finds_entries_in_either_language(visit: Visit, folder: str, text: str) -> None:
    page = visit.open(f"{folder}catalogue.html")
    every = page.locator("#catalogue > details").count()
    page.locator("input[name=text]").fill(text)
    shown = page.locator("#catalogue > details:visible")
    wanted = "wgan-gp" if "gan" in text else "vae-paper"
    expect(page.locator(f"#{wanted}")).to_be_visible()
    assert 0 < shown.count() < every / 2
    assert str(shown.count()) in page.locator("output").inner_text()
    page.locator("input[name=text]").fill("xyzzy")
    expect(page.locator(".nothing")).to_be_visible()
    assert shown.count() == 0


def test_filters_of_the_catalogue_agree_with_each_other(visit: Visit) -> None:
    page = visit.open("catalogue.html")
    page.locator("select[name=kind]").select_option("paper")
    page.locator("input[name=errata]").check()
    shown = page.locator("#catalogue > details:visible")
    assert shown.count() > 0
    kinds = shown.evaluate_all("all => all.map(one => [one.dataset.kind, 'errata' in one.dataset])")
    assert all(kind == ["paper", True] for kind in kinds)


@pytest.mark.parametrize("suite", ["digits", "mnist-tiny", "cifar10-tiny"])
def test_the_numbers_are_those_of_the_committed_results(visit: Visit, suite: str) -> None:
    page = visit.open(f"leaderboard-{suite}.html")
    committed = {}
    for row in results(suite):
        if row["kind"] in ("generated", "calibration"):
            parts = (row["variant"], row["sampler"], row["weights"] or "raw")
            committed["-".join(["row", *filter(None, parts)])] = row
    shown = {row["id"]: row for row in board_rows(page)}
    assert shown.keys() == committed.keys()
    # CIFAR-10's judge finds noise more precise than real images, so no precision is shown there.
    precision = () if suite == "cifar10-tiny" else ("precision",)
    # 360 held-out digits are not beside 10,000 generated ones: their cells are empty.
    of_few = {("row-held-out-raw", name) for name in ("mean", "recall", "is")}
    apart = of_few if suite.startswith("digits") else set()
    columns = ("mean", "recall", *precision, "copy_rate", "is", "kd", "train_wall_s")
    for name, row in shown.items():
        for column in columns:
            left, right = row[column], committed[name][column]
            if (name, column) in apart:
                assert not left
                continue
            assert (float(left) if left else None) == (float(right) if right else None), (
                name,
                column,
            )


def test_sorting_by_the_distance_puts_rows_in_the_right_order(visit: Visit) -> None:
    page = visit.open("leaderboard-digits.html")
    means = [
        float(row["mean"])
        for row in results("digits")
        if row["mean"] and row["kind"] in ("generated", "calibration")
        if row["variant"] != "held-out"  # fewer images than all others, so not beside them
    ]
    heading = page.locator("th[data-key=mean]")
    assert "FD[digits-cnn]" in heading.inner_text()
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert shown_means(page) == sorted(means, reverse=True)
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "ascending"
    assert shown_means(page) == sorted(means)


def test_cells_without_a_number_come_last_in_either_direction(visit: Visit) -> None:
    page = visit.open("leaderboard-digits.html")
    button = page.locator("th[data-key=rank] button")
    for _ in range(2):
        button.click()
        ranks = [row["rank"] for row in board_rows(page)]
        with_rank = [rank for rank in ranks if rank]
        assert ranks[: len(with_rank)] == with_rank
        assert len(with_rank) < len(ranks)


def test_rows_and_columns_are_chosen(visit: Visit) -> None:
    page = visit.open("leaderboard-digits.html")
    page.locator("input[name=calibration]").uncheck()
    page.locator("select[name=family]").select_option("diffusion")
    assert {row["name"] for row in board_rows(page)} == {"ddpm", "flow-matching"}
    cell = page.locator("#row-ddpm-prior-raw td[data-key=kd]")
    expect(cell).to_be_hidden()
    page.locator("details.columns summary").click()
    page.locator("input[name=column][value=kd]").check()
    expect(cell).to_be_visible()


def test_the_switch_leads_to_the_same_page_and_back(visit: Visit) -> None:
    page = visit.open("errata.html#e-01")
    assert page.locator("html").get_attribute("lang") == "en"
    page.locator("#switch").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
    assert page.url.endswith("/zh/errata.html#e-01")
    expect(page.locator("h1")).to_have_text("勘误")
    page.locator("#switch").click()
    assert page.url == (visit.site / "errata.html").as_uri() + "#e-01"


def test_it_is_used_with_the_keyboard_alone(visit: Visit) -> None:
    page = visit.open("leaderboard-digits.html")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.url.endswith("#content")
    page.locator("th[data-key=recall] button").focus()
    page.keyboard.press("Enter")
    recalls = [float(row["recall"]) for row in board_rows(page) if row["recall"]]
    assert recalls == sorted(recalls)
    page.locator("#theme").focus()
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.keyboard.press("Space")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before


def test_from_home_to_a_model_for_small_grey_images_in_three_clicks(visit: Visit) -> None:
    page = visit.open("index.html")
    door = page.locator(".doors article", has_text="Small grey images, 16").first
    door.locator("a.more").click()
    answer = page.locator("#answer")
    expect(answer).to_be_in_viewport()
    best = min(
        (row for row in results("digits") if row["rank_low"]), key=lambda row: float(row["mean"])
    )
    assert best["variant"] in answer.inner_text()
    assert "95 % interval" in answer.inner_text()
    answer.locator("a", has_text=best["variant"]).first.click()
    expect(page.locator("h1")).to_be_visible()


@pytest.mark.parametrize("folder", FOLDERS)
def test_from_the_articles_sentence_to_its_correction_and_to_our_row_in_two(
    visit: Visit, folder: str
) -> None:
    page = visit.open(f"{folder}article.html")
    page.get_by_text("DALL-E是一个基于GAN的图像生成模型", exact=True).click()
    erratum = page.locator("#e-01")
    expect(erratum).to_be_in_viewport()
    assert "2102.12092" in erratum.inner_text()
    erratum.locator("a.place").first.click()
    row = page.locator("#row-dall-e-prior-raw")
    expect(row).to_be_in_viewport()
    committed = next(row for row in results("digits") if row["variant"] == "dall-e")
    assert float(str(row.locator("td[data-key=mean]").get_attribute("data-value"))) == float(
        committed["mean"]
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_shuts_anybody_out(visit: Visit, scheme: Any) -> None:
    visit.page.emulate_media(color_scheme=scheme)
    found = []
    for name in KINDS:
        page = visit.open(f"{name}.html")
        for violation in Axe().run(page, options=AXE).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                target = violation["nodes"][0]["target"]
                found.append(f"{name}: {violation['id']} {target} ({len(violation['nodes'])})")
    assert found == []


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("width", [360, 1440])
def test_no_page_is_wider_than_the_window(
    visit: Visit, folder: str, width: int, tmp_path: Path
) -> None:
    visit.page.set_viewport_size({"width": width, "height": 900})
    for name in KINDS:
        page = visit.open(f"{folder}{name}.html")
        inner, outer = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert inner <= outer, name
        shot = tmp_path / f"{name}.png"
        page.screenshot(path=shot)
        assert shot.stat().st_size > 5_000


def test_one_leaderboard_is_one_file(
    visit: Visit, tmp_path: Path, registry: Registry, boards: dict[str, Leaderboard]
) -> None:
    board = boards["digits-quick"]
    file = tmp_path / "alone.html"
    file.write_text(leaderboard_html(board, registry, CLONE / "reports", "zh"), encoding="utf-8")
    visit.site = tmp_path
    page = visit.open("alone.html")
    page.locator("th[data-key=mean] button").click()
    means = shown_means(page)
    assert len(means) > 10
    assert means == sorted(means, reverse=True)
    sizes = page.locator(".wall img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert sizes
    assert all(sizes)
    assert page.locator("a[href*='.html']").count() == 0
