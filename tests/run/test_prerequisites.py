"""What a run needs is asked for before its first update, not after its last."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from helpers import Aigc, tiny_registry, tiny_variant

from bench.run import runner
from catalog.files import CACHE_VARIABLE


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tiny_registry(tmp_path / "registry.yaml", [tiny_variant("one")])


def refused(aigc: Aigc, file: Path, *options: str) -> str:
    """What a run says that is refused with exit code 4 and leaves nothing behind."""
    shown = aigc("bench", "run", "tiny", "--registry", file, *options)
    assert shown.code == 4, shown.stderr
    assert not list(Path("runs").glob("*/train.json"))
    return shown.stderr


def test_weights_of_the_judge(aigc: Aigc, file: Path, tmp_path: Path) -> None:
    assert "absent" in refused(aigc, file, "--extractor-weights", str(tmp_path / "absent"))
    (tmp_path / "other").write_bytes(b"0" * 157_416)
    other = aigc(
        "bench", "run", "tiny", "--registry", file, "--extractor-weights", tmp_path / "other"
    )
    assert other.code == 3, other.stderr
    assert not list(Path("runs").glob("*/train.json"))


def test_a_judge_that_nobody_trained(aigc: Aigc, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    text = text.replace("extractor: digits-cnn", "extractor: folder-judge", 1)
    file.write_text(text, encoding="utf-8")
    said = refused(aigc, file)
    assert "extractor 'folder-judge' was not trained on this machine yet" in said


def test_pixels_that_are_pinned_and_gone(aigc: Aigc, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("loader: digits", "loader: folder", 1), encoding="utf-8")
    said = refused(aigc, file)
    assert "data set 'digits' was not decoded on this machine yet" in said
    assert "aigc bench data prepare folder:PATH" in said


def test_room_on_the_disk(aigc: Aigc, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = SimpleNamespace(free=1_000_000)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _: usage)
        assert "the disk has 1.0 MB free, and the jobs to run will need about" in refused(
            aigc, file
        )
    assert usage.free < runner.LEAST_FREE
