"""Leaderboards made from records on disk: what stands where, and that nothing else decides it."""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_runs import (
    CODE,
    SEEDS,
    Runs,
    add_trouble,
    fill,
    make_spec,
    make_suite,
    planned,
)
from rich.cells import cell_len

from bench.records.record import Measures
from bench.report.leaderboard.destination import WouldReplace
from bench.report.leaderboard.write import write_leaderboard
from bench.report.words import Language
from bench.report.words.spelling import anchor, estimate_text, number_text, seconds_text
from bench.stats.intervals import Estimate
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.schema import Gate, Registry

GOLDEN = Path(__file__).parent.parent / "golden"


Write = Callable[..., tuple[str, pd.DataFrame]]


@pytest.fixture
def write(runs: Runs, small_registry: Registry, tmp_path: Path) -> Write:
    def _write(
        seeds: tuple[int, ...] = SEEDS,
        language: Language = "en",
        source: Path | None = None,
        *,
        replace: bool = False,
    ) -> tuple[str, pd.DataFrame]:
        page, results, *_ = write_leaderboard(
            make_suite(seeds),
            planned(seeds),
            source or runs.path,
            tmp_path / "reports",
            small_registry,
            language,
            replace=replace,
        )
        return page.read_text(), pd.read_csv(results, keep_default_na=False)

    return _write


