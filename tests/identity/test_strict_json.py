"""Records: what is refused beyond what pydantic refuses, and in which words."""

from __future__ import annotations

import json

import pytest
from helpers import frozen

from bench.identity.strict_json import LARGEST_INTEGER, BrokenJson
from bench.records.record import parse_train_record

TEXT = json.dumps(frozen("train-v1.json"))


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ('"schema_version": 1', '"schema_version": 2', "schema_version", "version 1 of the schema"),
        ('"schema_version": 1', '"schema_version": true', "schema_version", "not True"),
        ('"schema_version": 1', '"schema_version": 1.0', "schema_version", "not 1.0"),
        ('"seed": 0', '"seed": 0, "seed": 0', "seed", "given twice"),
        ('"seed": 0', '"seed": NaN', "record", "NaN is not a finite number"),
        ('"seed": 0', '"seed": -1e999', "record", "-1e999 is not a finite number"),
        ('"seed": 0', f'"seed": {LARGEST_INTEGER + 1}', "record", "out of range"),
        ('"seed": 0', f'"seed": -{"9" * 5000}', "record", "out of range"),
        ('"seed": 0', '"seed": ' + "[" * 100_000, "record", "nested too deeply"),
        ('"seed": 0', '"seed": 0,,', "record", "not JSON"),
    ],
)
def test_refused_in_words(old: str, new: str, place: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(BrokenJson, match=message) as caught:
        parse_train_record(TEXT.replace(old, new, 1))
    assert caught.value.place == place


@pytest.mark.parametrize("content", [b"\xff\xfe", TEXT.encode("utf-16"), b"\xef\xbb\xbf" + b"{}"])
def test_only_utf_8_without_a_mark(content: bytes) -> None:
    with pytest.raises(BrokenJson, match=r"not UTF-8|not JSON"):
        parse_train_record(content)


def test_text_and_bytes_are_read_alike() -> None:
    assert parse_train_record(TEXT) == parse_train_record(TEXT.encode())
