"""The page on Python: its commands run as they stand, print what it says and make its picture."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from helpers import CLONE
from PIL import Image

PAGE = CLONE / "docs" / "python.md"


def test_the_page_runs_and_makes_its_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 5
    (tmp_path / "reports").symlink_to(CLONE / "reports")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    printed = io.StringIO()
    with redirect_stdout(printed):
        for block in blocks:
            exec(compile(block, str(PAGE), "exec"), names)  # noqa: S102 (a page of ours)
    said = re.search(r"That prints `([\d.]+) ([\d.]+) (\d+) (\w+)`", text)
    assert said is not None
    made = printed.getvalue().split()
    assert made[2:] == [said[3], said[4]]
    assert float(made[0]) == pytest.approx(float(said[1]), rel=0.02)
    assert float(made[1]) == pytest.approx(float(said[2]), abs=0.03)
    held_out = names["held_out"]
    assert set(held_out) >= {"fid", "kid", "precision"}  # type: ignore[call-overload]
    drawn, shown = (
        np.asarray(Image.open(folder / "python-samples.png")).astype(int)
        for folder in (tmp_path, PAGE.parent)
    )
    assert drawn.shape == shown.shape
    assert (np.abs(drawn - shown) > 3).mean() < 0.01  # another processor may round otherwise
