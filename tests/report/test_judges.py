"""The page of the judges: made from their reports alone, and honest about what they show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest

from bench.records.judge_report import (
    Agreement,
    CorruptionName,
    Grade,
    JudgeReport,
    read_report,
    write_report,
)
from bench.report.judges import FOLDER, judges_files
from bench.score.corruptions import CORRUPTIONS
from catalog.errors import InvalidInput
from catalog.schema import Registry


def report_of(registry: Registry, **changes: object) -> JudgeReport:
    entry = registry.extractor("mnist-judge")
    grades = tuple(
        Grade(corruption="blur", level=level, distance=distance, accuracy=0.9)
        for level, distance in ((0.4, 1.0), (0.6, 2.0), (0.9, 4.0))
    )
    report = JudgeReport(
        extractor=entry.id,
        sha256=entry.sha256,
        fingerprint="f" * 64,
        n_held_out=2000,
        n_reference=5000,
        held_out=0.9,
        mean_image=50.0,
        noise=300.0,
        grades=grades,
        agreement=Agreement(
            extractor="efficientnet-lite0",
            sha256=None,
            n_held_out=400,
            n_reference=1200,
            spearman=0.43,
            within=0.93,
        ),
    )
    return report.model_copy(update=changes)


def pages_of(registry: Registry, reports: Path, report: JudgeReport) -> list[str]:
    write_report(report, reports / FOLDER / "mnist-judge.json")
    return list(judges_files(registry, reports).values())


def test_a_page_shows_every_grade_and_the_command(registry: Registry, tmp_path: Path) -> None:
    english, chinese = pages_of(registry, tmp_path, report_of(registry))
    for page in (english, chinese):
        assert "| 0.4: 1 (90.0%) | 0.6: 2 (90.0%) | 0.9: 4 (90.0%) |" in page
        assert "0.93 / 0.43 (efficientnet-lite0)" in page
        assert (
            "aigc bench extractor report mnist-judge --agree-with efficientnet-lite0"
            " --n-images 400 -o reports/judges/mnist-judge.json" in page
        )
    assert "does not grow" not in english
    assert "Noise is nearer" not in english


def test_the_command_says_how_few_images_were_seen(registry: Registry, tmp_path: Path) -> None:
    few = report_of(registry, n_held_out=40, n_reference=120)
    [english, _] = pages_of(registry, tmp_path, few)
    assert "report mnist-judge --own-images 40 --agree-with" in english
    assert "–: distance of 40 held-out images to 120 reference images" in english


def test_a_page_names_the_images_that_a_judge_was_examined_with(
    registry: Registry, tmp_path: Path
) -> None:
    seen = report_of(registry, fingerprint=registry.dataset("cifar10").fingerprint)
    english, chinese = pages_of(registry, tmp_path, seen)
    assert "CIFAR-10: distance of 2,000 held-out images" in english
    assert "CIFAR-10：2,000张留出图像" in chinese


def test_what_is_wrong_with_a_judge_stands_on_its_page(registry: Registry, tmp_path: Path) -> None:
    grades = report_of(registry).grades
    falling = (*grades[:2], grades[2].model_copy(update={"distance": 1.9}))
    page = pages_of(registry, tmp_path, report_of(registry, grades=falling, noise=49.0))[0]
    assert "The distance does not grow with every grade of blur" in page
    assert "Noise is nearer than the mean image" in page
    assert "**no**" in page


def test_a_report_of_other_weights_or_of_nothing_is_refused(
    registry: Registry, tmp_path: Path
) -> None:
    assert judges_files(registry, tmp_path) == {}
    with pytest.raises(InvalidInput, match="of other weights than the registry's"):
        pages_of(registry, tmp_path, report_of(registry, sha256="0" * 64))
    file = tmp_path / FOLDER / "mnist-judge.json"
    file.write_text('{"extractor": "mnist-judge"}')
    with pytest.raises(InvalidInput, match="no report of a judge"):
        read_report(file)


def test_the_names_of_corruptions_are_those_that_are_made() -> None:
    assert get_args(CorruptionName) == tuple(CORRUPTIONS)


@pytest.mark.parametrize(
    "changes",
    [
        {"extractor": "mnist-judge\n```\n<script>"},
        {"agreement": {"extractor": "x` <img src=x>"}},
        {"grades": [{"corruption": "[x](javascript:y)", "level": 1.0, "distance": 1.0}]},
        {"grades": []},
        {"noise": float("nan")},
    ],
)
def test_a_strangers_report_holds_names_and_numbers(
    registry: Registry, tmp_path: Path, changes: dict[str, object]
) -> None:
    data = report_of(registry).model_dump()
    for key, value in changes.items():
        data[key] = data[key] | value if isinstance(value, dict) else value
    file = tmp_path / FOLDER / "mnist-judge.json"
    file.parent.mkdir()
    file.write_text(json.dumps(data))
    with pytest.raises(InvalidInput, match="no report of a judge"):
        judges_files(registry, tmp_path)
