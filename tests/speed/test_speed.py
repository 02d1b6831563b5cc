"""The comparison of speeds: turns in real processes, rows for failures, and the table."""

from __future__ import annotations

import json
import multiprocessing
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import Aigc, tiny_registry, tiny_variant
from hostile import HOSTILE, Elements, unescaped
from markdown_it import MarkdownIt

from bench.models.build import resolve_recipe
from bench.speed import measure as speed
from bench.speed.loops import Workload
from bench.speed.measure import Column, Failed, LoopFailed, Measurement, Team, best_of, team_sizes
from bench.speed.table import HEAD, Setting, markdown, median_ratio
from catalog.read.loader import load_registry

SETTING = Setting("A processor", "cpu", 2, "Linux x86_64", "2.6.0", "digits", 60)
FAST = Measurement(
    "fast",
    textbook=Column(1000.0, 1, 500_000_000),
    plain=Column(1500.4, 1, 400_000_000),
    tuned=Column(3000.0, 2, 1_500_000_000),
    graph="yes",
)
SLOW = Measurement(
    "slow",
    textbook=Column(100.0, 1, 10**9),
    plain=Column(110.0, 1, 10**9),
    tuned=Column(125.0, 2, 10**9),
    graph="no: depends on the step",
)


def test_the_table() -> None:
    failed = Failed("broken", "textbook: ValueError: a | b\nc")
    text = markdown(SETTING, [FAST, failed, SLOW])
    assert len({len(line) for line in text.splitlines() if line.startswith("|")}) == 1
    assert re.sub("-{4,}", "---", re.sub(" +", " ", text)).splitlines() == [
        (
            "A processor (cpu), 2 CPU cores, Linux x86_64, torch 2.6.0; data set digits, 60 updates"
            " per turn."
        ),
        "",
        (
            "| variant | textbook, images/s | plain, images/s | tuned, images/s | at once | ratio"
            " | memory: textbook, plain, tuned | CUDA graph |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
        "| fast | 1,000 | 1,500 | 3,000 | 2 | 3.00x | 500 MB, 400 MB, 1.5 GB | yes |",
        r"| broken | failed: textbook: ValueError: a \| b c | | | | | | |",
        "| slow | 100 | 110 | 125 | 2 | 1.25x | 1.0 GB, 1.0 GB, 1.0 GB | no: depends on the step |",
        "",
        "Median ratio of tuned to textbook: **2.12x**",
    ]


def test_words_of_machines_and_failures_are_text() -> None:
    setting = replace(SETTING, device_name=HOSTILE[2], os=HOSTILE[3])
    rows = [Failed(text, text) for text in HOSTILE]
    rows += [replace(FAST, variant=text, graph=text) for text in HOSTILE]
    text = markdown(setting, rows)
    assert not unescaped(text)
    assert len([line for line in text.splitlines() if line.startswith("|")]) == len(rows) + 2
    found = Elements(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    assert set(found.tags) == {"p", "table", "thead", "tbody", "tr", "th", "td", "strong"}
    assert found.tags.count("td") == len(HEAD) * len(rows)
    assert not found.targets


def test_without_a_measurement_there_is_no_median() -> None:
    failed = Failed("broken", "why")
    assert median_ratio([failed]) is None
    assert median_ratio([failed, FAST]) == 3.0
    assert "Median" not in markdown(SETTING, [failed])


@pytest.mark.parametrize(
    ("device", "cores", "fit", "sizes"),
    [
        ("cpu", 3, 1, (3,)),
        ("cuda", 16, 4, (1, 2, 4)),
        ("cuda", 16, 3, (1, 2)),
        ("cuda", 1, 4, (1,)),
    ],
)
def test_how_many_jobs_are_tried(
    device: str, cores: int, fit: int, sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    monkeypatch.setattr(speed, "jobs_that_fit", lambda _: fit)
    assert team_sizes(torch.device(device)) == sizes


def test_the_best_number_of_jobs_counts_by_its_median() -> None:
    rates = {1: [10.0, 90.0, 20.0], 2: [30.0, 25.0, 1.0]}
    assert best_of(rates, 7) == Column(25.0, 2, 7)


def workload() -> Workload:
    registry = load_registry()
    recipe = resolve_recipe(registry, registry.variant("vae"), "digits")
    return Workload("bench.models.vae:VAE", recipe, registry.dataset("digits"), 10, "cpu")


@pytest.mark.slow
def test_a_process_that_dies_is_a_reason() -> None:
    team = Team("plain", workload(), (1,))
    with closing(team):
        team.take_turns()
        assert best_of(team.rates, team.peak).images_per_s > 0.0
        (child,) = multiprocessing.active_children()
        child.kill()
        child.join()
        with pytest.raises(LoopFailed, match=r"plain: process ended with -9"):
            team.take_turns()
    assert not multiprocessing.active_children()


@pytest.mark.slow
def test_the_command_measures_what_it_can_and_says_why_not(tmp_path: Path, aigc: Aigc) -> None:
    variants = [tiny_variant("good"), tiny_variant("broken", batch_size=100_000)]
    file = tiny_registry(tmp_path / "registry.yaml", variants)
    options = ("--registry", file, "--device", "cpu", "--steps", "10", "--json")
    shown = aigc("bench", "speed", *options)
    assert shown.code == 0
    assert shown.stderr.splitlines() == ["1 of 2: good", "2 of 2: broken"]
    document = json.loads(shown.stdout)
    good, broken = document["items"]
    assert document["setting"]["steps"] == 10
    assert document["median_ratio"] == good["ratio"]
    ratio = good["tuned"]["images_per_s"] / good["textbook"]["images_per_s"]
    assert good["ratio"] == pytest.approx(ratio)
    assert good["graph"] == "yes"
    for loop in ("textbook", "plain", "tuned"):
        assert 1e7 < good[loop]["peak_bytes"] < 1e11
    assert broken == {
        "variant": "broken",
        "reason": "textbook: InvalidInput: a batch is larger than the training split",
    }
