"""The claims page: effects in closed form, verdicts that follow from intervals, honest gaps."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from helpers import CLONE, Aigc
from report_runs import Runs, make_spec, make_suite, planned
from scipy import stats

from bench.records.record import Failure
from bench.report.claims import claims_texts
from bench.report.claims import write as writing
from bench.report.claims.evaluate import DIVERGED, Judged, judge
from bench.report.claims.page import claims_page
from bench.report.leaderboard.write import published_board
from bench.report.words import LANGUAGES, texts_of
from bench.run.plan import planned_specs
from bench.stats.effects import (
    ClaimVerdict,
    Effect,
    difference,
    level_of,
    overall,
    ratio,
    verdict,
)
from bench.stats.shares import share, share_difference
from bench.train.divergence import Diverged
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.export.markdown import pages
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


def test_a_share_has_the_exact_interval_of_clopper_and_pearson() -> None:
    for hits, n in ((3, 50), (0, 20), (20, 20), (7, 10)):
        theirs = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
        effect = share(hits, n, 0.95)
        assert (effect.value, effect.low, effect.high) == pytest.approx(
            (hits / n, theirs.low, theirs.high)
        )


@pytest.mark.parametrize(("n", "m", "level"), [(10, 10, 0.9), (5, 10, 0.9), (10, 10, 0.997)])
def test_a_difference_of_shares_is_covered_at_least_as_often_as_it_says(
    n: int, m: int, level: float
) -> None:
    """Exactly, over all outcomes; Newcombe's covers 0.964 at worst where it says 0.997."""
    ends = np.array(
        [[share_difference((a, n), (b, m), level).ends for b in range(m + 1)] for a in range(n + 1)]
    )
    covered = []
    for p in np.linspace(0.02, 0.98, 25):
        for q in np.linspace(0.02, 0.98, 25):
            chance = stats.binom.pmf(range(n + 1), n, p)[:, None] * stats.binom.pmf(
                range(m + 1), m, q
            )
            inside = (ends[..., 0] <= p - q + 1e-3) & (p - q - 1e-3 <= ends[..., 1])
            covered.append(float((chance * inside).sum()))
    assert level - 1e-3 < min(covered) < 1.0
    assert np.mean(covered) < (1 + level) / 2 + 0.02  # and is not simply everything


def test_a_difference_of_shares_knows_no_side_and_agrees_with_fisher() -> None:
    first, mirrored = (
        share_difference(*sides, 0.95) for sides in (((7, 10), (1, 12)), ((1, 12), (7, 10)))
    )
    assert (mirrored.low, mirrored.high) == pytest.approx((-(first.high or 0), -(first.low or 0)))
    assert first.value == pytest.approx(7 / 10 - 1 / 12)
    for counts in (((7, 10), (0, 10)), ((5, 10), (4, 10)), ((10, 10), (0, 10))):
        (a, n), (b, m) = counts
        apart = share_difference(*counts, 0.95)
        excludes_none = (apart.low or 0) > 0 or (apart.high or 0) < 0
        fisher = stats.fisher_exact([[a, n - a], [b, m - b]]).pvalue
        assert excludes_none == (fisher < 0.05)


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


@pytest.mark.parametrize(
    ("planned", "exploratory", "expected"),
    [
        (["undecided", "supported", "supported"], [], "supported"),
        (["refuted", "undecided", "untested"], [], "refuted"),
        (["supported", "refuted"], [], "mixed"),
        (["undecided", "untested"], [], "undecided"),
        (["untested"], [], "untested"),
        (["described"], [], "described"),
        ([], ["described"], "described"),
        ([], ["supported"], "undecided"),
        (["undecided"], ["refuted", "refuted"], "undecided"),
        (["untested"], ["supported"], "undecided"),
        (["supported"], ["supported", "undecided"], "supported"),
        (["supported"], ["refuted"], "mixed"),
        ([], [], "untested"),
    ],
)
def test_a_claim_gets_what_its_decided_comparisons_agree_on(
    planned: list[ClaimVerdict], exploratory: list[ClaimVerdict], expected: ClaimVerdict
) -> None:
    assert overall(planned, exploratory) == expected


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
ALONE = COLLAPSED.model_copy(update={"rows": ("dcgan",)})
SEEDS = (0, 1, 2, 3)


