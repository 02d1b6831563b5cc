"""Closed forms, scipy as a second opinion, and results worked by hand."""

from __future__ import annotations

import math
from dataclasses import replace

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
    method_of,
    not_shown_worse,
    ranges_together,
    rank_ranges,
    smallest_ratio,
    typical_spread,
)
from bench.stats.effects import Sample
from bench.stats.intervals import (
    FLOOR,
    PLAIN,
    Domain,
    Estimate,
    deviation,
    extent,
    far_apart,
    t_interval,
)
from bench.stats.sampling import feature_bias, frechet_bias, frechet_error, jackknife_error

DISTANCE, SHARE = Domain(log=True), Domain(least=0.0, most=1.0)

TIGHT = [10.0, 10.1, 9.9, 10.05, 9.95]
FAR = [20.0, 20.2, 19.8, 20.1, 19.9]
WILD = [5.0, 50.0, 12.0, 3.0, 90.0]

distances = st.floats(0.01, 1000)
rows_of_distances = st.lists(st.lists(distances, min_size=1, max_size=5), min_size=1, max_size=6)


def wins(row: int, loser: int) -> RowPair:
    return RowPair(row, loser, gap=0.5, p_value=0.001, p_holm=0.001)


def rows_of(*rows: list[float]) -> list[Sample]:
    """Rows of trainings that no two of them share."""
    return [{(row, seed): x for seed, x in enumerate(values)} for row, values in enumerate(rows)]


def sides(*pairs: tuple[list[float], list[float]]) -> list[tuple[Sample, Sample]]:
    return [(row, other) for row, other in (rows_of(*pair) for pair in pairs)]


def test_interval_of_one_two_three() -> None:
    estimate = t_interval([1.0, 2.0, 3.0])
    assert estimate.mean == 2.0
    assert estimate.half_width == pytest.approx(4.302652729911275 / math.sqrt(3))


@pytest.mark.parametrize(("n", "factor"), [(3, 2.48), (5, 1.24)])
def test_half_width_in_standard_deviations(n: int, factor: float) -> None:
    values = np.random.default_rng(0).normal(size=n)
    half = t_interval(values.tolist()).half_width
    assert half == pytest.approx(factor * values.std(ddof=1), rel=3e-3)


@pytest.mark.parametrize("domain", [PLAIN, DISTANCE, SHARE])
def test_one_value_has_no_interval(domain: Domain) -> None:
    for made in (t_interval, extent):
        estimate = made([0.35], domain)
        assert estimate == Estimate(0.35, None, None, 1)
        assert estimate.half_width is None


@pytest.mark.parametrize(("values", "level"), [([], 0.95), ([1.0], 0.0), ([1.0], 1.0)])
def test_interval_refuses(values: list[float], level: float) -> None:
    with pytest.raises(ValueError, match=r"interval needs|level must"):
        t_interval(values, level=level)


def test_an_interval_on_the_log_scale_is_that_of_the_logarithms() -> None:
    estimate = t_interval(TIGHT, DISTANCE)
    theirs = scipy_stats.ttest_1samp(np.log(TIGHT), 0).confidence_interval(0.95)
    assert estimate.mean == pytest.approx(scipy_stats.gmean(TIGHT))
    assert (estimate.low, estimate.high) == pytest.approx(
        (math.exp(theirs.low), math.exp(theirs.high))
    )


@given(st.lists(st.floats(1e-3, 1e3), min_size=2, max_size=6))
def test_no_interval_of_distances_reaches_zero(values: list[float]) -> None:
    estimate = t_interval(values, DISTANCE)
    assert estimate.low is not None
    assert estimate.high is not None
    assert 0 < estimate.low <= estimate.mean <= estimate.high


def test_an_interval_of_shares_is_cut_where_shares_end() -> None:
    low, high = t_interval([0.0, 0.01, 0.05], SHARE), t_interval([0.9, 0.99, 1.0], SHARE)
    assert t_interval([0.0, 0.01, 0.05]).low == pytest.approx(-0.0457, abs=1e-3)
    assert (low.low, high.high) == (0.0, 1.0)
    assert (low.mean, high.mean) == pytest.approx((0.02, 0.963), abs=1e-3)
    assert low.high == t_interval([0.0, 0.01, 0.05]).high


