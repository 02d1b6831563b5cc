"""The command line: exit codes, sentences instead of tracebacks, and what programs may parse."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pytest
import torch
from helpers import (
    CLONE,
    MAIN,
    Aigc,
    Shown,
    environment_of,
    files_below,
    items_of,
    tiny_registry,
    tiny_variant,
)

from bench.cli.verbs import listing
from bench.cli.verbs.options import parse_duration, parse_seeds, parse_size, slots_on
from catalog.errors import ExitCode, UsageError

Replace = tuple[str, str]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    variants = [tiny_variant("one"), tiny_variant("two", "bench.models.gan:GAN", ema_decay=0.9)]
    return tiny_registry(tmp_path / "tiny.yaml", variants)


def broken(file: Path, *replacements: Replace) -> Path:
    """The registry with some text replaced, each where it first stands."""
    text = file.read_text(encoding="utf-8")
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new, 1)
    file.write_text(text, encoding="utf-8")
    return file


def line_of(file: Path, text: str) -> int:
    """Number of the first line with some text in it."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


# ---- exit codes -----------------------------------------------------------------------------


def test_exit_codes_are_the_documented_ones(aigc: Aigc) -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "JOB_FAILED": 1,
        "USAGE": 2,
        "INVALID_INPUT": 3,
        "MISSING_PREREQUISITE": 4,
        "GATE_FAILED": 5,
        "INTERRUPTED": 130,
    }
    helped = aigc("--help")
    assert helped.code == 0
    for code in ExitCode:
        assert re.search(rf"\b{code.value} [a-z]", helped.stdout), code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "tinny"], "no suite is called 'tinny' (did you mean: tiny?)"),
        (["plan", "tiny", "onne"], "no variant is called 'onne' (did you mean: one?)"),
        (["status", "tinny"], "no suite is called 'tinny' (did you mean: tiny?)"),
        (["show", "twoo"], "no variant is called 'twoo' (did you mean: two?)"),
        (["run", "tinny", "-n"], "no suite is called 'tinny' (did you mean: tiny?)"),
        (["plan", "tiny", "--seeds", "0-"], "'0-' is not a list of seeds"),
        (["plan", "tiny", "--seeds", "1,1"], "'1,1' names no seeds, or one of them twice"),
        (["run", "tiny", "--timeout", "soon"], "'soon' is not a duration"),
        (["run", "tiny", "--timeout", "5d"], "'5d' is not a duration"),
    ],
)
def test_a_wrong_word_is_a_usage_error_with_a_way_out(
    aigc: Aigc, tiny: Path, arguments: list[str], message: str
) -> None:
    shown = aigc("bench", *arguments, "--registry", tiny)
    assert shown.code == 2
    assert shown.stdout == ""
    assert shown.stderr.splitlines()[0] == f"error: {message}"
    assert len(shown.stderr.splitlines()) <= 3
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["bench", "lisst"],
        ["bench", "list", "--colour"],
        ["bench", "list", "--kind", "animals"],
        ["bench", "plan"],
        ["bench", "plan", "tiny", "--steps", "0"],
        ["bench", "plan", "tiny", "--limit", "1"],
        ["bench", "run", "tiny", "--jobs", "0"],
        ["bench", "sample", "run", "--n", "0"],
    ],
)
def test_what_the_parser_refuses_is_a_usage_error(aigc: Aigc, arguments: list[str]) -> None:
    shown = aigc(*arguments)
    assert shown.code == 2
    assert shown.stdout == ""
    assert re.match(r"Usage: (\S.*)?aigc bench ", shown.stderr)
    assert "Traceback" not in shown.stderr


def test_a_device_that_is_not_there(
    aigc: Aigc, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    shown = aigc("bench", "run", "tiny", "--device", "cuda", "--registry", tiny)
    assert shown.code == 4
    assert shown.stderr.splitlines() == ["error: there is no device cuda", "  do:    found 0"]
    assert not Path("runs").exists()


def test_replaying_needs_a_gpu(aigc: Aigc, tiny: Path) -> None:
    shown = aigc("bench", "run", "tiny", "--tuned", "--device", "cpu", "--registry", tiny)
    assert shown.code == 2
    assert shown.stderr.startswith("error: --tuned needs a CUDA device, not cpu")
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("device", "free", "cores", "jobs", "expected"),
    [
        ("cpu", 0.0, 6, None, 6),
        ("cpu", 0.0, None, None, 1),
        ("cpu", 0.0, 6, 9, 9),
        ("cuda:1", 80e9, 16, None, 4),
        ("cuda:1", 80e9, 2, None, 2),
        ("cuda:1", 23.9e9, 16, None, 2),
        ("cuda:1", 1e9, 16, None, 1),
        ("cuda:1", 1e9, 16, 5, 5),
    ],
)
def test_jobs_at_once(
    device: str,
    free: float,
    cores: int | None,
    jobs: int | None,
    expected: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda of: asked.append(of) or (free, 80e9))
    assert slots_on(torch.device(device), jobs) == expected
    assert all(of == torch.device(device) for of in asked)


