"""Which model to take: the answer of a table, held against the numbers that it was made from."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.report.board.records import ScoreFile
from bench.report.board.results import results_csv
from bench.report.board.table import Leaderboard, Row
from bench.report.site.answers import FITTED, MIN_SEEDS, Answer, answer_of, faults
from bench.report.words import LANGUAGES, Language, Words
from bench.report.words.rows import plain_name
from catalog.schema import Registry

WORDS = Words("en", "site")
BOARD = Words("en")


@pytest.fixture(scope="module")
def answer(boards: dict[str, Leaderboard], registry: Registry) -> Answer:
    found = answer_of(boards["digits"], registry, WORDS)
    assert found is not None
    return found


def rows(board: Leaderboard) -> list[dict[str, str]]:
    return [row for row in everything(board) if row["rank_low"]]


def everything(board: Leaderboard) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(results_csv(board))))


def worth_taking(board: Leaderboard) -> dict[tuple[str, str], dict[str, str]]:
    """Of committed numbers, what the rule lets anybody be told to take, signs of collapse apart."""
    return {
        (row["variant"], row["sampler"]): row
        for row in rows(board)
        if row["versus_pca_gaussian"] == "better"
        and int(row["n_train_seeds"]) >= MIN_SEEDS
        and float(row["copy_rate"]) <= 0.1
    }


def named(answer: Answer) -> list[tuple[str, str]]:
    picks = [*([answer.leader] if answer.leader else []), *answer.picks]
    return [(pick.name, pick.sampler) for pick in picks]


def row_of(board: Leaderboard, name: str, sampler: str) -> Row:
    return next(row for row in board.rows if (row.key.name, row.key.sampler) == (name, sampler))


def test_the_leader_has_the_lowest_mean_of_what_is_worth_taking(
    answer: Answer, boards: dict[str, Leaderboard]
) -> None:
    worth = worth_taking(boards["digits"])
    assert answer.leader is not None
    assert (answer.leader.name, answer.leader.sampler) == min(
        worth, key=lambda key: float(worth[key]["mean"])
    )


def test_nothing_is_taken_that_tests_do_not_speak_for(
    answer: Answer, boards: dict[str, Leaderboard]
) -> None:
    assert set(named(answer)) <= worth_taking(boards["digits"]).keys()
    assert len(named(answer)) >= 4
    for name, sampler in named(answer):
        assert not faults(row_of(boards["digits"], name, sampler))


def test_what_is_not_shown_to_be_worse_is_counted_and_named(
    answer: Answer, boards: dict[str, Leaderboard]
) -> None:
    """By the table's own pairs; rows that collapsed, and the leader, are not among them."""
    board = boards["digits"]
    (said,) = [one for one in answer.sure if "not shown to be worse" in one]
    total, n = map(int, re.findall(r"\d+", said)[:2])
    worth = [row for row in board.ranked if not faults(row)]
    assert total == len(worth) - 1
    listed = said.partition(": ")[2].rstrip(".").split("), ")
    assert n == len(listed)
    names = {plain_name(row, BOARD) for row in worth}
    assert {f"{one.rstrip(')')})" for one in listed} <= names
    # A row that the rank ranges put behind the first places cannot be worth a tie with the leader
    # unless others, and not the leader, beat it.
    assert n >= sum(row.rank is not None and row.rank.low == 1 for row in worth) - 1


def test_rows_with_few_seeds_are_told_apart_from_those_that_are_beaten(
    answer: Answer, boards: dict[str, Leaderboard]
) -> None:
    (said,) = [one for one in answer.sure if one.startswith("Too few seeds to exclude")]
    listed = said.partition(": ")[2].rstrip(".")
    board = boards["digits"]
    few = [row for row in board.ranked if len(row.runs) < MIN_SEEDS]
    assert plain_name(row_of(board, "biggan", "prior"), BOARD) in listed
    for row in board.ranked:
        if plain_name(row, BOARD) in listed.split("), "):
            assert row in few
    assert int(re.findall(r"\((\d+)\)", said)[0]) == listed.count("(")


