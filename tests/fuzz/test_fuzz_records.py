"""Five hundred damaged records: what is no longer a record is refused by everything that reads it.

Whether a damaged record still is one is decided by Python's JSON reader, which is told to be strict
here, and by pydantic.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fuzzing import Shown, aigc, at, damaged_bytes, fuzz, require_manners, structural
from hypothesis import given
from hypothesis import strategies as st

from bench.identity.digest import sha256_of_data
from bench.records.record import ScoreRecord, TrainRecord
from bench.score import image_source as images

TOKENS = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e400",
    b"-1e400",
    b"9" * 400,
    b"9" * 5000,
    b"[" * 300,
    b"[" * 100_000,
    b'{"a":' * 300,
    b'"schema_version": 2,',
    b'"schema_version": 1,',
    b'"status": "success",',
    b'"seed": 0,',
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\\ud800",
    b"\\u0000",
    b"null",
    b"true",
    b",",
    b'"',
    b"}",
    b"../",
    b"/*",
)
READERS = (
    ("bench", "plan", "tiny"),
    ("bench", "status", "tiny"),
    ("report", "leaderboard", "tiny", "--runs", "runs", "-o", "reports", "--replace"),
)
Model = type[TrainRecord] | type[ScoreRecord]


def is_record(content: bytes, model: Model) -> bool:
    """Whether strict readers find a record in the text."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a key is given twice")
        return dict(pairs)

    try:
        json.loads(content.decode(), object_pairs_hook=unique, parse_constant=float.fromhex)
        record = model.model_validate_json(content)
    except (ValueError, RecursionError, OverflowError):
        return False
    return record.schema_version == 1


def the_run(runs: Path, variant: str) -> Path:
    (found,) = runs.glob(f"{variant}-digits-s0-*")
    return found


def read(command: tuple[str, ...], folder: Path) -> Shown:
    shown = aigc(*command, "--registry", "registry.yaml")
    require_manners(shown, folder / "reports")
    return shown


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "N_FROM_RUN", 20)


def reader_of(run: Path) -> st.SearchStrategy[tuple[str, ...]]:
    fake = ("bench", "score", "--fake", str(run), "--extractor", "digits-cnn", "--metrics", "is")
    return st.sampled_from([*READERS, READERS[-1], fake])


def fuzz_record(
    n: int, file: Path, run: Path, model: Model, damage: Callable[[bytes], st.SearchStrategy[bytes]]
) -> None:
    """Damage one file ``n`` times, and compare what is said with what strict readers say."""
    original = file.read_bytes()

    @fuzz(n)
    @given(content=damage(original), command=reader_of(run))
    def run_examples(content: bytes, command: tuple[str, ...]) -> None:
        file.write_bytes(content)
        shown = read(command, run.parents[1])
        if shown.code == 0 and (model is TrainRecord or command[1] != "score"):
            assert is_record(content, model), (shown, content)
        if not is_record(content, model) and (model is TrainRecord or command[0] == "report"):
            assert shown.code == 3, (shown, content)
            assert file.name in shown.stderr, shown

    run_examples()


def structurally(original: bytes) -> st.SearchStrategy[bytes]:
    return structural(json.loads(original)).map(lambda change: json.dumps(change[2]).encode())


def bytewise(original: bytes) -> st.SearchStrategy[bytes]:
    return damaged_bytes(original, TOKENS)


def test_the_undamaged_records_are_read(runs: Path) -> None:
    for name, model in (("vae", TrainRecord), ("gan", TrainRecord)):
        assert is_record((the_run(runs, name) / "train.json").read_bytes(), model)
    for command in READERS:
        assert read(command, runs.parent).code == 0, command


@pytest.mark.parametrize("variant", ["vae", "gan"])
@pytest.mark.parametrize("damage", [structurally, bytewise])
def test_damaged_train_records(
    runs: Path, variant: str, damage: Callable[[bytes], st.SearchStrategy[bytes]]
) -> None:
    run = the_run(runs, variant)
    fuzz_record(75, run / "train.json", run, TrainRecord, damage)


@pytest.mark.parametrize("damage", [structurally, bytewise])
def test_damaged_score_records(
    runs: Path, damage: Callable[[bytes], st.SearchStrategy[bytes]]
) -> None:
    run = the_run(runs, "vae")
    fuzz_record(75, min(run.glob("scores/*.json")), run, ScoreRecord, damage)


@pytest.mark.parametrize("damage", [structurally, bytewise])
def test_damaged_calibration_records(
    runs: Path, damage: Callable[[bytes], st.SearchStrategy[bytes]]
) -> None:
    file = next((runs / "calibration").glob("*.json"))
    original = file.read_bytes()

    @fuzz(25)
    @given(content=damage(original))
    def run_examples(content: bytes) -> None:
        file.write_bytes(content)
        shown = read(READERS[-1], runs.parent)
        assert (shown.code == 0) <= is_record(content, ScoreRecord), (shown, content)
        assert (shown.code == 3) or is_record(content, ScoreRecord), (shown, content)

    run_examples()


