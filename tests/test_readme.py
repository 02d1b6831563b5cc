"""Both READMEs: the variant they add works, the table they quote is the committed report."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import torch

from bench.build import algorithm_class, build_model, resolve_recipe
from bench.models.base import StepContext
from bench.networks.shape import ImageShape
from catalog.loader import load_registry

ROOT = Path(__file__).parent.parent
READMES = [ROOT / "README.md", ROOT / "README.zh-CN.md"]


@pytest.fixture(params=READMES, ids=lambda path: path.name)
def text(request: pytest.FixtureRequest) -> str:
    return Path(request.param).read_text(encoding="utf-8")


def test_the_documented_variant_trains(text: str, tmp_path: Path) -> None:
    block = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert block is not None
    path = tmp_path / "registry.yaml"
    path.write_text((ROOT / "registry.yaml").read_text(encoding="utf-8") + "\n" + block[1])
    registry = load_registry(path)
    variant = registry.variant("lsgan-sn")
    assert variant in registry.variants_of(registry.suite("digits"))
    recipe = resolve_recipe(registry, variant, "digits")
    model = build_model(algorithm_class(variant.algorithm), recipe, ImageShape(1, 8), 10, 0)
    before = [p.detach().clone() for p in model.parameters()]
    images, labels = torch.zeros(8, 1, 8, 8), torch.zeros(8, dtype=torch.int64)
    losses = model.train().step(images, labels, StepContext(0, 10, 8))
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_the_quoted_rows_are_those_of_the_committed_report(text: str) -> None:
    block = text.split("<!-- leaderboard:begin -->")[1].split("<!-- leaderboard:end -->")[0]
    quoted = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in block.strip().splitlines()[2:]
        if line.startswith("|")
    ]
    with (ROOT / "reports/digits/results.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["kind"] == "generated"]
    committed = [
        (
            _range(row["rank_low"], row["rank_high"]),
            row["variant"],
            row["sampler"],
            row["weights"],
            f"{float(row['mean']):.3g} ± {(float(row['ci_high']) - float(row['ci_low'])) / 2:.2g}",
        )
        for row in rows
        if row["rank_low"]
    ]
    assert len(quoted) >= 10
    places = [committed.index(row[:5]) for row in quoted]
    assert places == sorted(set(places))


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"


def test_every_command_of_the_readme_exists(text: str) -> None:
    from typer.main import get_command

    from bench.cli import app

    commands = set(re.findall(r"aigc ((?:catalog|bench|report) [a-z]+|doctor)\b", text))
    assert len(commands) > 10
    for command in commands:
        node = get_command(app)
        for word in command.split():
            node = node.commands[word]  # type: ignore[attr-defined]
