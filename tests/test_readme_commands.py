"""What the README's commands write: run in order in a clone, they leave ``git status`` clean.

Trainings are not waited for: committed runs, with their weights, lie where they would leave theirs.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import CLONE, Aigc

COMMAND = re.compile(r"^\$ (.+)$", re.MULTILINE)
LEFT_OUT = {
    "make test": "these tests",
    "bench run": "committed runs stand for it; it writes into --output-dir alone",
    "bench generate": "no committed run draws what a text says",
    "bench score --fake": "reads a folder of the reader's, and writes nothing",
    "bench load": "reads a file of somebody else's; it writes into --output-dir alone",
    "bench appeal": "reads a file of the reader's, and writes nothing",
    "bench selftest": "writes nothing, and is a test of its own",
    "bench data prepare": "reads a folder of the reader's, and writes into the cache",
    "bench verify": "writes nothing, and is a test of its own",
    "report site": "writes the folder that it is given, and is a test of its own",
    "report live": "goes on until it is ended",
    "report all --check": "writes nothing, and is a test of its own",
    "report leaderboard digits --check": "writes nothing, and is a test of its own",
    "catalog links": "asks the whole internet",
    "bench explain": "writes nothing",
    "bench validate": "writes nothing, and is a test of its own",
}
"""Commands that are not run here, and why; what they are told to write must be ignored by git."""


def git(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that the commands read or could overwrite, under version control."""
    folder = tmp_path_factory.mktemp("clone")
    for name in (".gitignore", "registry.yaml", "README.md", "README.zh-CN.md"):
        shutil.copy(CLONE / name, folder)
    shutil.copytree(CLONE / "reports", folder / "reports")
    git("init", "-q", cwd=folder)
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "as cloned", cwd=folder)
    assert git("status", "--porcelain", cwd=folder) == ""
    quick = folder / "reports" / "digits-quick" / "records"
    shutil.copytree(quick, folder / "runs")
    for run in (folder / "reports" / "digits" / "records").glob("*-digits-s[0-4]-*"):
        if run.name.startswith(("dcgan-digits", "vae-digits", "wgan-gp-digits")):
            shutil.copytree(run, folder / "runs" / run.name, dirs_exist_ok=True)
    return folder


def commands(text: str) -> list[str]:
    """The command lines of a README, without the comments behind them."""
    return [re.sub(r"\s{2,}#.*", "", line).strip() for line in COMMAND.findall(text)]


def written(command: str) -> list[str]:
    """The files that a command line is told to write."""
    return re.findall(r"(?:--out | -o |> |\| tee )(\S+)", command)


def left_out(command: str) -> bool:
    return any(command.removeprefix("aigc ").startswith(name) for name in LEFT_OUT)


@pytest.mark.parametrize("readme", ["README.md", "README.zh-CN.md"])
def test_whatever_a_command_is_told_to_write_is_ignored(readme: str, clone: Path) -> None:
    files = [file for line in commands((CLONE / readme).read_text()) for file in written(line)]
    assert len(files) >= 4
    for file in (*files, "site/index.html", "runs/x", "my-reports/digits/leaderboard.md"):
        assert git("check-ignore", file, cwd=clone).strip() == file


def test_the_commands_of_the_readme_leave_a_clone_clean(
    clone: Path, aigc: Aigc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    lines = commands((CLONE / "README.md").read_text(encoding="utf-8"))
    run = 0
    for line in lines:
        made = ["aigc report leaderboard digits-quick"] if line == "make leaderboard" else []
        for command in made or line.split(" && "):
            if left_out(command):
                continue
            words = shlex.split(re.sub(r" (?:>|\| tee) \S+", "", command))
            assert words[0] == "aigc", f"neither run nor left out: {command}"
            words = [whole(clone, word) if "…" in word else word for word in words]
            shown = aigc(*words[1:])
            assert shown.code == 0, (command, shown.stderr)
            for file in written(re.sub(r"--out \S+", "", command)):
                (clone / file).write_text(shown.stdout, encoding="utf-8")
            run += 1
            assert git("status", "--porcelain", cwd=clone) == "", command
    assert run > 15
    made = {path.name for path in (clone / "my-reports").iterdir()}
    assert made >= {"digits-quick", "digits"}
    assert (clone / "samples.png").is_file()


def whole(clone: Path, beginning: str) -> str:
    """A path that the README cuts short: of a run with weights."""
    found = clone.glob(f"{beginning.replace('…', '*')}/weights.safetensors")
    return next(file.parent for file in sorted(found)).relative_to(clone).as_posix()


def test_what_is_tracked_and_changes_would_be_noticed(clone: Path) -> None:
    page = clone / "reports" / "digits" / "leaderboard.md"
    before = page.read_bytes()
    page.write_bytes(before + b"\n")
    (clone / "stray.txt").touch()
    said = git("status", "--porcelain", cwd=clone)
    page.write_bytes(before)
    (clone / "stray.txt").unlink()
    assert said.splitlines() == [" M reports/digits/leaderboard.md", "?? stray.txt"]