def forged_train(original: bytes, spec: Any) -> bytes:
    """A train record of another spec whose hash is right, as only its author could make it."""
    rest = {key: value for key, value in spec.items() if key != "variant"}
    return json.dumps(
        {**json.loads(original), "spec": spec, "train_hash": sha256_of_data(rest)}
    ).encode()


@pytest.mark.parametrize("variant", ["vae", "gan"])
def test_forged_train_records(runs: Path, variant: str) -> None:
    """What a hash cannot catch: the spec of a stranger, who may ask for anything."""
    run = the_run(runs, variant)
    file = run / "train.json"
    original = file.read_bytes()
    sample = ("bench", "sample", str(run), "--n", "4", "--out", "drawn.npy")

    @fuzz(100)
    @given(
        change=structural(json.loads(original)["spec"]),
        command=st.one_of(reader_of(run), st.just(sample)),
    )
    def run_examples(change: tuple[str, Any, Any], command: tuple[str, ...]) -> None:
        try:
            content = forged_train(original, change[2])
        except (ValueError, AttributeError):  # no JSON, or no spec
            return
        file.write_bytes(content)
        arguments = command if command == sample else (*command, "--registry", "registry.yaml")
        require_manners(
            aigc(*arguments), runs.parent / "reports", Path("drawn.npy").absolute().parent
        )

    run_examples()


def test_forged_score_records(runs: Path) -> None:
    run = the_run(runs, "vae")
    file = min(run.glob("scores/*.json"))
    original = json.loads(file.read_bytes())

    @fuzz(100)
    @given(change=structural(original["protocol"]), command=st.sampled_from(READERS))
    def run_examples(change: tuple[str, Any, Any], command: tuple[str, ...]) -> None:
        protocol = change[2]
        try:
            key = sha256_of_data(protocol)[:16]
            file.write_text(json.dumps({**original, "protocol": protocol, "protocol_key": key}))
        except ValueError:
            return
        read(command, runs.parent)

    run_examples()


PLACES = ["../../outside", "/outside", "..", ".", "", "a/b", "a\\b", "a\0b", ".hidden", "x" * 300]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("train.json", ("run_id",)),
        ("train.json", ("spec", "variant")),
        ("train.json", ("spec", "dataset", "id")),
        ("train.json", ("artifacts", 0, "path")),
        ("scores/*.json", ("subject", "run_id")),
        ("scores/*.json", ("subject", "sampler")),
        ("scores/*.json", ("score_hash",)),
    ],
)
def test_no_name_leads_out_of_the_report(
    runs: Path, file: str, path: tuple[str | int, ...], place: str
) -> None:
    """Reports copy records to folders that are named in the records."""
    target = min(the_run(runs, "vae").glob(file))
    data = json.loads(target.read_bytes())
    at(data, path[:-1])[path[-1]] = place
    target.write_text(json.dumps(data))
    shown = read(READERS[-1], runs.parent)
    if not (path[0] == "artifacts" and place in ("a/b", ".hidden", "x" * 300)):
        assert shown.code == 3
        assert target.name in shown.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b'{"a": NaN}', "NaN is not a finite number"),
        (b'{"a": -Infinity}', "-Infinity is not a finite number"),
        (b'{"a": 1e400}', "1e400 is not a finite number"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "out of range"),
        (b'{"a": 9223372036854775808}', "out of range"),
        (b'{"a": 1, "a": 1}', "a: the key is given twice"),
        (b'{"schema_version": 2}', "this release reads version 1 of the schema, not 2"),
        (b'{"schema_version": "one"}', "this release reads version 1 of the schema, not one"),
        (b'{"a\\nb": 1, "a\\nb": 1}', "a\\nb: the key is given twice"),
        (b" " * 20_000_000, "larger than"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_extreme_records(runs: Path, content: bytes, said: str) -> None:
    file = the_run(runs, "vae") / "train.json"
    file.write_bytes(content)
    for command in READERS:
        shown = read(command, runs.parent)
        assert shown.code == 3
        assert said in shown.stderr
        assert len(shown.stderr.splitlines()) <= 3


@pytest.mark.parametrize("kind", ["folder", "unreadable", "pipe"])
def test_a_record_that_is_no_file(runs: Path, kind: str) -> None:
    file = the_run(runs, "vae") / "train.json"
    file.unlink()
    if kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        file.write_text("{}")
        file.chmod(0)
        if os.access(file, os.R_OK):
            pytest.skip("the superuser reads everything")
    for command in READERS:
        shown = read(command, runs.parent)
        assert shown.code == 3
        assert "train.json" in shown.stderr