def test_a_mean_that_lies_outside_by_rounding_stays_inside_its_interval() -> None:
    estimate = t_interval([1.0 + 1e-9, 1.0 + 1e-9], SHARE)
    assert (estimate.low, estimate.mean, estimate.high) == (1 + 1e-9,) * 3


def test_the_extent_is_from_the_smallest_to_the_largest() -> None:
    found = extent([421.0, 11.0, 12.0], DISTANCE)
    assert (found.low, found.high, found.n, found.kind) == (11.0, 421.0, 3, "extent")
    assert found.mean == pytest.approx(scipy_stats.gmean([421.0, 11.0, 12.0]))


def test_seeds_are_far_apart_beyond_a_factor_of_three() -> None:
    assert not far_apart([1.0, 2.0, 3.0])
    assert far_apart([1.0, 2.0, 3.001])
    assert not far_apart([5.0])
    assert not far_apart([0.0, FLOOR])


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


@pytest.mark.parametrize("rows", [(FAR, TIGHT), (WILD, TIGHT), (WILD, [9.0, 30.0])])
def test_every_pair_is_tested_by_welch_as_in_scipy(rows: tuple[list[float], list[float]]) -> None:
    (pair,) = compare(rows_of(*rows))
    first, second = map(np.log, rows)
    assert pair.p_value == pytest.approx(
        scipy_stats.ttest_ind(first, second, equal_var=False).pvalue
    )
    assert (pair.better, pair.worse) == ((1, 0) if second.mean() < first.mean() else (0, 1))
    assert pair.gap == pytest.approx(math.expm1(abs(first.mean() - second.mean())))


def test_other_rows_change_nothing_but_the_correction() -> None:
    alone = compare(rows_of(TIGHT, FAR))[0]
    beside = compare(rows_of(TIGHT, FAR, WILD, [15.0, 15.3, 14.8]))[0]
    assert replace(beside, p_holm=alone.p_holm) == alone
    assert beside.p_holm > alone.p_holm


def test_rows_of_one_training_are_compared_training_by_training() -> None:
    """Spread that all samplers of a training share says nothing of their difference."""
    levels, noise = [5.0, 50.0, 12.0, 3.0, 90.0], [1.02, 0.99, 1.0, 1.01, 0.98]
    prior = {f"run-{seed}": level for seed, level in enumerate(levels)}
    fitted = {
        f"run-{seed}": 1.5 * x * y for seed, (x, y) in enumerate(zip(levels, noise, strict=True))
    }
    (paired,) = compare([fitted, prior])
    theirs = scipy_stats.ttest_rel(np.log(list(prior.values())), np.log(list(fitted.values())))
    assert (paired.better, paired.p_value) == (1, pytest.approx(theirs.pvalue))
    assert paired.decided
    (independent,) = compare(rows_of(list(fitted.values()), levels))
    assert independent.p_value > 0.5
    (contrast,) = contrasts([(fitted, prior)])
    assert (contrast.verdict, contrast.p_value) == ("worse", pytest.approx(theirs.pvalue))
    rank = rank_ranges([fitted, prior])
    assert rank == (RankRange(2, 2), RankRange(1, 1))


def test_pairs_stand_on_the_trainings_that_both_rows_have() -> None:
    prior = {"a": 1.0, "b": 2.0, "c": 3.0}
    fitted = {"b": 2.2, "c": 3.2, "d": 900.0}
    (pair,) = compare([prior, fitted])
    theirs = scipy_stats.ttest_rel(np.log([2.0, 3.0]), np.log([2.2, 3.2]))
    assert (pair.better, pair.p_value) == (0, pytest.approx(theirs.pvalue))
    (untested,) = compare([{"a": 1.0, "b": 2.0}, {"b": 900.0, "c": 901.0}])
    assert (untested.p_value, untested.decided) == (1.0, False)
    (contrast,) = contrasts([({"a": 1.0, "b": 2.0}, {"b": 900.0, "c": 901.0})])
    assert (contrast.verdict, contrast.p_value) == ("lower", None)