def test_other_wishes_are_met_by_the_best_of_their_kind(
    answer: Answer, registry: Registry, boards: dict[str, Leaderboard]
) -> None:
    worth = worth_taking(boards["digits"])
    means = {key: float(row["mean"]) for key, row in worth.items()}
    picks = {pick.why: (pick.name, pick.sampler) for pick in answer.picks}
    own = {key: mean for key, mean in means.items() if key[1] not in FITTED}
    assert picks[WORDS("pick_prior")] == min(own, key=lambda key: own[key])
    gans = {key for key in means if registry.variant(key[0]).family == "gan"}
    assert picks[WORDS("pick_gan")] == min(gans, key=lambda key: means[key])
    recalls = {key: float(row["recall"]) for key, row in worth.items()}
    best = max(recalls, key=lambda key: recalls[key])
    assert picks.get(WORDS("pick_recall"), best) == best
    assert len(set(picks.values())) == len(picks)


@pytest.mark.parametrize(
    "suite", ["digits-quick", "digits-ten-seeds", "mnist-tiny", "cifar10-tiny"]
)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_row_is_taken_of_few_seeds_or_of_a_table_made_for_claims(
    boards: dict[str, Leaderboard], registry: Registry, suite: str, language: Language
) -> None:
    answer = answer_of(boards[suite], registry, Words(language, "site"))
    if answer is None:
        assert not boards[suite].ranked
        return
    assert not named(answer)
    why = answer.short[0]
    assert ("claims" in why or "检验论断" in why) == registry.suite(suite).for_claims


def test_a_table_for_claims_would_have_rows_to_take(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    board = boards["digits-ten-seeds"]
    assert worth_taking(board)
    assert board.suite.for_claims
    other = replace(board, suite=board.suite.model_copy(update={"for_claims": False}))
    found = answer_of(other, registry, WORDS)
    assert found is not None
    assert found.leader is not None


def without_seed(row: Row) -> Row:
    return replace(row, runs=row.runs[1:], scores=row.scores[1:])


def scored(change: Callable[[ScoreFile], ScoreFile]) -> Callable[[Row], Row]:
    return lambda row: replace(row, scores=(change(row.scores[0]), *row.scores[1:]))


def metric_at(name: str, value: float) -> Callable[[ScoreFile], ScoreFile]:
    def change(score: ScoreFile) -> ScoreFile:
        metrics = tuple(
            one.model_copy(update={"value": value}) if one.name == name else one
            for one in score.record.metrics
        )
        return replace(score, record=score.record.model_copy(update={"metrics": metrics}))

    return change


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        (without_seed, "fault_seeds"),
        (lambda row: replace(row, baseline=None), "fault_gaussian"),
        (scored(metric_at("recall", 0.04)), "fault_collapsed"),
        (scored(metric_at("copy_rate", 0.9)), "fault_copies"),
    ],
    ids=["seeds", "gaussian", "collapse", "copies"],
)
def test_each_fault_keeps_the_best_row_from_being_taken(
    boards: dict[str, Leaderboard],
    registry: Registry,
    spoil: Callable[[Row], Row],
    fault: str,
) -> None:
    board = boards["digits"]
    first = board.rows[0]
    assert not faults(first)
    spoiled = spoil(first)
    assert faults(spoiled) == [fault]
    found = answer_of(replace(board, rows=(spoiled, *board.rows[1:])), registry, WORDS)
    assert found is not None
    assert found.leader is not None
    assert (first.key.name, first.key.sampler) not in named(found)
    assert any(
        one.startswith(f"Lower, but no recommendation: {first.key.name}") for one in found.sure
    )


def test_the_answer_says_at_once_that_no_row_wins_on_held_out_images(
    answer: Answer, boards: dict[str, Leaderboard]
) -> None:
    found = {row["variant"]: row for row in everything(boards["digits"])}
    gaussian = float(found["class-pca-gaussian"]["distance_to_held_out"])
    said = answer.short[1]
    assert f"none of the {len(boards['digits'].rows)} rows" in said
    assert f"{gaussian:.2f}" in said
    assert said in answer.sure


def test_a_table_without_a_ranked_row_gives_none(
    boards: dict[str, Leaderboard], registry: Registry
) -> None:
    assert not boards["shapes"].ranked
    assert answer_of(boards["shapes"], registry, WORDS) is None
