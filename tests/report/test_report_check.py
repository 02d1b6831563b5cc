"""``aigc report leaderboard --check``: committed reports are what their records make."""

from __future__ import annotations

import hashlib
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from helpers import CLONE, files_below
from PIL import Image

from bench.cli import main as cli
from bench.identity import protocol as protocols
from bench.report.claims import claims_texts
from catalog.read.loader import load_registry

QUICK = "digits-quick"


class Shown(NamedTuple):
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture
def check(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Callable[..., Shown]]:
    """Checks a report as a shell would, in this process; no file may change."""
    monkeypatch.chdir(tmp_path)
    usual = signal.getsignal(signal.SIGTERM)

    def run(suite: str, reports: Path, *options: str) -> Shown:
        arguments = ["report", "leaderboard", suite, "--check", "-o", str(reports), *options]
        registry = ["--registry", str(CLONE / "registry.yaml")]
        monkeypatch.setattr(sys, "argv", ["aigc", *arguments, *registry])
        before = files_below(reports)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert files_below(reports) == before
        shown = capsys.readouterr()
        return Shown(int(ended.value.code or 0), shown.out, shown.err)

    yield run
    signal.signal(signal.SIGTERM, usual)


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """A copy of one committed report, to be changed."""
    shutil.copytree(CLONE / "reports" / QUICK, tmp_path / "reports" / QUICK)
    return tmp_path / "reports"


Check = Callable[..., Shown]


N_FILES = 13
"""Of a report in both languages: two pages, two files of numbers, eight charts and the wall."""


@pytest.mark.parametrize(
    ("suite", "n_files"),
    [
        (QUICK, N_FILES),
        ("digits", N_FILES),
        ("digits-ten-seeds", N_FILES),
        ("shapes", 6),  # its rows miss a gate, so that losses are all there is to draw
    ],
)
def test_the_committed_reports_are_what_their_records_make(
    check: Check, suite: str, n_files: int
) -> None:
    shown = check(suite, CLONE / "reports")
    assert shown.code == 0, f"{shown.stdout}{shown.stderr}"
    assert shown.stdout == ""
    folder = CLONE / "reports" / suite
    made = [*folder.glob("leaderboard*.md"), *folder.glob("results.*"), *folder.glob("charts/*")]
    assert len(made) == n_files
    said = "equal, byte for byte, to what its records make"
    assert sorted(shown.stderr.splitlines()) == sorted(f"{file}: {said}" for file in made)


def test_the_committed_claims_are_what_the_committed_records_say() -> None:
    registry = load_registry(CLONE / "registry.yaml")
    reports = CLONE / "reports"
    texts = claims_texts(registry.suite("digits"), registry, reports)
    assert len(texts) == 3
    for name, text in texts.items():
        committed = (reports / "digits" / name).read_text(encoding="utf-8")
        assert committed == text, "aigc report all"


def edited(file: Path, old: str, new: str) -> int:
    """Replace some text where it first stands; the number of its line, from 1."""
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    "name",
    [
        *("leaderboard.md", "leaderboard.zh-CN.md", "results.csv", "results.json"),
        *("charts/cost.svg", "charts/cost.zh-CN.svg"),
    ],
)
def test_a_changed_figure_is_shown_with_its_line_and_the_command(
    check: Check, reports: Path, name: str
) -> None:
    text = (reports / QUICK / name).read_text(encoding="utf-8")
    figure = next(line for line in text.splitlines() if "vae" in line and "gmm-10" in line)
    wrong = figure.replace("gmm-10", "gmm-11")
    line = edited(reports / QUICK / name, figure, wrong)
    shown = check(QUICK, reports)
    assert shown.code == 5
    place, committed, recomputed = shown.stdout.splitlines()
    assert place == f"{(reports / QUICK / name).as_posix()}:{line}: stale"
    assert committed.startswith("  committed:  ")
    assert "gmm-11" in committed
    assert recomputed.startswith("  recomputed: ")
    assert "gmm-11" not in recomputed
    assert "gmm-10" in recomputed
    records = (reports / QUICK / "records").as_posix()
    command = f"aigc report leaderboard {QUICK} --runs {records} -o {reports} --replace"
    assert command in shown.stderr
    assert shown.stderr.count("equal, byte for byte") == N_FILES - 1


def test_a_changed_pixel_of_the_wall_is_noticed(check: Check, reports: Path) -> None:
    wall = reports / QUICK / "charts" / "wall.png"
    committed = wall.read_bytes()
    with Image.open(wall) as image:
        changed = image.copy()
    changed.putpixel((changed.width - 5, 5), 255 - changed.getpixel((changed.width - 5, 5)))
    changed.save(wall, "PNG", optimize=True)
    shown = check(QUICK, reports)
    assert shown.code == 5
    place, old, new = shown.stdout.splitlines()
    assert place == f"{wall.as_posix()}: stale"
    for line, content in ((old, wall.read_bytes()), (new, committed)):
        sha256 = hashlib.sha256(content).hexdigest()[:16]
        assert line.endswith(f": {len(content)} bytes, sha256 {sha256}".removeprefix(":"))
    assert f"aigc report leaderboard {QUICK} --runs" in shown.stderr
    wall.unlink()
    assert "charts/wall.png: stale\n  committed:  no such file" in check(QUICK, reports).stdout


