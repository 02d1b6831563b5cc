"""What a row says of its seeds: one training counted once, seeds of two kinds, both ranks."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import get_args

import pytest
from report_runs import SEEDS, Runs, fill, make_spec, make_suite, planned

from bench.records.metric_names import MetricName
from bench.records.record import parse_score_record, to_json
from bench.report.board.records import find_records
from bench.report.board.results import results_csv
from bench.report.board.table import Leaderboard, Row, domain_of
from bench.report.leaderboard.write import board_of
from catalog.schema import Registry


@pytest.fixture
def board(runs: Runs, small_registry: Registry) -> Leaderboard:
    fill(runs)
    return made(runs, small_registry)


def made(runs: Runs, small_registry: Registry) -> Leaderboard:
    return board_of(make_suite(SEEDS), planned(SEEDS), find_records(runs.path), small_registry)


def row_of(board: Leaderboard, name: str, sampler: str = "prior", weights: str = "raw") -> Row:
    key = (name, sampler, weights)
    return next(r for r in board.rows if (r.key.name, r.key.sampler, r.key.weights) == key)


def collapse(file: Path, recall: float) -> None:
    """Gives the images of one score as little recall as a collapsed generator has."""
    record = parse_score_record(file.read_bytes())
    metrics = tuple(
        one.model_copy(update={"value": recall}) if one.name == "recall" else one
        for one in record.metrics
    )
    file.write_text(to_json(record.model_copy(update={"metrics": metrics})), encoding="utf-8")


def test_rows_of_one_training_share_its_key_and_others_do_not(board: Leaderboard) -> None:
    keys = {
        (name, sampler, weights): set(row_of(board, name, sampler, weights).sample("fid"))
        for name, sampler, weights in (
            *(("dcgan", "prior", "raw"), ("dcgan", "prior", "ema")),
            *(("vae", "prior", "raw"), ("vae", "gmm-10", "raw")),
        )
    }
    assert keys["dcgan", "prior", "raw"] == keys["dcgan", "prior", "ema"]
    assert keys["vae", "prior", "raw"] == keys["vae", "gmm-10", "raw"]
    assert not keys["dcgan", "prior", "raw"] & keys["vae", "prior", "raw"]
    draws = board.calibration_row("pca-gaussian")
    assert draws is not None
    assert len(draws.sample("fid")) == 3


def test_averaged_weights_of_one_training_win_by_their_pairs(
    runs: Runs, small_registry: Registry
) -> None:
    """Trainings that differ more than their two kinds of weights hid which of these is better."""
    fill(runs)
    for seed, level in zip(SEEDS, (10.0, 15.0, 22.0), strict=True):
        runs.score(make_spec("dcgan", seed), level)
        runs.score(make_spec("dcgan", seed), level * (0.8 + 0.001 * seed), ema=True)
    board = made(runs, small_registry)
    raw, averaged = (row_of(board, "dcgan", weights=kind) for kind in ("raw", "ema"))
    assert raw.rank is not None
    assert averaged.rank is not None
    assert raw.rank.low == 2
    assert averaged.rank.high == len(board.ranked) - 1


def test_a_collapsed_seed_leaves_the_smallest_and_the_largest(
    runs: Runs, small_registry: Registry
) -> None:
    fill(runs)
    file = runs.score(make_spec("dcgan", 1), 14.1)
    collapse(file, 0.01)
    board = made(runs, small_registry)
    row = row_of(board, "dcgan")
    assert row.uneven
    for metric, ends in (("fid", (14.0, 14.2)), ("recall", None)):
        one = row.estimate(metric)  # type: ignore[arg-type]
        assert one is not None
        assert one.kind == "extent"
        assert ends is None or (one.low, one.high) == ends
    assert not row_of(board, "dcgan", weights="ema").uneven
    lines = list(csv.DictReader(io.StringIO(results_csv(board))))
    line = next(x for x in lines if (x["variant"], x["weights"]) == ("dcgan", "raw"))
    assert (line["ci_low"], line["ci_high"], line["ends"]) == ("14.0", "14.2", "min-max")
    (descent,) = [one for one in board.descents if one.child.key == row_of(board, "vae").key]
    assert descent.parent.key == row.key
    assert (descent.contrast.low, descent.contrast.verdict) == (None, "worse")


def test_seeds_that_all_collapse_alike_have_an_interval(
    runs: Runs, small_registry: Registry
) -> None:
    fill(runs)
    for seed in SEEDS:
        collapse(runs.score(make_spec("dcgan", seed), 14.0 + 0.1 * seed), 0.01)
    row = row_of(made(runs, small_registry), "dcgan")
    one = row.estimate("fid")
    assert not row.uneven
    assert one is not None
    assert one.kind == "interval"


def test_ranks_that_hold_together_stand_beside_the_others(board: Leaderboard) -> None:
    lines = list(csv.DictReader(io.StringIO(results_csv(board))))
    ranked = [line for line in lines if line["rank_low"]]
    assert len(ranked) == len(board.ranked) == 4
    for line, row in zip(ranked, board.ranked, strict=True):
        assert row.rank_together is not None
        told = line["table_rank_low"], line["table_rank_high"]
        assert told == (str(row.rank_together.low), str(row.rank_together.high))
    assert all(not line["table_rank_low"] for line in lines if not line["rank_low"])


@pytest.mark.parametrize("metric", get_args(MetricName))
def test_every_metric_has_a_range_that_its_interval_stays_in(metric: MetricName) -> None:
    domain = domain_of(metric)
    assert domain.log == (metric.startswith("fid") or metric == "is")
    is_share = domain.most == 1.0
    assert is_share == (domain.least == 0.0 and metric not in ("kid", "is"))
