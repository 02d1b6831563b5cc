"""The claims page: effects in closed form, verdicts that follow from intervals, honest gaps."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pandas as pd
import pytest
from report_runs import Runs, make_spec, make_suite, planned
from scipy import stats

from bench.records.record import Failure
from bench.report.claims import claims_texts
from bench.report.claims import write as writing
from bench.report.claims.evaluate import DIVERGED
from bench.stats.effects import (
    Effect,
    difference,
    level_of,
    overall,
    ratio,
    share,
    share_difference,
    verdict,
)
from bench.train.divergence import Diverged
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Claim, Comparison, Registry

FIRST, SECOND = [10.0, 11.0, 12.5, 9.5, 10.2], [14.0, 13.1, 12.2, 15.9, 14.4, 13.0]


def test_a_difference_has_welchs_interval() -> None:
    effect = difference(FIRST, SECOND, 0.99)
    theirs = stats.ttest_ind(FIRST, SECOND, equal_var=False).confidence_interval(0.99)
    assert effect.value == pytest.approx(np.mean(FIRST) - np.mean(SECOND))
    assert (effect.low, effect.high) == pytest.approx((theirs.low, theirs.high))


def test_a_ratio_is_a_difference_of_logarithms() -> None:
    effect = ratio(FIRST, SECOND, 0.95)
    logs = stats.ttest_ind(np.log(FIRST), np.log(SECOND), equal_var=False)
    theirs = logs.confidence_interval(0.95)
    assert (effect.low, effect.high) == pytest.approx((np.exp(theirs.low), np.exp(theirs.high)))
    mirrored = ratio(SECOND, FIRST, 0.95)
    assert mirrored.value == pytest.approx(1 / effect.value)
    assert mirrored.low == pytest.approx(1 / (effect.high or 0.0))


def test_one_seed_has_no_interval_and_equal_numbers_one_of_no_width() -> None:
    assert ratio([10.0], SECOND, 0.95).low is None
    assert difference([2.0, 2.0], [1.0, 1.0], 0.95) == Effect(1.0, 1.0, 1.0)


def test_wilsons_interval_solves_its_equation() -> None:
    """Both ends p satisfy |hits / n - p| = z sqrt(p (1 - p) / n), Wilson 1927."""
    z = NormalDist().inv_cdf(0.975)
    effect = share(3, 50, 0.95)
    for end in (effect.low, effect.high):
        assert end is not None
        assert abs(0.06 - end) == pytest.approx(z * (end * (1 - end) / 50) ** 0.5)
    assert share(0, 20, 0.95).low == 0.0
    assert share(20, 20, 0.95).high == 1.0


def test_newcombes_own_example() -> None:
    """56 of 70 against 48 of 80, Newcombe 1998, table II, method 10: 0.0524 to 0.3339."""
    effect = share_difference((56, 70), (48, 80), 0.95)
    assert effect.value == pytest.approx(0.2)
    assert (effect.low, effect.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_intervals_cover_as_often_as_they_say() -> None:
    generator = np.random.default_rng(7)
    hits = 0
    for _ in range(2000):
        rows = list(generator.lognormal(1.0, 0.2, 5))
        against = list(generator.lognormal(1.3, 0.1, 5))
        effect = ratio(rows, against, 0.9)
        hits += (effect.low or 0) < np.exp(-0.3) < (effect.high or 0)
    assert 0.885 < hits / 2000 < 0.925


@pytest.mark.parametrize(
    ("low", "high", "below", "above"),
    [
        (0.5, 0.9, "supported", "refuted"),
        (0.5, 0.98, "undecided", "undecided"),
        (0.9, 1.2, "undecided", "undecided"),
        (0.99, 1.2, "refuted", "supported"),
        (None, None, "untested", "untested"),
    ],
)
def test_a_verdict_follows_from_the_interval_alone(
    low: float | None, high: float | None, below: str, above: str
) -> None:
    effect = Effect(0.95, low, high)
    assert verdict(effect, "below", 0.98) == below
    assert verdict(effect, "above", 0.98) == above


def test_a_claim_gets_what_its_decided_comparisons_agree_on() -> None:
    assert overall(["undecided", "supported", "supported"]) == "supported"
    assert overall(["refuted", "undecided", "untested"]) == "refuted"
    assert overall(["supported", "refuted"]) == "undecided"
    assert overall(["undecided", "untested"]) == "undecided"
    assert overall(["untested"]) == "untested"


def test_the_level_is_shared_among_all_comparisons() -> None:
    assert level_of(1) == pytest.approx(0.95)
    assert level_of(10) == pytest.approx(0.995)


def test_divergence_has_the_name_that_records_give_it() -> None:
    assert Diverged.__name__ == DIVERGED


# From records to a page.

BETTER = Comparison(
    text={"en": "vae against dcgan", "zh": "两者对比"},
    rows=("vae",),
    against=("dcgan",),
    supports="below",
    boundary=0.98,
)
COLLAPSED = Comparison(
    text={"en": "collapsed", "zh": "崩溃"},
    effect="collapse-share",
    rows=("dcgan", "r1-gan"),
    supports="above",
    boundary=0.1,
)
PRECISE = Comparison(
    text={"en": "precision", "zh": "精确率"},
    effect="difference",
    metric="precision",
    rows=("dcgan", "r1-gan"),
    against=("vae", "dcgan"),
    supports="above",
    boundary=0.02,
)
SEEDS = (0, 1, 2, 3)


def claim(*tests: Comparison, suite: str | None = None) -> Claim:
    return Claim(
        id="a-claim",
        line=7,
        claim_zh="论断",
        claim_en="A statement.",
        errata=("E-14",),
        suite=suite,
        tests=tests,
        remark={"en": "What it cannot tell.", "zh": "不能说明的事。"},
    )


Texts = Callable[..., dict[str, str]]


@pytest.fixture
def texts(monkeypatch: pytest.MonkeyPatch, small_registry: Registry, tmp_path: Path) -> Texts:
    """Pages and numbers of some claims on the small small_registry, from ``tmp_path/runs``."""
    monkeypatch.setattr(writing, "planned_specs", lambda *_: planned(SEEDS))
    suite = make_suite(SEEDS)
    small = small_registry.model_copy(update={"suites": (suite,), "errata": ()})

    def make(*claims: Claim, runs: Path | None = None) -> dict[str, str]:
        source = runs or tmp_path / "runs"
        chosen = small.model_copy(update={"claims": claims})
        return claims_texts(suite, chosen, tmp_path / "reports", source)

    return make


def numbers(texts: dict[str, str]) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(texts["claims.csv"]), keep_default_na=False)


def test_a_ratio_reads_averaged_weights_and_the_own_sampler(runs: Runs, texts: Texts) -> None:
    for seed in SEEDS:
        dcgan, vae = make_spec("dcgan", seed), make_spec("vae", seed)
        runs.train(dcgan)
        runs.score(dcgan, 20.0 + seed, ema=True)
        runs.score(dcgan, 1.0)
        runs.train(vae)
        runs.score(vae, 10.0 + seed / 2)
        runs.score(vae, 0.5, "gmm-10")
    made = texts(claim(BETTER))
    (row,) = numbers(made).to_dict("records")
    assert float(row["value"]) == pytest.approx(0.5)
    assert float(row["ci_high"]) < 0.98
    assert row["verdict"] == row["verdict_of_comparison"] == "supported"
    assert row["n"] == "4 / 4"
    assert "**supported**" in made["claims.md"]
    assert "**支持**" in made["claims.zh-CN.md"]
    assert "> 论断" in made["claims.md"]
    assert "E-14" in made["claims.md"]


def test_collapses_are_counted_and_other_failures_are_not(runs: Runs, texts: Texts) -> None:
    for seed, found in enumerate(["prior", "gmm-10", "", ""]):
        spec = make_spec("dcgan", seed)
        runs.train(spec)
        for one in ("prior", "gmm-10"):
            file = runs.score(spec, 10.0, one)
            if one == found:
                file.write_text(file.read_text().replace('"value": 0.62', '"value": 0.01'))
    runs.fail(make_spec("r1-gan", 0))  # diverged
    crash = Failure(phase="train", type="Crashed", message="a library crashed")
    runs.train(make_spec("r1-gan", 1), status="error", error=crash)
    runs.train(make_spec("r1-gan", 2))
    runs.score(make_spec("r1-gan", 2), 9.0)
    (row,) = numbers(texts(claim(COLLAPSED))).to_dict("records")
    assert row["n"] == "2 : 6"
    assert float(row["value"]) == pytest.approx(2 / 6)
    assert row["verdict"] == "undecided"


def test_what_is_not_there_is_not_tested(runs: Runs, texts: Texts) -> None:
    runs.train(make_spec("dcgan", 0))
    runs.score(make_spec("dcgan", 0), 10.0)
    made = texts(claim(BETTER, PRECISE))
    assert list(numbers(made)["verdict_of_comparison"]) == ["untested", "untested"]
    assert "not tested" in made["claims.md"]


def test_groups_count_rows_and_not_seeds(runs: Runs, texts: Texts) -> None:
    for variant in ("dcgan", "r1-gan", "vae"):
        for seed in SEEDS:
            runs.train(make_spec(variant, seed))
            runs.score(make_spec(variant, seed), 10.0)
    (row,) = numbers(texts(claim(PRECISE))).to_dict("records")
    assert row["n"] == "2 / 2"
    assert (float(row["value"]), row["verdict"]) == (0.0, "refuted")


def test_no_claims_and_no_records_are_errors(texts: Texts, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no claims"):
        texts()
    with pytest.raises(MissingPrerequisite):
        texts(claim(BETTER), runs=tmp_path / "nowhere")
