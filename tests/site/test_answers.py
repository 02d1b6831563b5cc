"""Which model to take: the answer of a table, held against the numbers that it was made from."""

from __future__ import annotations

import csv

import pytest
from helpers import CLONE

from bench.report.board.table import Leaderboard
from bench.report.leaderboard.write import committed_boards
from bench.report.site.answers import FITTED, answer_of
from bench.report.words import Words
from catalog.read.loader import load_registry
from catalog.schema import Registry

WORDS = Words("en", "site")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(CLONE / "registry.yaml")


@pytest.fixture(scope="module")
def boards(registry: Registry) -> dict[str, Leaderboard]:
    return committed_boards(registry, CLONE / "reports")


def rows(suite: str) -> list[dict[str, str]]:
    with (CLONE / "reports" / suite / "results.csv").open(encoding="utf-8") as file:
        return [row for row in csv.DictReader(file) if row["rank_low"]]


def test_the_leader_has_the_lowest_mean_and_the_lead_is_counted(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    answer = answer_of(boards["digits"], registry, WORDS)
    assert answer is not None
    best = min(rows("digits"), key=lambda row: float(row["mean"]))
    assert (answer.leader.name, answer.leader.sampler) == (best["variant"], best["sampler"])
    tied = [row for row in rows("digits") if row["rank_low"] == "1"]
    assert f"{len(tied) - 1} of the {len(rows('digits'))} ranked rows" in answer.sure[1]
    assert "5 trainings" in answer.sure[0]


def test_other_wishes_are_met_by_rows_that_beat_the_gaussian(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    answer = answer_of(boards["digits"], registry, WORDS)
    assert answer is not None
    shown = [row for row in rows("digits") if row["versus_pca_gaussian"] == "better"]
    means = {(row["variant"], row["sampler"]): float(row["mean"]) for row in shown}
    picks = {pick.why: (pick.name, pick.sampler) for pick in answer.picks}
    assert set(picks.values()) <= means.keys()
    own = {key: mean for key, mean in means.items() if key[1] not in FITTED}
    assert picks[WORDS("pick_prior")] == min(own, key=lambda key: own[key])
    gans = {key for key in means if registry.variant(key[0]).family == "gan"}
    assert picks[WORDS("pick_gan")] == min(gans, key=lambda key: means[key])
    assert len(set(picks.values())) == len(picks)


def test_one_seed_is_no_ground_for_advice(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    answer = answer_of(boards["cifar10-tiny"], registry, WORDS)
    assert answer is not None
    assert answer.sure[0].startswith("Not sure at all")
    assert any("mode collapse" in sentence for sentence in answer.sure)
    assert answer.other == WORDS("picks_any")
    losing = {row["variant"] for row in rows("cifar10-tiny") if float(row["mean"]) > 23.4}
    assert losing == {"vae"}
    assert not losing & {pick.name for pick in answer.picks}


def test_a_table_without_a_ranked_row_gives_none(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    assert not boards["shapes"].ranked
    assert answer_of(boards["shapes"], registry, WORDS) is None
