"""Runs at settings of one's own: a table of their own, never ranked with the suite's rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from report_runs import SEEDS, Runs, fill, make_spec, make_suite, planned

from bench.records.run_directory import RunDirectory
from bench.report.generated.everything import check_leaderboard
from bench.report.leaderboard.write import write_leaderboard
from catalog.schema import Registry

Written = Callable[[], tuple[str, str, pd.DataFrame]]
WHY = ("smoke run",)


@pytest.fixture
def write(runs: Runs, small_registry: Registry, tmp_path: Path) -> Written:
    def written() -> tuple[str, str, pd.DataFrame]:
        page, results, _, other, *_ = write_leaderboard(
            make_suite(), planned(), runs.path, tmp_path / "reports", small_registry, replace=True
        )
        return page.read_text(), other.read_text(), pd.read_csv(results, keep_default_na=False)

    return written


def smoke(runs: Runs, variant: str, seed: int, distance: float) -> None:
    """A run of 20 updates whose score is of 500 images."""
    spec = make_spec(variant, seed, steps=20)
    runs.train(spec, comparable=False, not_comparable_because=WHY)
    few = runs.protocol.model_copy(update={"n_fake": 500})
    file = runs.score(spec, distance, protocol=few)
    record = json.loads(file.read_text())
    file.write_text(json.dumps(record | {"comparable": False, "n_images": 500}))


def table(page: str, title: str) -> list[list[str]]:
    section = page.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_smoke_runs_alone_are_shown_and_not_ranked(
    runs: Runs, write: Written, small_registry: Registry, tmp_path: Path
) -> None:
    for seed in (0, 1):
        smoke(runs, "dcgan", seed, 100.0 + seed)
    smoke(runs, "vae", 7, 50.0)
    page, chinese, frame = write()
    assert "No result yet" not in page
    assert "**No result at this suite's settings.**" in page
    assert "暂无结果" not in chinese
    assert "## 自定设置的训练（不可比较）" in chinese
    first, second = table(page, "Runs at settings of your own, not comparable")
    assert first[0] == "[dcgan]"
    assert first[2:5] == ["20", "0, 1", "500"]
    assert first[5].startswith("100.5")
    assert first[-1] == second[-1] == "smoke run"
    assert second[3] == "7"
    own = frame[frame["kind"] == "own-settings"]
    assert list(own["variant"]) == ["dcgan", "vae"]
    assert set(own["status"]) == {"not-comparable"}
    assert set(own["rank_low"]) == {""}
    assert frame[frame["kind"] == "generated"].empty
    assert "Stale runs" not in page

    # The report can be made again from what was copied.
    compared, stale = check_leaderboard(
        make_suite(), planned(), tmp_path / "reports", small_registry
    )
    assert compared
    assert not stale


def test_they_change_nothing_about_the_rows_of_the_suite(runs: Runs, write: Written) -> None:
    fill(runs)
    page, _, before = write()
    smoke(runs, "dcgan", 0, 0.001)  # nearer than every row
    with_smoke, _, frame = write()
    ranked = frame[frame["kind"] != "own-settings"].reset_index(drop=True)
    pd.testing.assert_frame_equal(ranked, before)
    assert table(with_smoke, "Ranking") == table(page, "Ranking")
    assert len(table(with_smoke, "Runs at settings of your own, not comparable")) == 1


def test_different_settings_never_share_a_row(runs: Runs, write: Written) -> None:
    for steps in (20, 200):
        for seed in (0, 1):
            spec = make_spec("vae", seed, steps=steps)
            why = (f"--steps {steps} instead of the suite's 1000",)
            runs.train(spec, comparable=False, not_comparable_because=why)
            runs.score(spec, 1000.0 / steps + seed)
    page, _, _ = write()
    rows = table(page, "Runs at settings of your own, not comparable")
    assert [row[2] for row in rows] == ["20", "200"]
    assert "--steps 20 instead" in rows[0][-1]


def test_a_limited_score_of_a_full_training_stands_apart(runs: Runs, write: Written) -> None:
    fill(runs)
    few = runs.protocol.model_copy(update={"n_fake": 500})
    for seed in SEEDS:
        file = runs.score(make_spec("vae", seed), 1.0 + seed, "gmm-10", protocol=few)
        record = json.loads(file.read_text())
        file.write_text(json.dumps(record | {"comparable": False, "n_images": 500}))
        assert RunDirectory(file.parents[1]).train_record() is not None
    page, _, _ = write()
    (row,) = table(page, "Runs at settings of your own, not comparable")
    assert row[4] == "500"
    assert row[-1] == "n = 500"
    assert "were made under" not in page