def variant_of(comparison: Comparison, **changes: object) -> Comparison:
    """The comparison with some fields changed, checked like any other."""
    return Comparison.model_validate(comparison.model_dump() | changes)


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
    made = texts(claim(BETTER, PRECISE, ALONE))
    assert list(numbers(made)["verdict_of_comparison"]) == ["untested", "untested", "undecided"]
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


def two_rows(runs: Runs, ratio: float = 0.5) -> None:
    """Runs by which ``BETTER`` is supported, or refuted by a ratio of 2."""
    for seed in SEEDS:
        for variant, distance in (("dcgan", 20.0 + seed), ("vae", (20.0 + seed) * ratio)):
            runs.train(make_spec(variant, seed))
            runs.score(make_spec(variant, seed), distance)


def test_shown_for_and_shown_against_is_mixed(runs: Runs, texts: Texts) -> None:
    two_rows(runs)
    against = variant_of(BETTER, supports="above")
    made = texts(claim(BETTER, against))
    assert list(numbers(made)["verdict"]) == ["mixed", "mixed"]
    assert "“A statement.” **mixed**" in made["claims.md"]
    assert "**不一**" in made["claims.zh-CN.md"]


def test_what_was_added_afterwards_decides_nothing_alone_and_says_so(
    runs: Runs, texts: Texts
) -> None:
    two_rows(runs)
    later = variant_of(BETTER, exploratory=True)
    made = texts(claim(later))
    (row,) = numbers(made).to_dict("records")
    assert (row["verdict"], row["verdict_of_comparison"]) == ("undecided", "supported")
    assert str(row["exploratory"]).lower() == "true"
    assert "vae against dcgan *(exploratory)*" in made["claims.md"]
    assert "undecided (exploratory: supported)" in made["claims.md"]
    assert "未定（探索性：支持）" in made["claims.zh-CN.md"]
    both = numbers(texts(claim(later, variant_of(BETTER, supports="above"))))
    assert set(both["verdict"]) == {"mixed"}


def test_what_measures_something_else_or_describes_decides_nothing(
    runs: Runs, texts: Texts
) -> None:
    two_rows(runs)
    aside, told = variant_of(BETTER, role="aside"), variant_of(PRECISE, role="description")
    told = variant_of(told, rows=("vae",), against=("dcgan",))
    made = texts(claim(aside), claim(told).model_copy(update={"id": "another"}))
    first, second = numbers(made).to_dict("records")
    assert (first["verdict"], first["verdict_of_comparison"]) == ("untested", "supported")
    assert (second["verdict"], second["verdict_of_comparison"]) == ("described", "described")
    assert (second["ci_low"], second["ci_high"]) == ("", "")
    assert float(first["level"]) == pytest.approx(0.95)  # a description takes no share of it
    assert "shown, beside the claim" in made["claims.md"]
    assert "**supported** |" not in made["claims.md"]


def test_every_verdict_has_its_words() -> None:
    for language in LANGUAGES:
        known = texts_of(language)["claims"]
        counted = {name for name in get_args(ClaimVerdict) if name != "mixed"}
        assert known.keys() >= set(get_args(ClaimVerdict)) | {f"n_{one}" for one in counted}


# The registry's own claims, and the committed records.


def committed(registry: Registry, name: str = "digits") -> tuple[Judged, ...]:
    """The claims as the committed records judge them."""
    boards = {
        one: published_board(suite, planned_specs(registry, suite), CLONE / "reports", registry)
        for one in ("digits", "digits-ten-seeds")
        if (suite := registry.suite(one))
    }
    return judge(registry, boards, registry.suite(name))


@pytest.mark.parametrize("suite", ["mnist-tiny", "cifar10-tiny", "shapes", "digits-quick"])
def test_a_suite_without_runs_of_a_comparison_has_no_page(
    aigc: Aigc, tmp_path: Path, suite: str
) -> None:
    shown = aigc("report", "claims", suite, "--reports", CLONE / "reports", "-o", tmp_path)
    assert shown.code == 4
    assert shown.stderr.splitlines()[0] == (
        f"error: no run of suite '{suite}' tests a claim of the article"
    )
    assert list(tmp_path.iterdir()) == []


