"""How often tests and intervals are wrong, by simulation: what docs/statistics.md states.

All tables are drawn from fixed seeds. Tolerances are three standard errors of a simulated rate;
lower bounds are there because a test that never finds anything is never wrong either.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bench.stats.comparisons import (
    LogRows,
    PairTests,
    holm_adjusted,
    told_apart,
    welch,
)
from bench.stats.effects import between
from bench.stats.intervals import ALPHA, Domain, far_apart, t_interval

K, N_TABLES = 10, 2000
SEEDS = (3, 5, 10)
SPREADS = {
    "equal": np.full(K, 0.1),
    "unequal": np.geomspace(0.02, 0.6, K),
    "mild": np.geomspace(0.05, 0.2, K),
    "one wild": np.r_[np.full(K - 1, 0.05), 1.0],
}
"""Standard deviations of log distances; those of the digits table reach from 0.008 to 1.6."""
THREE_ERRORS = 3 * math.sqrt(ALPHA * (1 - ALPHA) / N_TABLES)

Floats = NDArray[np.float64]
every_case = pytest.mark.parametrize("spread", SPREADS)
every_n = pytest.mark.parametrize("n", SEEDS)


def tables(n: int, spread: str, means: Floats | float = 0.0) -> tuple[LogRows, PairTests]:
    """Many tables of K rows with n seeds each, and the tests of their pairs."""
    rng = np.random.default_rng([n, len(spread)])
    x = rng.normal(size=(N_TABLES, K, n)) * SPREADS[spread][:, None] + np.reshape(means, (-1, 1))
    logs = LogRows(x.mean(-1), x.var(-1, ddof=1), np.full(K, float(n)))
    return logs, welch(logs)


def pairs_of(tests: PairTests) -> Floats:
    """P-values of all pairs: (tables, pairs)."""
    return tests.p_value[:, *np.triu_indices(K, 1)]


def some(found: NDArray[np.bool_]) -> float:
    """Share of tables with anything in it."""
    return float(found.any(-1).mean())


@every_n
@every_case
def test_a_table_of_equal_rows_has_a_false_win_in_less_than_one_of_twenty(
    n: int, spread: str
) -> None:
    _, tests = tables(n, spread)
    assert 0.008 < some(holm_adjusted(pairs_of(tests)) < ALPHA) < ALPHA + THREE_ERRORS


@every_n
def test_a_pooled_variance_would_be_wrong_three_times_as_often(n: int) -> None:
    """What the simulation is able to find: the rule that is not taken fails it."""
    logs, tests = tables(n, "unequal")
    error = np.sqrt(2 * logs.variance.mean(-1) / n)[:, None, None]
    p_value = 2 * stats.t.sf(np.abs(tests.shift) / error, K * (n - 1))
    assert some(holm_adjusted(pairs_of(tests._replace(p_value=p_value))) < ALPHA) > 0.14


def test_bartletts_test_would_choose_a_pooled_variance_too_often() -> None:
    """With three seeds it sees no spreads that differ by a factor of four."""
    logs, tests = tables(3, "mild")
    middle = logs.variance.mean(-1)
    p_value = 2 * stats.t.sf(np.abs(tests.shift) / np.sqrt(2 * middle / 3)[:, None, None], 2 * K)
    unlike = 2 * (K * np.log(middle) - np.log(logs.variance).sum(-1))
    chosen = stats.chi2.sf(unlike / (1 + (K / 2 - 1 / (2 * K)) / (3 * (K - 1))), K - 1) >= ALPHA
    decided = np.where(chosen[:, None], pairs_of(tests._replace(p_value=p_value)), pairs_of(tests))
    assert some(holm_adjusted(decided) < ALPHA) > ALPHA + THREE_ERRORS
    assert some(holm_adjusted(pairs_of(tests)) < ALPHA) < ALPHA


def test_as_many_rows_as_digits_has_are_ranked_as_well_as_few() -> None:
    """84 rows of three seeds, spreads from 0.008 to 1.6: a trap for approximations in far tails."""
    rng, k, n_tables = np.random.default_rng(3), 84, 100
    x = rng.normal(size=(n_tables, k, 3)) * np.geomspace(0.008, 1.6, k)[:, None]
    logs = LogRows(x.mean(-1), x.var(-1, ddof=1), np.full(k, 3.0))
    tests = welch(logs)
    together = holm_adjusted(tests.p_value[:, *np.triu_indices(k, 1)]) < ALPHA
    assert some(together) < ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / n_tables)
    wrong = told_apart(logs, tests).any(-1).mean(0)
    assert 0.008 < wrong.mean() < 0.03


@every_n
@every_case
def test_the_rank_range_of_no_row_is_wrong_in_more_than_one_of_twenty(n: int, spread: str) -> None:
    logs, tests = tables(n, spread)
    wrong = told_apart(logs, tests).any(-1).mean(0)  # all rows are equal, so no rank is excluded
    assert wrong.max() < ALPHA + THREE_ERRORS
    assert wrong.mean() > 0.003


@every_n
@every_case
def test_the_rows_that_may_be_first_hold_the_best(n: int, spread: str) -> None:
    """Also where half of the rows are as good as the best, and the others far behind."""
    logs, tests = tables(n, spread, np.repeat([0.0, 0.0001, 5.0], [1, K // 2 - 1, K // 2]))
    beaten = told_apart(logs, tests) & (tests.shift > 0)
    assert some(beaten[:, 0]) < ALPHA + THREE_ERRORS
    if spread == "equal" and n > 3:
        assert beaten[:, -1].sum(-1).mean() > K / 2 - 0.1


def beside_draws(n: int, *, cautious: bool) -> float:
    """Share of tables of K equal rows with a false verdict against five draws that vary little."""
    rng = np.random.default_rng(n)
    rows, draws = rng.normal(0, 0.1, (N_TABLES, K, n)), rng.normal(0, 0.014, (N_TABLES, 1, 5))
    (ours, their) = (x.var(-1, ddof=1) / x.shape[-1] for x in (rows, draws))
    welchs = (ours + their) ** 2 / (ours**2 / (n - 1) + their**2 / 4)
    freedom = min(n, 5) - 1 if cautious else welchs
    t = np.abs(rows.mean(-1) - draws.mean(-1)) / np.sqrt(ours + their)
    return some(holm_adjusted(2 * stats.t.sf(t, freedom)) < ALPHA)


@every_n
def test_a_family_beside_draws_is_wrong_in_less_than_one_of_twenty(n: int) -> None:
    rate = {3: 0.015, 5: 0.035, 10: 0.003}[n]
    assert beside_draws(n, cautious=True) == pytest.approx(rate, abs=0.012)


def test_welchs_own_freedom_would_be_wrong_beside_draws() -> None:
    assert beside_draws(3, cautious=False) > 0.11


@every_n
@every_case
def test_intervals_of_ratios_hold_the_true_one(n: int, spread: str) -> None:
    """An interval misses no change exactly where the test excludes it."""
    _, tests = tables(n, spread)
    missed = (pairs_of(tests) < ALPHA).mean(0)
    assert missed.min() > 0.015
    assert missed.max() < 0.08  # of 45 pairs: Welch's freedom is itself an estimate
    assert missed.mean() < ALPHA + 0.008


@every_n
@pytest.mark.parametrize("spread", [0.05, 0.5])
def test_intervals_of_distances_hold_the_geometric_mean(n: int, spread: float) -> None:
    rows = np.exp(np.random.default_rng(n).normal(2.0, spread, size=(1500, n))).tolist()
    found = [t_interval(row, Domain(log=True)) for row in rows]
    inside = np.mean([(one.low or 0.0) <= math.exp(2.0) <= (one.high or 0.0) for one in found])
    assert inside == pytest.approx(0.95, abs=0.017)  # three standard errors


@every_n
def test_a_collapsed_seed_leaves_no_interval_that_can_be_trusted(n: int) -> None:
    """One training in five collapses to ten times the distance: intervals miss the centre then."""
    rng = np.random.default_rng(n)
    collapsed = rng.random((1500, n)) < 0.2
    logs = rng.normal(2.0, 0.1, (1500, n)) + collapsed * math.log(10)
    truth = math.exp(2.0 + 0.2 * math.log(10))
    rows = np.exp(logs).tolist()
    found = [t_interval(row, Domain(log=True)) for row in rows]
    inside = np.mean([(one.low or 0.0) <= truth <= (one.high or 0.0) for one in found])
    assert inside == pytest.approx({3: 0.49, 5: 0.67, 10: 0.89}[n], abs=0.04)
    two_kinds = collapsed.any(-1) & ~collapsed.all(-1)
    assert [far_apart(row) for row in rows] == two_kinds.tolist()


@pytest.mark.parametrize(("n", "rate"), [(3, 0.0004), (5, 0.001), (10, 0.005)])
def test_ordinary_seeds_are_seldom_taken_for_two_kinds(n: int, rate: float) -> None:
    rows = np.exp(np.random.default_rng(n).normal(0, 0.2, (20000, n)))
    apart = (rows.max(-1) > 3 * rows.min(-1)).mean()
    assert rate / 4 < apart < 2 * rate
    assert [far_apart(row) for row in rows[:500].tolist()] == (
        rows[:500].max(-1) > 3 * rows[:500].min(-1)
    ).tolist()


def trained_twice(correlation: float) -> Iterator[float]:
    """P-values of two equally good samplers of five trainings, by ``between``."""
    rng = np.random.default_rng(3)
    covariance = [[0.04, 0.04 * correlation], [0.04 * correlation, 0.04]]
    for values in rng.multivariate_normal([0, 0], covariance, size=(1500, 5)):
        first, second = (dict(enumerate(column)) for column in values.T.tolist())
        found = between(first, second)
        assert found is not None
        yield found.p_value


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.9])
def test_samplers_of_one_training_are_told_apart_by_chance_as_often_as_said(
    correlation: float,
) -> None:
    wrong = np.mean([p_value < ALPHA for p_value in trained_twice(correlation)])
    assert wrong == pytest.approx(ALPHA, abs=0.017)  # as independent rows: 0.12, 0.04 and 0.000
