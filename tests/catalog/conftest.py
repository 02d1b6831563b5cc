"""A private cache and registry files of one's own, made by editing the real one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.document import parse
from catalog.read.loader import load_registry
from catalog.read.locate import find_registry

Edited = Callable[..., Path]


@pytest.fixture(scope="session")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A cache that knows the project's registry; None for tests that start with an empty one."""
    folder = tmp_path_factory.mktemp("remembered")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIGC_CACHE_DIR", str(folder))
        patch.delenv("AIGC_REGISTRY", raising=False)
        load_registry()
    return folder


@pytest.fixture(autouse=True)
def own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: Path | None
) -> None:
    if remembered is not None:
        shutil.copytree(remembered, tmp_path / "cache")
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("AIGC_REGISTRY", raising=False)


@pytest.fixture(scope="session")
def registry_text() -> str:
    return find_registry().read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def place() -> Callable[[str], str]:
    """Turn ``resources.{dall-e}.year`` into a path with the entry's index for its id."""
    document = parse(find_registry().read_text(encoding="utf-8"))

    def index(match: re.Match[str]) -> str:
        ids = [entry["id"] for entry in document.data[match[1]]]
        return f"{match[1]}.{ids.index(match[2])}"

    def indexed(path: str) -> str:
        return re.sub(r"^(\w+)\.\{(.+?)\}", index, path)

    return indexed


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry_text: str) -> Edited:
    """Write the real registry with each (old, new) pair replaced once; the path is in the cwd."""
    monkeypatch.chdir(tmp_path)

    def write(*changes: tuple[str, str]) -> Path:
        text = registry_text
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        path = tmp_path / "registry.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write
