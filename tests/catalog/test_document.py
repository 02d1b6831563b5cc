from __future__ import annotations

import pytest

from catalog.document import MAX_DEPTH, UnreadableError, decode, parse


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2e-4", 0.0002),
        ("2.0e-4", 0.0002),
        ("-.5", -0.5),
        ("1.10", 1.1),
        ("1710.10190", 1710.1019),
        ("+5", 5),
        ("0", 0),
        ("NO", "NO"),
        ("on", "on"),
        ("012", "012"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2024-01-02", "2024-01-02"),
        (".inf", ".inf"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ('"2e-4"', "2e-4"),
        ("=", "="),
    ],
)
def test_scalars_are_those_of_yaml_1_2(written: str, meant: object) -> None:
    value = parse(f"key: {written}\n").data["key"]
    assert value == meant
    assert type(value) is type(meant)


def test_keys_are_always_text() -> None:
    assert parse("on: 1\n2: 2\nnull: 3\n").data == {"on": 1, "2": 2, "null": 3}


def test_every_value_has_its_line() -> None:
    document = parse("a:\n  - b: 1\n\n  - c:\n      d: [2,\n 3]\n")
    assert document.line(("a", 0, "b")) == 2
    assert document.line(("a", 1, "c", "d", 1)) == 6
    assert document.line(("a", 1, "missing", "below")) == 4


@pytest.mark.parametrize(
    ("text", "line", "path", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", 3, "a", "key 'a' is given twice (first at line 1)"),
        ("a: [{b: 1,\n b: 2}]\n", 2, "a.0.b", "key 'b' is given twice (first at line 1)"),
        ("a: &x 1\n", 1, "a", "anchors and aliases are not supported; write the value out"),
        ("a: !!float '1'\n", 1, "a", "tags are not supported; quote what is meant as text"),
        ("a: !!python/name:os.system x\n", 1, "a", "tags are not supported; quote what is meant"),
        ("<<: {a: 1}\n", 1, "<<", "merge keys are not supported; write the keys out"),
        ("a: 1e999\n", 1, "a", "the number is out of range"),
        (f"a: {'9' * 5000}\n", 1, "a", "the number is out of range"),
    ],
)
def test_refused_constructs_are_reported_and_read_past(
    text: str, line: int, path: str, message: str
) -> None:
    (problem,) = parse(text).problems
    assert (problem.line, problem.path) == (line, path)
    assert problem.message.startswith(message)


def test_aliases_are_never_followed() -> None:
    layers = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 20))
    document = parse("l0: &l0 [x]\n" + layers)
    assert document.data["l19"] == [None] * 9
    assert document.problems


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("# only a comment\n", 1, "the file is empty"),
        ("a: 1\nb: [1, 2\nc: 3\n", 3, "expected ',' or ']'"),
        ("a: 1\n\tb: 2\n", 2, "found a tab character"),
        ("a: 1\n---\nb: 2\n", 2, "a second document"),
        ("a: 1\n? [1, 2]\n: 3\n", 2, "a key must be text"),
        ("a: *nowhere\n*nowhere : 1\n", 2, "a key must be text"),
        ("a: 1\nb: \x07\n", 2, "control characters"),
        ("[" * (MAX_DEPTH + 1), 1, "nested deeper"),
        ("[" * 100_000, 1, "nested deeper"),
    ],
)
def test_unreadable_text_stops_at_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        parse(text)
    assert caught.value.problem.line == line
    assert message in caught.value.problem.message


def test_bytes_that_are_not_utf_8_have_a_line() -> None:
    assert decode(b"\xef\xbb\xbfa: 1") == "a: 1"
    with pytest.raises(UnreadableError, match="0xff") as caught:
        decode(b"a: 1\nb: \xff\n")
    assert caught.value.problem.line == 2
