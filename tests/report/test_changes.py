"""What today's registry and code would make otherwise than the records is said on the page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers import CLONE

from bench.identity.code import code_of_scoring, code_of_training
from bench.identity.local_registry import pinned_registry
from bench.identity.spec import TrainSpec
from bench.report.board.evidence import Change, changes
from bench.report.leaderboard.page import leaderboard_page
from bench.report.leaderboard.write import published_board
from bench.report.words import LANGUAGES
from bench.run.plan import planned_specs
from catalog.schema import Registry

OTHER = "e" * 64
"""A digest that no code has."""


@pytest.fixture(scope="module")
def registry() -> Registry:
    return pinned_registry(CLONE / "registry.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a committed report whose records all say that today's code made them."""
    copy = Path(shutil.copytree(CLONE / "reports" / "shapes", tmp_path / "shapes"))
    for file in (copy / "records").rglob("*.json"):
        edit(file, signed_by_today)
    return copy


def edit(file: Path, change: Callable[[dict[str, Any]], None]) -> None:
    data = json.loads(file.read_text())
    change(data)
    file.write_text(json.dumps(data))


def signed_by_today(data: dict[str, Any]) -> None:
    if "spec" in data:
        code = code_of_training(data["spec"]["algorithm"], data["spec"]["recipe"])
    else:
        made = data["subject"]["kind"] == "calibration"
        name = data["subject"]["name"] if made else None
        code = code_of_scoring(data["protocol"]["extractor"], name)
    sign(data, code)


def sign(data: dict[str, Any], code: str) -> None:
    data["provenance"].pop("implementation_sha256", None)
    data["provenance"]["definitions_sha256"] = code


def by_other_code(data: dict[str, Any]) -> None:
    sign(data, OTHER)


def runs_of(folder: Path) -> list[Path]:
    return sorted(path.parent for path in (folder / "records").glob("*/train.json"))


def one_training(folder: Path) -> None:
    edit(runs_of(folder)[1] / "train.json", by_other_code)


def all_trainings(folder: Path) -> None:
    for run in runs_of(folder):
        edit(run / "train.json", by_other_code)


def one_score(folder: Path) -> None:
    edit(next((runs_of(folder)[2] / "scores").glob("*.json")), by_other_code)


def one_calibration(folder: Path) -> None:
    edit(next((folder / "records/calibration").glob("pca-gaussian-draw-3-*.json")), by_other_code)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda _: None, ()),
        (one_training, (Change("training", ("dall-e-shapes (1)",)),)),
        (all_trainings, (Change("training", ("dall-e-shapes",), everything=True),)),
        (one_score, (Change("scoring", ("dall-e-shapes (2)",)),)),
        (one_calibration, (Change("calibration", ("pca-gaussian",)),)),
    ],
    ids=["nothing", "training", "every training", "score", "calibration"],
)
def test_what_other_code_made_is_said(
    folder: Path,
    registry: Registry,
    change: Callable[[Path], None],
    expected: tuple[Change, ...],
) -> None:
    change(folder)
    assert_said(folder, registry, planned_specs(registry, registry.suite("shapes")), expected)


def test_settings_that_changed_are_named(folder: Path, registry: Registry) -> None:
    planned = planned_specs(registry, registry.suite("shapes"))
    today = [
        spec.model_copy(update={"recipe": spec.recipe | {"beta": 2.5, "dropout": 0.4}})
        if spec.seed == 1
        else spec
        for spec in planned
    ]
    settings = Change("settings", ("dall-e-shapes (1): recipe.beta, recipe.dropout",))
    assert_said(folder, registry, today, (settings,))


def assert_said(
    folder: Path,
    registry: Registry,
    planned: Sequence[TrainSpec],
    expected: tuple[Change, ...],
) -> None:
    suite = registry.suite("shapes")
    board = published_board(suite, planned, folder.parent, registry)
    assert changes(board) == expected
    for language in LANGUAGES:
        page = leaderboard_page(board, registry, language)
        marks = ("have changed", "has changed", "已改变", "without all of their draws", "次数不全")
        assert any(mark in page for mark in marks) == bool(expected)
        for one in expected:
            assert all(one.everything or f"`{what}`" in page for what in one.what)
