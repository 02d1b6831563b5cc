"""Fuzz tests run in a folder of their own; what they damage is made once, by the real command."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from pathlib import Path

import pytest
from helpers import made_once, tiny_registry, tiny_variant
from typer.testing import CliRunner

from bench.cli.main import app


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
    return made_once(tmp_path_factory, "fuzzed-runs", train_two)


def train_two(folder: Path) -> None:
    gan = tiny_variant("gan", "bench.models.gan:GAN", ema_decay=0.9)
    tiny_registry(folder / "registry.yaml", [tiny_variant("vae"), gan])
    usual = signal.getsignal(signal.SIGTERM)  # the command takes it over
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, ["bench", "run", "tiny", "--registry", "registry.yaml"])
    signal.signal(signal.SIGTERM, usual)
    assert done.exit_code == 0, done.stderr


@pytest.fixture
def runs(finished: Path, tmp_path: Path) -> Path:
    """A copy of these runs that may be damaged, with their registry beside it."""
    shutil.copytree(finished / "runs", tmp_path / "runs")
    shutil.copy(finished / "registry.yaml", tmp_path)
    return tmp_path / "runs"
