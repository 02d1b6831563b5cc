"""``aigc report all``: every generated file again, or a list of those that are stale."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from helpers import CLONE, Aigc, files_below
from typer.testing import CliRunner

from bench.cli.main import app
from bench.report.generated.readme import BEGIN, END, with_block
from catalog.errors import InvalidInput

QUICK = "digits-quick"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of one suite with everything that is made from them."""
    folder = tmp_path_factory.mktemp("everything") / "reports"
    shutil.copytree(CLONE / "reports" / QUICK / "records", folder / QUICK / "records")
    result = CliRunner().invoke(app, ["report", "all", "--reports", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def reports(made: Path, tmp_path: Path) -> Path:
    """A copy to be changed."""
    return Path(shutil.copytree(made, tmp_path / "clone" / "reports"))


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


def test_changed_files_are_named_and_mended(aigc: Aigc, reports: Path) -> None:
    names = ("results.csv", "charts/cost.svg")
    files = [reports / QUICK / name for name in names]
    files += [reports / "cards" / "vae.zh-CN.md", reports / "catalog.md"]
    true = {file: file.read_bytes() for file in files}
    for file in files:
        file.write_bytes(true[file].replace(b"0", b"1", 1))
    checked = aigc("report", "all", "--check", "--reports", reports)
    assert checked.code == 5
    named = [line for line in checked.stdout.splitlines() if not line.startswith(" ")]
    assert len(named) == len(files)
    for file in files:
        assert any(line.startswith(file.as_posix()) for line in named), file
    assert "aigc report all" in checked.stderr
    mended = aigc("report", "all", "--reports", reports)
    assert sorted(mended.stdout.splitlines()) == sorted(map(Path.as_posix, files))
    assert {file: file.read_bytes() for file in files} == true


def test_a_record_behind_no_row_and_a_picture_on_no_page_are_noticed(
    aigc: Aigc, reports: Path
) -> None:
    strays = [reports / QUICK / "records" / "notes.txt", reports / "appeals/charts/withdrawn.svg"]
    strays[1].parent.mkdir(parents=True)
    for stray in strays:
        stray.write_text("mine")
    checked = aigc("report", "all", "--check", "--reports", reports)
    assert checked.code == 5
    for stray in strays:
        assert f"{stray.as_posix()}: stale" in checked.stdout


def test_a_readme_keeps_its_own_words() -> None:
    readme = f"# Mine\n\n{BEGIN}\nold\n{END}\n\nMore.\n"
    assert with_block(readme, "new") == f"# Mine\n\n{BEGIN}\nnew\n{END}\n\nMore.\n"
    assert with_block(with_block(readme, "new"), "new") == with_block(readme, "new")
    for broken in ("# Mine", readme.replace(END, "")):
        with pytest.raises(InvalidInput, match="marks"):
            with_block(broken, "new")
