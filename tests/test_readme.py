"""Both READMEs: the variant they add works, the table they quote is the committed report."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import torch

from bench.models.base import Batch, StepContext
from bench.models.build import algorithm_class, build_model, resolve_recipe
from bench.networks.shape import ImageShape
from catalog.read.loader import load_registry

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
    losses = model.train().step(Batch(images, labels), StepContext(0, 10, 8))
    assert all(torch.isfinite(loss) for loss in losses.values())
    assert any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_the_quoted_rows_are_those_of_the_committed_report(text: str) -> None:
    block = text.split("<!-- leaderboard:begin -->")[1].split("<!-- leaderboard:end -->")[0]
    quoted = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in block.splitlines()
        if line.startswith("|")
    ][2:]
    with (ROOT / "reports/digits/results.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["rank_low"]]
    ranked = [(_range(row["rank_low"], row["rank_high"]), row["variant"]) for row in rows]
    places = []
    for rank, name, sampler, distance, *_ in quoted:
        variant = name.split("]")[0].strip("[")
        place = next(
            i
            for i, row in enumerate(rows)
            if ranked[i] == (rank, variant) and row["sampler"] == sampler and agree(distance, row)
        )
        places.append(place)
    assert len(quoted) >= 10
    assert places == sorted(set(places))


def agree(shown: str, row: dict[str, str]) -> bool:
    """Whether a mean with both ends is a row's, to the digits that it is printed with."""
    told = re.findall(r"\d+(?:\.\d+)?", shown)
    true = (row["mean"], row["ci_low"], row["ci_high"])
    return len(told) == len(true) and all(
        abs(float(text) - float(value)) <= 0.5001 * 10.0 ** -len(text.partition(".")[2])
        for text, value in zip(told, true, strict=True)
    )


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"


def test_the_pictures_of_the_block_are_there(text: str) -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(pictures) >= 2
    for picture in pictures:
        assert (ROOT / picture).stat().st_size < 300_000


def test_every_command_of_the_readme_exists(text: str) -> None:
    from typer.main import get_command

    from bench.cli.main import app

    commands = set(re.findall(r"aigc ((?:catalog|bench|report) [a-z]+|doctor)\b", text))
    assert len(commands) > 10
    for command in commands:
        node = get_command(app)
        for word in command.split():
            node = node.commands[word]  # type: ignore[attr-defined]
