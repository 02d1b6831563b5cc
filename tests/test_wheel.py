"""The wheel: everything that the package reads at run time is in it, and is found in it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from helpers import CLONE, MAIN

from catalog.read.loader import load_registry

pytestmark = pytest.mark.slow

WHERE = "import bench, catalog; print(bench.__file__); print(catalog.__file__)"
Python = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=CLONE,
        check=True,
        capture_output=True,
        timeout=120,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--quiet"]
    subprocess.run([*install, "--target", str(folder), str(wheel)], check=True, timeout=120)
    return folder


@pytest.fixture
def python(site: Path, tmp_path: Path) -> Python:
    """Runs code that sees the installed wheel instead of the clone, from an empty folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AIGC_")}
    env = {
        **kept,
        "PYTHONPATH": str(site),
        "COLUMNS": "100",
        "AIGC_CACHE_DIR": str(tmp_path / "cache"),
    }

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


def test_the_wheel_holds_data_and_code_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        registry = archive.read("catalog/registry.yaml")
        (entry_points,) = (name for name in names if name.endswith("/entry_points.txt"))
        commands = archive.read(entry_points).decode()
    assert {
        "bench/data/digits_splits.json",
        "bench/score/extractors/weights/digits-cnn.safetensors",
        "bench/py.typed",
        "bench/cli/main.py",
        "bench/models/gan.py",
        "catalog/py.typed",
        "catalog/registry.yaml",
    } <= names
    assert registry == (CLONE / "registry.yaml").read_bytes()
    assert "aigc = bench.cli.main:main" in commands.splitlines()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"bench", "catalog"}
    assert not [name for name in names if name.endswith((".pyc", ".pt", ".lock"))]


def test_every_module_and_data_file_of_the_clone_is_in_the_wheel(site: Path) -> None:
    here, there = (
        {
            path.relative_to(root).as_posix()
            for package in ("bench", "catalog")
            for path in (root / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        for root in (CLONE, site)
    )
    assert there - here == {"catalog/registry.yaml"}
    assert here - there == set()


def test_an_installed_package_uses_its_own_registry(python: Python, site: Path) -> None:
    where = python(WHERE)
    assert where.returncode == 0, where.stderr
    assert all(Path(line).is_relative_to(site) for line in where.stdout.splitlines())
    listed = python(MAIN, "bench", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    ids = [item["id"] for item in json.loads(listed.stdout)["items"]]
    assert ids == [variant.id for variant in load_registry(CLONE / "registry.yaml").variants]
    doctor = python(MAIN, "doctor", "--json")
    assert doctor.returncode == 0, doctor.stderr
    facts = {item["name"]: item["value"] for item in json.loads(doctor.stdout)["items"]}
    assert facts["registry"] == str(site / "catalog" / "registry.yaml")
    weights = facts["weights of digits-cnn"]
    assert weights == f"{site}/bench/score/extractors/weights/digits-cnn.safetensors (found)"


def test_an_installed_package_builds_a_site_without_any_report(
    python: Python, tmp_path: Path
) -> None:
    built = python(MAIN, "report", "site", "-o", "made", "--reports", "none")
    assert built.returncode == 0, built.stderr
    assert built.stdout == "made/index.html\n"
    catalogue = (tmp_path / "made" / "zh" / "catalogue.html").read_text(encoding="utf-8")
    assert 'id="dall-e"' in catalogue
    assert (tmp_path / "made" / "assets" / "site.css").stat().st_size > 1000


def test_the_installed_command_runs_outside_the_clone(site: Path, tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(site), "AIGC_CACHE_DIR": str(tmp_path / "cache")}
    listed = subprocess.run(
        [sys.executable, "-P", str(site / "bin" / "aigc"), "bench", "list"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr
    names = [line.split("\t")[0] for line in listed.stdout.splitlines()[1:]]
    assert names == [variant.id for variant in load_registry(CLONE / "registry.yaml").variants]


def test_an_installed_package_validates_and_finds_its_images(python: Python) -> None:
    valid = python(MAIN, "bench", "validate")
    assert valid.returncode == 0, valid.stderr
    code = (
        "from bench.data import load_dataset; from catalog.read.loader import load_registry\n"
        "data = load_dataset(load_registry().dataset('digits')); print(len(data['train'].images))"
    )
    loaded = python(code)
    assert loaded.returncode == 0, loaded.stderr
    assert int(loaded.stdout) == load_registry().dataset("digits").splits["train"]
