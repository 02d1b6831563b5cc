"""Closed forms, scipy as a second opinion, results worked by hand, and coverage by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from bench.score.metrics import frechet_distance
from bench.stats.comparisons import (
    RankRange,
    RowPair,
    compare,
    contrasts,
    holm,
    rank_ranges,
    smallest_ratio,
    spread_method,
    typical_spread,
)
from bench.stats.intervals import FLOOR, deviation, t_interval
from bench.stats.sampling import feature_bias, frechet_bias, frechet_error, jackknife_error

TIGHT = [10.0, 10.1, 9.9, 10.05, 9.95]
FAR = [20.0, 20.2, 19.8, 20.1, 19.9]
WILD = [5.0, 50.0, 12.0, 3.0, 90.0]

distances = st.floats(0.01, 1000)
rows_of_distances = st.lists(st.lists(distances, min_size=1, max_size=5), min_size=1, max_size=6)


def wins(row: int, loser: int) -> RowPair:
    return RowPair(row, loser, gap=0.5, p_value=0.001, p_holm=0.001)


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
    comparisons = [wins(0, 2), wins(0, 3), wins(1, 3), RowPair(0, 1, 0.01, 1e-9, 1e-9)]
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


def test_verdicts_of_a_one_sided_family() -> None:
    baseline = [15.0, 15.1, 14.9]
    rows = [TIGHT, FAR, [14.0, 10.0, 17.0], [3.0], [30.0]]
    found = contrasts([(row, baseline) for row in rows])
    expected = ("better", "behind", "undecided", "lower", "higher")
    assert tuple(c.verdict for c in found) == expected
    (alone,) = contrasts([(TIGHT, [15.0])])
    assert (alone.verdict, alone.low, alone.p_value) == ("lower", None, None)


def test_a_contrast_is_welchs_one_sided_test_as_in_scipy() -> None:
    found, flipped = contrasts([(TIGHT, WILD), (WILD, TIGHT)])
    expected = scipy_stats.ttest_ind(
        np.log(TIGHT), np.log(WILD), equal_var=False, alternative="less"
    )
    assert found.p_value == pytest.approx(expected.pvalue)
    assert flipped.p_value == pytest.approx(1 - expected.pvalue)
    assert found.ratio == pytest.approx(scipy_stats.gmean(TIGHT) / scipy_stats.gmean(WILD))
    both = scipy_stats.ttest_ind(np.log(TIGHT), np.log(WILD), equal_var=False)
    low, high = both.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)))


def test_a_contrast_uses_the_pool_where_spreads_agree() -> None:
    third = [15.0, 15.3, 14.8]
    rows = [TIGHT, FAR, third]
    (found,) = contrasts([(TIGHT, third)], pool=rows)
    logs = [np.log(row) for row in rows]
    variance = sum(((row - row.mean()) ** 2).sum() for row in logs) / 10
    t = (logs[0].mean() - logs[2].mean()) / math.sqrt(variance * (1 / 5 + 1 / 3))
    assert found.p_value == pytest.approx(scipy_stats.t.cdf(t, df=10))
    assert contrasts([(TIGHT, third)], pool=[*rows, WILD]) == contrasts([(TIGHT, third)])


def test_one_sided_families_are_corrected_by_holm() -> None:
    pairs = [(TIGHT, [10.5, 10.3, 10.6]), (TIGHT, [10.0, 10.2, 10.4]), ([1.0], TIGHT)]
    found = contrasts(pairs)
    raw = [c.p_value for c in found if c.p_value is not None]
    assert [c.p_holm for c in found] == [*holm(raw), None]
    assert contrasts([]) == ()


def test_a_sure_but_small_win_over_a_reference_is_not_shown() -> None:
    (found,) = contrasts([([100.0, 100.001, 99.999], [101.5, 101.501, 101.499])])
    assert found.p_holm is not None
    assert found.p_holm < 1e-4
    assert found.verdict == "undecided"


def test_false_wins_over_a_reference_are_rare() -> None:
    rng = np.random.default_rng(11)
    wins_at_all = []
    for _ in range(400):
        reference, *rows = np.exp(rng.normal(0, 0.2, size=(6, 5))).tolist()
        found = contrasts([(row, reference) for row in rows])
        wins_at_all.append(any(c.verdict == "better" for c in found))
    assert 0.005 < np.mean(wins_at_all) < 0.09  # tests share a reference, so below 0.05


@pytest.mark.parametrize(("n", "freedom", "alpha"), [(5, 8, 0.05), (3, 40, 0.05), (5, 8, 0.005)])
def test_the_smallest_ratio_is_found_as_often_as_said(n: int, freedom: int, alpha: float) -> None:
    spread, rng = 0.1, np.random.default_rng(n)
    shift = math.log(smallest_ratio(spread, n, freedom, alpha)) / (spread * math.sqrt(2 / n))
    estimated = np.sqrt(rng.chisquare(freedom, 20000) / freedom)
    found = (rng.normal(shift, 1, 20000) / estimated) > scipy_stats.t.ppf(1 - alpha / 2, freedom)
    assert found.mean() == pytest.approx(0.8, abs=0.012)  # 4 standard errors


def test_the_smallest_ratio_in_standard_deviations() -> None:
    found = [math.log(smallest_ratio(1.0, n, 2 * (n - 1))) for n in (3, 5, 10)]
    assert found == pytest.approx([3.07, 2.02, 1.32], abs=0.02)  # power tables of the t-test
    assert smallest_ratio(0.0, 5, 8) == 1
    assert smallest_ratio(0.1, 2, 2, alpha=0.05 / 990) > smallest_ratio(0.1, 2, 2)


def test_the_typical_spread_is_that_of_the_comparison() -> None:
    rows = [TIGHT, FAR, [15.0, 15.3, 14.8]]
    variance = sum(((row - row.mean()) ** 2).sum() for row in map(np.log, rows)) / 10
    assert typical_spread(rows) == pytest.approx((math.sqrt(variance), 10))
    assert typical_spread([TIGHT, WILD, WILD]) == pytest.approx((np.log(WILD).std(ddof=1), 8))
    assert typical_spread([[1.0], TIGHT]) is None
    assert deviation(TIGHT) == pytest.approx(np.std(TIGHT, ddof=1))
    assert deviation([1.0]) is None


def test_a_jackknife_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).normal(size=40)
    without = [(values.sum() - value) / 39 for value in values]
    assert jackknife_error(without) == pytest.approx(values.std(ddof=1) / math.sqrt(40))
    with pytest.raises(ValueError, match="at least two groups"):
        jackknife_error([1.0])


def test_distances_without_a_group_are_those_of_the_rest() -> None:
    rng = np.random.default_rng(1)
    fake, real = rng.normal(3, 2, size=(43, 3)), rng.normal(size=(50, 3))
    without = [
        frechet_distance(torch.from_numpy(np.delete(fake, part, axis=0)), torch.from_numpy(real))
        for part in np.array_split(np.arange(43), 4)
    ]
    assert frechet_error(fake, real, 4) == pytest.approx(jackknife_error(without), rel=1e-6)
    assert frechet_error(fake[:7], real, 4) is None
    one_feature = frechet_error(fake[:, :1], real[:, :1], 4)
    assert one_feature is not None
    assert one_feature > 0


def test_the_jackknife_gives_the_spread_of_repeated_sampling() -> None:
    rng = np.random.default_rng(2)
    real = rng.normal(size=(2000, 4))
    sets = [rng.normal(0.5, 1.5, size=(400, 4)) for _ in range(120)]
    distances = [frechet_distance(torch.from_numpy(s), torch.from_numpy(real)) for s in sets]
    errors = [frechet_error(s, real) or 0.0 for s in sets]
    assert np.mean(errors) == pytest.approx(np.std(distances, ddof=1), rel=0.2)


def test_the_bias_of_features_is_that_of_their_covariance() -> None:
    features = np.random.default_rng(3).normal(size=(30, 3)) * [1, 2, 3]
    spectrum = np.linalg.eigvalsh(np.cov(features, rowvar=False))
    assert feature_bias(features) == pytest.approx(frechet_bias(spectrum.tolist(), 30))


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