def test_precision_is_one_of_two(aigc: Aigc, tiny: Path) -> None:
    refused = aigc("bench", "plan", "tiny", "--precision", "fp16", "--registry", tiny)
    assert refused.code == 2
    assert "fp16" in refused.stderr
    (usual, *_), (coarse, *_) = (
        items_of(aigc("bench", "plan", "tiny", *more, "--registry", tiny, "--json").stdout)
        for more in ((), ("--precision", "bf16"))
    )
    assert usual["directory"] != coarse["directory"]
    assert (usual["variant"], usual["steps"]) == (coarse["variant"], coarse["steps"])


def test_a_device_that_does_not_exist(aigc: Aigc, tiny: Path) -> None:
    shown = aigc("bench", "run", "tiny", "--device", "cuda:x", "--registry", tiny)
    assert shown.code == 2
    assert "'cuda:x' is not a device" in shown.stderr


def test_a_missing_registry_is_named(aigc: Aigc) -> None:
    shown = aigc("bench", "list", "--registry", "nowhere.yaml")
    assert shown.code in {3, 4}
    assert "nowhere.yaml" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_every_problem_of_a_registry_is_shown_with_its_line(aigc: Aigc, tiny: Path) -> None:
    broken(tiny, ("steps: 20", "steps: -20"), ("n_fake: 60", "n_fake: sixty"))
    shown = aigc("bench", "list", "--registry", "tiny.yaml")
    assert shown.code == 3
    assert shown.stdout == ""
    *problems, last = shown.stderr.splitlines()
    assert last == "error: tiny.yaml has 2 problems"
    places = [line_of(tiny, text) for text in ("n_fake: sixty", "steps: -20")]
    assert [problem.split(": ")[0] for problem in problems] == [
        f"tiny.yaml:{place}" for place in places
    ]
    assert "protocols.0.n_fake" in problems[0]
    assert "suites.0.steps" in problems[1]


def test_a_broken_record_is_invalid_input(aigc: Aigc, tiny: Path) -> None:
    (plan,) = items_of(aigc("bench", "plan", "tiny", "one", "--json", "--registry", tiny).stdout)
    folder = Path(plan["directory"])
    folder.mkdir(parents=True)
    (folder / "train.json").write_text('{"schema_version": 2}')
    shown = aigc("bench", "status", "tiny", "--registry", tiny)
    assert shown.code == 3
    assert shown.stderr.splitlines()[0] == "error: a record file is broken"
    assert f"{folder}/train.json: schema_version" in shown.stderr


def test_validate_accepts_the_registry_of_the_project(aigc: Aigc) -> None:
    shown = aigc("bench", "validate")
    assert (shown.code, shown.stderr) == (0, "")
    assert re.fullmatch(r"\d+ recipes fit their algorithms\n", shown.stdout)


@pytest.mark.parametrize("as_json", [False, True])
def test_validate_finds_broken_recipes_and_suggests_the_key(
    aigc: Aigc, tiny: Path, as_json: bool
) -> None:
    broken(tiny, ("latent_dim: 4", "latent_dmi: 4"), ("ema_decay: 0.9", "ema_decay: 9.0"))
    shown = aigc("bench", "validate", "--registry", "tiny.yaml", *(["--json"] if as_json else []))
    assert shown.code == 3
    problems = items_of(shown.stdout) if as_json else shown.stderr.splitlines()[:-1]
    assert len(problems) == 2
    assert problems[0].startswith("tiny.yaml: variant 'one' has a broken recipe: latent_dmi: ")
    assert "(did you mean: latent_dim?)" in problems[0]
    assert "variant 'two' has a broken recipe: ema_decay: " in problems[1]
    assert shown.stderr.splitlines()[-1].startswith("error: tiny.yaml has ")


