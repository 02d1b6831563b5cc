"""Closed forms, scipy as a second opinion, results worked by hand, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.stats import (
    FLOOR,
    Comparison,
    RankRange,
    against_constant,
    compare,
    frechet_bias,
    holm,
    rank_ranges,
    spread_method,
    t_interval,
)

TIGHT = [10.0, 10.1, 9.9, 10.05, 9.95]
FAR = [20.0, 20.2, 19.8, 20.1, 19.9]
WILD = [5.0, 50.0, 12.0, 3.0, 90.0]

distances = st.floats(0.01, 1000)
rows_of_distances = st.lists(st.lists(distances, min_size=1, max_size=5), min_size=1, max_size=6)


def wins(row: int, loser: int) -> Comparison:
    return Comparison(row, loser, gap=0.5, p_value=0.001, p_holm=0.001)


def test_interval_of_one_two_three() -> None:
    estimate = t_interval([1.0, 2.0, 3.0])
    assert estimate.mean == 2.0
    assert estimate.half_width == pytest.approx(4.302652729911275 / math.sqrt(3))


@pytest.mark.parametrize(("n", "factor"), [(3, 2.48), (5, 1.24)])
def test_half_width_in_standard_deviations(n: int, factor: float) -> None:
    values = np.random.default_rng(0).normal(size=n)
    half = t_interval(values.tolist()).half_width
    assert half == pytest.approx(factor * values.std(ddof=1), rel=3e-3)


def test_one_value_has_no_interval() -> None:
    estimate = t_interval([3.5])
    assert (estimate.mean, estimate.low, estimate.high, estimate.n) == (3.5, None, None, 1)
    assert estimate.half_width is None


@pytest.mark.parametrize(("values", "level"), [([], 0.95), ([1.0], 0.0), ([1.0], 1.0)])
def test_interval_refuses(values: list[float], level: float) -> None:
    with pytest.raises(ValueError, match=r"interval needs|level must"):
        t_interval(values, level)


@pytest.mark.parametrize("n", [2, 3, 5])
def test_intervals_cover_as_often_as_they_say(n: int) -> None:
    rng = np.random.default_rng(n)
    inside = 0
    for sample in rng.normal(7.0, 2.0, size=(1000, n)):
        estimate = t_interval(sample.tolist())
        inside += estimate.low <= 7.0 <= estimate.high
    assert 0.93 < inside / 1000 < 0.97  # 0.95 ± 3 standard errors


def test_holm_by_hand() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx((0.06, 0.03, 0.06))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_only_raises_and_keeps_order(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert all(before <= after <= 1 for before, after in zip(p_values, adjusted, strict=True))
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    assert [adjusted[i] for i in order] == sorted(adjusted)


def test_equal_spreads_are_pooled_as_in_scipy() -> None:
    assert spread_method([TIGHT, FAR]) == "pooled"
    (pair,) = compare([FAR, TIGHT])
    expected = scipy_stats.ttest_ind(np.log(TIGHT), np.log(FAR), equal_var=True).pvalue
    assert (pair.better, pair.worse) == (1, 0)
    assert pair.p_value == pytest.approx(expected)
    assert pair.gap == pytest.approx(1.0)  # twice the distance is 100 % more


def test_the_pool_is_made_of_every_row() -> None:
    rows = [TIGHT, FAR, [15.0, 15.3, 14.8]]
    logs = [np.log(row) for row in rows]
    variance = sum(((row - row.mean()) ** 2).sum() for row in logs) / (4 + 4 + 2)
    t = (logs[2].mean() - logs[0].mean()) / math.sqrt(variance * (1 / 5 + 1 / 3))
    pair = next(c for c in compare(rows) if (c.better, c.worse) == (0, 2))
    assert pair.p_value == pytest.approx(2 * scipy_stats.t.sf(t, df=10))


def test_different_spreads_go_to_welch_as_in_scipy() -> None:
    assert spread_method([TIGHT, WILD]) == "welch"
    (pair,) = compare([TIGHT, WILD])
    expected = scipy_stats.ttest_ind(np.log(TIGHT), np.log(WILD), equal_var=False).pvalue
    assert pair.p_value == pytest.approx(expected)


def test_constant_rows_are_told_apart_without_a_warning() -> None:
    assert spread_method([[1.0, 1.0], [2.0, 2.0]]) == "pooled"
    assert spread_method([[1.0, 1.0], [2.0, 2.5]]) == "welch"
    (different,) = compare([[1.0, 1.0], [2.0, 2.0]])
    (same,) = compare([[1.0, 1.0], [1.0, 1.0]])
    assert different.decided
    assert not same.decided


def test_a_sure_but_small_gap_is_no_win() -> None:
    (pair,) = compare([[100.0, 100.001, 99.999], [101.5, 101.501, 101.499]])
    assert pair.p_holm < 1e-6
    assert not pair.decided


def test_non_positive_distances_are_lifted_to_the_floor() -> None:
    (pair,) = compare([[-0.1, 0.0], [1.0, 1.0]])
    assert pair.gap == pytest.approx(1 / FLOOR - 1)


def test_rows_with_one_seed_are_not_tested() -> None:
    assert spread_method([[1.0], [2.0]]) == "none"
    assert compare([[1.0], [2.0], [3.0]]) == ()
    assert [(c.better, c.worse) for c in compare([TIGHT, [1.0], FAR])] == [(0, 2)]


def test_rank_ranges_by_hand() -> None:
    comparisons = [wins(0, 2), wins(0, 3), wins(1, 3), Comparison(0, 1, 0.01, 1e-9, 1e-9)]
    expected = (RankRange(1, 2), RankRange(1, 3), RankRange(2, 4), RankRange(3, 4))
    assert rank_ranges(4, comparisons) == expected


def test_without_comparisons_every_rank_is_possible() -> None:
    assert rank_ranges(3, ()) == (RankRange(1, 3),) * 3


@given(rows_of_distances)
def test_ranges_are_ranges_whatever_the_distances(rows: list[list[float]]) -> None:
    for index, rank in enumerate(rank_ranges(len(rows), compare(rows))):
        assert 1 <= rank.low <= rank.high <= len(rows)
        if len(rows[index]) == 1:
            assert rank == RankRange(1, len(rows))


@given(rows_of_distances)
def test_the_order_of_rows_does_not_matter(rows: list[list[float]]) -> None:
    forward = rank_ranges(len(rows), compare(rows))
    backward = rank_ranges(len(rows), compare(rows[::-1]))
    assert forward == backward[::-1]


def test_false_wins_are_rare() -> None:
    rng = np.random.default_rng(5)
    any_win = [
        any(c.decided for c in compare(np.exp(rng.normal(0, 0.2, size=(6, 5))).tolist()))
        for _ in range(300)
    ]
    assert 0.01 < np.mean(any_win) < 0.09  # 0.05 ± 3 standard errors


def test_against_a_constant() -> None:
    rows = [TIGHT, FAR, WILD, [3.0], [30.0]]
    expected = ("better", "worse", "undecided", "lower", "higher")
    assert against_constant(rows, 15.0) == expected


def test_against_a_constant_agrees_with_scipy() -> None:
    values = [8.0, 9.5, 8.8, 9.1]
    p_value = scipy_stats.ttest_1samp(np.log(values), math.log(10.0)).pvalue
    assert (
        0.025 < p_value < 0.05
    )  # alone it is a win; in a family of two that differ less it is not
    assert against_constant([values], 10.0) == ("better",)
    assert against_constant([values, [9.0, 11.0]], 10.0) == ("undecided", "undecided")


@pytest.mark.parametrize("d", [1, 16, 64])
def test_bias_of_a_unit_covariance(d: int) -> None:
    assert frechet_bias([1.0] * d, 100) == pytest.approx(d * (d + 5) / 4 / 100)


def test_bias_ignores_empty_directions_and_scales() -> None:
    assert frechet_bias([2.0, 1.0, 0.0, -1e-17], 10) == pytest.approx(frechet_bias([2.0, 1.0], 10))
    assert frechet_bias([6.0, 3.0], 30) == pytest.approx(frechet_bias([2.0, 1.0], 10))
    with pytest.raises(ValueError, match="at least one image"):
        frechet_bias([1.0], 0)


def test_bias_is_what_sampling_adds() -> None:
    rng = np.random.default_rng(0)
    d, n = 4, 100
    excess = []
    for _ in range(400):
        sample = rng.normal(size=(n, d))
        spectrum = np.clip(np.linalg.eigvalsh(np.cov(sample, rowvar=False)), 0, None)
        excess.append((sample.mean(0) ** 2).sum() + ((np.sqrt(spectrum) - 1) ** 2).sum())
    assert np.mean(excess) == pytest.approx(frechet_bias([1.0] * d, n), rel=0.08)
