"""``aigc report all``: every generated file again, or a list of those that are stale."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers import CLONE, Aigc, files_below

from bench.report.generated.readme import BEGIN, END, with_block
from catalog.errors import InvalidInput

QUICK = "digits-quick"


@pytest.fixture
def reports(tmp_path: Path, aigc: Aigc) -> Path:
    """The records of one suite with everything that is made from them."""
    folder = tmp_path / "clone" / "reports"
    shutil.copytree(CLONE / "reports" / QUICK / "records", folder / QUICK / "records")
    assert aigc("report", "all", "--reports", folder).code == 0
    return folder


def test_everything_is_made_once_and_then_left_alone(aigc: Aigc, reports: Path) -> None:
    assert (reports / QUICK / "leaderboard.zh-CN.md").is_file()
    assert (reports / "cards" / "vae.md").is_file()
    assert (reports / "catalog.md").read_bytes() == (CLONE / "reports/catalog.md").read_bytes()
    before = files_below(reports)
    again = aigc("report", "all", "--reports", reports)
    assert (again.code, again.stdout) == (0, "")
    checked = aigc("report", "all", "--check", "--reports", reports)
    assert checked.code == 0
    assert "generated files compared, 0 stale" in checked.stderr
    assert files_below(reports) == before


@pytest.mark.parametrize(
    "name", [f"{QUICK}/results.csv", "cards/vae.zh-CN.md", "catalog.md", f"{QUICK}/charts/cost.svg"]
)
def test_a_changed_file_is_named_and_mended(aigc: Aigc, reports: Path, name: str) -> None:
    file = reports / name
    true = file.read_bytes()
    file.write_bytes(true.replace(b"0", b"1", 1))
    checked = aigc("report", "all", "--check", "--reports", reports)
    assert checked.code == 5
    assert checked.stdout.splitlines()[0].startswith(file.as_posix())
    assert "aigc report all" in checked.stderr
    mended = aigc("report", "all", "--reports", reports)
    assert mended.stdout.splitlines() == [file.as_posix()]
    assert file.read_bytes() == true


def test_a_record_behind_no_row_is_noticed(aigc: Aigc, reports: Path) -> None:
    stray = reports / QUICK / "records" / "notes.txt"
    stray.write_text("mine")
    checked = aigc("report", "all", "--check", "--reports", reports)
    assert checked.code == 5
    assert f"{stray.as_posix()}: stale" in checked.stdout


def test_a_readme_keeps_its_own_words() -> None:
    readme = f"# Mine\n\n{BEGIN}\nold\n{END}\n\nMore.\n"
    assert with_block(readme, "new") == f"# Mine\n\n{BEGIN}\nnew\n{END}\n\nMore.\n"
    assert with_block(with_block(readme, "new"), "new") == with_block(readme, "new")
    for broken in ("# Mine", readme.replace(END, "")):
        with pytest.raises(InvalidInput, match="marks"):
            with_block(broken, "new")
