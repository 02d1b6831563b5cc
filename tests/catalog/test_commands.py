"""What ``aigc catalog`` prints, as golden text, as JSON, and when it is asked for nonsense."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner, Result

from catalog.browse.vocabulary import (
    FAMILIES,
    KINDS,
    METRICS,
    MODALITIES,
    ORIGINS,
    RELATIONS,
    SEVERITIES,
    VERDICTS,
)
from catalog.cli import app
from catalog.errors import GateFailed, UsageError
from catalog.read.loader import load_registry
from catalog.read.locate import REGISTRY_VARIABLE, find_registry
from catalog.schema import Registry

GOLDEN = Path(__file__).parent / "golden"
BRIEF = {"id", "kind", "origin", "title", "year", "url"}
ERRATUM = {
    "id", "resources", "severity", "verdict", "claim_zh", "truth_en", "correction_zh", "sources",
}  # fmt: skip


def run(*arguments: str, width: int = 72) -> Result:
    environment = {"COLUMNS": str(width), "AIGC_LANG": "en"}
    return CliRunner().invoke(app, list(arguments), env=environment)


def items(*arguments: str) -> list[dict[str, object]]:
    done = run(*arguments, "--json")
    assert done.exception is None, done.output
    document = json.loads(done.stdout)
    assert document["schema_version"] == 1
    return document["items"]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list-books", ["list", "--kind", "book"]),
        ("list-sites-zh", ["list", "--kind", "site", "--lang", "zh"]),
        ("search-vae-zh", ["search", "变分", "-n", "5", "--lang", "zh"]),
        ("show-dall-e", ["show", "dall-e"]),
        ("show-wavenet-zh", ["show", "wavenet", "--lang", "zh"]),
        ("errata-nit", ["errata", "--severity", "nit"]),
    ],
)
def test_golden_output(
    name: str, arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A registry without reports beside it: a new leaderboard must not change these pages.
    copy = tmp_path / "registry.yaml"
    copy.write_bytes(find_registry().read_bytes())
    monkeypatch.setenv(REGISTRY_VARIABLE, str(copy))
    shown = run(*arguments).stdout
    assert shown == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_one_page_answers_the_four_questions() -> None:
    page = run("show", "DALL-E", width=200).stdout
    assert "「DALL-E是一个基于GAN的图像生成模型」" in page  # what the article says
    assert "E-01 · critical · false" in page  # what is wrong with it
    assert "vqgan: Taming Transformers" in page  # what to read instead
    assert "yes: aigc bench run digits dall-e" in page  # can I run it
    assert "yes: aigc bench run shapes dall-e-shapes" in page
    assert "The Transformer's weights were never published" in page  # not the original
    assert "No. Its weights were never released" in run("show", "gpt-3", width=200).stdout


def test_a_paper_says_how_to_run_it_and_its_best_rank(tmp_path: Path, edited) -> None:
    registry = edited()
    results = tmp_path / "reports" / "digits" / "results.csv"
    results.parent.mkdir(parents=True)
    head = "variant,sampler,weights,n_train_seeds,mean,ci_low,ci_high,rank_low,rank_high\n"
    rows = "dcgan,,ema,5,12.4,11,13,2,3\ndcgan,,raw,5,14,13,15,4,4\nheld-out,,,,1.0,,,,\n"
    results.write_text(head + rows, encoding="utf-8")
    quick = tmp_path / "reports" / "digits-quick" / "results.csv"
    quick.parent.mkdir()
    head = head.replace("\n", ",provisional\n")
    quick.write_text(head + "dcgan,,raw,1,9.7,,,1,8,true\n", encoding="utf-8")  # one seed: less
    done = run("show", "dcgan-paper", "--registry", str(registry), width=200)
    assert "yes: aigc bench run digits dcgan (rank 2-3 of suite digits (mean 12.4))" in done.stdout
    (item,) = json.loads(run("show", "dcgan-paper", "--registry", str(registry), "--json").stdout)[
        "items"
    ]
    assert item["ranks"]["dcgan"] == {
        "provisional": False,
        "low": 2,
        "high": 3,
        "suite": "digits",
        "mean": "12.4",
        "metric": "mean",
    }


def test_lists_and_searches_have_the_promised_shape() -> None:
    for found in (items("list"), items("search", "gan")):
        assert found
        assert all(set(item) == BRIEF for item in found)
        assert all(set(item["title"]) == {"en", "zh"} for item in found)
    everything = items("list")
    assert len(everything) == len({item["id"] for item in everything}) > 200


@pytest.mark.parametrize(
    ("option", "value"),
    [("--kind", "paper"), ("--family", "vae"), ("--modality", "audio"), ("--origin", "added")],
)
def test_filters_filter(option: str, value: str) -> None:
    registry = load_registry()
    found = items("list", option, value)
    assert 0 < len(found) < len(registry.resources)
    for item in found:
        held = getattr(registry.resource(str(item["id"])), option.lstrip("-"))
        assert value == held or value in held


def test_an_unconfirmed_year_is_never_a_bare_number() -> None:
    torchvision = load_registry().resource("torchvision")
    assert (torchvision.year, torchvision.unsure) == (2016, ("year",))
    assert {item["year"] for item in items("search", "torchvision.datasets")} == {None}
    assert next(i for i in items("list") if i["id"] == "torchvision")["year"] is None
    assert "year: 2016 (unconfirmed)" in run("show", "torchvision").stdout
    assert run("show", "torchvision").stdout.count("2016") == 1
    assert "2016" not in run("cite", "torchvision").stdout


def test_filters_combine() -> None:
    found = items("list", "--family", "gan", "--kind", "paper", "--year", "2018")
    assert "sngan" in {item["id"] for item in found}
    assert all(item["year"] == 2018 for item in found)
    assert items("list", "--kind", "book", "--family", "flow") == []


def test_errata_have_the_promised_shape_and_come_worst_first() -> None:
    found = items("errata")
    assert all(set(item) >= ERRATUM for item in found)
    order = [list(SEVERITIES).index(str(item["severity"])) for item in found]
    assert order == sorted(order)
    assert {item["severity"] for item in items("errata", "--severity", "critical")} == {"critical"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["list", "--kind", "papr"], "no kind is called 'papr' (did you mean: paper"),
        (["list", "--family", "vea"], "no family is called 'vea'"),
        (["list", "--lang", "fr"], "no language is called 'fr'"),
        (["errata", "--severity", "fatal"], "no severity is called 'fatal'"),
        (["show", "dall-f"], "no resource is called 'dall-f' (did you mean: dall-e"),
        (["cite", "nothing-here"], "no resource is called 'nothing-here'"),
        (["cite", "mode-collapse"], "'mode-collapse' has nothing to cite"),
        (["export", "--format", "xml"], "no format is called 'xml'"),
    ],
)
def test_unknown_names_are_usage_errors_with_advice(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert isinstance(done.exception, UsageError)
    assert message in done.exception.what


def test_a_near_miss_is_offered_on_stderr() -> None:
    done = run("search", "stlyegan")
    assert "did you mean: stylegan" in done.stderr
    assert done.stdout.splitlines()[2].startswith("stylegan ")
    assert "nothing is spelt like it" in run("search", "zzqqxx").stderr


@pytest.mark.parametrize("name", ["DALL·E", "VQGAN", "《深度学习》", "Dall-E"])
def test_show_takes_names_that_are_not_ids(name: str) -> None:
    assert run("show", name).exception is None


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_can_be_shown_in_any_width(language: str) -> None:
    from catalog.browse.page import Page

    registry = load_registry()
    for resource in registry.resources:
        lines = Page(registry, resource, language, 60).lines()
        assert lines[0].startswith(resource.title.in_language(language)[:10])
        # Only an address, which must stay whole, may be wider than the page.
        assert all(cell_len(line) <= 62 or "/" in line for line in lines), resource.id


def test_exports_hold_every_entry() -> None:
    registry = load_registry()
    ids = [resource.id for resource in registry.resources]
    document = json.loads(run("export").stdout)
    assert [item["id"] for item in document["items"]] == ids
    assert len(document["errata"]) == len(registry.errata)
    lines = run("export", "-f", "jsonl").stdout.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ids
    rows = list(csv.DictReader(io.StringIO(run("export", "-f", "csv").stdout)))
    assert [row["id"] for row in rows] == ids
    assert len(run("export", "-f", "markdown").stdout.splitlines()) == len(ids) + 2
    assert json.loads(run("export", "-f", "schema").stdout)["title"] == "Registry"


def test_the_exported_schema_matches_what_is_loaded() -> None:
    assert json.loads(run("export", "-f", "schema").stdout) == Registry.model_json_schema()


def test_rendering_writes_checks_and_notices(tmp_path: Path) -> None:
    assert isinstance(run("render", "--check", "-o", str(tmp_path)).exception, GateFailed)
    written = run("render", "-o", str(tmp_path)).stdout.split()
    assert [Path(path).name for path in written] == ["catalog.md", "catalog.zh-CN.md"]
    assert run("render", "--check", "-o", str(tmp_path)).exception is None
    page = tmp_path / "catalog.md"
    page.write_text(page.read_text(encoding="utf-8") + "x", encoding="utf-8")
    done = run("render", "--check", "-o", str(tmp_path))
    assert isinstance(done.exception, GateFailed)
    assert done.exception.exit_code == 5


def test_the_committed_pages_say_what_the_registry_says() -> None:
    from catalog.export.markdown import pages
    from catalog.read.locate import find_registry

    def lines(text: str) -> list[str]:
        # A new variant must not oblige its author to render the catalogue.
        return [
            line for line in text.splitlines() if "Runs as" not in line and "可运行" not in line
        ]

    for name, text in pages(load_registry()).items():
        committed = find_registry().parent / "reports" / name
        assert lines(committed.read_text(encoding="utf-8")) == lines(text), "aigc catalog render"


def test_anchors_of_the_pages_resolve() -> None:
    import re

    from catalog.export.markdown import pages

    for text in pages(load_registry()).values():
        anchors = re.findall(r'<a id="([^"]+)"></a>', text)
        assert len(anchors) == len(set(anchors))
        assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= set(anchors)


def test_stats_add_up() -> None:
    (found,) = items("stats")
    assert sum(found["origin"].values()) == found["total"]["resources"]
    assert sum(found["kind"].values()) == found["total"]["resources"]
    assert found["total"]["inventory items"] == 199
    assert run("stats").exception is None


def test_every_term_has_words() -> None:
    from typing import get_args

    from catalog.schema import resources

    for terms, words in (
        (resources.Kind, KINDS), (resources.Family, FAMILIES), (resources.Modality, MODALITIES),
        (resources.Origin, ORIGINS), (resources.RelationType, RELATIONS),
        (resources.Severity, SEVERITIES), (resources.Verdict, VERDICTS),
    ):  # fmt: skip
        assert set(get_args(terms)) == set(words)
    numbers = [number for item in load_registry().resources for number in item.reported]
    assert {number.metric for number in numbers} == set(METRICS)


@pytest.mark.parametrize("command", [["list"], ["search", "gan"], ["show", "dall-e"], ["stats"]])
def test_looking_things_up_is_quick_and_never_imports_torch(command: list[str]) -> None:
    code = (
        "import sys\nfrom catalog.cli import app\n"
        f"app({command!r}, standalone_mode=False)\n"
        "heavy = {'torch', 'bench', 'numpy', 'pandas', 'yaml', 'scipy'}\n"
        "sys.stderr.write(repr(sorted(heavy & set(sys.modules))))\n"
    )
    load_registry()  # fills the cache, as any earlier command would have
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.endswith("[]"), done.stderr
    # The goal is 0.5 s; this only catches a lost cache or a heavy import on a busy machine.
    assert time.perf_counter() - start < 3