# ---- a run, from command to exit code ----


@pytest.mark.slow
def test_a_failed_job_makes_exit_code_1_until_it_is_gone(aigc: Aigc, tmp_path: Path) -> None:
    wild = tiny_variant("wild", optimizer={"lr": 1.0e6}, likelihood="unit-gaussian")
    file = tiny_registry(tmp_path / "wild.yaml", [wild, tiny_variant("calm")])
    command = ["bench", "run", "tiny", "--jobs", "1", "--device", "cpu", "--registry", file]

    first = aigc(*command)
    assert first.code == 1
    (calm_run,) = Path("runs").glob("calm-*")
    assert first.stdout == f"{calm_run}\n"  # of the failed one there is no result
    *lines, what, where, hint = first.stderr.splitlines()
    assert what.startswith("error: 1 job has no result: wild s0: Diverged: ")
    assert where == "  where: runs"
    assert "--retry-failed" in hint
    assert any("calm s0: success: suspected mode-collapse" in line for line in lines)
    assert "Traceback" not in first.stderr

    again = aigc(*command, "--json")
    assert again.code == 1
    plan, done = (json.loads(line) for line in again.stdout.splitlines())
    states = {"wild s0": "failed", "calm s0": "done"}
    assert {job["job"]: job["state"] for job in plan["jobs"]} == states
    assert (done["event"], done["exit_code"]) == ("done", 1)
    assert again.stderr.startswith("error: 1 job has no result: wild s0: train: ")

    retried = aigc(*command, "--retry-failed")
    assert retried.code == 1
    lines = retried.stderr.splitlines()
    assert lines[0].endswith("tiny: 1 jobs to run")
    assert lines[1].endswith("wild s0: started")
    assert re.search(r"wild s0: error: Diverged: .* \(1/1\)$", lines[-5])
    assert "wild s0: do: lower the learning rate" in lines[-4]

    calm = aigc("bench", "run", "tiny", "calm", "--device", "cpu", "--registry", file)
    assert (calm.code, calm.stdout) == (0, first.stdout)
    assert calm.stderr.splitlines()[0].endswith("tiny: 0 jobs to run")
    assert not [line for line in calm.stderr.splitlines() if "started" in line]


def test_a_job_that_takes_too_long_makes_exit_code_1(aigc: Aigc, tiny: Path) -> None:
    shown = aigc(
        "bench", "run", "tiny", "one", "--timeout", "0.01s", "--jobs", "1", "--device", "cpu",
        "--registry", tiny,
    )  # fmt: skip
    assert shown.code == 1
    assert "one s0: Timeout: took longer than" in shown.stderr
    assert "Traceback" not in shown.stderr


# ---- bugs, interruptions, readers that leave ------------------------------------------------


def fail_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(rows: object) -> None:
        raise error

    monkeypatch.setattr(listing, "print_rows", fail)


def test_a_bug_is_one_sentence_without_debug_and_a_traceback_with_it(
    aigc: Aigc, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, ZeroDivisionError("a bug"))
    quiet = aigc("bench", "list", "--registry", tiny)
    assert quiet.code == 1
    first, second = quiet.stderr.splitlines()
    assert first == "error: ZeroDivisionError: a bug"
    assert "this is a bug" in second
    loud = aigc("--debug", "bench", "list", "--registry", tiny)
    assert loud.code == 1
    assert loud.stderr.startswith("Traceback (most recent call last)")
    assert loud.stderr.endswith(quiet.stderr)


def test_debug_shows_the_traceback_of_an_expected_error(aigc: Aigc, tiny: Path) -> None:
    quiet = aigc("bench", "show", "nothing", "--registry", tiny)
    loud = aigc("--debug", "bench", "show", "nothing", "--registry", tiny)
    assert quiet.code == loud.code == 2
    assert "Traceback" not in quiet.stderr
    assert "Traceback (most recent call last)" in loud.stderr
    assert loud.stderr.endswith(quiet.stderr)