def test_constant_rows_are_told_apart_without_a_warning() -> None:
    (different,) = compare(rows_of([1.0, 1.0], [2.0, 2.0]))
    (same,) = compare(rows_of([1.0, 1.0], [1.0, 1.0]))
    assert different.decided
    assert not same.decided
    assert rank_ranges(rows_of([1.0, 1.0], [2.0, 2.0])) == (RankRange(1, 1), RankRange(2, 2))
    assert rank_ranges(rows_of([1.0, 1.0], [1.0, 1.0])) == (RankRange(1, 2),) * 2


def test_a_sure_but_small_gap_is_no_win() -> None:
    rows = rows_of([100.0, 100.001, 99.999], [101.5, 101.501, 101.499])
    (pair,) = compare(rows)
    assert pair.p_holm < 1e-6
    assert not pair.decided
    assert rank_ranges(rows) == (RankRange(1, 2),) * 2


def test_non_positive_distances_are_lifted_to_the_floor() -> None:
    (pair,) = compare(rows_of([-0.1, 0.0], [1.0, 1.0]))
    assert pair.gap == pytest.approx(1 / FLOOR - 1)
    assert t_interval([-0.1, 0.0], DISTANCE).mean == pytest.approx(FLOOR)


def test_rows_with_one_seed_are_not_tested() -> None:
    assert method_of(rows_of([1.0], [2.0], TIGHT)) == "none"
    assert method_of(rows_of(FAR, [2.0], TIGHT)) == "welch"
    assert compare(rows_of([1.0], [2.0], [3.0])) == ()
    assert rank_ranges(rows_of([1.0], [2.0])) == (RankRange(1, 2),) * 2
    assert rank_ranges(rows_of(TIGHT)) == (RankRange(1, 1),)
    rows = rows_of(TIGHT, [1.0], FAR)
    assert [(c.better, c.worse) for c in compare(rows)] == [(0, 2)]
    assert rank_ranges(rows) == (RankRange(1, 2), RankRange(1, 3), RankRange(2, 3))


def test_ranges_for_all_rows_together_by_hand() -> None:
    comparisons = [wins(0, 2), wins(0, 3), wins(1, 3), RowPair(0, 1, 0.01, 1e-9, 1e-9)]
    expected = (RankRange(1, 2), RankRange(1, 3), RankRange(2, 4), RankRange(3, 4))
    assert ranges_together(4, comparisons) == expected


def test_without_comparisons_every_rank_is_possible() -> None:
    assert ranges_together(3, ()) == (RankRange(1, 3),) * 3
    assert rank_ranges([]) == ()


@given(rows_of_distances)
def test_ranges_are_ranges_whatever_the_distances(values: list[list[float]]) -> None:
    rows = rows_of(*values)
    alone, together = rank_ranges(rows), ranges_together(len(rows), compare(rows))
    for row, *ranks in zip(rows, alone, together, strict=True):
        for rank in ranks:
            assert 1 <= rank.low <= rank.high <= len(rows)
            if len(row) == 1:
                assert rank == RankRange(1, len(rows))


@given(rows_of_distances)
def test_the_order_of_rows_does_not_matter(values: list[list[float]]) -> None:
    rows = rows_of(*values)
    for ranges in (rank_ranges, lambda x: ranges_together(len(x), compare(x))):
        assert ranges(rows) == ranges(rows[::-1])[::-1]


