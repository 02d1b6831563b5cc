"""What pages say of copies: both ends of the rate, pixels, and records that are older."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_runs import SEEDS, Runs, fill, make_spec, make_suite, planned

from bench.report.board.records import find_records
from bench.report.board.results import results_csv
from bench.report.board.table import Leaderboard
from bench.report.leaderboard.notes import copies_many, notes
from bench.report.leaderboard.tables import tables_of
from bench.report.leaderboard.write import board_of
from bench.report.words import LANGUAGES, Words
from bench.report.words.spelling import NOTHING
from catalog.schema import Registry

WORDS = Words("en")


def board(runs: Runs, registry: Registry) -> Leaderboard:
    return board_of(make_suite(), planned(), find_records(runs.path), registry)


def with_copies(file: Path, low: float, middle: float, high: float) -> None:
    """A score as it is written since more is measured of copies."""
    data = json.loads(file.read_text())
    of_copies = next(one for one in data["metrics"] if one["name"] == "copy_rate")
    of_copies["value"] = middle
    added = {"copy_rate_low": low, "copy_rate_high": high}
    added |= {"copy_rate_pixels": 0.31, "nearest_ratio": 0.004}
    data["metrics"] += [of_copies | {"name": name, "value": rate} for name, rate in added.items()]
    file.write_text(json.dumps(data))


@pytest.mark.parametrize(("low", "copies"), [(0.09, False), (0.11, True)])
def test_a_row_copies_by_the_lower_end_where_that_is_on_record(
    runs: Runs, small_registry: Registry, low: float, copies: bool
) -> None:
    """Twelve in a hundred by the middle of the threshold is no copying if the ends disagree."""
    fill(runs)
    for seed in SEEDS:
        with_copies(runs.score(make_spec("vae", seed), 30.0), low, 0.12, 0.2)
    made = board(runs, small_registry)
    rows = {row.key.name: row for row in made.rows if row.key.sampler == "prior"}
    assert copies_many(rows["vae"]) is copies
    (said,) = (line for line in notes(made, WORDS) if line.startswith("Copies is the share"))
    assert "estimated from 360 held-out images" in said
    assert "Records that are older" in said
    assert "More than twice that: `dcgan` (prior, EMA)" in said
    assert ("`vae` (prior)" in said) is copies


def test_a_page_of_older_records_says_what_they_lack(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    made = board(runs, small_registry)
    (said,) = (line for line in notes(made, WORDS) if line.startswith("Copies is the share"))
    assert "Records that are older" in said
    assert "held-out images. Copies, ends" not in said
    for language in LANGUAGES:
        words = Words(language)
        assert words("copy_ends") not in tables_of(made, small_registry, words)["ranking"][0]


def test_tables_show_both_ends_and_pixels(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    for seed in SEEDS:
        with_copies(runs.score(make_spec("vae", seed), 30.0), 0.058, 0.105, 0.156)
    made = board(runs, small_registry)
    for language in LANGUAGES:
        words = Words(language)
        table = tables_of(made, small_registry, words)["ranking"]
        head, _, *lines = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table)
        at = head.index(words("copy_ends"))
        assert head[at + 1 : at + 3] == [words("copy_pixels"), words("nearest_ratio")]
        shown = {line[1]: line[at : at + 3] for line in lines if line[3] != "gmm-10"}
        assert shown["[vae]"][0] == "5.8–15.6 %"
        assert [cell.split()[0] for cell in shown["[vae]"][1:]] == ["31.0", "0.400"]
        assert set(shown["[dcgan]"]) == {NOTHING}
    head, *lines = (line.split(",") for line in results_csv(made).splitlines())
    rates = {line[0]: line[head.index("copy_rate_pixels")] for line in lines if line[1] == "prior"}
    assert rates["vae"] == "0.31"
    assert rates["dcgan"] == ""
