"""Images of one's own: folders prepared one after the other have names, tables and runs apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers import Aigc, items_of, tiny_registry, tiny_variant
from PIL import Image

from bench.identity.code import code_of_scoring
from bench.identity.local_registry import JudgePin, own_folders, pin_judge, pinned_registry
from bench.identity.protocol import resolve
from bench.models.facts import complete_recipe
from bench.run.plan import Narrowing, make_plan, planned_specs
from bench.run.runner import jobs_of, require_prerequisites, surroundings
from bench.score.extractors.table import require_extractor

SIZE = ("--resolution", "8", "--channels", "1", "--test-share", "0.5")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A registry with a suite for images of one's own, scored without a judge."""
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("vae")], steps=2)
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data["datasets"].append(
        {
            "id": "folder",
            "name": {"en": "Images of your own", "zh": "您自己的图像"},
            "loader": "folder",
            "resolution": 8,
            "channels": 1,
            "n_classes": 1,
            "splits": {"train": 30, "test": 30},
            "fingerprint": "unpinned",
            "licence": "Yours",
        }
    )
    own = {"id": "folder-pixels", "dataset": "folder", "extractor": "pixel-identity"}
    small = {"n_fake": 20, "kid_subset_size": 8, "isc_splits": 1}
    data["protocols"].append({**data["protocols"][0], **own, **small})
    suite = {"id": "folder", "dataset": "folder", "protocol": "folder-pixels", "calibration": []}
    data["suites"].append({**data["suites"][0], **suite})
    file.write_text(yaml.safe_dump(json.loads(json.dumps(data)), allow_unicode=True), "utf-8")
    return file


