from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from catalog.errors import InvalidRegistry
from catalog.read.loader import examine, load_registry
from catalog.rules.entries import RULES, is_allowed, normal_address, statements

SEEDED = [
    ("unique_ids", ("- id: vae-paper", "- id: gan"), "resources.{vae-paper}.id", "'gan' is taken"),
    ("unique_ids", ("- id: E-02", "- id: E-01"), "errata.1.id", "'E-01' is taken (line "),
    (
        "resolved_references",
        ("paper: sklearn-digits", "paper: sklearn-digit"),
        "datasets.0.paper",
        "no entry of resources is 'sklearn-digit' (did you mean: sklearn-digits",
    ),
    (
        "resolved_references",
        ("variants: [vq-vae,", "variants: [vq-va,"),
        "suites.0.variants.0",
        "no entry of variants is 'vq-va'",
    ),
    (
        "resolved_references",
        ("digits: {critic_width: 16}", "minst: {critic_width: 16}"),
        "variants.{vae-gan}.per_dataset.minst",
        "no entry of datasets is 'minst'",
    ),
    (
        "no_circular_parents",
        ("algorithm: bench.models.gan:GAN", "algorithm: bench.models.gan:GAN\n    parent: gan"),
        "variants.{dcgan}.parent",
        "circular: dcgan -> gan -> dcgan",
    ),
    (
        "allowed_algorithms",
        ("algorithm: bench.models.vq:VQVAE", "algorithm: os.path:VQVAE"),
        "variants.{vq-vae}.algorithm",
        "'os.path:VQVAE' is neither in bench.models.*",
    ),
    (
        "complete_weights",
        ("    n_bytes: 95628359\n", ""),
        "extractors.2",
        "weights and sha256 without n_bytes",
    ),
    (
        "complete_weights",
        ("    layers: {isc: pixels", "    n_bytes: 1\n    layers: {isc: pixels"),
        "extractors.1",
        "n_bytes without weights and sha256",
    ),
    (
        "complete_layers",
        ("layers: {isc: pixels, ", "layers: {"),
        "extractors.1.layers",
        "no layer for isc",
    ),
    (
        "existing_splits",
        ("reference_split: train", "reference_split: trian"),
        "protocols.0.reference_split",
        "data set 'digits' has no split 'trian' (did you mean: train",
    ),
    (
        "kid_subsets_fit",
        ("kid_subset_size: 250", "kid_subset_size: 361"),
        "protocols.0.kid_subset_size",
        "361 is more than the 360 images of split 'test'",
    ),
    (
        "kid_subsets_fit",
        ("n_fake: 10000", "n_fake: 249"),
        "protocols.0.kid_subset_size",
        "250 is more than the 249 images of n_fake",
    ),
    (
        "isc_splits_fit",
        ("isc_splits: 10", "isc_splits: 10001"),
        "protocols.0.isc_splits",
        "10001 splits of 10000 images",
    ),
    (
        "suites_train_what_they_can",
        ("train_split: train", "train_split: trian"),
        "suites.{shapes}.train_split",
        "data set 'shapes' has no split 'trian' (did you mean: train",
    ),
    (
        "suites_train_what_they_can",
        ("datasets: [shapes]", "datasets: [digits]"),
        "suites.{shapes}.variants.0",
        "'dall-e-shapes' cannot be trained on 'shapes'",
    ),
    (
        "claims_compare_variants",
        ("rows: [gman-5]", "rows: [gman-6]"),
        "claims.{several-discriminators}.tests.1.rows.0",
        "no entry of variants is 'gman-6' (did you mean: gman-",
    ),
    (
        "claims_compare_variants",
        ("rows: [gman-5]", "rows: [sngan]"),
        "claims.{several-discriminators}.tests.1.rows.0",
        "suite 'digits-ten-seeds' has no variant 'sngan'",
    ),
    (
        "claims_have_both_sides",
        ("rows: [gman-5]", "rows: [gman-5, gman-2]"),
        "claims.{several-discriminators}.tests.1.rows",
        "effect 'ratio' takes 1 row(s) as rows",
    ),
    (
        "claims_have_both_sides",
        ("        effect: collapse-share\n", "        effect: collapse-difference\n"),
        "claims.{divergence}.tests.0",
        "effect 'collapse-difference' takes at least one row as against",
    ),
    (
        "claims_name_corrections",
        ("    errata: [E-16, E-17]\n", "    errata: [E-17]\n"),
        "claims.{divergence}.errata",
        "line 128 is corrected in 'E-16', too",
    ),
    ("suites_repeat_nothing", ("seeds: [0]", "seeds: [0, 0]"), "suites.0.seeds.1", "0 is already"),
    (
        "resolved_references",
        ("resources: [gan-derivation]", "resources: [gan-derivative]"),
        "errata.5.resources.0",
        "no entry of resources is 'gan-derivative'",
    ),
    (
        "resolved_relations",
        ("{type: uses, target: dvae}", "{type: uses, target: dvea}"),
        "resources.{dall-e}.relations.0.target",
        "no entry of resources is 'dvea' (did you mean: dvae",
    ),
    (
        "resolved_relations",
        ("edge: {source: cnn, target: rnn", "edge: {source: cnn, target: edge-13"),
        "resources.{edge-13}.edge.target",
        "an entry cannot be related to itself",
    ),
    (
        "relations_once",
        ("{type: uses, target: dvae}", "{type: uses, target: transformer}"),
        "resources.{dall-e}.relations.2",
        "'uses transformer' is already stated",
    ),
    (
        "dated_arxiv_ids",
        ('"1406.2661"', '"1413.2661"'),
        "resources.{gan-paper}.ids.arxiv",
        "not an arXiv id",
    ),
    (
        "dated_arxiv_ids",
        ('"1406.2661"', '"1406.02661"'),
        "resources.{gan-paper}.ids.arxiv",
        "not an arXiv id",
    ),
    (
        "first_years",
        (
            'year: 2009\n    venue: "technical',
            'year: 2009\n    ids: {arxiv: "0704.0001"}\n    venue: "technical',
        ),
        "resources.{cifar10}.year",
        "arXiv had it in 2007",
    ),
    (
        "distinct_addresses",
        ("https://d2l.ai/", "http://www.arxiv.org/pdf/1511.06434v3.pdf"),
        "resources.{dcgan-paper}.ids.arxiv",
        "same address as 'd2l' (line ",
    ),
    (
        "distinct_identifiers",
        ('arxiv: "1703.10717"', 'arxiv: "1701.07875"'),
        "resources.{began}.ids.arxiv",
        "same as in 'wgan' (line ",
    ),
    (
        "distinct_texts",
        ('en: "Poetry writing"', 'en: "Article writing"'),
        "resources.{poetry-writing}.title.en",
        "same title as 'article-writing'",
    ),
    (
        "distinct_texts",
        (
            "The same three challenges that section 8.3 names.",
            "Section 6.6 again, without animation.",
        ),
        "resources.{faq-challenges}.summary.en",
        "nearly the same as 'future-entertainment' says",
    ),
    (
        "real_languages",
        ('zh: "Transformer（自注意力架构）"', 'zh: "Transformer"'),
        "resources.{transformer}.title.zh",
        "no Chinese characters in a Chinese text",
    ),
    (
        "real_languages",
        ('truth_en: "Image generation is', 'truth_en: "图像生成 is'),
        "errata.24.truth_en",
        "Chinese characters in an English text",
    ),
    (
        "quoted_when_in_the_article",
        (
            "  - id: cgan\n    kind: paper\n    origin: added",
            "  - id: cgan\n    kind: paper\n    origin: article",
        ),
        "resources.{cgan}.origin",
        "says 'article' but quotes no line of it",
    ),
    (
        "items_once",
        ("{item: MOD-03,", "{item: MOD-01,"),
        "resources.{stylegan}.article.0.item",
        "'MOD-01' belongs to 'gpt-3'",
    ),
    (
        "edges_are_judged",
        ("resources: [edge-08]", "resources: [edge-09]"),
        "resources.{edge-08}.edge.verdict",
        "'loose' without an erratum",
    ),
    (
        "unsure_of_something",
        ('source: "from memory", certainty: unsure', 'source: "from memory"'),
        "resources.{d2gan}.reported.0",
        "a number from memory needs 'certainty: unsure'",
    ),
    (
        "unsure_of_something",
        ("unsure: [title, venue]", "unsure: [title, authors]"),
        "resources.{mind}.unsure.1",
        "'authors' has no value to be unsure of",
    ),
    (
        "partial_releases_say_so",
        (
            'license: {code: "NONE", weights: "never released", commercial: unknown}',
            "license: null",
        ),
        "resources.{gpt-3}.links.repo_kind",
        "say in license.weights what is missing",
    ),
    (
        "variants_cite_papers",
        ("    paper: dcgan-paper", "    paper: mnist"),
        "variants.{dcgan}.paper",
        "'mnist' is a dataset",
    ),
    (
        "same_for_other_readers",
        ("ema_decay: 0.999", "ema_decay: 2e-4"),
        "variants.{r1-gan}.recipe.ema_decay",
        "yaml.safe_load reads '2e-4' here, not 0.0002; write numbers like 2.0e-4",
    ),
    (
        "same_for_other_readers",
        ("loss: wasserstein", "loss: NO"),
        "variants.{wgan-gp}.recipe.loss",
        "yaml.safe_load reads False here, not 'NO'; quote it",
    ),
    (
        "same_for_other_readers",
        ("loss: wasserstein", "on: 1"),
        "variants.{wgan-gp}.recipe.on",
        "yaml.safe_load does not read 'on' as text; quote it",
    ),
    (
        "same_for_other_readers",
        ("loss: wasserstein", "loss: 2024-13-45"),
        None,
        "yaml.safe_load cannot read this: month must be in 1..12",
    ),
]