def test_a_changed_curve_makes_its_charts_stale(check: Check, reports: Path) -> None:
    curve = next((reports / QUICK / "records").glob("dcgan-*/curve.csv"))
    first, second, *rest = curve.read_text().splitlines()
    cells = second.split(",")
    curve.write_text("\n".join([first, ",".join([cells[0], "9", *cells[2:]]), *rest, ""]))
    shown = check(QUICK, reports)
    assert shown.code == 5
    stale = [line.split(":")[0] for line in shown.stdout.splitlines() if line.startswith("/")]
    charts = reports / QUICK / "charts"
    assert stale == [(charts / f"losses{end}").as_posix() for end in (".svg", ".zh-CN.svg")]


def test_a_picture_on_no_page_is_noticed(check: Check, reports: Path) -> None:
    extra = reports / QUICK / "charts" / "old.svg"
    extra.write_text("<svg/>")
    shown = check(QUICK, reports)
    assert shown.code == 5
    assert shown.stdout.splitlines()[0] == f"{extra.as_posix()}: stale"
    assert "is on no page" in shown.stdout
    assert f"git rm {extra.as_posix()}" in shown.stderr


def test_a_changed_score_makes_the_files_that_show_it_stale(check: Check, reports: Path) -> None:
    score = next((reports / QUICK / "records").glob("dcgan-*/scores/*.json"))
    line = next(line for line in score.read_text().splitlines() if '"value":' in line)
    edited(score, line, '      "value": 7.125,')
    shown = check(QUICK, reports)
    assert shown.code == 5
    # all but the losses: the row moves up, in the pictures too
    assert shown.stdout.count(": stale\n") == N_FILES - 2
    assert f"error: {N_FILES - 2} files of the report are not what its records make" in shown.stderr


def test_a_broken_score_is_invalid_input(check: Check, reports: Path) -> None:
    score = next((reports / QUICK / "records").glob("dcgan-*/scores/*.json"))
    edited(score, '"value":', '"valeu":')
    shown = check(QUICK, reports)
    assert shown.code == 3
    assert str(score) in shown.stderr


def test_a_file_behind_no_row_is_noticed(check: Check, reports: Path) -> None:
    extra = reports / QUICK / "records" / "dcgan-digits-s0-fcc69cf3" / "notes.txt"
    extra.write_text("mine")
    shown = check(QUICK, reports)
    assert shown.code == 5
    assert shown.stdout.splitlines()[0] == f"{extra.as_posix()}: stale"
    assert "stands behind no row" in shown.stdout


def test_missing_pages(check: Check, reports: Path) -> None:
    (reports / QUICK / "leaderboard.zh-CN.md").unlink()
    alone = check(QUICK, reports)
    assert alone.code == 5  # the charts of a page that is not there
    assert alone.stdout.count(".zh-CN.svg: stale\n") == alone.stdout.count(": stale\n") == 4
    for chart in (reports / QUICK / "charts").glob("*.zh-CN.svg"):
        chart.unlink()
    assert check(QUICK, reports).code == 0  # one language is a report
    (reports / QUICK / "results.csv").unlink()
    shown = check(QUICK, reports)
    assert shown.code == 5
    assert "results.csv: stale\n  committed:  no such file" in shown.stdout
    (reports / QUICK / "leaderboard.md").unlink()
    neither = check(QUICK, reports)
    assert neither.code == 4
    assert "there is no page of suite 'digits-quick' to check" in neither.stderr


def test_line_ends_and_a_lost_last_line_are_noticed(check: Check, reports: Path) -> None:
    page = reports / QUICK / "leaderboard.md"
    text = page.read_bytes()
    page.write_bytes(text.replace(b"\n", b"\r\n"))
    assert check(QUICK, reports).code == 5
    page.write_bytes(text[:-1])
    shown = check(QUICK, reports)
    assert shown.code == 5
    n_lines = len(text.splitlines())
    assert f":{n_lines + 1}: stale" in shown.stdout


def test_another_library_cannot_judge(
    check: Check, reports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocols, "version", lambda _: "0.3.0")
    shown = check(QUICK, reports)
    assert shown.code == 4
    assert "were made with torch-fidelity 0.4.0, and 0.3.0 is installed" in shown.stderr


def test_records_are_those_beside_the_page(check: Check, reports: Path) -> None:
    assert check(QUICK, reports, "--runs", "runs").code == 2
    shutil.rmtree(reports / QUICK / "records")
    assert check(QUICK, reports).code == 4
