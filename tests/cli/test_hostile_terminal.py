"""Text of strangers on a terminal: never markup, never a control sequence."""

from __future__ import annotations

import json
import re
import shutil
import sys
from io import StringIO
from pathlib import Path

import pytest
from helpers import CLONE, Aigc
from hostile import HOSTILE, PLAIN, unescaped
from PIL import Image
from rich.console import Console

from bench.cli.verbs.output import emit, emit_items, print_rows, say
from bench.machine.process import ProcessId
from bench.records.files import PROGRESS
from bench.records.lease import RUNNER, Holder, Sign
from bench.records.record import now, to_json
from bench.run.events import JobEnded, JobStarted, TrainProgress
from bench.watch.dashboard import rendered
from bench.watch.job_state import CommandState, JobState, WorkInProgress, work_in_progress
from bench.watch.lines import BarDisplay, PlainDisplay

WIDE = 100_000
RECORDS = CLONE / "reports" / "digits" / "records"


def show_on(is_terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write to a wide terminal, or into a pipe."""
    monkeypatch.setenv("COLUMNS", str(WIDE))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_tables_lines_and_documents_hold_text(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, is_terminal: bool
) -> None:
    show_on(is_terminal, monkeypatch)
    print_rows([{"id": str(n), "why": text} for n, text in enumerate(HOSTILE)])
    for text in HOSTILE:
        emit(text)
        say(text)
    emit_items(list(HOSTILE))
    shown = capsys.readouterr()
    assert not unescaped(shown.out + shown.err)
    assert len(json.loads(shown.out[shown.out.index("{\n") :])["items"]) == len(HOSTILE)
    for text in (*PLAIN, "[bold]rich[/bold] [link=file:///etc/passwd]x[/link] :smile:"):
        assert shown.out.count(text) > 2
        assert text in shown.err


def test_no_cell_of_a_pipe_is_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"why": text, "n": "-3"} for text in HOSTILE])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(HOSTILE) + 1
    for line in lines[1:]:
        why, n = line.split("\t")
        assert n == "-3"
        assert not re.match(r"[=@]|[+-](?!\d+$)", why), why


def state_of(text: str) -> JobState:
    """A job whose every text is hostile."""
    return JobState(
        directory=Path("runs/x"),
        label=text,
        state="error",
        phase=text,
        age_s=1.0,
        losses={text: 1.0},
        curve=((1, {text: 1.0}), (2, {text: 2.0})),
        grid=Path("runs") / text,
        message=text,
    )


def test_a_look_at_running_jobs_holds_text() -> None:
    for is_long in (False, True):
        file = StringIO()
        console = Console(file=file, width=WIDE, force_terminal=False)
        jobs = tuple(state_of(text) for text in HOSTILE if (len(text) > 300) == is_long)
        console.print(rendered(WorkInProgress(jobs, CommandState(None, "none")), WIDE))
        shown = file.getvalue()
        assert not unescaped(re.sub(r"[\u2800-\u28ff]", "", shown))
        assert is_long or all(shown.count(text) > 4 for text in PLAIN)


def test_notes_of_running_jobs_are_text(
    aigc: Aigc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What a stranger's runs directory says is going on there, to ``bench status`` and live."""
    short = (text.encode(errors="ignore").decode() for text in HOSTILE if len(text) < 300)
    texts = list(dict.fromkeys(short))
    sign = Sign(
        process=ProcessId(pid=1, created_at=1.0, host="elsewhere"),
        phase="train",
        memory_bytes=1,
        peak_memory_bytes=1,
        updated_at=now(),
    )
    (source,) = RECORDS.glob("dcgan-digits-s0-*")
    n_parts = 8
    for part in range(n_parts):
        folder = tmp_path / str(part)
        folder.mkdir()
        shutil.copy(source / "train.json", folder)
        some = texts[part::n_parts]
        losses = dict.fromkeys(some, 1.0)
        note = sign.model_copy(update={"phase": " ".join(some), "losses": losses})
        (folder / PROGRESS).write_text(to_json(note))
    holder = Holder(process=sign.process, command=" ".join(texts[:1000]), started_at=now())
    (tmp_path / RUNNER).write_text(to_json(holder))
    work = work_in_progress(tmp_path)
    assert sum(len(job.losses) for job in work.jobs) == len(texts)
    file = StringIO()
    Console(file=file, width=WIDE, force_terminal=False).print(rendered(work, WIDE))
    assert not unescaped(re.sub(r"[\u2800-\u28ff]", "", file.getvalue()))
    assert all(file.getvalue().count(text) > 1 for text in PLAIN)
    for is_terminal in (True, False):
        show_on(is_terminal, monkeypatch)
        for options in ((), ("--json",)):
            shown = aigc("bench", "status", "--output-dir", tmp_path, *options)
            assert shown.code == 0, shown.stderr
            assert not unescaped(shown.stdout + shown.stderr)


def names_of_files() -> list[str]:
    """The strings that a file system takes as the name of a folder."""
    names = [text.replace("/", "∕").replace("\0", "") for text in HOSTILE]
    writable = (name for name in names if name.encode(errors="ignore").decode() == name)
    return [name for name in dict.fromkeys(writable) if name and len(name.encode()) <= 200]


def test_names_of_folders_and_files_are_text(
    aigc: Aigc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (source,) = RECORDS.glob("dcgan-digits-s0-*")
    record = (source / "train.json").read_bytes()
    names = names_of_files()
    assert len(names) > 2000
    for name in names:
        folder = tmp_path / "runs" / name
        (folder / "scores").mkdir(parents=True)
        (folder / "train.json").write_bytes(record)
        (folder / "scores" / f"{name[:50]}.json").write_bytes(b"{}")
    place = ("--output-dir", str(tmp_path / "runs"))
    show_on(True, monkeypatch)
    for arguments in (("status",), ("plan", "digits", "dcgan")):
        shown = aigc("bench", *arguments, *place)
        assert not unescaped(shown.stdout + shown.stderr), arguments
    show_on(False, monkeypatch)
    lines = aigc("bench", "status", *place).stdout.splitlines()
    assert len(lines) == len(names) + 1
    assert {line.count("\t") for line in lines} == {lines[0].count("\t")}
    shown = aigc("bench", "status", *place, "--json")
    assert not unescaped(shown.stdout)
    found = {Path(item["directory"]).name for item in json.loads(shown.stdout)["items"]}
    assert found == set(names)


def test_names_of_a_folder_of_images_are_text(
    aigc: Aigc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AIGC_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "\x1b[2J[x]<b>"
    folder.mkdir()
    for grey in range(8):
        Image.new("L", (8, 8), 20 * grey).save(folder / f"good {grey}.png")
    names = {f"{name}.png" for name in names_of_files() if not name.startswith(".")}
    for name in names:
        (folder / name).write_bytes(b"no picture")
    sizes = ("--resolution", "8", "--channels", "1", "--test-share", "0.5", "--skip-bad")
    for more in ((), ("--json",)):
        shown = aigc("bench", "data", "prepare", f"folder:{folder}", *sizes, *more)
        assert shown.code == 0, shown.stderr
        assert not unescaped(shown.stdout + shown.stderr)
    assert {one["file"] for one in json.loads(shown.stdout)["skipped"]} == names


@pytest.mark.parametrize("text", [*PLAIN, "\x1b[2J[/bold]", "[x", "[/]"])
def test_bars_and_lines_of_a_run_hold_text(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    for display in (BarDisplay(text, 1), PlainDisplay(text, 1)):
        with display:
            display.watch(JobStarted(text))
            display.watch(TrainProgress(text, 1, 4, {text: 1.0}, 10.0))
            display.watch(JobEnded(text, "error", text, text))
    assert "\x1b[2J" not in capsys.readouterr().err


@pytest.mark.parametrize("is_terminal", [True, False])
@pytest.mark.parametrize("verb", ["status", "plan"])
@pytest.mark.parametrize("text", [*PLAIN, "\x1b[31mred [/x]", "=cmd()\t@x"])
def test_a_failed_run_is_told_in_its_own_words(
    aigc: Aigc,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    is_terminal: bool,
    verb: str,
    text: str,
) -> None:
    show_on(is_terminal, monkeypatch)
    (source,) = RECORDS.glob("dcgan-digits-s0-*")
    directory = tmp_path / "runs" / source.name
    directory.mkdir(parents=True)
    data = json.loads((source / "train.json").read_text(encoding="utf-8"))
    error = {"phase": "train", "type": "Diverged", "message": text}
    (directory / "train.json").write_text(json.dumps(data | {"status": "error", "error": error}))
    options = ("digits", "dcgan", "--seeds", "0", "--output-dir", str(tmp_path / "runs"))
    shown = aigc("bench", verb, *options)
    assert shown.code == 0, shown.stderr
    assert "failed" in shown.stdout
    assert not unescaped(shown.stdout + shown.stderr)
    if text in PLAIN:  # which a table may break between words
        assert all(word in shown.stdout for word in text.split())
    assert is_terminal == ("state\t" not in shown.stdout)
    shutil.rmtree(directory)