@pytest.mark.parametrize(("rule", "change", "path", "message"), SEEDED)
def test_a_seeded_defect_is_found_where_it_is(
    edited, place, rule: str, change: tuple[str, str], path: str | None, message: str
) -> None:
    problems = examine(edited(change)).problems
    path = place(path) if path else None
    found = [p for p in problems if p.message.startswith(message) or message in p.message]
    assert [problem.path for problem in found] == [path or ""]
    written = Path("registry.yaml").read_text(encoding="utf-8").splitlines()
    if path and path.rpartition(".")[2].isidentifier():
        assert f"{path.rpartition('.')[2]}:" in written[found[0].line - 1]


def test_a_suite_and_its_protocol_agree_on_the_data(edited, registry_text: str) -> None:
    section = registry_text[registry_text.index("\ndatasets:") : registry_text.index("extractors:")]
    entry = "  - id: digits" + section.split("  - id: ")[1].removeprefix("digits")
    second = entry.replace("- id: digits", "- id: other", 1)
    path = edited(
        (entry, entry + second),
        ("    dataset: digits\n    protocol", "    dataset: other\n    protocol"),
    )
    with pytest.raises(InvalidRegistry) as caught:
        load_registry(path)
    (problem,) = caught.value.problems
    assert "suites.0.protocol: 'digits-10k' scores 'digits'" in problem


