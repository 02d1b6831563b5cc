"""Where reports go: to a place of their own, and never unasked over what is another's."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import CLONE, Aigc, files_below

QUICK = "digits-quick"
PAGES = ("leaderboard.md", "leaderboard.zh-CN.md")


def git(folder: Path, *arguments: str) -> str:
    """What git says, in a repository whose commits need no name of a user."""
    named = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", "-C", str(folder), *named, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one committed report; commands run in it."""
    folder = tmp_path / "clone"
    shutil.copytree(CLONE / "reports" / QUICK, folder / "reports" / QUICK)
    shutil.copy(CLONE / ".gitignore", folder)
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-q", "-m", "reports")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def few(clone: Path) -> Path:
    """Runs of a user: two of the committed ones, as if trained here."""
    runs = clone / "runs"
    records = clone / "reports" / QUICK / "records"
    for folder in (*records.glob("dcgan-*"), *records.glob("vae-*")):
        shutil.copytree(folder, runs / folder.name)
    return runs


def leaderboard(aigc: Aigc, *options: object) -> tuple[int, str, str]:
    return aigc("report", "leaderboard", QUICK, *options)


def test_a_report_goes_to_a_place_of_its_own_in_both_languages(
    aigc: Aigc, clone: Path, few: Path
) -> None:
    before = files_below(clone / "reports")
    shown = aigc("report", "leaderboard", QUICK, "--lang", "zh")
    assert shown.code == 0, shown.stderr
    assert shown.stdout.splitlines()[0] == f"my-reports/{QUICK}/leaderboard.zh-CN.md"
    for page in PAGES:
        assert (clone / "my-reports" / QUICK / page).is_file()
    assert files_below(clone / "reports") == before
    assert git(clone, "status", "--porcelain") == ""


def test_what_git_tracks_is_replaced_only_when_told_and_listed_first(
    aigc: Aigc, clone: Path, few: Path
) -> None:
    before = files_below(clone / "reports")
    refused = leaderboard(aigc, "-o", "reports")
    assert (refused[0], refused[1]) == (5, "")
    assert files_below(clone / "reports") == before
    listed = [line for line in refused[2].splitlines() if "would be" in line]
    run = next((clone / "reports" / QUICK / "records").glob("gan-*")).name
    removed = f"reports/{QUICK}/records/{run}/"
    assert any(line.startswith(removed) and "would be removed" in line for line in listed)
    assert any(PAGES[1] in line and "replaced, is tracked by git" in line for line in listed)
    assert "--replace" in refused[2]

    told = leaderboard(aigc, "-o", "reports", "--replace")
    assert told[0] == 0, told[2]
    assert [line for line in told[2].splitlines() if "would be" in line] == listed
    assert not list((clone / "reports" / QUICK / "records").glob("gan-*"))


def test_what_other_records_made_is_replaced_only_when_told(
    aigc: Aigc, clone: Path, few: Path
) -> None:
    assert leaderboard(aigc)[0] == 0
    (vae,) = few.glob("vae-*")
    shutil.move(vae, clone / "elsewhere")
    before = files_below(clone / "my-reports")
    refused = leaderboard(aigc)
    assert refused[0] == 5
    assert f"my-reports/{QUICK}/records/{vae.name}" in refused[2]
    assert "was made from other records" in refused[2]
    assert files_below(clone / "my-reports") == before
    assert leaderboard(aigc, "--replace")[0] == 0
    assert not (clone / "my-reports" / QUICK / "records" / vae.name).exists()

    # More runs are no others: what was there is still there.
    shutil.move(clone / "elsewhere", few / vae.name)
    assert leaderboard(aigc)[0] == 0
    assert (clone / "my-reports" / QUICK / "records" / vae.name).is_dir()


def test_a_run_of_the_same_name_that_began_at_another_time_is_another(
    aigc: Aigc, clone: Path, few: Path
) -> None:
    assert leaderboard(aigc)[0] == 0
    record = next(few.glob("vae-*/train.json"))
    began = next(line for line in record.read_text().splitlines() if '"created_at"' in line)
    record.write_text(record.read_text().replace(began, '  "created_at": "2026-01-01T00:00:00Z",'))
    assert leaderboard(aigc)[0] == 5
    assert leaderboard(aigc, "--replace")[0] == 0