def test_no_data_set_is_told_of_another(registry: Registry) -> None:
    """Comparisons of a suite on digits are on no page of another data set."""
    suites = {test.suite for one in committed(registry, "mnist-tiny") for test in one.tests}
    assert suites == {"mnist-tiny"}


EITHER_KIND = (
    "share of collapsed trainings with either kind of differentiable augmentation, minus that"
    " without"
)
ADDED = {
    "2026-11-24T19:06:28+00:00": (
        "share of collapsed trainings, minus that with DCGAN's rates",
        "the same share with the rates that the article prints",
    ),
    "2026-11-24T18:17:09+00:00": ("share of collapsed trainings, minus that with DCGAN's loss",),
    "2026-11-30T17:30:00+00:00": (
        "share of collapsed trainings with several discriminators, minus that with one",
        "share of collapsed trainings with adversarial examples, minus that without",
        "the same share with real images alone augmented, minus that without",
        EITHER_KIND,
    ),
}
"""Comparisons that came into the registry later than the claims themselves, and when (git log)."""
FIRST_ADDED = "2026-11-24T18:02:45+00:00"


def test_a_comparison_whose_rows_had_all_been_seen_is_exploratory(registry: Registry) -> None:
    """Seen are rows of which a training began before the comparison came into the registry."""
    when = {text: moment for moment, found in ADDED.items() for text in found}
    assert set(when) <= {test.text.en for one in registry.claims for test in one.tests}
    began: dict[str, datetime] = {}
    for suite in map(registry.suite, ("digits", "digits-ten-seeds")):
        planned_ones = planned_specs(registry, suite)
        for run in published_board(suite, planned_ones, CLONE / "reports", registry).runs:
            name, moment = run.train.spec.variant, run.train.created_at
            began[name] = min(moment, began.get(name, moment))
    unmarked, marked = 0, 0
    for one in registry.claims:
        for test in one.tests:
            added = datetime.fromisoformat(when.get(test.text.en, FIRST_ADDED))
            seen = all(began[name] < added for name in (*test.rows, *test.against))
            assert test.exploratory or not seen, (one.id, test.text.en)
            unmarked, marked = unmarked + (not test.exploratory), marked + test.exploratory
    assert unmarked > 5
    assert marked > 5


def test_divergence_is_judged_by_divergence(registry: Registry) -> None:
    """What the article advises against divergence gets no verdict from how good images are."""
    for one in registry.claims:
        if "divergence" in one.claim_en or "diverges" in one.claim_en:
            deciding = [test for test in one.tests if test.role == "test"]
            assert deciding, one.id
            assert all(test.counts_collapses for test in deciding), one.id


def test_groups_of_rows_are_described_and_not_tested(registry: Registry) -> None:
    """Rows that somebody chose are no sample of anything."""
    groups = [t for one in registry.claims for t in one.tests if t.effect == "difference"]
    assert len(groups) == 2
    assert {test.role for test in groups} == {"description"}


def test_claims_and_errata_of_one_sentence_name_each_other(registry: Registry) -> None:
    texts = pages(registry)
    names = {"en": "catalog.md", "zh": "catalog.zh-CN.md"}
    n_pairs = 0
    for one in registry.claims:
        for erratum in registry.errata:
            if one.line in erratum.lines:
                assert erratum.id in one.errata, f"{one.id} is of the sentence of {erratum.id}"
            if erratum.id not in one.errata:
                continue
            n_pairs += 1
            for language in LANGUAGES:
                page = texts[names[language]]
                entry = page.split(f'<a id="{erratum.id.lower()}"></a>')[1].split("\n- ")[0]
                assert f"`{one.id}`" in entry, f"{erratum.id} does not name {one.id}"
    assert n_pairs > 10


def test_what_errata_say_of_the_bench_is_what_it_shows(registry: Registry) -> None:
    """E-11: described, not tested. E-13: DCGAN never collapses there, so nothing is prevented."""
    found = {one.claim.id: one for one in committed(registry)}
    assert found["gan-diversity"].verdict == "described"
    assert found["adversarial-training"].verdict == "undecided"
    (test,) = [t for t in found["adversarial-training"].tests if t.comparison.role == "test"]
    assert test.counts.endswith("/ 0 : 10")
    assert found["the-listing"].verdict == "undecided"
    page = claims_page(tuple(found.values()), registry.suite("digits"), registry, "en")
    assert "undecided (exploratory: refuted)" in page
