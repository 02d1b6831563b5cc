"""A thousand damaged registries: refused with file and line, or read; never a trace.

What is damaged beyond doubt is decided by readers of its own: ``yaml.safe_load`` for the text, and
pydantic on what it returns for the structure.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzzing import Loc, Shown, aigc, at, damaged_bytes, fuzz, require_manners, structural
from helpers import tiny_variant, whole_registry
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from catalog.schema import Registry

TOKENS = (
    b"\t",
    b"'",
    b'"',
    b"\n",
    b": ",
    b"- ",
    b"? ",
    b"#",
    b"&a ",
    b"*a",
    b"<<: *a\n",
    b"!!python/object/apply:os.system ['touch outside']\n",
    b"!!int ",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xed\xa0\x80",
    b"\xe2\x80\xa8",
    b"\\ud800",
    b"9" * 5000,
    b"1e999",
    b"0x1F",
    b"NO",
    b"2026-13-45",
    b"{" * 100,
    b"[" * 5000,
    b"- " * 100,
    b"\n---\n",
    b"\n...\n",
    b"%YAML 9.9\n",
    b"a: &a [x, x]\nb: &b [*a, *a, *a]\nc: [*b, *b, *b]\n",
)
COMMANDS = (
    ("catalog", "validate"),
    ("catalog", "validate", "--json"),
    ("catalog", "list"),
    ("catalog", "errata"),
    ("bench", "validate"),
    ("bench", "list"),
    ("bench", "plan", "tiny"),
)
PROBLEM = re.compile(r"^damaged\.yaml:\d+: ", re.MULTILINE)


@functools.cache
def small() -> Any:
    """Plain data of a registry with a few entries of every kind."""
    whole = copy.deepcopy(whole_registry())
    wanted = {"vae-paper", "sklearn-digits", "dcgan-paper"}
    resources = [entry for entry in whole["resources"] if entry["id"] in wanted]
    for entry in resources:
        entry.pop("relations", None)
    errata = [{**entry, "resources": ["vae-paper"]} for entry in whole["errata"][:2]]
    return {
        "schema_version": 1,
        "resources": resources,
        "errata": errata,
        "datasets": whole["datasets"][:1],
        "extractors": whole["extractors"],
        "protocols": whole["protocols"][:1],
        "suites": [{**whole["suites"][0], "id": "tiny", "variants": ["one", "two"]}],
        "variants": [
            tiny_variant("one"),
            {**tiny_variant("two"), "parent": "one", "per_dataset": {"digits": {"width": 8}}},
        ],
    }


def text_of(data: Any) -> str:
    return yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)


def fits_the_schema(content: bytes) -> bool:
    """Whether other readers find a registry in the text."""
    try:
        data = yaml.load(content.decode("utf-8-sig"), Loader=yaml.CSafeLoader)
        Registry.model_validate_json(json.dumps(data, default=str))
    except (yaml.YAMLError, ValueError, RecursionError, OverflowError, TypeError):
        return False
    return True


def check(content: bytes, command: tuple[str, ...]) -> Shown:
    """Run a command on a registry, and hold its answer against the other readers'."""
    file = Path("damaged.yaml")
    file.write_bytes(content)
    shown = aigc(*command, "--registry", file)
    require_manners(shown)
    if not fits_the_schema(content):
        assert shown.code == 3, (shown, content)
    if shown.code == 3 and command[0] == "catalog":
        assert PROBLEM.search(shown.stderr), shown
    return shown


def test_the_undamaged_registry_is_valid() -> None:
    content = text_of(small()).encode()
    assert fits_the_schema(content)
    for command in COMMANDS:
        assert check(content, command).code == 0, command


@fuzz(500)
@given(change=structural(small()), command=st.sampled_from(COMMANDS))
def test_damaged_structure(change: tuple[str, Loc, Any], command: tuple[str, ...]) -> None:
    action, loc, data = change
    shown = check(text_of(data).encode(), command)
    if action == "add" and loc[-1] in at(small(), loc[:-1] or ()) and is_entry(loc[:-1]):
        assert shown.code == 3


def is_entry(loc: Loc) -> bool:
    """Whether a place is an entry of a section, which takes no unknown key."""
    return len(loc) == 2


@fuzz(400)
@given(content=damaged_bytes(text_of(small()).encode(), TOKENS), command=st.sampled_from(COMMANDS))
def test_damaged_text(content: bytes, command: tuple[str, ...]) -> None:
    check(content, command)


REFERENCES = (
    ("errata", "resources"),
    ("datasets", "paper"),
    ("protocols", "dataset"),
    ("protocols", "extractor"),
    ("protocols", "reference_split"),
    ("suites", "dataset"),
    ("suites", "protocol"),
    ("suites", "variants"),
    ("variants", "paper"),
    ("variants", "parent"),
)
SECTIONS = ("resources", "errata", "datasets", "extractors", "protocols", "suites", "variants")


@fuzz(100)
@given(st.data())
def test_broken_ties(data: st.DataObject) -> None:
    """Ids that are taken and references to nothing: the schema allows them, a rule does not."""
    registry = copy.deepcopy(small())
    if data.draw(st.booleans()):
        section = data.draw(st.sampled_from(SECTIONS))
        registry[section].append(copy.deepcopy(registry[section][0]))
        said = "is taken"
    else:
        section, field = data.draw(st.sampled_from(REFERENCES))
        entry = registry[section][-1]
        nowhere = "no-" + data.draw(st.text("abcxyz", min_size=1, max_size=20))
        entry[field] = [nowhere] if isinstance(entry[field], list) else nowhere
        said = nowhere
    shown = check(text_of(registry).encode(), data.draw(st.sampled_from(COMMANDS)))
    assert shown.code == 3
    assert PROBLEM.search(shown.stderr)
    assert said in shown.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xef\xbb\xbf",
        b"\x00",
        b"\xff\xfe",
        b"x" * 10_000_000,
        b"[" * 1_000_000,
        b"a: " * 1_000_000,
        b"a: &a [x,x]\n" + b"".join(b"b%d: &b%d [*a,*a]\n" % (i, i) for i in range(1000)),
        b"schema_version: " + b"9" * 1_000_000,
        b"schema_version: 1e" + b"9" * 100,
        b'"\\ud800": 1',
        b"a: 'never closed\n" * 1000,
        b"? [a, b]\n: c\n",
        b"!!python/object/apply:os.system ['touch outside']",
    ],
    ids=lambda content: repr(content[:12]),
)
@pytest.mark.parametrize("command", [("catalog", "validate"), ("bench", "validate")])
def test_extreme_registries(content: bytes, command: tuple[str, ...]) -> None:
    file = Path("damaged.yaml")
    file.write_bytes(content)
    shown = aigc(*command, "--registry", file)
    require_manners(shown)
    assert shown.code == 3
    assert max(map(len, shown.stderr.splitlines())) < 3000
    assert len(shown.stderr.splitlines()) < 200


def test_what_is_no_file() -> None:
    Path("loop").symlink_to("loop")
    Path("folder").mkdir()
    os.mkfifo("pipe")
    for name, code in {"loop": 4, "folder": 3, "pipe": 3, "absent": 4, "/dev/zero": 3}.items():
        shown = aigc("catalog", "validate", "--registry", name)
        require_manners(shown)
        assert shown.code == code, (name, shown)


def test_the_other_reader_refuses_what_it_should() -> None:
    with pytest.raises(ValidationError):
        Registry.model_validate_json(json.dumps({**small(), "surprise": 1}))