def test_a_row_whose_seeds_are_all_far_behind_is_not_ranked_with_the_best() -> None:
    """Five real seeds from 25 to 323 beside 82 good rows: by all pairs any rank was possible."""
    rng = np.random.default_rng(0)
    good = np.exp(rng.normal(1.0, 0.1, (82, 5)) + rng.uniform(0, 1, (82, 1))).tolist()
    rows = rows_of(*good, [27.42, 51.1, 322.6, 25.22, 105.53])
    assert ranges_together(83, compare(rows))[-1] == RankRange(1, 83)
    assert rank_ranges(rows)[-1] == RankRange(83, 83)
    best = min(range(82), key=lambda index: np.log(good[index]).mean())
    assert 82 not in not_shown_worse(rows, best)


def test_who_is_not_shown_to_be_worse() -> None:
    rows = rows_of(TIGHT, [10.2, 9.8, 10.1], FAR, [50.0])
    assert not_shown_worse(rows, 0) == (1, 3)
    assert not_shown_worse(rows, 2) == (0, 1, 3)
    assert not_shown_worse(rows, 3) == (0, 1, 2)


def test_verdicts_of_a_family() -> None:
    baseline = [15.0, 15.1, 14.9]
    rows = [TIGHT, FAR, [14.0, 10.0, 17.0], [16.0, 14.0, 19.0], [3.0], [30.0]]
    found = contrasts(sides(*((row, baseline) for row in rows)))
    expected = ("better", "worse", "undecided", "undecided", "lower", "higher")
    assert tuple(c.verdict for c in found) == expected
    (alone,) = contrasts(sides((TIGHT, [15.0])))
    assert (alone.verdict, alone.low, alone.p_value) == ("lower", None, None)


def test_a_contrast_is_welchs_test_as_in_scipy() -> None:
    found, flipped = contrasts(sides((TIGHT, WILD), (WILD, TIGHT)))
    both = scipy_stats.ttest_ind(np.log(TIGHT), np.log(WILD), equal_var=False)
    assert (found.p_value, flipped.p_value) == pytest.approx((both.pvalue, both.pvalue))
    assert found.ratio == pytest.approx(scipy_stats.gmean(TIGHT) / scipy_stats.gmean(WILD))
    low, high = both.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)))


def test_beside_draws_a_contrast_has_the_freedom_of_its_smaller_side() -> None:
    row, draws = [15.0, 15.4, 14.7], [16.0, 16.01, 15.99, 16.02, 15.98]
    (found,) = contrasts(sides((row, draws)), of_draws=True)
    logs = np.log(row), np.log(draws)
    error = math.sqrt(sum(x.var(ddof=1) / len(x) for x in logs))
    t = (logs[0].mean() - logs[1].mean()) / error
    assert found.p_value == pytest.approx(2 * scipy_stats.t.sf(abs(t), 2))
    half = scipy_stats.t.ppf(0.975, 2) * error
    assert (found.low, found.high) == pytest.approx(
        (found.ratio * math.exp(-half), found.ratio * math.exp(half))
    )


def test_families_are_corrected_by_holm() -> None:
    pairs = [(TIGHT, [10.5, 10.3, 10.6]), (TIGHT, [10.0, 10.2, 10.4]), ([1.0], TIGHT)]
    found = contrasts(sides(*pairs))
    raw = [c.p_value for c in found if c.p_value is not None]
    assert [c.p_holm for c in found] == [*holm(raw), None]
    assert contrasts([]) == ()


def test_a_sure_but_small_difference_from_a_reference_is_not_shown() -> None:
    rows = [100.0, 100.001, 99.999], [101.5, 101.501, 101.499]
    for found in contrasts(sides(rows, rows[::-1])):
        assert found.p_holm is not None
        assert found.p_holm < 1e-4
        assert found.verdict == "undecided"


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


def test_the_typical_spread_is_that_of_the_middle_row() -> None:
    assert typical_spread(rows_of(TIGHT, WILD, WILD)) == pytest.approx(
        (np.log(WILD).std(ddof=1), 8)
    )
    assert typical_spread(rows_of(TIGHT, FAR[:3], WILD)) == pytest.approx(
        (np.median([np.log(row).std(ddof=1) for row in (TIGHT, FAR[:3], WILD)]), 4)
    )
    assert typical_spread(rows_of([1.0], TIGHT)) is None
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
