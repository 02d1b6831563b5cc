"""Fuzz tests run in a folder of their own; what they damage is made once, by the real command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from helpers import aigc, tiny_registry, tiny_variant


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("AIGC_") and name != "AIGC_CACHE_DIR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``registry.yaml`` and ``runs`` of two trained models; not to be changed."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "fuzzed-runs"
    with FileLock(folder.with_suffix(".lock")):
        if not (folder / "runs").exists():
            gan = tiny_variant("gan", "bench.models.gan:GAN", ema_decay=0.9)
            tiny_registry(folder / "registry.yaml", [tiny_variant("vae"), gan])
            done = aigc("bench", "run", "tiny", "--registry", "registry.yaml", cwd=folder)
            assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> Path:
    """A copy of these runs that may be damaged, with their registry beside it."""
    shutil.copytree(finished / "runs", tmp_path / "runs")
    shutil.copy(finished / "registry.yaml", tmp_path)
    return tmp_path / "runs"
