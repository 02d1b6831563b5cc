"""What several records say of each other: copies and gaps are on the page, and fail its check."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import CLONE

from bench.identity.local_registry import pinned_registry
from bench.records.run_directory import RunDirectory
from bench.report.board.evidence import oddities
from bench.report.generated.everything import check_leaderboard
from bench.report.leaderboard.findings import findings_text
from bench.report.leaderboard.write import (
    PAGES,
    published_board,
    rendered,
)
from bench.run.plan import planned_specs
from catalog.files import write_atomically

SHAPES = CLONE / "reports" / "shapes"


def runs_of(folder: Path) -> list[Path]:
    return sorted(path.parent for path in (folder / "records").glob("*/train.json"))


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))


def same_artifact(folder: Path, kind: str) -> None:
    first, second = (run / "train.json" for run in runs_of(folder)[:2])
    wanted = next(
        a["sha256"] for a in json.loads(first.read_text())["artifacts"] if a["kind"] == kind
    )

    def copy(data: dict[str, Any]) -> None:
        next(a for a in data["artifacts"] if a["kind"] == kind)["sha256"] = wanted

    edit(second, copy)


def same_weights(folder: Path) -> None:
    same_artifact(folder, "weights")


def same_curve(folder: Path) -> None:
    same_artifact(folder, "curve")


def same_images(folder: Path) -> None:
    first, second = (RunDirectory(run) for run in runs_of(folder)[:2])
    wanted = first.score_records()[0].images_sha256
    edit(second.score_files()[0], lambda data: data.update(images_sha256=wanted))


def real_images(folder: Path) -> None:
    held_out = next((folder / "records" / "calibration").glob("held-out-*.json"))
    wanted = json.loads(held_out.read_text())["images_sha256"]
    run = RunDirectory(runs_of(folder)[0])
    edit(run.score_files()[0], lambda data: data.update(images_sha256=wanted))


def worst_seed_deleted(folder: Path) -> None:
    (run,) = (run for run in runs_of(folder) if "-s1-" in run.name)
    shutil.rmtree(run)


def one_draw_deleted(folder: Path) -> None:
    next((folder / "records/calibration").glob("pca-gaussian-draw-4-*.json")).unlink()


def all_calibration_deleted(folder: Path) -> None:
    shutil.rmtree(folder / "records" / "calibration")


def seed_withheld(folder: Path) -> None:
    """A seed says of itself, in both kinds of records, that it compares with none."""
    run = runs_of(folder)[1]
    why = {"comparable": False, "not_comparable_because": ["--limit 500"]}
    edit(run / "train.json", lambda data: data.update(why))
    for file in RunDirectory(run).score_files():
        edit(file, lambda data: data.update(comparable=False))


def score_withheld(folder: Path) -> None:
    file = RunDirectory(runs_of(folder)[1]).score_files()[0]
    edit(file, lambda data: data.update(comparable=False))


@pytest.mark.parametrize(
    ("forge", "kind"),
    [
        (same_weights, "same-weights"),
        (same_curve, "same-curve"),
        (same_images, "same-images"),
        (real_images, "same-images"),
        (worst_seed_deleted, "missing-seed"),
        (one_draw_deleted, "missing-calibration"),
        (all_calibration_deleted, "missing-calibration"),
        (seed_withheld, "withheld"),
        (score_withheld, "withheld"),
    ],
)
def test_it_is_noticed_even_when_the_pages_were_made_again(
    tmp_path: Path, forge: Callable[[Path], None], kind: str
) -> None:
    registry = pinned_registry(CLONE / "registry.yaml")
    suite = registry.suite("shapes")
    planned = planned_specs(registry, suite)
    folder = Path(shutil.copytree(SHAPES, tmp_path / "shapes"))
    assert oddities(published_board(suite, planned, tmp_path, registry)) == ()
    forge(folder)
    board = published_board(suite, planned, tmp_path, registry)
    (one,) = oddities(board)
    assert one.kind == kind
    made = rendered(board, registry, {name: findings_text(folder, name, board) for name in PAGES})
    for name, content in made.items():
        write_atomically(folder / name, content)
    for page in PAGES.values():
        assert all(f"`{what}`" in (folder / page).read_text() for what in one.what)
    _, stale = check_leaderboard(suite, planned, tmp_path, registry)
    assert any(found.committed.startswith(f"{kind}: ") for found in stale)