def only(frame: pd.DataFrame, **wanted: str) -> pd.Series:
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.parametrize(
    ("language", "file"), [("en", "leaderboard.md"), ("zh", "leaderboard.zh-CN.md")]
)
def test_the_page_is_the_golden_one(
    runs: Runs, write: Write, language: Language, file: str
) -> None:
    fill(runs)
    add_trouble(runs)
    page, _ = write(language=language)
    golden = GOLDEN / file
    if os.environ.get("AIGC_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(page)
    assert page == golden.read_text()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_tables_line_up_in_a_terminal(runs: Runs, write: Write, language: Language) -> None:
    fill(runs)
    add_trouble(runs)
    page, _ = write(language=language)
    blocks = [block.splitlines() for block in page.split("\n\n") if block.startswith("|")]
    # ranking, parents, calibration, reconstructions, spread,
    # costs, published, gaps, stale, protocol
    assert len(blocks) == 10
    for lines in blocks:
        assert len({cell_len(line) for line in lines}) == 1


def test_published_records_make_the_same_report(runs: Runs, write: Write, tmp_path: Path) -> None:
    fill(runs)
    add_trouble(runs)
    folder = tmp_path / "reports" / "tiny"
    write()
    first = bytes_below(folder)
    runs.path.rename(tmp_path / "gone")
    write(source=folder / "records")
    assert bytes_below(folder) == first
    assert str(tmp_path) not in first["leaderboard.md"].decode()
    assert not any(name.endswith(".safetensors") for name in first)


def test_a_suite_may_publish_its_weights(
    runs: Runs, small_registry: Registry, tmp_path: Path
) -> None:
    fill(runs)
    n_weights = len(list(runs.path.rglob("*.safetensors")))
    suite = make_suite().model_copy(update={"publish_weights": True})
    place = tmp_path / "reports"
    for _ in range(2):  # from the runs, then from what was published
        write_leaderboard(suite, planned(SEEDS), runs.path, place, small_registry, "en")
        runs = Runs(place / "tiny" / "records", runs.protocol)
    weights = runs.path / make_spec("dcgan", 0).run_id / "weights.safetensors"
    assert weights.read_bytes() == b"heavy"
    assert len(list(runs.path.rglob("*.safetensors"))) == n_weights > 0


def test_what_no_longer_belongs_is_unpublished(runs: Runs, write: Write, tmp_path: Path) -> None:
    fill(runs)
    records = tmp_path / "reports" / "tiny" / "records"
    (records / "old-run" / "scores").mkdir(parents=True)
    (records / "old-run" / "scores" / "x.json").write_text("{}")
    with pytest.raises(WouldReplace, match="1 file tracked"):
        write()
    assert (records / "old-run" / "scores" / "x.json").is_file()
    write(replace=True)
    assert not (records / "old-run").exists()
    assert (records / make_spec("dcgan", 0).run_id / "curve.csv").is_file()


def test_every_link_of_the_page_leads_to_a_file(runs: Runs, write: Write, tmp_path: Path) -> None:
    fill(runs)
    page, _ = write()
    links = [part.split(")")[0] for part in page.split("](")[1:]]
    local = [link for link in links if not link.startswith(("https://", "#"))]
    pngs = [link for link in local if link.endswith(".png")]
    assert len(pngs) == 2 + 3 + 1  # dcgan, calibration, the wall
    assert len([link for link in local if link.endswith(".svg")]) == 4
    assert all((tmp_path / "reports" / "tiny" / link).is_file() for link in local)


def test_rows_are_ranked_and_compared(runs: Runs, write: Write) -> None:
    fill(runs)
    _, frame = write()
    first = ["variant", "sampler", "weights", "n_train_seeds", "mean", "ci_low", "ci_high"]
    assert list(frame.columns[:9]) == [*first, "rank_low", "rank_high"]
    ranked = frame[frame["kind"] == "generated"]
    assert list(ranked["mean"].astype(float)) == sorted(ranked["mean"].astype(float))
    best = only(ranked, variant="dcgan", weights="ema")
    assert (best["rank_low"], best["rank_high"]) == ("1", "1")
    logs = np.log([10.0, 10.1, 10.2])
    assert float(best["mean"]) == pytest.approx(math.exp(logs.mean()))
    half = 4.302653 * logs.std(ddof=1) / 3**0.5
    ends = [float(best[key]) for key in ("ci_low", "ci_high")]
    assert ends == pytest.approx([math.exp(logs.mean() - half), math.exp(logs.mean() + half)])
    assert best["ends"] == "ci"
    assert best["versus_pca_gaussian"] == "better"
    assert only(ranked, variant="vae", sampler="prior")["versus_pca_gaussian"] == "worse"


def test_calibration_and_reconstructions_have_no_rank(runs: Runs, write: Write) -> None:
    fill(runs)
    page, frame = write()
    apart = frame[frame["kind"].isin(["calibration", "reconstruction"])]
    assert len(apart) == 4
    assert set(apart["rank_low"]) == {""}
    assert "held-out (n=360)" in page


def test_one_seed_is_provisional_and_beats_nothing(runs: Runs, write: Write) -> None:
    fill(runs, (0,))
    page, frame = write((0,))
    assert "**Provisional**" in page
    assert "1 (provisional)" in page
    rows = frame[frame["kind"] == "generated"]
    assert set(rows["provisional"].astype(str).str.lower()) == {"true"}
    assert set(rows["ci_low"]) == {""}
    assert set(zip(rows["rank_low"], rows["rank_high"], strict=True)) == {("1", "4")}
    assert set(rows["versus_pca_gaussian"]) == {"lower", "higher"}


def section(page: str, title: str) -> str:
    return page.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_baseline_is_several_draws_and_one_of_them_is_no_test(runs: Runs, write: Write) -> None:
    fill(runs)
    page, frame = write()
    row = only(frame, variant="pca-gaussian")
    assert float(row["mean"]) == pytest.approx((19.9 * 20.0 * 20.1) ** (1 / 3))
    assert (row["n_draws"], row["ci_low"], row["ends"], row["n_train_seeds"]) == ("3", "", "", 0)
    assert float(row["sd_over_draws"]) == pytest.approx(0.1)
    assert row["sd_over_seeds"] == ""
    assert "mean of 3 draws" in page
    for file in (runs.path / "calibration").glob("pca-gaussian-draw-*.json"):
        file.unlink()
    page, frame = write(replace=True)
    assert only(frame, variant="dcgan", weights="ema")["versus_pca_gaussian"] == "lower"
    assert "compared with it and not tested" in page


def test_two_scores_of_one_draw_are_refused(runs: Runs, write: Write) -> None:
    fill(runs)
    file = runs.calibrate("pca-gaussian", 20.0, draw=1)
    (file.parent / "again.json").write_text(file.read_text())
    with pytest.raises(InvalidInput, match="two scores of one draw"):
        write()


def test_rows_stand_beside_their_parents(runs: Runs, write: Write) -> None:
    fill(runs)
    for seed in SEEDS:
        runs.train(make_spec("r1-gan", seed))
        runs.score(make_spec("r1-gan", seed), 7.0 + 0.1 * seed, ema=True)
        runs.score(make_spec("r1-gan", seed), 13.9 + 0.2 * seed)
        runs.score(make_spec("r1-gan", seed), 1.0, "other")
    page, frame = write()
    better = only(frame, variant="r1-gan", weights="ema")
    assert better["versus_parent"] == "better"
    ratio, low, high = (
        float(better[key]) for key in ("parent_ratio", "parent_ratio_low", "parent_ratio_high")
    )
    assert low < ratio < high < 1
    assert ratio == pytest.approx(7.1 / 10.1, abs=1e-3)
    raw = only(frame, variant="r1-gan", weights="raw", sampler="prior")
    assert raw["versus_parent"] == "undecided"
    assert only(frame, variant="vae", sampler="prior")["versus_parent"] == "worse"
    assert only(frame, variant="r1-gan", sampler="other")["versus_parent"] == ""
    assert only(frame, variant="dcgan", weights="ema")["versus_parent"] == ""
    table = section(page, "Against its parent")
    assert "| `r1-gan` (prior, EMA) | `dcgan` (prior, EMA) |" in table
    assert "| `vae` (prior)         | `dcgan` (prior, raw) |" in table  # it has no averages


def test_near_rows_are_named_unless_they_copy(runs: Runs, write: Write) -> None:
    fill(runs)
    runs.calibrate("held-out", 12.0, n_images=360)
    runs.calibrate("train-copies", 10.0)
    page, _ = write()
    (note,) = [line for line in page.splitlines() if line.startswith("- Near to real images")]
    assert "reference (24)" in note
    assert "`test` (23)" in note
    assert "So are: `dcgan` (prior, raw), `vae` (gmm-10)." in note
    assert "with more copies: `dcgan` (prior, EMA)." in note
    assert "known to ±2.3 points" in note  # 1.96 sqrt(0.05 0.95 / 360)
    runs.calibrate("train-copies", 1.0)
    assert "No row is." in write()[0]


def test_class_accuracy_has_a_column_where_a_row_has_it(runs: Runs, write: Write) -> None:
    fill(runs)
    runs.calibrate("held-out", 2.5, n_images=360, accuracy=0.99)
    assert "Class as asked" not in write()[0]
    for seed in SEEDS:
        runs.score(make_spec("dcgan", seed), 14.0 + 0.1 * seed, accuracy=0.5)
    page, frame = write()
    assert "Class as asked" in section(page, "Ranking")
    assert "50.0 %" in section(page, "Ranking")
    assert "99.0 %" in section(page, "Calibration rows, unranked")
    assert float(only(frame, variant="dcgan", weights="raw")["label_accuracy"]) == 0.5


def test_best_scores_are_counted_and_left_out(runs: Runs, write: Write) -> None:
    fill(runs)
    _, before = write()
    runs.score(make_spec("dcgan", 0), 0.001, weights="best")
    page, after = write()
    assert "picked by their score (best) are left out: 1 " in page
    pd.testing.assert_frame_equal(before, after)


def test_code_is_said_by_commit_and_a_difference_within_a_row_stands_out(
    runs: Runs, write: Write
) -> None:
    fill(runs)
    assert "The code of training differs" not in write()[0]
    later = {"commit": "fedcba9876543"}
    runs.train(make_spec("vae", 1), provenance=CODE.model_copy(update=later))
    costs = section(write()[0], "Costs")
    assert "The code of training differs" not in costs
    assert "`dcgan`, `vae`: 0123456789, torch 2.9.0." in costs
    assert "`vae`: fedcba9876, torch 2.9.0." in costs
    changed = CODE.model_copy(update={"implementation_sha256": "9" * 64, **later})
    runs.train(make_spec("vae", 1), provenance=changed)
    costs = section(write()[0], "Costs")
    assert "**The code of training differs between the seeds of `vae`**" in costs


def test_without_costs_there_is_nothing_to_say_of_code(runs: Runs, write: Write) -> None:
    runs.train(make_spec("dcgan", 0), cost=None)
    runs.score(make_spec("dcgan", 0), 10.0)
    page, _ = write()
    assert "[dcgan]" in section(page, "Costs")
    assert "Code:" not in page
    assert "code of training" not in section(page, "Costs")


def test_published_numbers_stand_apart(runs: Runs, write: Write) -> None:
    fill(runs)
    page, frame = write()
    assert "24.7 ± 0.1" in section(page, "What others report")
    assert "6 (unsure)" in section(page, "What others report")
    assert page.count("24.7") == 1
    assert "24.7" not in frame.to_csv()


def test_findings_are_quoted_at_the_top(runs: Runs, write: Write, tmp_path: Path) -> None:
    fill(runs)
    folder = tmp_path / "reports" / "tiny"
    folder.mkdir(parents=True)
    findings = folder / "findings.md"
    findings.write_text("## Findings\n\nWhat we {given saw}: {given 3} < {given 4}.\n")
    write()
    table = hashlib.sha256((folder / "results.csv").read_bytes()).hexdigest()
    findings.write_text(f"<!-- table: sha256 {table} -->\n{findings.read_text()}")
    page, _ = write()
    said = "\n\n## Findings\n\nWhat we saw: 3 < 4.\n\n## At a glance\n"
    assert said in page
    assert write()[0] == page
    assert "Findings" not in write(language="zh")[0]


def test_old_records_without_the_newer_metrics_give_a_page(runs: Runs, write: Write) -> None:
    fill(runs)
    newer = {"fid_equal_n", "fid_bias"}
    for file in [*runs.path.glob("*/scores/*.json"), *runs.path.glob("calibration/*.json")]:
        record = json.loads(file.read_text())
        record["metrics"] = [m for m in record["metrics"] if m["name"] not in newer]
        record["metrics"][0]["spread"] = None
        record["subject"].pop("draw", None) if "draw-" not in file.name else None
        file.write_text(json.dumps(record))
    page, frame = write()
    assert "Near to real images" not in page
    assert set(frame["distance_at_equal_n"]) == {""}
    assert only(frame, variant="dcgan", weights="ema")["versus_pca_gaussian"] == "better"


def test_a_variant_with_a_failed_run_is_shown_and_not_ranked(runs: Runs, write: Write) -> None:
    fill(runs)
    add_trouble(runs)
    page, frame = write()
    row = only(frame, variant="r1-gan", kind="generated")
    assert (row["mean"], row["rank_low"], row["status"]) == ("13.0", "", "error")
    failed = only(frame, variant="r1-gan", status="error", kind="gap")
    assert failed["reason"] == "train: Diverged: loss is not finite | step 7"
    assert only(frame, variant="r1-gan", status="missing")["seeds"] == "2"
    assert "loss is not finite \\| step 7" in page


def test_a_variant_without_any_result_keeps_its_row(runs: Runs, write: Write) -> None:
    fill(runs)
    for seed in SEEDS:
        runs.fail(make_spec("r1-gan", seed))
    page, frame = write()
    assert only(frame, variant="r1-gan", kind="generated")["mean"] == ""
    line = next(line for line in page.splitlines() if line.startswith("| –") and "[r1-gan]" in line)
    assert "failed" in line


def test_a_score_without_a_distance_is_a_failure(runs: Runs, write: Write) -> None:
    fill(runs)
    runs.score(make_spec("dcgan", 1), None)
    _, frame = write()
    assert only(frame, kind="gap", variant="dcgan")["reason"] == "too few images"
    assert set(frame[frame["variant"] == "dcgan"]["rank_low"]) == {""}


def test_unfinished_and_incomparable_runs_give_no_number(runs: Runs, write: Write) -> None:
    fill(runs)
    runs.train(make_spec("dcgan", 0), status="started")
    runs.train(make_spec("dcgan", 1), comparable=False, not_comparable_because=("--limit 500",))
    page, frame = write()
    assert only(frame, kind="gap", status="started")["seeds"] == "0"
    assert only(frame, kind="gap", status="not-comparable")["reason"] == "'--limit 500"
    row = only(frame, variant="dcgan", weights="ema", kind="generated")
    assert (row["n_train_seeds"], row["provisional"]) == (1, "true")
    assert row["versus_parent"] == ""
    assert "**Partly provisional**" in page
    assert "1 of 3 (provisional)" in page


def test_stale_runs_are_listed_with_what_differs(runs: Runs, write: Write) -> None:
    fill(runs)
    runs.train(make_spec("vae", 0, recipe={"loss": "vae", "penalty": {"r1": 2.0}}))
    runs.train(make_spec("vae", 9))  # of another suite, like the two that follow
    runs.train(make_spec("unknown", 0))
    other_data = make_spec("vae", 0).dataset.model_copy(update={"id": "mnist"})
    runs.train(make_spec("vae", 5, dataset=other_data))
    page, frame = write()
    stale = page.split("## Stale")[1].split("##")[0]
    assert "`recipe.penalty.r1`" in stale
    assert all(word not in stale for word in ("`seed`", "`variant`", "dataset", "unknown", "9"))
    assert only(frame, variant="vae", sampler="prior")["n_train_seeds"] == 3


def test_seeds_that_a_suite_does_not_ask_for_are_named_and_not_counted(
    runs: Runs, write: Write
) -> None:
    fill(runs)
    page, before = write()
    assert "does not ask for" not in page
    for seed in (9, 7):
        runs.train(make_spec("vae", seed))
    runs.train(make_spec("vae", 8), status="cancelled")
    page, frame = write()
    said = "Trainings of seeds that this table does not ask for, and does not count: `vae` 7, 9."
    assert said in page
    assert frame.equals(before)
    chinese, _ = write(language="zh")
    assert "另有本表未要求、也未计入的种子的训练：`vae` 7, 9。" in chinese


def test_other_protocols_are_counted_and_never_mixed_in(runs: Runs, write: Write) -> None:
    fill(runs)
    _, before = write()
    other = runs.protocol.model_copy(update={"batch_size": 1})
    runs.score(make_spec("dcgan", 0), 0.001, protocol=other)
    page, after = write()
    assert "under another protocol key and left out: 1." in page
    pd.testing.assert_frame_equal(before, after)


def test_two_scores_of_one_image_set_are_refused(runs: Runs, write: Write) -> None:
    fill(runs)
    file = runs.score(make_spec("dcgan", 0), 10.0)
    (file.parent / "again.json").write_text(file.read_text())
    with pytest.raises(InvalidInput, match="two scores of sampler prior"):
        write()


def test_two_directories_of_one_run_are_refused(runs: Runs, write: Write) -> None:
    fill(runs)
    copy = runs.path / "copy"
    copy.mkdir()
    original = runs.path / make_spec("dcgan", 0).run_id / "train.json"
    (copy / "train.json").write_text(original.read_text())
    with pytest.raises(InvalidInput, match="is there twice"):
        write()


def test_a_broken_record_is_named(runs: Runs, write: Write) -> None:
    fill(runs)
    file = runs.path / make_spec("dcgan", 0).run_id / "train.json"
    file.write_text(json.dumps({"run_id": 1}))
    with pytest.raises(InvalidInput) as caught:
        write()
    assert str(file) in str(caught.value.where)


def test_a_foreign_score_is_refused(runs: Runs, write: Write) -> None:
    fill(runs)
    file = runs.score(make_spec("dcgan", 0), 10.0)
    stray = runs.path / make_spec("vae", 0).run_id / "scores" / "stray.json"
    stray.write_text(file.read_text())
    with pytest.raises(InvalidInput, match="does not belong to run vae"):
        write()


def test_without_runs_the_command_to_make_some_is_named(runs: Runs, write: Write) -> None:
    with pytest.raises(MissingPrerequisite, match="no runs"):
        write()
    runs.path.mkdir()
    with pytest.raises(MissingPrerequisite, match="no run of suite 'tiny'"):
        write()


def test_names_without_inception_are_not_those_of_inception(runs: Runs, write: Write) -> None:
    fill(runs)
    page, frame = write()
    assert "FD[digits-cnn], n=10,000 ↓" in page
    assert "IS*[digits-cnn] ↑" in page
    ours = page.split("## What others report")[0] + page.split("## Rows, one by one")[1]
    prose = ours.replace("formulas of FID, IS and KID", "")
    assert not any(name in prose for name in ("FID", " IS ", "KID"))
    assert set(frame["metric"]) == {"FD[digits-cnn]"}


def test_the_csv_reads_back_to_the_last_digit(runs: Runs, write: Write, tmp_path: Path) -> None:
    fill(runs)
    write()
    text = (tmp_path / "reports" / "tiny" / "results.csv").read_text()
    frame = pd.read_csv(io.StringIO(text))
    row = frame[(frame["variant"] == "vae") & (frame["sampler"] == "gmm-10")].iloc[0]
    assert row["mean"] == math.exp(math.fsum(np.log([15.0, 15.2, 15.4])) / 3)
    assert "1234567," in text  # whole numbers stay whole beside missing ones


def test_the_json_has_the_rows_of_the_csv(runs: Runs, write: Write, tmp_path: Path) -> None:
    fill(runs)
    add_trouble(runs)
    _, frame = write()
    text = (tmp_path / "reports" / "tiny" / "results.json").read_text()
    data = json.loads(text, parse_constant=pytest.fail)
    assert list(data) == ["schema_version", "protocol", "items"]
    assert data["schema_version"] == 2
    assert data["protocol"]["key"] == runs.protocol.key
    assert data["protocol"]["n_fake"] == 10000
    assert len(data["items"]) == len(frame) > 10
    for item, (_, line) in zip(data["items"], frame.iterrows(), strict=True):
        assert list(item) == list(frame.columns)
        for column, value in item.items():
            shown = line[column]
            if column == "seeds":
                assert [int(seed) for seed in str(shown).split()] == (value or [])
            elif value is None:
                assert shown == ""
            elif isinstance(value, bool):
                assert str(shown).lower() == str(value).lower()
            elif isinstance(value, float):
                assert float(shown) == value
            else:
                assert str(shown) == str(value)
    best = data["items"][0]
    assert (best["provisional"], best["seeds"], best["rank_low"]) == (False, [0, 1, 2], 1)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_list_of_contents_leads_to_every_section(
    runs: Runs, write: Write, language: Language
) -> None:
    fill(runs)
    add_trouble(runs)
    page, _ = write(language=language)
    headings = re.findall(r"^## (.+)$", page, re.MULTILINE)
    links = dict(re.findall(r"\[([^\]]+)\]\(#([^)]+)\)", page))
    assert list(links) == headings
    assert len(headings) > 12
    assert len(set(links.values())) == len(headings)


def test_anchors_are_those_of_github() -> None:
    assert anchor("Rows, one by one") == "rows-one-by-one"
    assert anchor("已过期的训练（不在表中）") == "已过期的训练不在表中"
    assert anchor("FD[digits-cnn] of 2 rows") == "fddigits-cnn-of-2-rows"


def test_a_chart_that_is_no_longer_made_is_removed(
    runs: Runs, write: Write, tmp_path: Path
) -> None:
    fill(runs)
    page, _ = write()
    charts = tmp_path / "reports" / "tiny" / "charts"
    assert "](charts/losses.svg)" in page
    assert (charts / "losses.svg").is_file()
    assert (charts / "losses.zh-CN.svg").is_file()
    for curve in runs.path.rglob("curve.csv"):
        curve.unlink()
    page, _ = write(replace=True)
    assert "losses.svg" not in page
    assert not (charts / "losses.svg").exists()
    assert not (charts / "losses.zh-CN.svg").exists()


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [
        (Estimate(12.3456, 12.1, 12.5912, 5), "12.35 (12.10–12.59)"),
        (Estimate(1234.5, 1000.0, 1469.0, 5), "1234 (1000–1469)"),
        (Estimate(35.5, 11.0, 421.1, 5, "extent"), "36 (11–421, min–max)"),
        (Estimate(0.01, -0.02, 0.04, 3), "0.010 (-0.020 – 0.040)"),
        (Estimate(12.3456, None, None, 1), "12.3"),
        (Estimate(0.0, 0.0, 0.0, 3), "0 (0–0)"),
        (Estimate(-0.00001, None, None, 1), "0.0000"),
        (None, "–"),
    ],
)
def test_means_get_the_digits_they_deserve(estimate: Estimate | None, shown: str) -> None:
    assert estimate_text(estimate, interval=True) == shown