def pictures(folder: Path, seed: int, n: int = 40) -> Path:
    """A folder of small grey pictures of noise."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    for number in range(n):
        pixels = generator.integers(0, 64, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def carried_out(file: Path, suite: str) -> Path:
    """The directory of the only run of a suite, which is trained and scored in this process."""
    registry = pinned_registry(file)
    plan = make_plan(registry, registry.suite(suite), Path("runs"))
    around = surroundings(plan, torch.device("cpu"), file, None)
    require_prerequisites(plan, around, retry_failed=False)
    (job,) = jobs_of(plan, around, retry_failed=False)
    job.task(lambda _: None, lambda: False).run()
    return job.directory


def prepared(aigc: Aigc, source: Path, *options: str) -> str:
    """The name under which images are known once they were prepared."""
    shown = aigc("bench", "data", "prepare", f"folder:{source}", *SIZE, *options)
    assert shown.code == 0, shown.stderr
    return dict(line.split("\t") for line in shown.stdout.splitlines())["dataset"]


def test_two_folders_are_listed_run_and_reported_side_by_side(
    file: Path, aigc: Aigc, tmp_path: Path
) -> None:
    registry = ("--registry", str(file))
    names = [prepared(aigc, pictures(tmp_path / one, n), *registry) for n, one in enumerate("ab")]
    assert names == ["folder", "folder-b"]
    listed = {row["id"]: row for row in items_of(aigc("bench", "data", "list", "--json").stdout)}
    assert [listed[name]["ready"] for name in names] == ["yes", "yes"]
    assert listed["folder"]["fingerprint"] != listed["folder-b"]["fingerprint"]
    for name in names:
        run = carried_out(file, name)
        spec = json.loads((run / "train.json").read_text())["spec"]
        assert spec["dataset"]["id"] == name
        assert spec["dataset"]["fingerprint"].startswith(listed[name]["fingerprint"])
    for name in names:  # neither hides the other
        shown = aigc("bench", "status", name, "--json", *registry)
        assert [job["state"] for job in items_of(shown.stdout)] == ["done"]
    assert len([*(tmp_path / "runs").glob("vae-folder*")]) == 2
    for name in names:
        shown = aigc("report", "leaderboard", name, *registry)
        assert shown.code == 0, shown.stderr
        page = (tmp_path / "my-reports" / name / "leaderboard.md").read_text(encoding="utf-8")
        assert f"aigc bench run {name}" in page
        other = next(one for one in names if one != name)
        assert f"vae-{other}-s0-" not in page


def test_who_keeps_a_name_and_who_gets_another(file: Path, aigc: Aigc, tmp_path: Path) -> None:
    cats, dogs = pictures(tmp_path / "My Cats", 1), pictures(tmp_path / "dogs", 2)
    assert prepared(aigc, dogs, "--as", "dogs") == "folder-dogs"
    assert prepared(aigc, cats) == "folder"
    assert prepared(aigc, dogs) == "folder-dogs"
    pictures(cats, 3, n=2)  # other pictures in their places
    assert prepared(aigc, cats) == "folder"
    assert prepared(aigc, pictures(tmp_path / "else" / "My Cats", 4)) == "folder-my-cats"
    assert prepared(aigc, pictures(tmp_path / "more" / "my cats", 5)) == "folder-my-cats-2"
    assert prepared(aigc, pictures(tmp_path / "tiny", 6)) == "folder-tiny-images"
    (tmp_path / "dogs").rename(tmp_path / "moved")
    assert prepared(aigc, tmp_path / "moved") == "folder-dogs"
    assert [one.id for one in own_folders()] == [
        *("folder-dogs", "folder-my-cats", "folder-my-cats-2", "folder-tiny-images"),
    ]


def test_other_images_take_a_name_only_when_told_and_that_is_said(
    aigc: Aigc, tmp_path: Path
) -> None:
    assert prepared(aigc, pictures(tmp_path / "a", 1), "--as", "pets") == "folder-pets"
    again = aigc(
        *("bench", "data", "prepare", f"folder:{pictures(tmp_path / 'b', 2)}", *SIZE),
        *("--as", "pets"),
    )
    assert again.code == 0
    assert "'folder-pets' held other images before" in again.stderr
    (pets,) = own_folders()
    assert pets.splits["train"] + pets.splits["test"] == 40


@pytest.mark.parametrize("name", ["Cats", "a/b", "..", "", "cats-tiny", "paper", "a" * 41, "-a"])
def test_what_cannot_be_a_name(name: str, aigc: Aigc, tmp_path: Path) -> None:
    source = f"folder:{pictures(tmp_path / 'a', 1, n=2)}"
    shown = aigc("bench", "data", "prepare", source, *SIZE, "--as", name)
    assert shown.code == 2
    assert "cannot be the name of a data set" in shown.stderr
    assert own_folders() == ()


def test_a_name_goes_with_a_folder_only(aigc: Aigc) -> None:
    shown = aigc("bench", "data", "prepare", "mnist", "--as", "numbers")
    assert (shown.code, "--as goes with folder:PATH" in shown.stderr) == (2, True)


def test_a_named_folder_has_suites_protocols_and_a_judge_of_its_own(
    aigc: Aigc, tmp_path: Path
) -> None:
    prepared(aigc, pictures(tmp_path / "cats", 1), "--as", "cats")
    registry = pinned_registry()
    pixels = registry.dataset("folder-cats").fingerprint
    assert not registry.dataset("folder").is_pinned
    judge = registry.extractor("folder-cats-judge")
    assert (judge.sha256, judge.rebuild) == (
        None,
        "aigc bench extractor train folder-cats --epochs 10",
    )
    require_extractor(judge)
    assert code_of_scoring(judge.id) == code_of_scoring("folder-judge")
    pin = JudgePin(weights="x", sha256="1" * 64, n_bytes=1, resolution=8, accuracy={})
    pin_judge("folder-cats-judge", pixels, pin)
    registry = pinned_registry()
    assert registry.extractor("folder-cats-judge").sha256 == "1" * 64
    assert registry.extractor("folder-judge").sha256 is None
    assert resolve(registry, "folder-cats-10k").extractor == "folder-cats-judge"
    assert resolve(registry, "folder-cats-lite0-10k").extractor == "efficientnet-lite0"
    assert resolve(registry, "folder-cats-inception-10k").dataset_fingerprint == pixels
    suite = registry.suite("folder-cats-tiny")
    assert (suite.dataset, suite.protocol) == ("folder-cats", "folder-cats-lite0-10k")
    assert suite.title.en == "Your own images: cats, tiny budget"
    (spec, *_) = planned_specs(registry, suite, Narrowing(variants=("dcgan",)))
    assert spec.recipe == complete_recipe(registry, registry.variant("dcgan"), "folder")
    assert spec.run_id.startswith("dcgan-folder-cats-s0-")


def test_generated_pages_know_nothing_of_ones_own_folders(aigc: Aigc, tmp_path: Path) -> None:
    prepared(aigc, pictures(tmp_path / "cats", 1), "--as", "cats")
    registry = pinned_registry(own_folders=False)
    assert {one.id for one in pinned_registry().datasets} - {
        one.id for one in registry.datasets
    } == {"folder-cats"}