def test_a_page_that_was_never_a_report_stays(aigc: Aigc, clone: Path, few: Path) -> None:
    mine = clone / "my-reports" / QUICK / PAGES[0]
    mine.parent.mkdir(parents=True)
    mine.write_text("my notes\n")
    assert leaderboard(aigc)[0] == 5
    assert mine.read_text() == "my notes\n"
    tracked = clone / ".gitignore"
    before = tracked.read_bytes()
    assert leaderboard(aigc, "-o", "other", "--html", tracked)[0] == 5
    assert tracked.read_bytes() == before


def test_without_git_all_of_a_repository_counts_as_tracked(
    aigc: Aigc, clone: Path, few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = f"reports/{QUICK}/records"
    page = clone / "reports" / QUICK / PAGES[0]
    page.write_text("edited\n")
    monkeypatch.setenv("PATH", "")
    assert leaderboard(aigc, "--runs", records, "-o", "reports")[0] == 5
    assert page.read_text() == "edited\n"
    assert leaderboard(aigc, "--runs", records, "-o", "reports", "--replace")[0] == 0


def test_maintainers_make_a_committed_report_again(aigc: Aigc, clone: Path) -> None:
    records = f"reports/{QUICK}/records"
    assert leaderboard(aigc, "--runs", records, "-o", "reports", "--replace")[0] == 0
    before = files_below(clone / "reports")
    assert leaderboard(aigc, "--runs", records, "-o", "reports")[0] == 0  # nothing changes
    assert files_below(clone / "reports") == before
    assert leaderboard(aigc, "--check")[0] == 0
    assert leaderboard(aigc, "--check", "--replace")[0] == 2


def test_findings_stand_only_beside_the_table_that_they_speak_of(
    aigc: Aigc, clone: Path, few: Path
) -> None:
    folder = clone / "my-reports" / QUICK
    folder.mkdir(parents=True)
    for name in ("findings.md", "findings.zh-CN.md"):
        (folder / name).write_text("All is well with dcgan.\n")
    assert leaderboard(aigc)[0] == 0
    page = folder / PAGES[0]
    assert "All is well" not in page.read_text()
    assert "**Findings are left out here**" in page.read_text()

    signed = aigc("report", "sign", QUICK, "--reports", "my-reports")
    assert signed.code == 0, signed.stderr
    table = hashlib.sha256((folder / "results.csv").read_bytes()).hexdigest()
    first = f"<!-- table: sha256 {table} -->"
    assert (folder / "findings.zh-CN.md").read_text().splitlines()[0] == first
    assert aigc("report", "sign", QUICK, "--reports", "my-reports").stdout == ""
    assert leaderboard(aigc)[0] == 0
    for name in PAGES:
        assert "All is well" in (folder / name).read_text()
        assert first not in (folder / name).read_text()

    shutil.rmtree(next(few.glob("vae-*")))
    assert leaderboard(aigc, "--replace")[0] == 0
    for name in PAGES:
        assert "All is well" not in (folder / name).read_text()


def test_claims_and_cards_go_there_too(aigc: Aigc, clone: Path) -> None:
    before = files_below(clone / "reports")
    made = aigc("report", "claims", "digits", "--runs", f"reports/{QUICK}/records", "--lang", "zh")
    assert made.code in (0, 4), made.stderr
    card = aigc("report", "card", "vae")
    assert card.code == 0, card.stderr
    page = clone / "my-reports" / "cards" / "vae.md"
    assert page.is_file()
    assert page.with_name("vae.zh-CN.md").is_file()
    targets = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text())
    assert targets
    assert all((page.parent / target).is_file() for target in targets)
    assert files_below(clone / "reports") == before
    assert git(clone, "status", "--porcelain") == ""


def test_claims_of_other_runs_are_replaced_only_when_told(aigc: Aigc, clone: Path) -> None:
    folder = clone / "my-reports" / "digits"
    folder.mkdir(parents=True)
    (folder / "claims.csv").write_text("mine\n")
    options = ("report", "claims", "digits", "--reports", CLONE / "reports")
    refused = aigc(*options)
    assert refused.code == 5
    assert (folder / "claims.csv").read_text() == "mine\n"
    assert not (folder / "claims.md").exists()
    assert aigc(*options, "--replace").code == 0
    assert {path.name for path in folder.iterdir()} == {
        *("claims.csv", "claims.md", "claims.zh-CN.md")
    }
    assert aigc(*options).code == 0  # the same once more