def test_numbers_and_durations_are_short() -> None:
    assert [number_text(n) for n in (7, 1044.9, 64_000, 1_234_567)] == [
        *("7", "1.04 k", "64.0 k", "1.23 M"),
    ]
    assert [seconds_text(s) for s in (4.21, 42.0, 185.0, 7800.0)] == [
        *("4.2 s", "42 s", "3 min 05 s", "2 h 10 min"),
    ]


GATE = Gate(
    metric="label_accuracy",
    sampler="prior",
    at_least=0.8,
    text={"en": "draws the class asked for", "zh": "画出所要的类别"},
)
OWN_GATE = Gate(metric="gap", at_least=0.2, text={"en": "listens to the prompt", "zh": "听从提示"})


@pytest.mark.parametrize(
    ("accuracies", "gaps", "met"),
    [
        ((0.8, 0.9, 0.95), (0.2, 0.3, 0.4), ("pass", "pass")),
        ((0.9, 0.79, 0.9), (0.2, 0.3, 0.4), ("**FAIL**", "pass")),
        ((0.9, 0.9, 0.9), (0.3, 0.19, 0.3), ("pass", "**FAIL**")),
        ((0.9, 0.9, 0.9), (0.3, None, 0.3), ("pass", "**FAIL**")),
    ],
)
def test_every_training_has_to_pass_a_rows_gates(
    runs: Runs,
    small_registry: Registry,
    tmp_path: Path,
    accuracies: tuple[float, ...],
    gaps: tuple[float | None, ...],
    met: tuple[str, str],
) -> None:
    dcgan = small_registry.variants[0].model_copy(update={"gates": (GATE, OWN_GATE)})
    gated = small_registry.model_copy(update={"variants": (dcgan, *small_registry.variants[1:])})
    fill(runs)
    for seed, accuracy, gap in zip(SEEDS, accuracies, gaps, strict=True):
        spec = make_spec("dcgan", seed)
        values = {} if gap is None else {"gap": gap}
        runs.train(spec, measures=Measures(split="test", n_images=360, values=values))
        runs.score(spec, 10.0 + seed, ema=True, accuracy=accuracy)
        runs.score(spec, 14.0 + seed, accuracy=0.0)  # raw weights are not what is shown
    page, results, *_ = write_leaderboard(
        make_suite(), planned(), runs.path, tmp_path / "reports", gated, "en"
    )
    text = page.read_text()
    gates = [line.split("|") for line in text.splitlines() if "[dcgan] " in line]
    shown = [
        cells[6].strip() for cells in gates if cells[2].strip() in (GATE.text.en, OWN_GATE.text.en)
    ]
    assert tuple(shown) == met
    ranked = pd.read_csv(results).query("variant == 'dcgan' and kind == 'generated'")
    failed = "**FAIL**" in met
    assert set(ranked["status"]) == {"gate-missed" if failed else "success"}
    assert ranked["rank_low"].isna().all() == failed
    if None not in gaps:
        assert "| [dcgan] | `gap` " in " ".join(text.split())
