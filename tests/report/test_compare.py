"""``aigc report compare``: what counts as better, as noise and as a regression, on real records."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import CLONE, Aigc, Shown
from report_runs import Runs, make_spec
from rich.cells import cell_len
from scipy import stats as scipy_stats

from bench.identity import protocol as protocols
from bench.records.metric_names import MetricName
from bench.records.record import (
    Failure,
    ScoreRecord,
    parse_score_record,
    parse_train_record,
    to_json,
)
from bench.report.compare import Choice, pair_up, side_of
from bench.report.compare.pairs import scale_of
from bench.stats.changes import Finding, Numbers, corrected, measure
from bench.stats.comparisons import contrasts
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError
from catalog.schema import Registry

DIGITS = CLONE / "reports" / "digits" / "records"
ONE_SEED = CLONE / "reports" / "digits-quick"
STEADY, NOISY = "ada-gan", "biggan"
"""Five seeds that differ by less than one percent, and three that differ by a factor of two."""

Compare = Callable[..., Shown]
Edit = Callable[[ScoreRecord], ScoreRecord]


def copied(place: Path, *variants: str) -> Path:
    """The committed records of some digits variants, without pictures."""
    for variant in variants:
        for run in sorted(DIGITS.glob(f"{variant}-digits-s*")):
            target = place / run.name
            shutil.copytree(run / "scores", target / "scores")
            shutil.copyfile(run / "train.json", target / "train.json")
    assert any(place.iterdir())
    return place


def edited(runs: Path, variant: str, edit: Edit) -> Path:
    """All scores of one variant changed, each still a valid record."""
    files = list(runs.glob(f"{variant}-digits-s*/scores/*.json"))
    assert len(files) >= 3
    for file in files:
        file.write_text(to_json(edit(parse_score_record(file.read_bytes()))), encoding="utf-8")
    return runs


def times(factor: float) -> Edit:
    """Other images, whose distance is a multiple of the old one."""

    def edit(record: ScoreRecord) -> ScoreRecord:
        metrics = tuple(
            metric.model_copy(update={"value": (metric.value or 0.0) * factor})
            if metric.name == "fid"
            else metric
            for metric in record.metrics
        )
        return record.model_copy(update={"metrics": metrics, "images_sha256": "0" * 64})

    return edit


def under(**changes: object) -> Edit:
    """The same scores as another protocol would stamp them."""

    def edit(record: ScoreRecord) -> ScoreRecord:
        protocol = record.protocol.model_copy(update=changes)
        return record.model_copy(update={"protocol": protocol, "protocol_key": protocol.key})

    return edit


def failed(runs: Path, variant: str, seed: int) -> None:
    """One training of a variant as a diverged one leaves it."""
    (directory,) = runs.glob(f"{variant}-digits-s{seed}-*")
    train = parse_train_record((directory / "train.json").read_bytes())
    error = Failure(phase="train", type="Diverged", message="loss is not finite")
    broken = train.model_copy(update={"status": "error", "error": error})
    (directory / "train.json").write_text(to_json(broken), encoding="utf-8")
    shutil.rmtree(directory / "scores")


@pytest.fixture
def compare(aigc: Aigc) -> Compare:
    def run(*arguments: str | Path) -> Shown:
        return aigc("report", "compare", *arguments, "--registry", CLONE / "registry.yaml")

    return run


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return copied(tmp_path / "old", "dcgan", STEADY, NOISY)


@pytest.fixture
def new(tmp_path: Path) -> Path:
    return copied(tmp_path / "new", "dcgan", STEADY, NOISY)


def lines_of(shown: Shown) -> dict[str, str]:
    """Rows of the printed table by their first cell."""
    lines = [line for line in shown.stdout.splitlines() if line.startswith("| `")]
    return {line.split(" | ")[0].strip("| "): line for line in lines}


def items_of(shown: Shown) -> list[dict[str, Any]]:
    document = json.loads(shown.stdout)
    assert list(document) == ["schema_version", "items"]
    assert document["schema_version"] == 1
    items = document["items"]
    assert isinstance(items, list)
    return items


# ---- the gate -------------------------------------------------------------------------------


def test_a_row_that_is_worse_beyond_noise_ends_with_5(
    compare: Compare, old: Path, new: Path
) -> None:
    edited(new, "dcgan", times(1.2))
    shown = compare(old, new, "--max-regression", "10")
    assert shown.code == 5
    assert "worse by more than 10 %" in shown.stderr
    assert "`dcgan` (prior) by 20.0 %" in shown.stderr
    rows = lines_of(shown)
    assert set(rows) == {"`dcgan` (prior)", f"`{STEADY}` (prior)", f"`{NOISY}` (prior)"}
    assert "B is **worse**" in rows["`dcgan` (prior)"]
    assert "identical" in rows[f"`{STEADY}` (prior)"]
    # the other way round the same change is an improvement, and no gate minds
    assert compare(new, old, "--max-regression", "10").code == 0


def test_the_same_change_is_allowed_where_the_limit_is_wider(
    compare: Compare, old: Path, new: Path
) -> None:
    edited(new, "dcgan", times(1.2))
    assert compare(old, new, "--max-regression", "19.9").code == 5
    assert compare(old, new, "--max-regression", "20.1").code == 0
    assert compare(old, new).code == 0


def test_identical_results_pass_the_strictest_gate(compare: Compare, old: Path, new: Path) -> None:
    shown = compare(old, new, "--max-regression", "0")
    assert shown.code == 0
    rows = lines_of(shown)
    assert len(rows) == 3
    assert all("| identical" in row for row in rows.values())
    assert shown.stderr == ""


def test_a_change_within_noise_is_no_regression(compare: Compare, old: Path, new: Path) -> None:
    edited(new, NOISY, times(1.2))
    shown = compare(old, new, "--max-regression", "10")
    assert shown.code == 0
    row = lines_of(shown)[f"`{NOISY}` (prior)"]
    assert "cannot be told apart" in row
    assert "1.2 (" in row


def test_a_small_change_is_seen_and_allowed(compare: Compare, old: Path, new: Path) -> None:
    edited(new, STEADY, times(1.05))
    shown = compare(old, new, "--max-regression", "10")
    assert shown.code == 0
    assert "B is **worse**" in lines_of(shown)[f"`{STEADY}` (prior)"]
    assert compare(old, new, "--max-regression", "4").code == 5


def test_a_row_that_is_gone_is_a_regression_by_name(compare: Compare, old: Path, new: Path) -> None:
    for run in new.glob("dcgan-*"):
        shutil.rmtree(run)
    without = compare(old, new)
    assert without.code == 0
    assert "missing from B" in lines_of(without)["`dcgan` (prior)"]
    shown = compare(old, new, "--max-regression", "1000")
    assert shown.code == 5
    assert "missing from B: `dcgan` (prior)" in shown.stderr
    back = compare(new, old, "--max-regression", "0")
    assert back.code == 0
    assert "rows of B that A lacks, not compared: `dcgan` (prior)" in back.stderr


def test_a_seed_that_fails_in_b_alone_is_a_regression_by_name(
    compare: Compare, old: Path, new: Path
) -> None:
    failed(new, "dcgan", 2)
    shown = compare(old, new, "--max-regression", "1000")
    assert shown.code == 5
    assert "failed in B: `dcgan` (prior)" in shown.stderr
    row = lines_of(shown)["`dcgan` (prior)"]
    assert "seed 2: train: Diverged: loss is not finite" in row
    assert "5 / 4" in row
    failed(old, "dcgan", 2)
    assert compare(old, new, "--max-regression", "0").code == 0


def test_a_row_whose_every_seed_fails_is_no_missing_one(
    compare: Compare, old: Path, new: Path
) -> None:
    for seed in range(3):
        failed(new, NOISY, seed)
    shown = compare(old, new, "--max-regression", "0")
    assert shown.code == 5
    assert f"failed in B: `{NOISY}` (prior)" in shown.stderr
    assert "seed 0, 1, 2: train: Diverged" in shown.stdout


def test_one_run_that_failed_is_no_missing_file(compare: Compare, old: Path, new: Path) -> None:
    failed(new, "dcgan", 2)
    (broken,) = new.glob("dcgan-digits-s2-*")
    for a in (old, old / broken.name, "dcgan"):
        shown = compare(a, broken, "--runs", old, "--max-regression", "0")
        assert shown.code == 5
        assert "failed in B: `dcgan` (prior)" in shown.stderr
    shown = compare(broken, old)
    assert shown.code == 4
    assert "A has no finished training" in shown.stderr
    (other,) = new.glob(f"{NOISY}-digits-s2-*")
    shutil.rmtree(old)
    copied(old, "dcgan")
    shown = compare(old, other)
    assert shown.code == 4
    assert "A has no row to set beside" in shown.stderr


def test_with_one_seed_a_side_the_error_of_drawing_is_the_noise(compare: Compare) -> None:
    options = ["--suite", "digits-quick", "--runs", ONE_SEED]
    shown = compare("wgan-gp", "dcgan", *options, "--max-regression", "10")
    assert shown.code == 5
    assert "beyond the error of drawing images, with one training seed a side" in shown.stderr
    (row,) = lines_of(shown).values()
    assert "B is higher, untested" in row
    assert "training noise is unknown" in row
    assert compare("wgan-gp", "dcgan", *options, "--max-regression", "20").code == 0
    assert compare("dcgan", "wgan-gp", *options, "--max-regression", "0").code == 0
    # Recall has no error of its own on record, so that nothing is known and nothing can fail.
    shown = compare("dcgan", "gan", *options, "--metric", "recall", "--max-regression", "0")
    assert shown.code == 0
    assert "B is lower, untested" in shown.stdout
    assert "--max-regression never fails on them" in shown.stderr


# ---- what is compared with what -------------------------------------------------------------


def test_variants_are_compared_with_an_interval(compare: Compare) -> None:
    shown = compare("dcgan", "wgan-gp", "--runs", DIGITS)
    assert shown.code == 0
    (name, row), *more = lines_of(shown).items()
    assert not more
    assert name == "`dcgan` (prior) → `wgan-gp` (prior)"
    assert "B is **better**" in row
    assert "FD[digits-cnn] ↓" in shown.stdout
    assert "FID" not in shown.stdout
    assert "recipe.critic_steps" in shown.stderr
    (item,) = items_of(compare("dcgan", "wgan-gp", "--runs", DIGITS, "--json"))
    old, new = (item[side]["values"] for side in "ab")
    gap = sum(map(math.log, new)) / 5 - sum(map(math.log, old)) / 5
    assert item["value"] == pytest.approx(math.exp(gap), rel=1e-12)
    assert item["ci_low"] < item["value"] < item["ci_high"] < 1
    assert item["worse_by_percent"] == pytest.approx(100 * (math.exp(gap) - 1), rel=1e-12)
    assert (item["verdict"], item["regression"]) == ("better", None)


def test_the_default_is_the_report_of_the_suite(compare: Compare, tmp_path: Path) -> None:
    copied(tmp_path / "reports" / "digits" / "records", "dcgan", "vae")
    assert compare("dcgan", "vae:gmm-10").code == 0
    missing = compare("dcgan", "wgan-gp")
    assert missing.code == 4
    assert "no run of wgan-gp is there" in missing.stderr


@pytest.mark.parametrize(
    ("a", "b", "name"),
    [
        ("r1-gan", "r1-gan:prior:raw", "`r1-gan` (prior, EMA) → `r1-gan` (prior)"),
        ("vae", "vae:gmm-10", "`vae` (prior) → `vae` (gmm-10)"),
        ("ae", "ae", "`ae` (gaussian)"),
    ],
)
def test_a_suffix_names_sampler_and_weights(compare: Compare, a: str, b: str, name: str) -> None:
    shown = compare(a, b, "--runs", DIGITS)
    assert list(lines_of(shown)) == [name]


def test_options_narrow_both_sides(compare: Compare) -> None:
    shown = compare(ONE_SEED, DIGITS, "--sampler", "gmm-10")
    assert len(lines_of(shown)) == 3
    assert all("(gmm-10)" in name for name in lines_of(shown))
    shown = compare("r1-gan", "r1-gan", "--runs", DIGITS, "--weights", "raw")
    assert list(lines_of(shown)) == ["`r1-gan` (prior)"]
    shown = compare("dcgan", "dcgan", "--runs", DIGITS, "--weights", "ema")
    assert shown.code == 4
    assert "it has: prior (raw)" in shown.stderr


def test_one_run_is_found_in_a_folder_and_borrows_its_spread(compare: Compare) -> None:
    (run,) = (ONE_SEED / "records").glob("vae-digits-s0-*")
    shown = compare(run, DIGITS)
    assert list(lines_of(shown)) == ["`vae` (prior)"]
    assert "the spread of the other stands for both" in shown.stdout
    assert "1 / 5" in shown.stdout
    assert "stand on both sides of `vae` (prior): 1" in shown.stderr
    (item,) = items_of(compare(DIGITS, run, "--json"))
    assert (item["noise"], item["verdict"]) == ("one side", "undecided")


def test_a_lost_protocol_is_refused_with_what_differs(
    compare: Compare, old: Path, new: Path
) -> None:
    edited(new, "dcgan", under(n_fake=500))
    file = next(new.glob("dcgan-*/scores/*.json"))
    keys = [
        parse_score_record(one.read_bytes()).protocol_key
        for one in (next(old.glob("dcgan-*/scores/*.json")), file)
    ]
    assert keys[0] != keys[1]
    for a, b in ((old, new), (next(old.glob("dcgan-*")), next(new.glob("dcgan-*")))):
        shown = compare(a, b)
        assert shown.code == 3
        assert all(key in shown.stderr for key in keys)
        assert "differ in n_fake\n" in shown.stderr
        assert shown.stdout == ""


def test_data_sets_are_not_compared(compare: Compare) -> None:
    shown = compare(DIGITS.parent, CLONE / "reports" / "mnist-tiny")
    assert shown.code == 3
    assert "(digits-10k)" in shown.stderr
    assert "(mnist-10k)" in shown.stderr


def test_what_is_not_there_is_said(compare: Compare, tmp_path: Path) -> None:
    for wrong, code, message in (
        ("dcgann", 2, "did you mean: dcgan"),
        ("no/such/runs", 4, "there is no such directory"),
        ("dcgan:prior:best", 2, "is no row"),
    ):
        shown = compare(wrong, "dcgan", "--runs", DIGITS)
        assert (shown.code, message in shown.stderr) == (code, True), shown.stderr
    (tmp_path / "empty").mkdir()
    shown = compare("empty", DIGITS)
    assert shown.code == 4
    shown = compare("dcgan", "vae", "--runs", DIGITS, "--metric", "label_accuracy")
    assert shown.code == 4
    assert "no row of A has label_accuracy" in shown.stderr
    shown = compare("vae", "vae:reconstruction", "--runs", DIGITS)
    assert shown.code == 3
    assert "reconstructions" in shown.stderr


# ---- trainings that differ ------------------------------------------------------------------


@pytest.fixture
def runs_in(small_registry: Registry, tmp_path: Path) -> Callable[[str], Runs]:
    protocol = protocols.resolve(small_registry, "digits-10k")
    return lambda name: Runs(tmp_path / name, protocol)


def trained(runs: Runs, steps: int, distances: Sequence[float]) -> None:
    for seed, distance in enumerate(distances):
        spec = make_spec("dcgan", seed, steps=steps)
        runs.train(spec)
        runs.score(spec, distance)


def test_another_budget_is_compared_and_named(
    runs_in: Callable[[str], Runs], small_registry: Registry
) -> None:
    a, b = runs_in("a"), runs_in("b")
    trained(a, 1000, (10.0, 10.1, 10.2))
    trained(b, 20, (30.0, 30.1, 30.2))
    sides = [side_of(str(one.path), Choice(), small_registry) for one in (a, b)]
    (one,) = pair_up(*sides, "fid").pairs
    assert one.differs_in == ("steps",)
    assert one.verdict == "worse"


def test_equal_trainings_are_paired_first(
    runs_in: Callable[[str], Runs], small_registry: Registry
) -> None:
    a, b = runs_in("a"), runs_in("b")
    trained(a, 1000, (10.0, 10.1, 10.2))
    trained(b, 20, (30.0, 30.1, 30.2))
    trained(b, 1000, (10.0, 10.1, 10.2))
    sides = [side_of(str(one.path), Choice(), small_registry) for one in (a, b)]
    pairing = pair_up(*sides, "fid")
    assert [one.verdict for one in pairing.pairs] == ["identical"]
    assert [one.spec.steps for one in pairing.extra] == [20]


def test_several_trainings_need_to_be_named(
    runs_in: Callable[[str], Runs], small_registry: Registry
) -> None:
    a, b = runs_in("a"), runs_in("b")
    trained(a, 1000, (10.0, 10.1, 10.2))
    trained(b, 20, (30.0, 30.1, 30.2))
    trained(b, 30, (20.0, 20.1, 20.2))
    sides = [side_of(str(one.path), Choice(), small_registry) for one in (a, b)]
    with pytest.raises(InvalidInput, match="they differ in steps"):
        pair_up(*sides, "fid")
    tiny = Choice(small_registry.suite("tiny"))
    with pytest.raises(MissingPrerequisite, match="no run is there"):
        side_of(str(b.path), tiny, small_registry)
    with pytest.raises(UsageError):
        side_of("no-such-thing", tiny, small_registry)


def test_numbers_of_fewer_images_are_refused(
    runs_in: Callable[[str], Runs], small_registry: Registry
) -> None:
    a, b = runs_in("a"), runs_in("b")
    trained(a, 1000, (10.0, 10.1, 10.2))
    trained(b, 1000, (10.0, 10.1, 10.2))
    for file in b.path.glob("*/scores/*.json"):
        record = parse_score_record(file.read_bytes()).model_copy(update={"n_images": 500})
        file.write_text(to_json(record), encoding="utf-8")
    sides = [side_of(str(one.path), Choice(), small_registry) for one in (a, b)]
    with pytest.raises(InvalidInput, match="numbers of 10,000 and 500 images do not compare"):
        pair_up(*sides, "fid")


# ---- the numbers ----------------------------------------------------------------------------


def found(
    a: Sequence[float], b: Sequence[float], metric: MetricName = "fid", *, rising: bool = False
) -> Finding:
    """One finding on its own, with errors of drawing of one percent."""
    sides = [Numbers(tuple(side), side[0] / 100) for side in (a, b)]
    (one,) = corrected([measure(*sides, scale_of(metric), higher_is_better=rising)])
    return one


def test_p_values_are_those_of_the_tables() -> None:
    generator = np.random.default_rng(7)
    for _ in range(20):
        a, b = np.exp(generator.normal(2.0, 0.2, 5)), np.exp(generator.normal(2.1, 0.4, 4))
        rows = [
            {(name, seed): x for seed, x in enumerate(values)}
            for name, values in (("b", b), ("a", a))
        ]
        (contrast,) = contrasts([(rows[0], rows[1])])
        one = found(a.tolist(), b.tolist())
        assert one.p_value == pytest.approx(contrast.p_value, rel=1e-9)
        assert one.effect.low == pytest.approx(contrast.low, rel=1e-9)
        assert one.effect.high == pytest.approx(contrast.high, rel=1e-9)


@pytest.mark.parametrize("metric", ["fid", "recall"])
def test_two_samplers_of_one_training_are_compared_training_by_training(metric: MetricName) -> None:
    """What all trainings share in spread hides nothing of a difference between samplers."""
    levels, trainings = [0.2, 0.5, 0.9, 0.3], ("w0", "w1", "w2", "w3")
    others = [0.21, 0.515, 0.93, 0.312]
    a, b = Numbers(tuple(levels), None, trainings), Numbers(tuple(others), None, trainings)
    (one,) = corrected([measure(a, b, scale_of(metric), higher_is_better=False)])
    pairs = np.log(others) - np.log(levels) if metric == "fid" else np.subtract(others, levels)
    assert one.p_value == pytest.approx(scipy_stats.ttest_1samp(pairs, 0).pvalue)
    assert (one.noise, one.verdict) == ("same trainings", "worse")
    assert found(levels, others, metric).verdict == "undecided"


def test_one_training_by_two_samplers_has_no_noise_of_trainings() -> None:
    """Several seeds of which only one is shared: no test of either kind stands on one value."""
    a, b = Numbers((1.0, 2.0), None, ("w0", "w1")), Numbers((1.1, 9.0), None, ("w1", "w2"))
    one = measure(a, b, "ratio", higher_is_better=False)
    assert (one.noise, one.p_value) == ("unknown", None)


@pytest.mark.parametrize("sizes", [(3, 3), (1, 4), (5, 1)])
def test_equal_rows_differ_in_one_case_of_twenty(sizes: tuple[int, int]) -> None:
    generator = np.random.default_rng(11)
    decided = 0
    for _ in range(1500):
        a, b = (np.exp(generator.normal(2.0, 0.2, n)).tolist() for n in sizes)
        one = found(a, b)
        assert one.effect.low is not None
        assert one.effect.high is not None
        assert one.beyond_noise == (not one.effect.low <= 1 <= one.effect.high)
        decided += one.beyond_noise
    # Welch with three seeds errs towards seeing nothing; the pooled test is exact.
    assert (0.02 if sizes == (3, 3) else 0.035) < decided / 1500 < 0.065


def test_one_seed_each_is_measured_by_the_error_of_drawing() -> None:
    one = found([10.0], [10.2])
    assert (one.effect.low, one.noise, one.verdict) == (None, "sampling", "undecided")
    assert one.error == pytest.approx(math.sqrt(2) / 100)
    assert found([10.0], [10.5]).verdict == "higher"
    assert found([10.0], [9.5]).verdict == "lower"
    assert found([10.0], [9.5], "kid").noise == "unknown"
    assert found([0.5], [0.5], "recall").verdict == "undecided"


@pytest.mark.parametrize(
    ("metric", "rising", "a", "b", "worse_by"),
    [
        ("fid", False, (10.0, 10.0, 10.0), (12.0, 12.0, 12.0), 20.0),
        ("is", True, (8.0, 8.0, 8.0), (6.0, 6.0, 6.0), 25.0),
        ("recall", True, (0.8, 0.8, 0.8), (0.6, 0.6, 0.6), 25.0),
        ("recall", True, (0.6, 0.6, 0.6), (0.9, 0.9, 0.9), -50.0),
        ("kid", False, (-0.01, -0.01, -0.01), (0.01, 0.01, 0.01), 200.0),
        ("copy_rate", False, (0.0, 0.0, 0.0), (0.1, 0.1, 0.1), math.inf),
        ("copy_rate", False, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0),
    ],
)
def test_worse_is_worse_in_either_direction(
    metric: MetricName, rising: bool, a: Sequence[float], b: Sequence[float], worse_by: float
) -> None:
    one = found(a, b, metric, rising=rising)
    assert one.worse_by == pytest.approx(worse_by)
    expected = "undecided" if worse_by == 0 else "worse" if worse_by > 0 else "better"
    assert one.verdict == expected
    assert one.regresses(5) == (worse_by > 5)


@pytest.mark.parametrize("sizes", [(3, 5), (1, 3), (6, 1)])
def test_rows_of_one_constant_do_not_differ(sizes: tuple[int, int]) -> None:
    for metric in ("recall", "fid"):
        one = found(*([0.1] * n for n in sizes), metric)
        assert (one.p_value, one.verdict) == (1.0, "undecided")


def test_holm_counts_the_rows_that_were_tested() -> None:
    pair = (Numbers((10.0, 10.4, 10.8)), Numbers((11.2, 11.6, 12.1)))
    same = (Numbers((10.0, 10.4, 10.8)), Numbers((10.1, 10.3, 10.9)))
    alone = measure(*pair, "ratio", higher_is_better=False)
    equal = measure(*same, "ratio", higher_is_better=False, identical=True)
    other = measure(*same, "ratio", higher_is_better=False)
    assert alone.p_value is not None
    assert 0.02 < alone.p_value < 0.03
    assert corrected([alone, *[equal] * 9])[0].verdict == "worse"
    many = corrected([alone, *[other] * 9])[0]
    assert many.p_holm == pytest.approx(10 * alone.p_value)
    assert many.verdict == "undecided"
    assert not many.regresses(0)


# ---- words and JSON -------------------------------------------------------------------------


def test_json_holds_the_whole_comparison(compare: Compare, old: Path, new: Path) -> None:
    edited(new, "dcgan", times(1.2))
    for run in new.glob(f"{NOISY}-*"):
        shutil.rmtree(run)
    shown = compare(old, new, "--json", "--max-regression", "10")
    assert shown.code == 5
    items = {item["a"]["variant"]: item for item in items_of(shown)}
    assert {name: (one["verdict"], one["regression"]) for name, one in items.items()} == {
        STEADY: ("identical", False),
        NOISY: ("missing", True),
        "dcgan": ("worse", True),
    }
    worse = items["dcgan"]
    assert worse["value"] == pytest.approx(1.2)
    assert 1 < worse["ci_low"] < 1.2 < worse["ci_high"]
    assert worse["label"] == "FD[digits-cnn] ↓"
    assert worse["a"]["seeds"] == worse["b"]["seeds"] == [0, 1, 2, 3, 4]
    assert worse["p_holm"] == worse["p_value"] < 0.05
    assert items[NOISY]["b"] is None
    assert {tuple(item) for item in items.values()} == {tuple(worse)}


def test_both_languages_say_the_same(compare: Compare, old: Path, new: Path) -> None:
    edited(new, "dcgan", times(1.2))
    shown = compare(old, new, "--lang", "zh")
    assert shown.code == 0
    rows = lines_of(shown)
    assert "B**更差**" in rows["`dcgan`（prior）"]
    assert "完全相同" in rows[f"`{STEADY}`（prior）"]
    assert "5个训练种子的图像与全部指标逐位相同。" in shown.stdout
    for language in ("en", "zh"):
        lines = compare(old, new, "--lang", language).stdout.splitlines()
        assert len({cell_len(line) for line in lines}) == 1


def test_the_same_command_prints_the_same_bytes(compare: Compare, old: Path, new: Path) -> None:
    edited(new, "dcgan", times(1.01))
    assert compare("old", "new") == compare("old", "new")
    assert str(old.parent) not in compare("old", "new").stdout