def test_every_rule_has_a_statement_and_a_seeded_defect() -> None:
    assert all(statement.endswith(".") for statement in statements())
    elsewhere = {"suites_score_their_dataset", "starts_are_trained"}  # the latter: tests/run
    elsewhere |= {"loads_have_names_of_their_own"}  # tests/outside
    seeded = {name for name, *_ in SEEDED} | elsewhere
    assert seeded == {rule.__name__ for rule in RULES}
    assert len(SEEDED) >= 20


def test_plug_ins_are_allowed_and_not_remembered(
    edited, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = edited(("bench.models.vq:VQVAE", "mine.models:VQ"))
    installed = {"aigc.models": [SimpleNamespace(value="mine.models:VQ")]}
    with monkeypatch.context() as patch:
        patch.setattr("importlib.metadata.entry_points", lambda group: installed[group])
        assert load_registry(path).variant("vq-vae").algorithm == "mine.models:VQ"
        assert not is_allowed("mine.models.other:VQ")
    with pytest.raises(InvalidRegistry):
        load_registry(path)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://example.org/a/", "http://www.Example.org/a"),
        ("https://arxiv.org/abs/1406.2661", "https://arxiv.org/pdf/1406.2661v1"),
        ("https://doi.org/10.1/ABC", "http://dx.doi.org/10.1/abc"),
    ],
)
def test_spellings_of_one_address(one: str, other: str) -> None:
    assert normal_address(one) == normal_address(other)


def test_different_addresses_stay_different() -> None:
    addresses = ["https://a.org/x", "https://a.org/X", "https://a.org/x?q=1", "https://a.org/x#q"]
    assert len({normal_address(url) for url in addresses}) == len(addresses)
    assert normal_address("http://[broken") == "http://[broken"


def test_twenty_defects_of_different_kinds_are_reported_together(edited, place) -> None:
    seeds = {rule: (change, path) for rule, change, path, _ in SEEDED if path}
    found = examine(edited(*[change for change, _ in seeds.values()]))
    shown = [problem.shown(found.file) for problem in found.problems]
    for rule, (_, path) in seeds.items():
        where = re.compile(rf"registry\.yaml:\d+: {re.escape(place(path))}: ")
        assert any(where.match(line) for line in shown), rule
    assert len(seeds) >= 20