def test_an_interruption_has_its_exit_code(
    aigc: Aigc, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(monkeypatch, KeyboardInterrupt())
    shown = aigc("bench", "list", "--registry", tiny)
    assert shown.code == 130
    assert "the same command goes on from here" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_a_reader_that_has_left_is_not_an_error(tiny: Path, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", MAIN, "bench", "list", "--registry", str(tiny)],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
        env=environment_of(),
        text=True,
        timeout=120,
        check=False,
    )
    os.close(writer)
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr.lower()
    assert done.returncode == 0


# ---- output ---------------------------------------------------------------------------------


def test_version(aigc: Aigc) -> None:
    assert aigc("--version") == Shown(0, f"aigc {version('aigc-bench')}\n", "")


@pytest.mark.parametrize("command", [[], ["bench"], ["report"], ["catalog"]])
def test_no_arguments_show_the_help(aigc: Aigc, command: list[str]) -> None:
    shown = aigc(*command)
    assert re.search(r"Usage: (\S.*)?aigc ", shown.stdout + shown.stderr)
    assert "Traceback" not in shown.stderr


@pytest.mark.parametrize("kind", get_args(listing.ListedSection))
def test_lists_are_lines_with_tabs_in_a_pipe_and_complete_as_json(
    aigc: Aigc, tiny: Path, kind: listing.ListedSection
) -> None:
    file = CLONE / "registry.yaml" if kind == "claims" else tiny
    lines = aigc("bench", "list", "--kind", kind, "--registry", file)
    assert (lines.code, lines.stderr) == (0, "")
    head, *rows = [line.split("\t") for line in lines.stdout.splitlines()]
    assert head[0] == "id"
    assert {len(row) for row in rows} == {len(head)}
    entries = items_of(aigc("bench", "list", "--kind", kind, "--json", "--registry", file).stdout)
    assert [entry["id"] for entry in entries] == [row[0] for row in rows]
    assert rows


def test_show_has_every_setting_of_a_variant(aigc: Aigc, tiny: Path) -> None:
    text = aigc("bench", "show", "two", "--registry", tiny)
    facts = dict(line.split(maxsplit=1) for line in text.stdout.splitlines())
    assert facts["settings.ema_decay"] == "0.9"
    assert facts["suites"] == "tiny"
    (shown,) = items_of(aigc("bench", "show", "two", "--json", "--registry", tiny).stdout)
    assert shown["settings"]["ema_decay"] == 0.9
    (suite,) = items_of(aigc("bench", "show", "tiny", "--json", "--registry", tiny).stdout)
    assert suite["variants"] == ["one", "two"]


def test_plan_and_dry_run_say_the_same_and_start_nothing(aigc: Aigc, tiny: Path) -> None:
    before = files_below(Path.cwd())
    arguments = ["tiny", "--seeds", "0-1", "--registry", tiny]
    text = aigc("bench", "plan", *arguments)
    assert text.code == 0
    head, *rows = [line.split("\t") for line in text.stdout.splitlines()]
    assert head == ["variant", "seed", "steps", "state", "why", "size", "directory"]
    assert [row[:4] for row in rows] == [
        [name, seed, "20", "new"] for name in ("one", "two") for seed in ("0", "1")
    ]
    totals, disk, last = text.stderr.splitlines()
    assert totals.startswith("tiny: 4 jobs: 4 new, 1 calibration rows to score · protocol ")
    assert re.fullmatch(r"disk: 0 B of these jobs; .* free; no finished run says .*", disk)
    assert last == "nothing was started"
    assert aigc("bench", "run", "-n", *arguments) == text
    as_json = aigc("bench", "plan", *arguments, "--json")
    assert as_json.stderr == ""
    items = items_of(as_json.stdout)
    assert {item.pop("n_bytes") for item in items} == {0}
    assert [list(item.values()) for item in items] == [row[:5] + row[6:] for row in rows]
    assert files_below(Path.cwd()) == before


def test_status_of_nothing(aigc: Aigc, tiny: Path) -> None:
    shown = aigc("bench", "status", "tiny", "--registry", tiny)
    assert shown.code == 0
    assert shown.stderr.splitlines()[-1] == "no command is at work"
    states = items_of(aigc("bench", "status", "tiny", "--json", "--registry", tiny).stdout)
    assert [(item["variant"], item["state"]) for item in states] == [("one", "new"), ("two", "new")]
    assert not Path("runs").exists()


def test_the_environment_names_registry_and_output_dir(
    aigc: Aigc, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_REGISTRY", str(tiny))
    monkeypatch.setenv("AIGC_OUTPUT_DIR", "elsewhere")
    items = items_of(aigc("bench", "plan", "tiny", "--json").stdout)
    assert [Path(item["directory"]).parent for item in items] == [Path("elsewhere")] * 2
    other = items_of(aigc("bench", "plan", "tiny", "--json", "-o", "here").stdout)
    assert [Path(item["directory"]).parent for item in other] == [Path("here")] * 2


def test_doctor_says_where_things_are(aigc: Aigc, tiny: Path) -> None:
    facts: dict[str, Any] = {
        item["name"]: item["value"]
        for item in items_of(aigc("doctor", "--json", "--registry", tiny).stdout)
    }
    assert facts["registry"] == str(tiny)
    assert torch.__version__.startswith(facts["torch"])
    assert facts["weights of digits-cnn"].endswith("digits-cnn.safetensors (found)")
    assert json.dumps(facts)


# ---- words that options take ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "seeds"),
    [
        ("0", (0,)),
        ("0-4", (0, 1, 2, 3, 4)),
        ("0,2", (0, 2)),
        ("0,2,5-7", (0, 2, 5, 6, 7)),
        ("3-3", (3,)),
        (" 1 , 2 ", (1, 2)),
        ("7,1", (7, 1)),
    ],
)
def test_seeds(text: str, seeds: tuple[int, ...]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", ",", "4-2", "a", "-1", "0-", "0;1", "1.5", "0,0", "0-2,1"])
def test_what_is_not_a_list_of_seeds(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_seeds(text)
    assert refused.value.hint is not None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90.0),
        ("90s", 90.0),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("1.5m", 90.0),
        (" 5s ", 5.0),
        ("0", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "-5", "5d", "s", "1h30m", "1e3", "inf", "nan"])
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_duration(text)
    assert refused.value.hint is not None


@pytest.mark.parametrize(
    ("text", "n_bytes"), [("800MB", 800_000_000), ("4GB", 4_000_000_000), ("1.5 g", 1_500_000_000)]
)
def test_sizes(text: str, n_bytes: int) -> None:
    assert parse_size(text) == n_bytes


@pytest.mark.parametrize("text", ["", "0MB", "-1GB", "4", "4TB", "GB", "1e3MB"])
def test_what_is_not_a_size(text: str) -> None:
    with pytest.raises(UsageError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize("command", [["bench", "plan", "tiny"], ["bench", "status", "tiny"]])
def test_a_file_that_the_system_refuses_is_no_bug(
    aigc: Aigc, tiny: Path, command: list[str]
) -> None:
    shown = aigc(*command, "--registry", tiny, "-o", "x" * 5000)
    assert shown.code == 4
    first, where, hint = shown.stderr.splitlines()
    assert hint.startswith("  do:    ")
    assert first.startswith("error: the system refuses a file: ")
    assert where.startswith("  where: xxx")


@pytest.mark.parametrize("seeds", ["0-99999999999", "4294967296", "0-1000", "9" * 5000])
def test_seeds_beyond_reason_are_a_usage_error(aigc: Aigc, tiny: Path, seeds: str) -> None:
    shown = aigc("bench", "plan", "tiny", "--registry", tiny, "--seeds", seeds)
    assert shown.code == 2
    assert shown.stderr.startswith(f"error: '{seeds[:10]}")


def test_a_loader_that_does_not_exist_is_named(aigc: Aigc, tiny: Path) -> None:
    broken(tiny, ("loader: digits", "loader: base"))
    shown = aigc("bench", "validate", "--registry", tiny)
    assert shown.code == 3
    assert "data set 'digits': the program has no loader 'base'" in shown.stderr


def test_a_message_is_one_line_whatever_it_quotes(aigc: Aigc, tiny: Path) -> None:
    shown = aigc("bench", "plan", "tiny", "a\nb\x1b[31m\u202e", "--registry", tiny)
    assert shown.code == 2
    assert "no variant is called 'a\\nb\\x1b[31m\\u202e'" in shown.stderr.splitlines()[0]


def test_a_loader_that_does_not_exist_starts_no_job(aigc: Aigc, tiny: Path) -> None:
    broken(tiny, ("loader: digits", "loader: base"))
    shown = aigc("bench", "run", "tiny", "--registry", tiny)
    assert shown.code == 3
    assert "error: data set 'digits': the program has no loader 'base'" in shown.stderr
    assert not list(tiny.parent.glob("runs/*/train.json"))
