"""A runs directory that a stranger packed: no file of it hangs, fills or leads a command astray."""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from fuzzing import Shown, aigc, require_manners

from catalog.errors import InvalidInput
from catalog.files import regular_bytes, unlinked_bytes

PATIENCE_S = 30
ROOM = 2**32
"""Bytes of addresses: libraries that are loaded reserve much more than they use."""
STATUS = ("bench", "status", "tiny")
LIVE = ("report", "live")
REPORT = ("report", "leaderboard", "tiny", "--runs", "runs", "-o", "reports", "--replace")
SECRET = b"what only the reader of the report may read"
HUGE = 1.7e308


@pytest.fixture(autouse=True)
def _bounds() -> Iterator[None]:
    """A command that waits for ever, or takes all memory, fails its test and no other."""

    def give_up(*_: Any) -> NoReturn:
        raise AssertionError("no answer")

    usual = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE_S, 1)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, usual)


def read(command: tuple[str, ...], folder: Path) -> Shown:
    where = () if command == LIVE else ("--registry", "registry.yaml")
    shown = aigc(*command, *where)
    require_manners(shown, folder / "reports")
    return shown


def the_run(runs: Path) -> Path:
    (found,) = runs.glob("vae-digits-s0-*")
    return found


def pipe(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def link(file: Path, to: Path) -> None:
    file.unlink(missing_ok=True)
    file.symlink_to(to)


def png(width: int, height: int) -> bytes:
    """A well-formed grey picture of zeros, of which only the first rows are there."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(1_000_000))
    return b"".join(
        (b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    )


@pytest.mark.parametrize("command", [STATUS, LIVE, REPORT], ids=lambda words: words[1])
@pytest.mark.parametrize("kind", ["pipe", "endless", "outside"])
def test_notes_that_are_no_files(runs: Path, kind: str, command: tuple[str, ...]) -> None:
    """A note that cannot be read is none; nobody waits for it."""
    (runs.parent / "outside").write_bytes(SECRET)
    for file in (
        runs / ".runner.json",
        the_run(runs) / "progress.json",
        the_run(runs) / "live.csv",
        runs / "calibration" / "progress.json",
    ):
        if kind == "pipe":
            pipe(file)
        else:
            link(file, Path("/dev/zero") if kind == "endless" else runs.parent / "outside")
    shown = read(command, runs.parent)
    assert shown.code == 0, shown
    assert SECRET.decode() not in shown.stdout + shown.stderr


@pytest.mark.parametrize("name", ["grid-x.png", "curve.csv", "scores/0123456789abcdef.json"])
@pytest.mark.parametrize("kind", ["pipe", "endless", "outside"])
def test_nothing_that_is_no_file_of_the_run_is_copied(runs: Path, kind: str, name: str) -> None:
    (runs.parent / "outside").write_bytes(SECRET)
    file = the_run(runs) / name
    if kind == "pipe":
        pipe(file)
    else:
        link(file, Path("/dev/zero") if kind == "endless" else runs.parent / "outside")
    shown = read(REPORT, runs.parent)
    assert shown.code == (0 if file.suffix == ".png" else 3)
    assert file.name in shown.stderr
    copied = (runs.parent / "reports").rglob("*")
    assert not [one for one in copied if one.is_file() and SECRET in one.read_bytes()]
    for command in (STATUS, LIVE):
        assert read(command, runs.parent).code in (0, 3)


@pytest.mark.parametrize("folder", ["scores", "calibration"])
def test_a_folder_of_records_is_no_link(runs: Path, folder: str) -> None:
    place = runs / folder if folder == "calibration" else the_run(runs) / folder
    elsewhere = runs.parent / "elsewhere"
    place.rename(elsewhere)
    place.symlink_to(elsewhere)
    shown = read(REPORT, runs.parent)
    assert shown.code == 3
    assert "is a link" in shown.stderr


@pytest.mark.parametrize("name", ["checkpoint.pt", "checkpoint-previous.pt"])
@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_a_checkpoint_that_is_no_file(runs: Path, kind: str, name: str) -> None:
    run = the_run(runs)
    record = json.loads((run / "train.json").read_bytes()) | {"status": "cancelled"}
    (run / "train.json").write_text(json.dumps(record | {"artifacts": []}))
    (run / "weights.safetensors").unlink()
    if kind == "pipe":
        pipe(run / name)
    else:
        link(run / name, Path("/dev/zero"))
    for command in (STATUS, LIVE):
        assert read(command, runs.parent).code in (0, 3)
    shown = read(("bench", "plan", "tiny"), runs.parent)
    assert "the checkpoint is no file of its own" in shown.stdout + shown.stderr


@pytest.mark.parametrize("kind", ["bomb", "other file", "empty"])
def test_a_grid_that_is_no_grid_is_not_decoded(runs: Path, kind: str) -> None:
    content = {"bomb": png(30_000, 30_000), "other file": SECRET, "empty": b""}[kind]
    for grid in (*runs.glob("*/grid-*.png"), *runs.glob("calibration/*.png")):
        grid.write_bytes(content)
    shown = read(REPORT, runs.parent)
    assert shown.code == 0
    assert ("30,000 x 30,000 pixels" if kind == "bomb" else "no PNG file") in shown.stderr
    assert not list((runs.parent / "reports").rglob("grid-*.png"))


@pytest.mark.parametrize(
    ("pattern", "change"),
    [
        ("vae-*/train.json", {"created_at": "0001-01-01T00:00:00+14:00"}),
        ("vae-*/train.json", {"cost.images_per_s": HUGE}),
        ("vae-*/train.json", {"parameters.total": -1}),
        ("vae-*/scores/*.json", {"metrics.fid.value": HUGE}),
        ("vae-*/scores/*.json", {"metrics.recall.value": 7.5}),
        ("vae-*/scores/*.json", {"metrics.copy_rate.value": 7.5}),
        ("vae-*/scores/*.json", {"metrics.fid.n_fake": -3}),
        ("vae-*/scores/*.json", {"created_at": "9999-12-31T23:59:59-12:00"}),
        ("calibration/*.json", {"metrics.fid.value": HUGE}),
    ],
)
def test_forged_numbers_are_refused_by_file_and_field(
    runs: Path, pattern: str, change: dict[str, Any]
) -> None:
    file = min(runs.glob(pattern))
    data = json.loads(file.read_bytes())
    ((path, value),) = change.items()
    *parents, last = path.split(".")
    place = data
    for key in parents:
        named = (one for one in place if one["name"] == key) if isinstance(place, list) else None
        place = place[key] if named is None else next(named)
    place[last] = value
    if last == "value":
        place["missing_reason"] = None
    file.write_text(json.dumps(data))
    shown = read(REPORT, runs.parent)
    assert shown.code == 3
    assert file.name in shown.stderr
    assert path.split(".")[-2 if last == "value" else -1] in shown.stderr


def test_a_file_that_a_user_names_may_be_a_link_and_one_that_is_found_may_not(
    tmp_path: Path,
) -> None:
    file, other = tmp_path / "file", tmp_path / "link"
    file.write_bytes(b"12345")
    other.symlink_to(file)
    assert regular_bytes(other, 5) == regular_bytes(file, 5) == unlinked_bytes(file, 5) == b"12345"
    with pytest.raises(InvalidInput, match="is a link"):
        unlinked_bytes(other, 5)
    for read_it in (regular_bytes, unlinked_bytes):
        with pytest.raises(InvalidInput, match="larger than 4 bytes"):
            read_it(file, 4)
        with pytest.raises(InvalidInput, match="not a regular file"):
            read_it(tmp_path, 5)
        with pytest.raises(InvalidInput, match="not a regular file"):
            read_it(Path("/dev/zero"), 5)
    pipe(other)
    with pytest.raises(InvalidInput, match="not a regular file"):
        unlinked_bytes(other, 5)


@pytest.mark.parametrize(
    "text",
    [
        "step,loss\n-5,1\n",
        f"step,loss\n1,1\n{10**400},2\n",
        "step,loss\n1,nan\n2,inf\n3,-inf\n4,1e999\n",
        "step,loss\n1,1.7e308\n2,-1.7e308\n3,1.7e308\n",
    ],
)
def test_curves_of_any_numbers_are_looked_at(runs: Path, text: str) -> None:
    run = the_run(runs)
    (run / "curve.csv").unlink()
    (run / "live.csv").write_text(text)
    for command in (STATUS, LIVE):
        assert read(command, runs.parent).code == 0
    (run / "live.csv").rename(run / "curve.csv")
    assert read(REPORT, runs.parent).code in (0, 3)
    assert read(LIVE, runs.parent).code == 0
