"""Numbers that the READMEs state outside of the generated block: each is looked up at its source.

What a README says of results stands inside the block, which is made from the records; a number that
is written by hand has a line below, or this fails.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator

import pytest
from helpers import CLONE

from bench.report.generated.readme import BEGIN, END
from catalog.errors import ExitCode
from catalog.read.loader import load_registry

READMES = ("README.md", "README.zh-CN.md")
NAMES = re.compile(r"CIFAR-10|STL-10|SHA-?256")
Fact = tuple[str, Callable[[], set[tuple[str, ...]]]]


def project() -> dict[str, str]:
    table: dict[str, str] = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    return table


def entries() -> set[tuple[str, ...]]:
    resources = load_registry().resources
    of_article = sum(entry.origin == "article" for entry in resources)
    return {(str(len(resources)), str(of_article), str(len(resources) - of_article))}


def recipes_by_hand() -> set[tuple[str, ...]]:
    suite = load_registry().suite("digits")
    return {(f"{suite.steps:,}", str(suite.seeds[0]))}


FACTS: tuple[Fact, ...] = (
    (r"Python ≥ ([\d.]+)", lambda: {(project()["requires-python"].removeprefix(">="),)}),
    (r"(\d+) entries: (\d+) of the article, (\d+) added", entries),
    (r"(\d+)条：原文(\d+)条，补充(\d+)条", entries),
    (r"(\d+) corrections|(\d+)条勘误", lambda: {(str(len(load_registry().errata)),)}),
    (r"^\| (\d+) \|", lambda: {(str(int(code)),) for code in ExitCode}),
    (r"(?:exit code|exit code is|退出码为) ?(\d+)", lambda: {(str(int(ExitCode.GATE_FAILED)),)}),
    (r"(\d+) ?[×x] ?(\d+)", lambda: {(str(load_registry().dataset("digits").resolution),) * 2}),
    (r"at ([\d,]+) updates with seed (\d+)", recipes_by_hand),
    (r"在([\d,]+)步、种子(\d+)上", recipes_by_hand),
    (r"so seed (\d+) flatters|因此种子(\d+)略占便宜", lambda: {("0",)}),
)


def prose(name: str) -> Iterator[str]:
    """Lines of a README without its generated block, code, and the addresses of links."""
    text = (CLONE / name).read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    text = head + rest.partition(END)[2]
    text = re.sub(r"```(?:yaml|python)\n.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"^\$ [^#\n]*", "", text, flags=re.MULTILINE)  # commands; comments stay
    text = re.sub(r"`[^`\n]+`|--[\w-]+ \d+", "", text)
    return iter(re.sub(r"\]\([^)]*\)", "]", text).splitlines())


@pytest.mark.parametrize("name", READMES)
def test_every_number_of_a_readme_is_looked_up(name: str) -> None:
    n_found = 0
    for line in prose(name):
        rest = NAMES.sub("", line)
        for pattern, true in FACTS:
            for match in re.finditer(pattern, rest):
                n_found += 1
                assert tuple(filter(None, match.groups())) in true(), match[0]
            rest = re.sub(pattern, "", rest)
        assert not re.search(r"\d", rest), f"nothing holds the number of: {line}"
    assert n_found >= 15


@pytest.mark.parametrize("name", READMES)
def test_no_number_of_results_is_spelled_in_words(name: str) -> None:
    """As "eight rows" once was, beside twelve of them."""
    counted = re.compile(
        r"\b(?:two|three|four|five|six|seven|eight|nine|ten|twenty|half|dozen)\b[^.]*?"
        r"\b(?:rows|seeds|variants|hours|minutes|updates|images)\b",
        re.IGNORECASE,
    )
    chinese = re.compile(r"[两三四五六七八九十百千半]+(?:行|个种子|个变体|小时|分钟|分半钟|步)")
    found = [line for line in prose(name) if counted.search(line) or chinese.search(line)]
    assert found == []


def environments() -> Iterator[dict[str, str]]:
    for file in (CLONE / "reports").glob("*/records/*/train.json"):
        yield json.loads(file.read_bytes())["environment"]


def seeds_of(suite: str) -> dict[str, int]:
    """Trainings on record by variant."""
    found: dict[str, int] = {}
    for file in (CLONE / "reports" / suite / "records").glob("*/train.json"):
        variant = json.loads(file.read_bytes())["spec"]["variant"]
        found[variant] = found.get(variant, 0) + 1
    return found


def test_what_has_one_seed_is_as_the_readme_says() -> None:
    text = (CLONE / "README.md").read_text(encoding="utf-8")
    assert "CIFAR-10 and a part of MNIST have one seed so far" in text
    assert set(seeds_of("cifar10-tiny").values()) == {1}
    of_mnist = set(seeds_of("mnist-tiny").values())
    assert 1 in of_mnist
    assert len(of_mnist) > 1


def test_no_score_is_of_a_gpu_as_the_readme_says() -> None:
    assert "no score yet" in (CLONE / "README.md").read_text(encoding="utf-8")
    assert {one["device"] for one in environments()} == {"cpu"}


def test_the_quick_look_is_made_of_the_very_runs_of_the_full_table() -> None:
    quick, full = (
        {file.parent.name for file in (CLONE / "reports" / suite / "records").glob("*/train.json")}
        for suite in ("digits-quick", "digits")
    )
    assert quick
    assert quick <= full
